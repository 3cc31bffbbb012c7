"""The verb plan: what an apply leads to; nothing is written."""

from typing import TYPE_CHECKING, Annotated

import typer

from mlendpoints.cli.errors import FAILED, UsageError
from mlendpoints.cli.options import verb
from mlendpoints.cli.output import write
from mlendpoints.cli.session import Session

if TYPE_CHECKING:
    from mlendpoints.cli.progress import Progress
    from mlendpoints.client.asynchronous import AsyncMLOpsClient
    from mlendpoints.client.plans import Preview


def add(app: typer.Typer) -> None:
    """Adds the verb."""
    verb(
        app,
        "plan",
        examples=(
            "mlendpoints plan -f titanic.yaml",
            "mlendpoints plan -f manifests/ --recursive",
            "kustomize build overlay | mlendpoints plan -f - -o json",
        ),
    )(plan)


def plan(
    session: Session,
    *,
    filename: Annotated[
        list[str], typer.Option("--filename", "-f", metavar="FILE|FOLDER|-", help="YAML or JSON; - is stdin.")
    ],
    recursive: Annotated[bool, typer.Option("--recursive", "-R", help="Also folders in folders.")] = False,
) -> None:
    """Shows what `kubectl apply` of these files leads to, if all goes well; nothing is changed.

    What the operator creates, changes and removes until the update has ended; and what the pods request at its peak,
    against the namespace's quotas and what nodes have free. Ends with 1 if quotas are too small or if an endpoint or
    MLModel would not become ready. Documents of other kinds than those of mlendpoints are not planned.
    """
    from mlendpoints.cli.manifests import read_documents
    from mlendpoints.cli.planning import grouped

    documents = read_documents(filename, recursive=recursive)
    groups, others = grouped(documents, session.shared.namespace)
    if others:
        typer.echo(f"Not planned, of other kinds: {', '.join(others)}.", err=True)
    if not groups:
        raise UsageError("There is no model, config, endpoint or MLModel in these files.")

    async def work(client: "AsyncMLOpsClient", progress: "Progress") -> "list[Preview]":
        found = []
        for namespace, group in groups.items():
            if len(groups) > 1:
                progress.tell(f"Planning namespace {namespace or client.namespace}")
            found.append(await client.preview(*group))
        return found

    show(session, session.run(work, doing="Waiting for the API server"))


def show(session: Session, previews: "list[Preview]") -> None:
    """Prints previews; ends with 1 if one of them is not possible."""
    from mlendpoints.cli.planning import is_possible, plan_lines

    write(plan_lines(previews, session.output))
    if not all(map(is_possible, previews)):
        raise typer.Exit(FAILED)
