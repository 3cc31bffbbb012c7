"""Verbs that create and delete: deploy, delete."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from mlendpoints.cli import completion
from mlendpoints.cli.errors import UsageError
from mlendpoints.cli.options import verb
from mlendpoints.cli.output import document, write, yaml_documents
from mlendpoints.cli.session import Session
from mlendpoints.cli.waiting import TIMEOUT, NoWait, Timeout, continuing, rolled_out

if TYPE_CHECKING:
    from mlendpoints.cli.progress import Progress
    from mlendpoints.client.asynchronous import AsyncMLOpsClient
    from mlendpoints.client.objects import AnyObject


def add(app: typer.Typer) -> None:
    """Adds the verbs."""
    verb(
        app,
        "deploy",
        examples=(
            "mlendpoints deploy titanic --image registry.example.com/team/model:1 --host titanic.example.com",
            "mlendpoints deploy titanic --image registry.example.com/team/model:1 --dry-run -o yaml > titanic.yaml",
        ),
    )(deploy)
    verb(app, "delete", examples=("mlendpoints delete titanic", "mlendpoints delete titanic --templates"))(delete)


def deploy(
    session: Session,
    name: Annotated[str, typer.Argument(metavar="NAME")],
    *,
    image: Annotated[str, typer.Option("--image", help="The model server's image.")],
    artifact: Annotated[str | None, typer.Option("--artifact", help="URL of what is fetched to /opt/ml/model.")] = None,
    digest: Annotated[str | None, typer.Option("--digest", help="The artifact's digest: sha256:...")] = None,
    host: Annotated[str | None, typer.Option("--host", help="DNS name; by default from the operator's domain.")] = None,
    tls: Annotated[bool | None, typer.Option("--tls", help="Serve HTTPS.")] = None,
    pods: Annotated[int, typer.Option("--pods", help="Number of pods.")] = 1,
    cpus: Annotated[str | None, typer.Option("--cpus", help="CPU request of a pod.")] = None,
    memory: Annotated[str | None, typer.Option("--memory", help="Memory of a pod.")] = None,
    size: Annotated[str | None, typer.Option("--size", help="Storage for the artifact.")] = None,
    keep_versions: Annotated[
        int | None, typer.Option("--keep-versions", help="Earlier versions to keep for a rollback.")
    ] = None,
    mlmodel: Annotated[bool, typer.Option("--mlmodel", help="An MLModel, without a URL of its own.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Print the YAML only; nothing is sent.")] = False,
    no_wait: NoWait = False,
    timeout: Timeout = TIMEOUT,
) -> None:
    """Creates a model, a config and an endpoint of one name, prints their YAML, and waits until the endpoint serves."""
    from mlendpoints.cli.deploying import make_mlmodel, make_objects

    model = {"image": image, "artifact": artifact, "artifactDigest": digest}
    sizes = {"instances": pods, "cpus": cpus, "memory": memory, "size": size}
    update = None if keep_versions is None else {"keepVersions": keep_versions}
    if mlmodel and (host or tls or update):
        raise UsageError("An MLModel has no --host, --tls or --keep-versions.")

    def make(namespace: str) -> "tuple[AnyObject, ...]":
        if mlmodel:
            return make_mlmodel(name, namespace, model=model, size=sizes)
        return make_objects(
            name, namespace, model=model, size=sizes, endpoint={"host": host, "tls": tls, "update": update}
        )

    if dry_run:
        _print(session, make(session.find_namespace()))
        return

    async def work(client: "AsyncMLOpsClient", progress: "Progress") -> None:
        created = await _create(client, make(client.namespace))
        _print(session, created)
        if not no_wait:
            with continuing():
                said = await rolled_out(client, progress, [created[-1]], timeout=timeout)
            progress.end()
            typer.echo(f"{said}{await _url(client, created[-1])}", err=True)

    session.run(work, doing="Waiting for the API server")


async def _create(client: "AsyncMLOpsClient", objects: "tuple[AnyObject, ...]") -> "tuple[AnyObject, ...]":
    """Creates all, once the API server has accepted each."""
    import asyncio

    from mlendpoints.cli.finding import kind_client

    await asyncio.gather(*(kind_client(client, type(obj)).create(obj, dry_run=True) for obj in objects))
    return tuple([await kind_client(client, type(obj)).create(obj) for obj in objects])


def _print(session: Session, objects: "tuple[AnyObject, ...]") -> None:
    from mlendpoints.cli.kinds import full_name

    match session.output:
        case "json":
            items = [_written(obj) for obj in objects]
            write(document({"apiVersion": "v1", "kind": "List", "items": items}, "json"))
        case "name":
            write([full_name(obj) for obj in objects])
        case _:
            write(yaml_documents(_written(obj) for obj in objects))


def _written(obj: "AnyObject") -> dict[str, Any]:
    """The object as a person would write it."""
    from mlendpoints.client.objects import make_manifest

    manifest = make_manifest(obj)
    return manifest | {"metadata": {"name": obj.metadata.name, "namespace": obj.metadata.namespace}}


async def _url(client: "AsyncMLOpsClient", obj: "AnyObject") -> str:
    from mlendpoints.cli.finding import kind_client

    status = (await kind_client(client, type(obj)).get(obj.metadata.name)).status
    url = getattr(status, "url", "") or getattr(status, "service_endpoint", "")
    return f" {url}/invocations" if url else ""


def delete(
    session: Session,
    target: Annotated[
        str,
        typer.Argument(
            metavar="NAME", help="An endpoint, else an MLModel; or KIND/NAME.", autocompletion=completion.targets
        ),
    ],
    *,
    templates: Annotated[
        bool, typer.Option("--templates", help="Also the endpoint's config and models that no other endpoint uses.")
    ] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only list what would be deleted.")] = False,
    no_wait: NoWait = False,
    timeout: Timeout = TIMEOUT,
) -> None:
    """Deletes an endpoint, config, model or MLModel, and waits until it is gone."""

    async def work(client: "AsyncMLOpsClient", progress: "Progress") -> None:
        from mlendpoints.cli.finding import find, kind_client
        from mlendpoints.cli.kinds import full_name

        first = await find(client, target)
        for obj in [first, *(await _templates(client, first) if templates else [])]:
            progress.tell(f"Deleting {full_name(obj)}")
            if not dry_run:
                await kind_client(client, type(obj)).delete(obj.metadata.name, wait=not no_wait, timeout=timeout)
            write([f"{full_name(obj)} {'would be deleted' if dry_run else 'deleted'}"])

    session.run(work, doing="Waiting for the API server")


async def _templates(client: "AsyncMLOpsClient", obj: "AnyObject") -> "list[AnyObject]":
    """The config and the models of an endpoint that no other endpoint or config uses."""
    import asyncio

    from mlendpoints.api.endpoint import Endpoint
    from mlendpoints.cli.deploying import unshared

    if not isinstance(obj, Endpoint):
        raise UsageError("--templates is for endpoints.")
    endpoints, configs, models = await asyncio.gather(
        client.V1Alpha1Endpoint.list(), client.V1Alpha1EndpointConfig.list(), client.V1Alpha1Model.list()
    )
    return unshared(obj, endpoints, configs, models)
