"""Kinds that may be absent: their CRD comes and goes while an operator is at work."""

from collections.abc import Iterator
from functools import partial

import pytest
from msgspec.structs import replace

from mlendpoints.api import labels
from mlendpoints.api.meta import API_VERSION
from mlendpoints.core.plan import Plan
from mlendpoints.core.world import Ref, World
from mlendpoints.edge.kube.client import Api
from mlendpoints.edge.kube.kinds import ENDPOINT, POD_MONITOR
from mlendpoints.edge.metrics import Metrics
from mlendpoints.edge.observe.reflector import Timeouts
from tests.apiserver.edge.conftest import Connect
from tests.apiserver.edge.objects import Object, an_endpoint, controlled_by, created
from tests.apiserver.edge.test_operator import play, reported
from tests.kit.running_operator import PLANS, RunningOperator, running_operator
from tests.kit.sync_client import SyncClient
from tests.kit.waiting import until, wait_until

QUICKLY = Timeouts(absent_retry=0.1)
_CRDS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
_CRD = f"{_CRDS}/podmonitors.monitoring.coreos.com"
_SCHEMA = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
DEFINITION: Object = {
    "apiVersion": "apiextensions.k8s.io/v1",
    "kind": "CustomResourceDefinition",
    "metadata": {"name": "podmonitors.monitoring.coreos.com"},
    "spec": {
        "group": "monitoring.coreos.com",
        "scope": "Namespaced",
        "names": {
            "kind": "PodMonitor",
            "plural": "podmonitors",
            "singular": "podmonitor",
            "listKind": "PodMonitorList",
        },
        "versions": [{"name": "v1", "served": True, "storage": True, "schema": {"openAPIV3Schema": _SCHEMA}}],
    },
}


class Installer:
    """Whoever installs the Prometheus operator, and takes it away again."""

    def __init__(self, server: SyncClient) -> None:
        self._server = server

    async def install(self) -> None:
        self._server.ask("POST", _CRDS, body=DEFINITION).raise_for_status()
        await until(lambda: self._server.ask("GET", "/apis/monitoring.coreos.com/v1/podmonitors").is_success)

    async def remove(self) -> None:
        self._server.ask("DELETE", _CRD).raise_for_status()
        await until(lambda: self._server.ask("GET", _CRD).status_code == 404)

    def create(self, namespace: str, owner: Object) -> None:
        """One that the operator would have written."""
        metadata = {
            "name": "ep",
            "labels": {labels.MANAGED_BY: labels.MANAGER},
            "ownerReferences": [controlled_by({"apiVersion": API_VERSION, **owner})],
        }
        body = {"apiVersion": POD_MONITOR.api_version, "kind": POD_MONITOR.name, "metadata": metadata, "spec": {}}
        self._server.ask("POST", POD_MONITOR.path(namespace), body=body).raise_for_status()


@pytest.fixture
def installer(server: SyncClient) -> Iterator[Installer]:
    server.ask("DELETE", _CRD)
    wait_until(lambda: server.ask("GET", _CRD).status_code == 404, "the kind is not installed")
    yield Installer(server)
    server.ask("DELETE", _CRD)


def tell(world: World) -> Plan:
    """In its url each endpoint says whether PodMonitors are installed, and whether it has one."""
    name = world.endpoint.metadata.name
    found = Ref(POD_MONITOR.name, world.endpoint.metadata.namespace, name) in world.children
    installed = "installed" if POD_MONITOR.name in world.installed else "absent"
    return Plan(status=reported(world, f"{installed}, {'has one' if found else 'has none'}"))


def says(operator: RunningOperator, name: str, words: str) -> bool:
    return operator.url(name) == words


def is_ready(operator: RunningOperator) -> bool:
    return operator.operator.pages()["/readyz"]().code == 200


def test_an_optional_kind_is_watched_as_long_as_it_is_installed(
    connect: Connect, namespace: str, installer: Installer
) -> None:
    async def others_are_reconciled(api: Api, operator: RunningOperator, name: str, words: str) -> None:
        await api.create(ENDPOINT, an_endpoint(namespace, name))
        await until(partial(says, operator, name, words))
        assert is_ready(operator)

    async def scenario(api: Api) -> None:
        metrics = Metrics()
        plans = replace(PLANS, endpoint=tell)
        at_work = running_operator(connect(metrics), metrics, namespace, plans=plans, timeouts=QUICKLY)
        async with at_work as operator:
            endpoint = await created(api, an_endpoint(namespace))
            await until(partial(says, operator, "ep", "absent, has none"))
            assert is_ready(operator)
            for round_ in range(2):
                await installer.install()
                await until(partial(says, operator, "ep", "installed, has none"))
                installer.create(namespace, endpoint)
                await until(partial(says, operator, "ep", "installed, has one"))
                await others_are_reconciled(api, operator, f"while-{round_}", "installed, has none")
                await installer.remove()
                await until(partial(says, operator, "ep", "absent, has none"))
                await others_are_reconciled(api, operator, f"without-{round_}", "absent, has none")

    play(connect, scenario)
