"""The verb doctor: what endpoints need of a cluster, each with a way to fix it."""

from typing import TYPE_CHECKING, Annotated

import typer

from mlendpoints.cli.errors import FAILED
from mlendpoints.cli.options import verb
from mlendpoints.cli.output import document, write
from mlendpoints.cli.session import Session

if TYPE_CHECKING:
    from mlendpoints.cli.diagnosis import Check, Read
    from mlendpoints.cli.progress import Progress
    from mlendpoints.client.asynchronous import AsyncMLOpsClient

GATEWAY = "istio-ingress/istio-ingressgateway"
_RIGHTS = (("list", "machinelearningendpoints"), ("create", "machinelearningendpoints"), ("list", "pods"))
_SELECTOR = "app.kubernetes.io/name=mlendpoints,app.kubernetes.io/component=operator"  # the chart's
_DEPLOYMENTS = f"/apis/apps/v1/deployments?labelSelector={_SELECTOR}"


def add(app: typer.Typer) -> None:
    """Adds the verb."""
    verb(app, "doctor", examples=("mlendpoints doctor", "mlendpoints doctor -n titanic"))(doctor)


def doctor(
    session: Session,
    *,
    gateway: Annotated[str, typer.Option("--gateway", help="The gateway's Service: NAMESPACE/NAME.")] = GATEWAY,
) -> None:
    """Checks what endpoints need: Kubernetes, CRDs, operator, Istio, gateway, rights, storage, Prometheus.

    What is wrong comes with a way to fix it, and ends with exit code 1. Nothing is changed; rights are checked by
    reviews, which the API server does not store.
    """

    async def work(client: "AsyncMLOpsClient", _progress: "Progress") -> "list[Check]":
        return await checks(client, gateway)

    found = session.run(work, doing="Checking the cluster")
    if session.output in ("json", "yaml"):
        items = [{"verdict": check.verdict, "text": check.text, "fix": check.fix} for check in found]
        write(document(items, session.output))
    else:
        write([line for check in found for line in check.lines()])
    if any(check.verdict == "failed" for check in found):
        raise typer.Exit(FAILED)


async def checks(client: "AsyncMLOpsClient", gateway: str) -> "list[Check]":
    """All checks, in the order in which to fix what is wrong; of an API server that does not respond, the error."""
    import asyncio

    from mlendpoints.api.crd import KINDS
    from mlendpoints.cli import diagnosis

    version = await client.cluster.read("/version", kind="Version")
    namespace, _, name = gateway.partition("/")
    crds = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
    paths = (
        *(f"{crds}/{names.plural}.mlendpoints.dev" for names in KINDS.values()),
        _DEPLOYMENTS,
        "/apis/networking.istio.io",
        f"/api/v1/namespaces/{namespace}/services/{name}",
        "/apis/storage.k8s.io/v1/storageclasses",
        "/apis/monitoring.coreos.com",
    )
    *kinds, operator, istio, service, classes, monitoring = await asyncio.gather(*(_read(client, p) for p in paths))
    reviews = await asyncio.gather(*(_may(client, verb_, resource) for verb_, resource in _RIGHTS))
    return [
        diagnosis.check_kubernetes(version),
        *(diagnosis.check_crd(kind, crd) for kind, crd in zip(KINDS, kinds, strict=True)),
        diagnosis.check_operator(operator),
        diagnosis.check_istio(istio),
        diagnosis.check_gateway(gateway, service),
        *(
            diagnosis.check_right(verb_, resource, client.namespace, review)
            for (verb_, resource), review in zip(_RIGHTS, reviews, strict=True)
        ),
        diagnosis.check_storage(classes),
        diagnosis.check_prometheus(monitoring),
    ]


async def _read(client: "AsyncMLOpsClient", path: str) -> "Read":
    from mlendpoints.client.errors import ClientError

    try:
        return await client.cluster.read(path, kind="object")
    except ClientError as error:
        return str(error)


async def _may(client: "AsyncMLOpsClient", verb_: str, resource: str) -> "Read":
    from mlendpoints.client.errors import ClientError

    try:
        return await client.cluster.review(verb_, resource)
    except ClientError as error:
        return str(error)
