"""What ends a replay without a result."""


class ReplayFailed(Exception):  # noqa: N818 - its text is for the person who started the replay
    """A usage or input error, or gor failed: exit code 2; its text says what to do."""
