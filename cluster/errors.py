"""The one error that the command line shows as a sentence instead of a traceback."""


class ClusterError(Exception):
    """What went wrong and how to mend it, in words for the person who typed the command."""
