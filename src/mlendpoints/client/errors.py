"""Errors of the client: one class for each thing that a caller can do about it; the text says what to do.

No error has the transport's exception as its cause. All but ``WaitInterruptedError`` are ``ClientError``.
"""


class ClientError(Exception):
    """Anything that the client reports."""


class ConfigurationError(ClientError):
    """The kubeconfig, its context or an argument is wrong: nothing was sent."""


class UnreachableError(ClientError):
    """The API server or the gateway does not respond, or cannot at the moment."""


class UnauthorizedError(ClientError):
    """The API server does not accept the credentials."""


class ForbiddenError(ClientError):
    """The user lacks a permission."""


class NotFoundError(ClientError):
    """The object does not exist; ``nearest`` are existing names like it."""

    def __init__(self, message: str, *, nearest: tuple[str, ...] = ()) -> None:
        super().__init__(message)
        self.nearest = nearest


class NotInstalledError(NotFoundError):
    """The API server does not know the kind."""


class AlreadyExistsError(ClientError):
    """The name is taken."""


class ConflictError(ClientError):
    """The object was changed by others after it was read."""


class InvalidError(ClientError):
    """The API server, or the type itself, does not allow a value; ``fields`` are the paths of invalid fields."""

    def __init__(self, message: str, *, fields: tuple[str, ...] = ()) -> None:
        super().__init__(message)
        self.fields = fields


class SharedError(ClientError):
    """The edit of a template would change other endpoints as well; ``endpoints`` are their names."""

    def __init__(self, message: str, *, endpoints: tuple[str, ...]) -> None:
        super().__init__(message)
        self.endpoints = endpoints


class FailedError(ClientError):
    """What was waited for has failed, so that waiting longer does not help."""


class WaitTimeoutError(ClientError, TimeoutError):
    """The wait has timed out; ``goal`` is what was waited for. What was requested continues in the cluster."""

    def __init__(self, message: str, *, goal: str) -> None:
        super().__init__(message)
        self.goal = goal


class WaitInterruptedError(KeyboardInterrupt):
    """Ctrl-C ended a call; what was requested continues in the cluster."""


class InvocationError(ClientError):
    """The response to an invocation is no success: its ``status``, ``content`` and ``variant``."""

    def __init__(self, message: str, *, status: int, content: bytes = b"", variant: str = "") -> None:
        super().__init__(message)
        self.status = status
        self.content = content
        self.variant = variant
