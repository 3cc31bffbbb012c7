"""The operator without its proofs: it believes every gateway at once. Only to show that lost requests are seen."""

import sys

from mlendpoints.core.scene import Scene
from mlendpoints.core.world import Probe
from mlendpoints.edge.__main__ import main


def proven(_scene: Scene, _probe: Probe) -> bool:
    return True


if __name__ == "__main__":
    Scene.proven = proven  # type: ignore[assignment, method-assign]
    sys.exit(main())
