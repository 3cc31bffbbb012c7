"""`python3 -m cluster`: see `cli`."""

import sys

if sys.version_info < (3, 11):  # noqa: UP036 - the message is for older versions
    sys.exit("error: Python is older than 3.11; run it with a newer one, such as Debian 12's /usr/bin/python3.")

from cluster.cli import main

if __name__ == "__main__":
    sys.exit(main())
