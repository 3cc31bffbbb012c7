"""The verb dashboard: a web page about endpoints, on loopback, with the user's own rights."""

import sys
from typing import TYPE_CHECKING, Annotated

import typer

from mlendpoints.cli.options import verb
from mlendpoints.cli.session import Session
from mlendpoints.cli.verbs.read import AllNamespaces

if TYPE_CHECKING:
    from mlendpoints.cli.progress import Progress
    from mlendpoints.client.asynchronous import AsyncMLOpsClient


def add(app: typer.Typer) -> None:
    """Adds the verb."""
    verb(app, "dashboard", examples=("mlendpoints dashboard", "mlendpoints dashboard -A --port 8765"))(dashboard)


def dashboard(
    session: Session,
    *,
    all_namespaces: AllNamespaces = False,
    port: Annotated[
        int, typer.Option("--port", min=0, max=65535, help="Port on 127.0.0.1; by default one that is free.")
    ] = 0,
) -> None:
    """Serves a web page about endpoints and MLModels on loopback, until Ctrl-C.

    It shows traffic, updates, history, conditions and events as they change. It only reads, with your own rights, and
    installs nothing in the cluster. Whoever has the printed URL can open it.
    """
    from mlendpoints.dashboard.serving import serve

    async def work(client: "AsyncMLOpsClient", progress: "Progress") -> None:
        def ready(url: str) -> None:
            progress.end()
            sys.stdout.write(f"{url}\n")
            sys.stdout.flush()

        await serve(client, namespace="*" if all_namespaces else client.namespace, port=port, ready=ready)

    session.run(work, doing="Starting")
