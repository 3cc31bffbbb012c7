"""The verb logs: what the containers of an endpoint's or MLModel's pods write."""

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
    from mlendpoints.core.world import PodFacts


def add(app: typer.Typer) -> None:
    """Adds the verb."""
    verb(
        app,
        "logs",
        examples=("mlendpoints logs titanic --variant blue --follow", "mlendpoints logs titanic -c nginx --tail 100"),
    )(logs)


def logs(
    session: Session,
    target: Annotated[
        str,
        typer.Argument(
            metavar="NAME", help="An endpoint, else an MLModel; or KIND/NAME.", autocompletion=completion.targets
        ),
    ],
    *,
    container: Annotated[str, typer.Option("--container", "-c", help="model, nginx, model-init, ...")] = "model",
    variant: Annotated[str, typer.Option("--variant", help="Only of this variant.")] = "",
    version: Annotated[str, typer.Option("--version", help="Only of this version.")] = "",
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Until Ctrl-C, or until the containers end.")] = False,
    tail: Annotated[int, typer.Option("--tail", help="How many of the last lines of each pod; -1: all.")] = -1,
) -> None:
    """Prints the logs of an endpoint's or MLModel's pods; of several pods, each line after the pod's name."""

    async def work(client: "AsyncMLOpsClient", progress: "Progress") -> None:
        import asyncio

        pods = [pod for pod in await pods_of(client, target, variant) if version in ("", pod.version)]
        progress.end()
        if not pods:
            from mlendpoints.client.errors import NotFoundError

            raise NotFoundError(f"{target} has no such pods. `mlendpoints status {target}` shows what exists.")
        prefixes = [f"{pod.name}: ".encode() if len(pods) > 1 else b"" for pod in pods]
        copies = (
            _copy(client, pod.name, prefix, container=container, tail=tail, follow=follow)
            for pod, prefix in zip(pods, prefixes, strict=True)
        )
        results = await asyncio.gather(*copies, return_exceptions=True)
        report(results)

    session.run(work, doing="Waiting for the API server")


async def pods_of(client: "AsyncMLOpsClient", target: str, variant: str) -> "tuple[PodFacts, ...]":
    """The pods of an endpoint, or of a variant of it, or of an MLModel."""
    from mlendpoints.api import labels
    from mlendpoints.api.mlmodel import MLModel
    from mlendpoints.cli.finding import find

    root = await find(client, target)
    label = labels.MLMODEL if isinstance(root, MLModel) else labels.ENDPOINT
    more = f",{labels.VARIANT}={variant}" if variant else ""
    return await client.cluster.pods(f"{label}={root.metadata.name}{more}")


async def _copy(
    client: "AsyncMLOpsClient", pod: str, prefix: bytes, *, container: str, tail: int, follow: bool
) -> None:
    lines = client.cluster.log(pod, container=container, tail=tail, follow=follow)
    async with aclosing(lines):
        async for line in lines:
            sys.stdout.buffer.write(prefix + line + b"\n")
            sys.stdout.buffer.flush()


def report(results: list[BaseException | None]) -> None:
    """Raises the first failure if no log could be read, or what is no error of the client; prints the others."""
    from mlendpoints.cli.errors import sentence
    from mlendpoints.client.errors import ClientError

    failures = [result for result in results if result is not None]
    for failure in failures:
        if not isinstance(failure, ClientError) or len(failures) == len(results):
            raise failure
        typer.echo(f"Error: {sentence(failure)}", err=True)
