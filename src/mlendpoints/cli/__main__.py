"""Starts the command line; says what to install if its libraries are missing."""

import sys


def main() -> None:
    """The command ``mlendpoints``."""
    try:
        from mlendpoints.cli.main import run
    except ModuleNotFoundError as error:
        if error.name not in ("rich", "typer"):
            raise
        sys.exit(f'The command line needs {error.name}, which is not installed: pip install "mlendpoints[cli]"')
    sys.exit(run())


if __name__ == "__main__":
    main()
