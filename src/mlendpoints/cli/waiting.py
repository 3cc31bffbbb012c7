"""Edits, and waiting until they are rolled out, with progress."""

import time
from collections.abc import Awaitable, Callable, Iterable, Iterator
from contextlib import aclosing, asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

import typer

from mlendpoints.cli.output import document, write
from mlendpoints.cli.session import Session

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from mlendpoints.cli.progress import Progress
    from mlendpoints.client.asynchronous import AsyncMLOpsClient
    from mlendpoints.client.kinds import AsyncKindClient
    from mlendpoints.client.objects import AnyObject
    from mlendpoints.core.changes import FieldChange

_CONTINUES = "It continues in the cluster; follow it with `mlendpoints status --watch`, or undo the edit."
TIMEOUT = 660.0  # seconds: longer than an update's default deadline, so that a wait ends with a result

NoWait = Annotated[bool, typer.Option("--no-wait", help="Return at once; it continues in the cluster.")]
Timeout = Annotated[float, typer.Option("--timeout", help="Seconds to wait for.", min=0)]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Let the API server check the edit, and change nothing.")]
SharedTemplates = Annotated[
    bool, typer.Option("--shared", help="Also if other endpoints use the same config or model, for all of them.")
]


@dataclass(frozen=True, kw_only=True)
class Waiting:
    """How an edit is made, and how long it is waited for."""

    wait: bool
    timeout: float
    dry_run: bool = False


Edit = Callable[["AsyncMLOpsClient"], Awaitable[Iterable["FieldChange"]]]


def carry_out(session: Session, edit: Edit, how: Waiting) -> None:
    """Makes an edit, prints the changed fields, and waits until they are rolled out."""

    async def work(client: "AsyncMLOpsClient", progress: "Progress") -> None:
        changes = list(await edit(client))
        write(_said(session, changes, how))
        if changes and how.wait and not how.dry_run:
            with continuing():
                sentence = await rolled_out(client, progress, await _edited(client, changes), timeout=how.timeout)
            write([] if session.output else [sentence])

    session.run(work, doing="Waiting for the API server")


def _said(session: Session, changes: list["FieldChange"], how: Waiting) -> list[str]:
    if session.output in ("json", "yaml"):
        import msgspec

        return document(msgspec.to_builtins(changes), session.output)
    if not changes:
        return ["Nothing has changed: it was requested before."]
    return [f"{change}{' (dry run)' if how.dry_run else ''}" for change in changes]


async def _edited(client: "AsyncMLOpsClient", changes: list["FieldChange"]) -> "list[AnyObject]":
    """The edited objects, each once, in the order of their edits."""
    from mlendpoints.cli.finding import kind_client
    from mlendpoints.cli.kinds import kind_of

    refs = dict.fromkeys(change.object for change in changes)
    return [await kind_client(client, kind_of(ref.kind)).get(ref.name, namespace=ref.namespace) for ref in refs]


async def rolled_out(
    client: "AsyncMLOpsClient", progress: "Progress", objects: "list[AnyObject]", *, timeout: float
) -> str:
    """Waits until callers get all of these edits; a sentence about the last of them.

    Raises ``FailedError`` if an update fails, ``WaitTimeoutError`` after ``timeout`` seconds.
    """
    from mlendpoints.cli.finding import kind_client
    from mlendpoints.client.explaining import explain
    from mlendpoints.client.goals import Goal

    end = time.monotonic() + timeout
    for obj in objects:
        kind = kind_client(client, type(obj))
        goal = Goal.parse("", obj.KIND)
        async with _telling(kind, progress, obj):
            seen = await kind.until(goal, obj, timeout=max(0.0, round(end - time.monotonic(), 1)))
    return explain(seen).sentence


@contextmanager
def continuing() -> Iterator[None]:
    """Lets Ctrl-C say that what was requested continues in the cluster, wherever it interrupts the body."""
    from asyncio import CancelledError

    try:
        yield
    except CancelledError as error:
        raise CancelledError(str(error) or f"Stopped waiting. {_CONTINUES}") from None


@asynccontextmanager
async def _telling(kind: "AsyncKindClient[AnyObject]", progress: "Progress", obj: "AnyObject") -> "AsyncIterator[None]":
    """Tells what an object waits for while the body runs."""
    import asyncio

    telling = asyncio.create_task(_tell(kind, progress, obj))
    try:
        yield
    finally:
        telling.cancel()
        with suppress(asyncio.CancelledError):
            await telling


async def _tell(kind: "AsyncKindClient[AnyObject]", progress: "Progress", obj: "AnyObject") -> None:
    from mlendpoints.client.errors import ClientError
    from mlendpoints.client.explaining import explain

    with suppress(ClientError):  # whoever waits reports it
        async with aclosing(kind.watch(obj.metadata.name, namespace=obj.metadata.namespace)) as changes:
            async for change in changes:
                progress.tell(explain(change.object).sentence)
