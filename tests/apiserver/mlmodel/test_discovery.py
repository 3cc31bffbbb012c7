"""How Prometheus finds the pods, with the Prometheus operator's own CRD, and the rights that the chart grants."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from functools import partial
from pathlib import Path

import pytest

from mlendpoints.api.policy import OPERATOR
from mlendpoints.edge.kube.kinds import CONFIG, ENDPOINT, MLMODEL, MODEL, POD_MONITOR, SERVICE
from mlendpoints.edge.observe.reflector import Timeouts
from tests.apiserver.mlmodel.rig import Rig, Scenario, a_spec, play
from tests.kit.client import Client, Object, connected
from tests.kit.prometheus_operator import pod_monitor_crd
from tests.kit.waiting import poll_until

QUICKLY = Timeouts(absent_retry=0.1)
NAMES = ("shop-metrics", "titanic-monitor")  # of the endpoint, of the MLModel
_CRDS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
_CRD = f"{_CRDS}/podmonitors.monitoring.coreos.com"
_ROLE = "/apis/rbac.authorization.k8s.io/v1/clusterroles/mlendpoints-operator"
_MERGE = "application/merge-patch+json"

Play = Callable[[Scenario], None]


@pytest.fixture
def stage(workloads_kubeconfig: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Play]:
    """Plays a scenario with an operator that soon sees which kinds there are, at first without PodMonitors."""
    asyncio.run(_as_administrator(workloads_kubeconfig, remove))
    yield partial(play, workloads_kubeconfig, monkeypatch, timeouts=QUICKLY)
    asyncio.run(_as_administrator(workloads_kubeconfig, remove))


async def _as_administrator(kubeconfig: Path, step: Callable[[Client], Awaitable[None]]) -> None:
    async with connected(kubeconfig) as client:
        await step(client)


async def install(client: Client) -> None:
    """Installs the CRD."""
    await client.apply(_CRD, pod_monitor_crd())

    async def served() -> bool:
        await client.items(POD_MONITOR.path())
        return True

    await poll_until(served, "PodMonitors are served")


async def remove(client: Client) -> None:
    """Removes it, and all objects with it."""
    await client.settle("DELETE", _CRD, body=None)
    await poll_until(lambda: client.is_gone(_CRD), "the CRD is gone")


async def create_both(rig: Rig) -> None:
    """An endpoint and an MLModel."""
    await rig.create(MLMODEL, "titanic", a_spec(artifact=""))
    await rig.create(MODEL, "rfc", {"image": "model:1"})
    await rig.create(CONFIG, "shop", {"models": [{"name": "blue", "model": "rfc"}]})
    await rig.create(ENDPOINT, "shop", {"config": "shop", "host": f"shop.{rig.namespace}.example.com"})


async def annotated(rig: Rig) -> list[str]:
    """The Services that say that they are to be scraped."""
    services = await rig.client.items(SERVICE.path(rig.namespace))
    found = (service["metadata"] for service in services)
    return sorted(meta["name"] for meta in found if meta.get("annotations", {}).get("prometheus.io/scrape") == "true")


async def until_annotated(rig: Rig) -> None:
    async def are() -> bool:
        return await annotated(rig) == [*NAMES]

    await rig.eventually(are, "Services are annotated", last=partial(annotated, rig))


async def until_monitored(rig: Rig) -> None:
    async def are() -> bool:
        return await rig.names(POD_MONITOR) == [*NAMES] and await annotated(rig) == []

    await rig.eventually(are, "there are PodMonitors instead", last=partial(annotated, rig))


async def all_created(rig: Rig) -> bool:
    return rig.writes().get(("create", "Service"), 0) >= 4


def scrape_of(monitor: Object) -> Object:
    (found,) = monitor["spec"]["podMetricsEndpoints"]
    return dict(found)


def test_the_kind_comes_and_goes_while_the_operator_works(stage: Play) -> None:
    async def scenario(rig: Rig) -> None:
        await create_both(rig)
        await until_annotated(rig)
        for _ in range(2):
            await install(rig.client)
            await until_monitored(rig)
            await remove(rig.client)
            await until_annotated(rig)
        await rig.until("Ready", monitoringUrl=f"http://titanic-monitor.{rig.namespace}.svc:9090/metrics")

    stage(scenario)


def test_no_service_is_ever_annotated_where_the_kind_is_installed(stage: Play, workloads_kubeconfig: Path) -> None:
    asyncio.run(_as_administrator(workloads_kubeconfig, install))

    async def scenario(rig: Rig) -> None:
        await create_both(rig)
        await until_monitored(rig)
        await rig.eventually(partial(all_created, rig), "all Services are created")
        assert {write: n for write, n in rig.writes().items() if write[1] in ("PodMonitor", "Service")} == {
            ("create", "PodMonitor"): 2,
            ("create", "Service"): 4,  # of the model instance and the MLModel, and of the metrics of both
        }

    stage(scenario)


def test_an_edited_one_is_repaired_and_a_deleted_one_is_re_created(stage: Play, workloads_kubeconfig: Path) -> None:
    asyncio.run(_as_administrator(workloads_kubeconfig, install))

    async def scenario(rig: Rig) -> None:
        await create_both(rig)
        await until_monitored(rig)
        made = {name: scrape_of(await rig.get(POD_MONITOR, name)) for name in NAMES}

        async def is_repaired(name: str) -> bool:
            return scrape_of(await rig.get(POD_MONITOR, name)) == made[name]

        for name in NAMES:
            path = POD_MONITOR.path(rig.namespace, name)
            edit = {"spec": {"podMetricsEndpoints": [{"port": "http", "honorLabels": True}]}}
            await rig.client.ask("PATCH", path, body=edit, media=_MERGE)
            await rig.eventually(partial(is_repaired, name), f"{name} is repaired")
            await rig.delete(POD_MONITOR, name)
            await rig.eventually(partial(is_repaired, name), f"{name} is re-created")

    stage(scenario)


def test_a_tenants_object_of_that_name_stays_theirs_and_holds_up_nothing(
    stage: Play, workloads_kubeconfig: Path
) -> None:
    asyncio.run(_as_administrator(workloads_kubeconfig, install))
    theirs = {"selector": {"matchLabels": {"app": "theirs"}}, "podMetricsEndpoints": [{"port": "theirs"}]}

    async def scenario(rig: Rig) -> None:
        await rig.create(POD_MONITOR, "titanic-monitor", theirs)
        await create_both(rig)
        status = await rig.until("Ready")

        assert "It has no PodMonitor: PodMonitor titanic-monitor already exists" in status["message"]
        assert (await rig.get(POD_MONITOR, "titanic-monitor"))["spec"] == theirs
        await rig.delete(POD_MONITOR, "titanic-monitor")
        await until_monitored(rig)
        await rig.until("Ready", message="1 pod ready.")

    stage(scenario)


async def grant(client: Client, verbs: list[str]) -> None:
    """Gives the operator these rights of PodMonitors alone, and waits until they are in force."""
    role: Object = {"rules": [rule for rule in await _rules(client) if "podmonitors" not in rule["resources"]]}
    extra = {"apiGroups": ["monitoring.coreos.com"], "resources": ["podmonitors"], "verbs": verbs}
    rules = [*role["rules"], *([extra] if verbs else [])]
    await client.ask("PATCH", _ROLE, body={"rules": rules}, media=_MERGE)
    for verb in ("list", "create"):
        await poll_until(partial(_may, client, verb, expected=verb in verbs), f"the rights are {verbs}")


async def _rules(client: Client) -> list[Object]:
    (role,) = [
        each
        for each in await client.items(_ROLE.rpartition("/")[0])
        if each["metadata"]["name"] == "mlendpoints-operator"
    ]
    return list(role["rules"])


async def _may(client: Client, verb: str, *, expected: bool) -> bool:
    attributes = {"verb": verb, "group": "monitoring.coreos.com", "resource": "podmonitors", "namespace": "default"}
    review = {
        "apiVersion": "authorization.k8s.io/v1",
        "kind": "SubjectAccessReview",
        "spec": {"resourceAttributes": attributes, "user": OPERATOR},
    }
    answer = await client.ask("POST", "/apis/authorization.k8s.io/v1/subjectaccessreviews", body=review)
    return (b'"allowed":true' in answer) is expected


@pytest.fixture
def rights(workloads_kubeconfig: Path) -> Iterator[Callable[[list[str]], None]]:
    """Limits what the operator may do with PodMonitors."""

    def limit(verbs: list[str]) -> None:
        asyncio.run(_as_administrator(workloads_kubeconfig, lambda client: grant(client, verbs)))

    yield limit
    limit(["get", "list", "watch", "create", "patch", "delete"])


def test_without_any_right_to_the_kind_it_is_as_if_it_were_not_installed(
    stage: Play, workloads_kubeconfig: Path, rights: Callable[[list[str]], None]
) -> None:
    asyncio.run(_as_administrator(workloads_kubeconfig, install))
    rights([])

    async def scenario(rig: Rig) -> None:
        await create_both(rig)
        await until_annotated(rig)
        await rig.until("Ready", message="1 pod ready.")

    stage(scenario)


def test_a_forbidden_write_is_reported_and_holds_up_nothing(
    stage: Play, workloads_kubeconfig: Path, rights: Callable[[list[str]], None]
) -> None:
    asyncio.run(_as_administrator(workloads_kubeconfig, install))
    rights(["list", "watch"])

    async def scenario(rig: Rig) -> None:
        await create_both(rig)
        status = await rig.until("Ready")
        assert "It has no PodMonitor: podmonitors.monitoring.coreos.com is forbidden" in status["message"]
        assert await annotated(rig) == []

    stage(scenario)
