"""The operator, with an optional sidecar that no release has, for the models that request it."""

import sys

from mlendpoints.edge.__main__ import main
from tests.kit.agents import listed, make_agent

if __name__ == "__main__":
    with listed(make_agent):
        sys.exit(main())
