"""model-init: fetches a model's artifact, verifies it, unpacks it, and makes it visible only once it is whole.

One pass over the bytes: download -> SHA-256 -> inflate -> extract -> fsync -> rename.
It must not import anything of mlendpoints, nor know anything of Kubernetes but the
termination log that its container may have.
"""
