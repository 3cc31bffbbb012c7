"""`python3 -m cluster`: see `cli`."""

import sys

from cluster.cli import main

if __name__ == "__main__":
    sys.exit(main())
