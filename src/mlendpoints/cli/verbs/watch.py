"""The verb status: the tree of an endpoint or MLModel, once or until Ctrl-C."""

import time
from typing import TYPE_CHECKING, Annotated

import typer

from mlendpoints.cli import completion
from mlendpoints.cli.options import verb
from mlendpoints.cli.output import document, write
from mlendpoints.cli.session import Session

if TYPE_CHECKING:
    from mlendpoints.cli.progress import Progress
    from mlendpoints.cli.status import Node, Observed
    from mlendpoints.client.asynchronous import AsyncMLOpsClient

INTERVAL = 1.0  # seconds between two reads


def add(app: typer.Typer) -> None:
    """Adds the verb."""
    verb(app, "status", examples=("mlendpoints status titanic", "mlendpoints status titanic --watch"))(status)


def status(
    session: Session,
    target: Annotated[
        str,
        typer.Argument(
            metavar="NAME", help="An endpoint, else an MLModel; or KIND/NAME.", autocompletion=completion.targets
        ),
    ],
    *,
    watch: Annotated[bool, typer.Option("--watch", "-w", help="Show changes until Ctrl-C.")] = False,
) -> None:
    """Shows variants, versions and pods of an endpoint or MLModel, and what each waits for.

    With --watch, a terminal shows the tree as it is now; elsewhere it is printed again whenever it has changed.
    """
    if watch:
        session.run(lambda client, progress: _follow(client, progress, target), doing="Waiting for the API server")
        return
    from mlendpoints.cli.kinds import full_name
    from mlendpoints.cli.showing import show_once
    from mlendpoints.cli.status import make_tree

    observed = session.run(lambda client, _: observe(client, target), doing="Waiting for the API server")
    tree = make_tree(observed, time.time())
    if session.output in ("json", "yaml"):
        write(document(_document(tree), session.output))
    elif session.output == "name":
        write([full_name(observed.root)])
    else:
        show_once(tree)


def _document(node: "Node") -> dict[str, object]:
    waits = {"waitsFor": node.waits_for} if node.waits_for else {}
    below = {"below": [_document(child) for child in node.below]} if node.below else {}
    return {"state": node.mark, "text": node.text, **waits, **below}


async def observe(client: "AsyncMLOpsClient", target: str) -> "Observed":
    """Reads what a status is made of."""
    import asyncio

    from mlendpoints.api import labels
    from mlendpoints.api.endpoint import Endpoint
    from mlendpoints.api.mlmodel import MLModel
    from mlendpoints.cli.errors import UsageError
    from mlendpoints.cli.finding import find
    from mlendpoints.cli.status import Observed

    root = await find(client, target)
    if isinstance(root, MLModel):
        return Observed(root=root, pods=await client.cluster.pods(f"{labels.MLMODEL}={root.metadata.name}"))
    if not isinstance(root, Endpoint):
        raise UsageError("Configs and models have no status of their own: name an endpoint or an MLModel.")
    selector = f"{labels.ENDPOINT}={root.metadata.name}"
    instances, pods = await asyncio.gather(
        client.V1Alpha1Model.list(labels=selector, instances=True), client.cluster.pods(selector)
    )
    return Observed(root=root, instances=tuple(instances), pods=pods)


async def _follow(client: "AsyncMLOpsClient", progress: "Progress", target: str) -> None:
    import asyncio

    from mlendpoints.cli.showing import showing
    from mlendpoints.cli.status import make_tree

    with showing() as shown:
        while True:
            tree = make_tree(await observe(client, target), time.time())
            progress.end()
            shown.update(tree)
            await asyncio.sleep(INTERVAL)
