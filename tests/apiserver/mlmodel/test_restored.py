"""A backup that is restored onto another cluster: names, labels and annotations come back, uids and owners do not."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from mlendpoints.api.labels import MANAGED_BY
from mlendpoints.core.drift import stamped
from mlendpoints.core.manifests.gateway import make_gateway
from mlendpoints.core.manifests.monitoring import make_monitoring_service
from mlendpoints.edge.kube.kinds import CLAIM, CONFIG, DEPLOYMENT, ENDPOINT, GATEWAY, JOB, MLMODEL, MODEL, SERVICE, Kind
from tests.apiserver.mlmodel.rig import Rig, a_spec, operating
from tests.kit import builders
from tests.kit.client import Object

_GIVEN = ("clusterIP", "clusterIPs", "volumeName")  # by the other cluster
_HEADLESS = ("None", ["None"])
_ASSIGNED = ("controller-uid", "batch.kubernetes.io/controller-uid", "job-name", "batch.kubernetes.io/job-name")


def as_restored(obj: Object) -> Object:
    """What Velero keeps of an object."""
    metadata = {key: value for key, value in obj["metadata"].items() if key in ("name", "labels", "annotations")}
    spec = {key: value for key, value in obj["spec"].items() if key not in _GIVEN or value in _HEADLESS}
    if "completions" in spec:
        spec = {key: value for key, value in spec.items() if key != "selector"}
        template = spec["template"]["metadata"]
        template["labels"] = {key: value for key, value in template["labels"].items() if key not in _ASSIGNED}
    return {"apiVersion": obj["apiVersion"], "kind": obj["kind"], "metadata": metadata, "spec": spec}


async def restore(rig: Rig, kind: Kind, obj: Object) -> None:
    await rig.client.create(
        kind.path(rig.namespace), as_restored({"apiVersion": kind.api_version, "kind": kind.name} | obj)
    )


async def backed_up(rig: Rig) -> AsyncIterator[tuple[Kind, Object]]:
    for kind in (CLAIM, JOB, SERVICE, DEPLOYMENT, MLMODEL):
        for obj in await rig.client.items(kind.path(rig.namespace)):
            yield kind, obj


def test_an_mlmodel_takes_over_what_was_restored_and_serves_without_a_gap(
    workloads_kubeconfig: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KUBECONFIG", str(workloads_kubeconfig))

    async def scenario() -> None:
        async with operating(workloads_kubeconfig) as first, operating(workloads_kubeconfig) as second:
            await first.create(MLMODEL, "titanic", a_spec())
            version = (await first.until("Ready"))["version"]
            async for kind, obj in backed_up(first):
                await restore(second, kind, obj)
            deployment = (await second.get(DEPLOYMENT))["metadata"]["uid"]
            status = await second.until("Ready")

            metadata = (await second.get(DEPLOYMENT))["metadata"]
            assert metadata["uid"] == deployment
            owner = (await second.get(MLMODEL))["metadata"]["uid"]
            assert [reference["uid"] for reference in metadata["ownerReferences"]] == [owner]
            assert status["version"] != version
            old = f"titanic-{version}"
            assert f"kubectl delete -n {second.namespace} job/{old} persistentvolumeclaim/{old}" in status["message"]
            assert not second.kubelet.fell_silent

    asyncio.run(scenario())


def test_an_endpoint_takes_over_what_was_restored_beside_its_templates(
    workloads_kubeconfig: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KUBECONFIG", str(workloads_kubeconfig))
    endpoint = builders.an_endpoint("titanic")
    settings = builders.some_settings()
    gateway = make_gateway(endpoint, settings, builders.requested_listeners(endpoint, settings))
    parts = ((GATEWAY, gateway), (SERVICE, make_monitoring_service(endpoint, scraped=True)))

    async def scenario() -> None:
        async with operating(workloads_kubeconfig) as rig:
            for kind, manifest in parts:
                await restore(rig, kind, stamped(manifest))
            await rig.create(MODEL, "titanic-rfc", {"image": "model:1"})
            await rig.create(CONFIG, "titanic", {"models": [{"name": "blue", "model": "titanic-rfc"}]})
            await rig.create(ENDPOINT, "titanic", {"config": "titanic", "host": f"{rig.namespace}.example.com"})
            owner = (await rig.get(ENDPOINT))["metadata"]["uid"]

            for kind, manifest in parts:

                async def is_owned(kind: Kind = kind, name: str = manifest["metadata"]["name"]) -> bool:
                    references = (await rig.get(kind, name))["metadata"].get("ownerReferences", [])
                    return [reference["uid"] for reference in references] == [owner]

                await rig.eventually(is_owned, f"{kind.name} has its owner")
            assert all(MANAGED_BY in manifest["metadata"]["labels"] for _, manifest in parts)

    asyncio.run(scenario())
