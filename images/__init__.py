"""Builds the project's container images and brings them to the cluster: ``python3 -m images``.

Standard library only, since it runs before anything is installed. It must not
touch the cluster but to hand images over.
"""
