"""The Kubernetes API itself: client, typed errors, kinds, object metadata."""
