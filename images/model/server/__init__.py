"""The Titanic model server: SageMaker's container contract over an ONNX graph.

``GET /ping`` and ``POST /invocations`` on 8080, artifact below ``/opt/ml/model``,
started with ``serve``. It must know nothing of Kubernetes or of mlendpoints.
Contract: https://docs.aws.amazon.com/sagemaker/latest/dg/your-algorithms-inference-code.html
"""
