"""A real Kubernetes with a real Istio on one bare Debian or Ubuntu machine, built from package registries.

It serves the demo and the tests, needs nothing but Debian's own Python, and is not for production: the control plane
is throw-away. It must not import anything of `mlendpoints`, and `down` must leave nothing behind.
"""
