"""model-init: downloads a model's artifact, verifies it, unpacks it, and makes it visible only once it is complete.

One pass over the bytes: download -> SHA-256 -> inflate -> extract -> fsync -> rename.
It must not import anything of mlendpoints, nor know anything of Kubernetes except the
termination log that its container may have.
"""
