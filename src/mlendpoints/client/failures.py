"""The client's error for an error of the API server. Pure."""

from typing import Protocol

from mlendpoints.client.errors import (
    AlreadyExistsError,
    ClientError,
    ConflictError,
    ForbiddenError,
    InvalidError,
    NotFoundError,
    NotInstalledError,
    UnauthorizedError,
    UnreachableError,
)
from mlendpoints.client.objects import describe
from mlendpoints.core.world import Ref
from mlendpoints.edge.kube import errors
from mlendpoints.edge.kube.errors import ApiError, Status

_LONGEST = 2000  # characters of what the API server says


class MakeError(Protocol):
    """One of the functions below."""

    def __call__(self, error: ApiError, ref: Ref, /, *, server: str) -> ClientError:
        """What to raise for a failed request about ``ref`` to ``server``."""
        ...


def make_error(error: ApiError, ref: Ref, *, server: str) -> ClientError:
    """What to raise for a failed request about ``ref``, an object or (without a name) a collection."""
    match error:
        case errors.NotFoundError():
            return _not_found(error.status, ref)
        case errors.AlreadyExistsError():
            return AlreadyExistsError(f"{describe(ref)} already exists. Update it, or choose another name.")
        case errors.ConflictError():
            return ConflictError(f"{describe(ref)} was changed by others. Get it again and repeat the edit.")
        case errors.RejectedError():
            return _rejected(error, ref)
        case _:
            return _unavailable(error, server)


def make_forward_error(error: ApiError, pod: Ref, *, server: str) -> ClientError:
    """What to raise if a port cannot be forwarded to a pod. The response has no ``Status``, only a code."""
    match error.status.code:
        case 403:
            return ForbiddenError(
                f"You may not forward ports in the namespace {pod.namespace}. Ask an administrator for the rights to"
                " get and to create pods/portforward there."
            )
        case 404:
            return NotFoundError(f"{describe(pod)} or its node does not exist.")
        case _:
            return _unavailable(error, server)


def make_exec_error(error: ApiError, pod: Ref, *, server: str) -> ClientError:
    """The same if no program can be started in a pod."""
    match error.status.code:
        case 403:
            return ForbiddenError(
                f"You may not start programs in pods of the namespace {pod.namespace}. Ask an administrator for the"
                " rights to get and to create pods/exec there."
            )
        case 400 | 404:
            return NotFoundError(f"{describe(pod)}, its container or its node does not exist, or does not run.")
        case _:
            return _unavailable(error, server)


def _not_found(status: Status, ref: Ref) -> NotFoundError:
    missing = status.details
    if missing is not None and missing.kind == "namespaces":
        return NotFoundError(f"Namespace {missing.name} does not exist. Create it, or name another one.")
    if missing is not None and missing.name:
        return NotFoundError(f"{describe(ref)} does not exist.")
    return NotInstalledError(
        f"The API server does not know the kind {ref.kind}. Install mlendpoints there, or use another context."
    )


def _rejected(error: errors.RejectedError, ref: Ref) -> ClientError:
    status, text = error.status, _shortened(str(error))
    if status.code == 403 and '" cannot ' in text:
        return ForbiddenError(
            f"{text}. Ask an administrator for the role edit (or view) in the namespace {ref.namespace}."
        )
    causes = status.details.causes if status.details else ()
    if causes:
        text = "; ".join(f"{cause.field}: {cause.message}" if cause.field else cause.message for cause in causes)
    fields = tuple(cause.field for cause in causes if cause.field)
    return InvalidError(f"{describe(ref)} was rejected: {_shortened(text)}", fields=fields)


def _unavailable(error: ApiError, server: str) -> ClientError:
    if error.status.code == 401:
        return UnauthorizedError(f"{server} does not accept the credentials of the kubeconfig. Log in again.")
    if error.status.code:
        return UnreachableError(f"{server} cannot process the request: {_shortened(str(error))}. Retry later.")
    return UnreachableError(
        f"{server} does not respond ({_shortened(str(error))}). Is the cluster up, and is it the right context?"
    )


def _shortened(text: str) -> str:
    line = " ".join(text.split()).rstrip(".")
    return line if len(line) <= _LONGEST else f"{line[:_LONGEST]}…"
