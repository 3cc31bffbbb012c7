"""Verbs about the operator: install, upgrade, uninstall."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from mlendpoints.cli.options import verb
from mlendpoints.cli.output import document, write, yaml_documents
from mlendpoints.cli.session import Session
from mlendpoints.cli.waiting import NoWait, Timeout

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from mlendpoints.cli.progress import Progress
    from mlendpoints.client.asynchronous import AsyncMLOpsClient
    from mlendpoints.core.canonical import Manifest
    from mlendpoints.core.world import Ref

NAMESPACE = "machine-learning"  # the chart's
TIMEOUT = 300.0  # seconds

Set = Annotated[
    list[str] | None,
    typer.Option(
        "--set", metavar="KEY=VALUE", help="A value of the Helm chart, such as gateway.domain=ml.example.com."
    ),
]
Files = Annotated[
    list[str] | None, typer.Option("--values", metavar="FILE", help="Values of the Helm chart, in YAML; - is stdin.")
]
Printed = Annotated[bool, typer.Option("--dry-run", help="Print the objects as YAML; change nothing.")]


def add(app: typer.Typer) -> None:
    """Adds the verbs."""
    registry = "--set images.registry=registry.example.com/team"
    verb(
        app,
        "install",
        examples=(
            f"mlendpoints install {registry}",
            f"mlendpoints install {registry} --values values.yaml --dry-run > install.yaml",
        ),
    )(install)
    verb(
        app, "upgrade", examples=("mlendpoints upgrade", "mlendpoints upgrade --set images.tag=0.2.0 --set replicas=2")
    )(upgrade)
    verb(app, "uninstall", examples=("mlendpoints uninstall --wait", "mlendpoints uninstall --delete-crds"))(uninstall)


def install(
    session: Session,
    *,
    set_: Set = None,
    values: Files = None,
    dry_run: Printed = False,
    no_wait: NoWait = False,
    timeout: Timeout = TIMEOUT,
) -> None:
    """Installs the operator without Helm, and waits until it is ready.

    The objects are those of the Helm chart, which this program carries. They go into the namespace machine-learning, or
    the one that --namespace names, which is created. Values are the chart's; those that only Helm can render are
    rejected. Needs the rights of a cluster administrator.
    """
    namespace, given = session.shared.namespace or NAMESPACE, _given(set_, values)
    objects = _render(given, namespace)
    if dry_run:
        _print_objects(session, objects)
        return

    async def work(client: "AsyncMLOpsClient", progress: "Progress") -> None:
        installer = client.installer()
        applied = await installer.install(objects, progress.tell)
        _print_changes(session, [("applied", applied)])
        if not no_wait:
            said = await installer.until_rolled_out(namespace, _name(objects), progress.tell, timeout=timeout)
            write([] if session.output else [said])

    session.run(work, doing="Waiting for the API server")


def upgrade(
    session: Session,
    *,
    set_: Set = None,
    values: Files = None,
    reset_values: Annotated[
        bool, typer.Option("--reset-values", help="Forget the values of earlier installs and upgrades.")
    ] = False,
    dry_run: Printed = False,
    no_wait: NoWait = False,
    timeout: Timeout = TIMEOUT,
) -> None:
    """Upgrades the operator that `install` installed to the release of this program, or changes its values.

    Values that were given before are kept. What the earlier release installed and this one does not is deleted, except
    CRDs. Pods of models do not restart.
    """
    over = _given(set_, values)

    async def work(client: "AsyncMLOpsClient", progress: "Progress") -> None:
        from mlendpoints.client.release.values import overlaid

        installer = client.installer()
        existing = await installer.installed()
        objects = _render(over if reset_values else overlaid(existing.given, over), existing.namespace)
        if dry_run:
            removed = await installer.superseded(objects)
            progress.end()
            _print_objects(session, objects)
            _say_removed(removed)
            return
        applied, removed = await installer.upgrade(objects, progress.tell)
        _print_changes(session, [("applied", applied), ("deleted", removed)])
        if not no_wait:
            name = _name(objects)
            said = await installer.until_rolled_out(existing.namespace, name, progress.tell, timeout=timeout)
            write([] if session.output else [said])

    session.run(work, doing="Waiting for the API server")


def uninstall(
    session: Session,
    *,
    wait: Annotated[bool, typer.Option("--wait", help="Wait until all endpoints have been deleted.")] = False,
    delete_crds: Annotated[
        bool, typer.Option("--delete-crds", help="Also the kinds, and with them every model, config and MLModel.")
    ] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only list what would be deleted.")] = False,
    timeout: Timeout = TIMEOUT,
) -> None:
    """Uninstalls the operator that `install` installed, once there are no endpoints any more.

    The CRDs stay, with models, configs and MLModels, whose pods continue to serve; so does the namespace.
    """

    async def work(client: "AsyncMLOpsClient", progress: "Progress") -> None:
        installer = client.installer()
        existing = await installer.find()
        if dry_run:
            own = await installer.superseded(())
            _print_changes(session, [("would be deleted", (*own, *(await installer.crds() if delete_crds else ())))])
            return
        if wait:
            await installer.until_no_endpoints(progress.tell, timeout=timeout)
        counts = await installer.counts() if delete_crds else {}
        deleted = await installer.uninstall(crds=delete_crds, tell=progress.tell)
        _print_changes(session, [("deleted", deleted)])
        progress.end()
        if not deleted:
            typer.echo("Nothing is installed that `mlendpoints install` has installed.", err=True)
            return
        _say_what_stays(existing.namespace if existing else "", counts, crds=delete_crds)

    session.run(work, doing="Waiting for the API server")


def _given(assignments: list[str] | None, files: list[str] | None) -> "Mapping[str, Any]":
    """The values of files and, over them, those of ``--set``."""
    from mlendpoints.cli.manifests import read_values
    from mlendpoints.client.release.values import overlaid, parse_assignments

    given: Mapping[str, Any] = {}
    for file in files or ():
        given = overlaid(given, read_values(file))
    return overlaid(given, parse_assignments(assignments or ()))


def _render(given: "Mapping[str, Any]", namespace: str) -> "tuple[Manifest, ...]":
    from mlendpoints.client.release.contents import read_release
    from mlendpoints.client.release.rendering import make_objects

    return make_objects(read_release(), given, namespace)


def _name(objects: "Iterable[Manifest]") -> str:
    return next(str(obj["metadata"]["name"]) for obj in objects if obj["kind"] == "Deployment")


def _print_objects(session: Session, objects: "Sequence[Manifest]") -> None:
    if session.output == "json":
        write(document({"apiVersion": "v1", "kind": "List", "items": list(objects)}, "json"))
    else:
        write(yaml_documents(objects))


def _print_changes(session: Session, changes: "Sequence[tuple[str, Sequence[Ref]]]") -> None:
    from mlendpoints.core.changes import describe

    if session.output in ("json", "yaml"):
        found = [
            {"kind": ref.kind, "namespace": ref.namespace, "name": ref.name, "change": how}
            for how, refs in changes
            for ref in refs
        ]
        write(document(found, session.output))
        return
    write(f"{describe(ref)} {how}" for how, refs in changes for ref in refs)


def _say_removed(removed: "Sequence[Ref]") -> None:
    from mlendpoints.core.changes import describe

    for ref in removed:
        typer.echo(f"{describe(ref)} would be deleted", err=True)


def _say_what_stays(namespace: str, counts: "Mapping[str, int]", *, crds: bool) -> None:
    gone = ", ".join(f"{count} {kind}" for kind, count in counts.items())
    if gone:
        typer.echo(f"Deleted with their kinds: {gone}.", err=True)
    if not crds:
        typer.echo("The CRDs and their objects stay; --delete-crds deletes them.", err=True)
    if namespace:
        typer.echo(f"The namespace {namespace} stays; `kubectl delete namespace {namespace}` deletes it.", err=True)
