"""The one error that the command line shows as a message instead of a traceback."""


class ClusterError(Exception):
    """What went wrong and how to fix it, for the user of the command."""
