"""Names for the shell's completion: of endpoints, variants, versions. Reads, and is silent where it cannot."""

import os
from collections.abc import Iterable
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import typer

from mlendpoints.cli.options import given
from mlendpoints.cli.session import Session

if TYPE_CHECKING:
    from mlendpoints.client.asynchronous import AsyncMLOpsClient

WITHIN = "MLENDPOINTS_COMPLETION_SECONDS"  # by default 3: a shell that waits for longer seems to hang


def endpoints(context: typer.Context, incomplete: str) -> list[str]:
    """Names of endpoints."""
    return beginning(incomplete, _names(context, "endpoints"))


def targets(context: typer.Context, incomplete: str) -> list[str]:
    """Names of endpoints and MLModels; after ``KIND/``, those of the kind."""
    word, slash, _ = incomplete.partition("/")
    if slash:
        return beginning(incomplete, (f"{word}/{name}" for name in _names(context, word)))
    return beginning(incomplete, [*_names(context, "endpoints"), *_names(context, "mlmodels")])


def names(context: typer.Context, incomplete: str) -> list[str]:
    """Names of objects of the kind before."""
    return beginning(incomplete, _names(context, context.params.get("kind") or "endpoints"))


def variants(context: typer.Context, incomplete: str) -> list[str]:
    """Variants of the endpoint before."""
    found = _endpoint(context)
    return beginning(incomplete, [] if found is None else (variant.name for variant in found.status.variants))


def assigned(context: typer.Context, incomplete: str) -> list[str]:
    """The same, each with ``=``."""
    return [f"{name}=" for name in variants(context, incomplete)]


def versions(context: typer.Context, incomplete: str) -> list[str]:
    """Versions in the history of the endpoint before."""
    found = _endpoint(context)
    return beginning(incomplete, [] if found is None else (entry.target for entry in found.status.history))


def beginning(incomplete: str, names: Iterable[str]) -> list[str]:
    """Those that begin like this, each once.

    >>> beginning("ti", ["titanic", "iris", "titanic"])
    ['titanic']
    """
    return list(dict.fromkeys(name for name in names if name.startswith(incomplete)))


def _names(context: typer.Context, word: str) -> list[str]:
    from mlendpoints.cli.finding import kind_client
    from mlendpoints.cli.kinds import kind_of

    async def work(client: "AsyncMLOpsClient") -> list[str]:
        return [obj.metadata.name for obj in await kind_client(client, kind_of(word)).list()]

    return _quietly(context, work) or []


def _endpoint(context: typer.Context) -> Any:  # noqa: ANN401 - an endpoint or None
    given_before = [context.params.get("endpoint"), context.params.get("name"), *context.args]
    name = next(filter(None, given_before), "")  # in args if an option is completed: its value is still missing
    return _quietly(context, lambda client: client.V1Alpha1Endpoint.get(name))


def _quietly(context: typer.Context, work: Any) -> Any:  # noqa: ANN401 - any coroutine function and its result
    """The result; None for any failure, which a shell could only show in the middle of a command."""
    import asyncio

    from mlendpoints.cli.errors import UsageError
    from mlendpoints.client.errors import ClientError

    async def limited(client: "AsyncMLOpsClient", _progress: object) -> Any:  # noqa: ANN401 - as above
        async with asyncio.timeout(float(os.environ.get(WITHIN, "3"))):
            return await work(client)

    with suppress(ClientError, UsageError, TimeoutError):
        return Session(given(context)).run(limited, doing="")
    return None
