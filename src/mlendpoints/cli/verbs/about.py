"""Verbs about the program itself: version, completion."""

from typing import TYPE_CHECKING, Annotated, Literal

import typer

from mlendpoints.cli.options import verb
from mlendpoints.cli.output import document, write
from mlendpoints.cli.session import Session

if TYPE_CHECKING:
    from mlendpoints.cli.progress import Progress
    from mlendpoints.client.asynchronous import AsyncMLOpsClient


def add(app: typer.Typer) -> None:
    """Adds the verbs."""
    verb(app, "version", examples=("mlendpoints version", "mlendpoints version --client"))(version)
    verb(app, "completion", examples=("source <(mlendpoints completion bash)",))(completion)


def version(
    session: Session,
    *,
    client: Annotated[bool, typer.Option("--client", help="Of this program only; sends nothing.")] = False,
) -> None:
    """Prints the versions of this program and of the cluster's Kubernetes and API."""
    from importlib.metadata import version as version_of

    found = {"mlendpoints": version_of("mlendpoints")}
    if not client:
        found |= session.run(_of_cluster, doing="Waiting for the API server")
    write(document(found, session.output) if session.output else [f"{name}: {what}" for name, what in found.items()])


async def _of_cluster(client: "AsyncMLOpsClient", _progress: "Progress") -> dict[str, str]:
    from mlendpoints.api.meta import GROUP

    kubernetes = await client.cluster.read("/version", kind="Version") or {}
    group = await client.cluster.read(f"/apis/{GROUP}", kind="APIGroup") or {}
    served = ", ".join(f"{GROUP}/{version['version']}" for version in group.get("versions", ()))
    return {"kubernetes": kubernetes.get("gitVersion", "unknown"), "api": served or "not installed"}


def completion(
    _session: Session,
    shell: Annotated[Literal["bash", "zsh", "fish", "powershell"], typer.Argument(metavar="SHELL")],
) -> None:
    """Prints a script for bash, zsh, fish or powershell that completes verbs, options and names."""
    from typer._completion_shared import get_completion_script  # typer has no public name for it

    script = get_completion_script(prog_name="mlendpoints", complete_var="_MLENDPOINTS_COMPLETE", shell=shell)
    write(script.splitlines())
