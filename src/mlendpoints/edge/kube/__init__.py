"""The Kubernetes API: client, typed errors, kinds, object metadata."""
