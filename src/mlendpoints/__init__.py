"""SageMaker-like machine-learning endpoints for Kubernetes with Istio."""
