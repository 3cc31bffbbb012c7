"""Verbs about captured traffic: capture tail, capture export."""

import sys
from collections.abc import Iterator
from contextlib import aclosing, contextmanager
from typing import TYPE_CHECKING, Annotated

import typer

from mlendpoints.cli import completion
from mlendpoints.cli.errors import UsageError
from mlendpoints.cli.options import verb
from mlendpoints.cli.session import Session
from mlendpoints.cli.verbs.replay import Image, Of, Part, Secret, Source
from mlendpoints.cli.waiting import Timeout

if TYPE_CHECKING:
    from typing import BinaryIO

    from mlendpoints.cli.progress import Progress
    from mlendpoints.cli.replaying import Replay
    from mlendpoints.client.asynchronous import AsyncMLOpsClient

TIMEOUT = 3600.0  # seconds
_CONTAINER, _SPOOL = "shipper", "/var/spool/mlendpoints"


def add(app: typer.Typer) -> None:
    """Adds the verbs."""
    group = typer.Typer(help="Captured requests and responses.", no_args_is_help=True, rich_markup_mode=None)
    examples = ("mlendpoints capture tail titanic --variant blue", "mlendpoints capture tail titanic --all --no-follow")
    verb(group, "tail", examples=examples)(tail)
    examples = (
        "mlendpoints capture export titanic --of blue --part 2026/11/26 --to records.jsonl",
        "mlendpoints capture export titanic --secret capture-reader | head",
    )
    verb(group, "export", examples=examples)(export)
    app.add_typer(group, name="capture")


def tail(
    session: Session,
    target: Annotated[
        str,
        typer.Argument(
            metavar="NAME", help="An endpoint, else an MLModel; or KIND/NAME.", autocompletion=completion.targets
        ),
    ],
    *,
    variant: Annotated[
        str, typer.Option("--variant", help="Only of this variant.", autocompletion=completion.variants)
    ] = "",
    version: Annotated[str, typer.Option("--version", help="Only of this version.")] = "",
    everything: Annotated[bool, typer.Option("--all", help="Also records that are waiting to be shipped.")] = False,
    follow: Annotated[bool, typer.Option("--follow/--no-follow", help="Until Ctrl-C; or only what is there.")] = True,
) -> None:
    """Prints records of capture as the pods write them, one line of JSON for each request, until Ctrl-C.

    What was shipped before is in the sink, and is read there. A small program in the container shipper of each pod
    prints the records; it ends with the connection. Needs the rights to get and to create pods/exec.
    """
    how = ("all" if everything else "new", "follow" if follow else "once")

    async def work(client: "AsyncMLOpsClient", progress: "Progress") -> None:
        import asyncio

        from mlendpoints.cli.verbs.logs import pods_of, report
        from mlendpoints.client.errors import NotFoundError

        pods = [pod for pod in await pods_of(client, target, variant) if version in ("", pod.version)]
        capturing = [pod for pod in pods if any(each.name == _CONTAINER for each in pod.containers)]
        if not capturing:
            raise NotFoundError(f"No pod of {target} captures traffic. See docs/how-to/capture.md.")
        progress.end()
        results = await asyncio.gather(*(_copy(client, pod.name, how) for pod in capturing), return_exceptions=True)
        report(results)

    session.run(work, doing="Waiting for the API server")


async def _copy(client: "AsyncMLOpsClient", pod: str, how: tuple[str, str]) -> None:
    from inspect import getsource

    from mlendpoints.cli.columns import printable
    from mlendpoints.client import spool_program

    command = ("python3", "-I", "-S", "-c", getsource(spool_program), _SPOOL, *how)
    lines = client.cluster.output(pod, container=_CONTAINER, command=command)
    async with aclosing(lines):
        async for line in lines:
            text = printable(line.decode(errors="replace")).encode() if sys.stdout.isatty() else line
            sys.stdout.buffer.write(text + b"\n")
            sys.stdout.buffer.flush()


def export(
    session: Session,
    endpoint: Annotated[str, typer.Argument(metavar="ENDPOINT", autocompletion=completion.endpoints)],
    *,
    of: Of = "",
    part: Part = "",
    source: Source = None,
    secret: Secret = "",
    to: Annotated[str, typer.Option("--to", metavar="FILE|-", help="Where to; by default stdout.")] = "-",
    image: Image = "",
    timeout: Timeout = TIMEOUT,
) -> None:
    """Copies captured records from the sink, as they are stored: one line of JSON for each request.

    They are read in the cluster, by a Job that is deleted afterwards, and come through the API server. A file is only
    written whole. Needs the rights to create and to delete Jobs, and to get and to create pods/exec.
    """

    async def work(client: "AsyncMLOpsClient", progress: "Progress") -> None:
        from mlendpoints.cli.verbs.replay import records_of

        how = {"of": of, "part": part, "sources": source or (), "secret": secret, "image": image}
        _, found = await records_of(client, endpoint, **how)
        with _writing(to) as out:
            count = await _exported(client, progress, endpoint, found, out, timeout=timeout)
        progress.end()
        typer.echo(f"{count} records of {', '.join(found.sources)}", err=True)

    session.run(work, doing="Waiting for the API server")


@contextmanager
def _writing(place: str) -> "Iterator[BinaryIO]":
    """Stdout, or a file that appears once it is whole."""
    from pathlib import Path

    if place == "-":
        yield sys.stdout.buffer
        sys.stdout.buffer.flush()
        return
    path, part = Path(place), Path(f"{place}.part")
    try:
        with part.open("wb") as stream:
            yield stream
        part.replace(path)
    except OSError as error:
        raise UsageError(f"Cannot write {place}: {error.strerror}.") from None
    finally:
        part.unlink(missing_ok=True)


async def _exported(
    client: "AsyncMLOpsClient", progress: "Progress", endpoint: str, found: "Replay", out: "BinaryIO", *, timeout: float
) -> int:
    """Writes the records, and returns their number; the Job is deleted in any case."""
    import asyncio

    from msgspec.structs import replace

    from mlendpoints.cli import replaying
    from mlendpoints.cli.verbs.replay import random_suffix, started
    from mlendpoints.client.errors import FailedError, WaitTimeoutError

    name = replaying.job_name("export", endpoint, "", random_suffix())
    await client.jobs.create(replaying.make_export_job(replace(found, name=name), int(timeout) + 1))
    try:
        async with asyncio.timeout(timeout):
            pod = await started(client, progress, name)
            if not pod:
                raise FailedError(f"Job {client.namespace}/{name} has ended before the export.")
            return await _received(client, progress, pod, replaying.export_command(found), out)
    except TimeoutError as error:
        if isinstance(error, WaitTimeoutError):
            raise
        raise WaitTimeoutError(
            f"Timed out after {timeout:g} s. Export a --part, or raise --timeout.", goal=""
        ) from None
    finally:
        await asyncio.shield(client.jobs.delete(name))


async def _received(
    client: "AsyncMLOpsClient", progress: "Progress", pod: str, command: tuple[str, ...], out: "BinaryIO"
) -> int:
    from mlendpoints.cli.measuring import size

    count = amount = 0
    lines = client.cluster.output(pod, container="replay", command=command)
    async with aclosing(lines):
        async for line in lines:
            out.write(line + b"\n")
            count, amount = count + 1, amount + len(line)
            if sys.stderr.isatty():  # elsewhere, each would be a line
                progress.tell(f"{count} records, {size(amount)}")
    return count
