"""Verbs about captured traffic: capture tail."""

import sys
from contextlib import aclosing
from typing import TYPE_CHECKING, Annotated

import typer

from mlendpoints.cli import completion
from mlendpoints.cli.options import verb
from mlendpoints.cli.session import Session

if TYPE_CHECKING:
    from mlendpoints.cli.progress import Progress
    from mlendpoints.client.asynchronous import AsyncMLOpsClient

_CONTAINER, _SPOOL = "shipper", "/var/spool/mlendpoints"


def add(app: typer.Typer) -> None:
    """Adds the verbs."""
    group = typer.Typer(help="Captured requests and responses.", no_args_is_help=True, rich_markup_mode=None)
    examples = ("mlendpoints capture tail titanic --variant blue", "mlendpoints capture tail titanic --all --no-follow")
    verb(group, "tail", examples=examples)(tail)
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
