"""Names of the project's images, as the cluster that is tested has them."""

import os

REGISTRY = os.environ.get("REGISTRY") or "localhost/mlendpoints"
TAG = os.environ.get("TAG") or "dev"


def image(name: str) -> str:
    """The name of one of the project's images, or of one that does not exist."""
    return f"{REGISTRY}/{name}:{TAG}"
