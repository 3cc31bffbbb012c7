"""Verbs that only read: get, explain, history."""

import time
from typing import TYPE_CHECKING, Annotated

import typer

from mlendpoints.cli import completion
from mlendpoints.cli.errors import UsageError
from mlendpoints.cli.options import verb
from mlendpoints.cli.output import document, object_lines, write
from mlendpoints.cli.session import Session

if TYPE_CHECKING:
    from mlendpoints.cli.kinds import Kind
    from mlendpoints.cli.progress import Progress
    from mlendpoints.client.asynchronous import AsyncMLOpsClient
    from mlendpoints.client.objects import AnyObject

KindName = Annotated[str, typer.Argument(metavar="[KIND]", help="endpoints, configs, models, mlmodels, or KIND/NAME.")]
Target = Annotated[
    str,
    typer.Argument(
        metavar="NAME", help="An endpoint, else an MLModel; or KIND/NAME.", autocompletion=completion.targets
    ),
]
AllNamespaces = Annotated[bool, typer.Option("--all-namespaces", "-A", help="Of all namespaces.")]
Instances = Annotated[bool, typer.Option("--instances", help="Also frozen versions, which the operator writes.")]


def add(app: typer.Typer) -> None:
    """Adds the verbs."""
    verb(
        app,
        "get",
        examples=("mlendpoints get", "mlendpoints get models -o wide", "mlendpoints get endpoint titanic -o yaml"),
    )(get)
    verb(app, "explain", examples=("mlendpoints explain titanic", "mlendpoints explain config/titanic"))(explain)
    verb(app, "history", examples=("mlendpoints history titanic",))(history)


def get(
    session: Session,
    kind: KindName = "",
    name: Annotated[str, typer.Argument(metavar="[NAME]", help="One object.", autocompletion=completion.names)] = "",
    *,
    all_namespaces: AllNamespaces = False,
    instances: Instances = False,
) -> None:
    """Lists endpoints and MLModels, or the objects of one kind."""
    from mlendpoints.cli.finding import kind_client
    from mlendpoints.cli.kinds import WORDS, kind_of

    kind, _, after = kind.partition("/")
    name = name or after
    if name and all_namespaces:
        raise UsageError("Name an object, or list all namespaces, not both.")
    kinds = [kind_of(kind)] if kind else [WORDS["endpoints"], WORDS["mlmodels"]]

    async def work(client: "AsyncMLOpsClient", _progress: "Progress") -> "list[AnyObject]":
        import asyncio

        if name:
            return [await kind_client(client, kinds[0]).get(name)]
        scope = "*" if all_namespaces else ""
        lists = (kind_client(client, one).list(namespace=scope, instances=instances) for one in kinds)
        return [obj for found in await asyncio.gather(*lists) for obj in found]

    found = session.run(work, doing="Waiting for the API server")
    if not found and session.output in ("", "wide"):
        _say_none(session, kinds, all_namespaces=all_namespaces)
        return
    write(object_lines(found, session.output, single=bool(name), namespaces=all_namespaces))


def _say_none(session: Session, kinds: "list[Kind]", *, all_namespaces: bool) -> None:
    from mlendpoints.cli.kinds import title

    what = " or ".join(f"{title(kind)}s" for kind in kinds)
    where = "any namespace" if all_namespaces else f"namespace {session.namespace}"
    typer.echo(f"No {what} found in {where}.", err=True)


def explain(session: Session, target: Target) -> None:
    """Says why an endpoint, config, model or MLModel is not ready, and what to do."""
    obj = _find(session, target)
    if session.output in ("json", "yaml"):
        from mlendpoints.client.explaining import explain as explain_object
        from mlendpoints.core.canonical import canonical

        write(document(canonical(explain_object(obj)), session.output))
        return
    from mlendpoints.cli.explanations import explanation_lines

    write(explanation_lines(obj))


def history(
    session: Session,
    endpoint: Annotated[str, typer.Argument(metavar="ENDPOINT", autocompletion=completion.endpoints)],
) -> None:
    """Shows the running update of an endpoint and the last ten, the newest first."""
    from mlendpoints.cli.explanations import history_lines
    from mlendpoints.core.canonical import canonical

    found = session.run(lambda client, _: client.V1Alpha1Endpoint.get(endpoint), doing="Waiting for the API server")
    if session.output in ("json", "yaml"):
        write(document([canonical(entry) for entry in found.status.history], session.output))
        return
    write(history_lines(found, time.time()))


def _find(session: Session, target: str) -> "AnyObject":
    from mlendpoints.cli.finding import find

    return session.run(lambda client, _: find(client, target), doing="Waiting for the API server")
