"""What was decided about one object is never done to another, nor to a newer version of it."""

from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path

import pytest
from msgspec import Struct
from msgspec.structs import replace

from mlendpoints.core.world import Ref
from mlendpoints.edge.kube import kinds
from mlendpoints.edge.kube.kinds import Kind
from tests.apiserver.faults.answers import Meanwhile
from tests.apiserver.faults.playing import all_of, on_stage
from tests.apiserver.faults.trial import Result, Trials, result_of
from tests.kit.client import Object
from tests.sweep.life import run
from tests.sweep.scenarios import BY_NAME, Scenario
from tests.sweep.stage import Point
from tests.sweep.user import ENDPOINT, User

Deed = Callable[[Point, Kind, str], Awaitable[None]]

MERGE = "application/merge-patch+json"
LABELS = {"app": "foreign"}
CONTAINER = {"name": "c", "image": "localhost/none"}
INIT = {"name": "model", "image": "localhost/none"}
POD: Object = {"metadata": {"labels": LABELS}, "spec": {"containers": [CONTAINER], "initContainers": [INIT]}}
FOREIGN: Mapping[str, Object] = {
    kinds.DEPLOYMENT.name: {"replicas": 0, "selector": {"matchLabels": LABELS}, "template": POD},
    kinds.VIRTUAL_SERVICE.name: {
        "hosts": ["foreign.example.com"],
        "http": [{"name": "foreign", "directResponse": {"status": 200}}],
    },
    kinds.GATEWAY.name: {
        "selector": {"example.com/gateway": "foreign"},
        "servers": [{"hosts": ["foreign.example.com"], "port": {"name": "http", "number": 80, "protocol": "HTTP"}}],
    },
}


async def replaced(point: Point, kind: Kind, name: str) -> None:
    """Somebody deletes the object and makes one of his own in its place."""
    metadata = {"name": name, "namespace": point.namespace}
    manifest = {"apiVersion": kind.api_version, "kind": kind.name, "metadata": metadata, "spec": FOREIGN[kind.name]}
    await point.user.delete(kind, name)
    await point.stage.client.create(kind.path(point.namespace), manifest)


async def edited(point: Point, kind: Kind, name: str) -> None:
    """Somebody edits the object a little."""
    body = {"metadata": {"annotations": {"example.com/edited": "yes"}}}
    await point.stage.client.ask("PATCH", kind.path(point.namespace, name), body=body, media=MERGE)


async def leave(user: User) -> None:
    await user.delete(kinds.ENDPOINT, ENDPOINT)
    await user.sees(lambda: user.get(kinds.ENDPOINT, ENDPOINT) is None, "the endpoint is gone")


SWAP, LEAVE = BY_NAME["swap"], replace(BY_NAME["delete"], act=leave)


class Case(Struct, frozen=True):
    """Before the operator's first request of a sort, somebody does something to the object that it names."""

    scenario: Scenario
    verb: str
    kind: Kind
    deed: Deed


class Done(Struct, frozen=True):
    """What came of it."""

    result: Result
    objects: Mapping[Ref, Object]
    name: str  # of the object

    def codes(self, verb: str, kind: Kind) -> list[int]:
        """What the API server said to the operator's requests about the object."""
        sort = (verb, kind.plural, self.name)
        return [call.code for call in self.result.calls if (call.verb, call.plural, call.name) == sort]

    def standing(self, kind: Kind) -> Object | None:
        return next((o for ref, o in self.objects.items() if (ref.kind, ref.name) == (kind.name, self.name)), None)


CASES = {
    "old pods are replaced": Case(SWAP, "delete", kinds.DEPLOYMENT, replaced),
    "old pods are edited": Case(SWAP, "delete", kinds.DEPLOYMENT, edited),
    "routes are edited": Case(SWAP, "get", kinds.VIRTUAL_SERVICE, edited),
    "routes of a leaving endpoint are replaced": Case(LEAVE, "delete", kinds.VIRTUAL_SERVICE, replaced),
    "the Gateway of a leaving endpoint is replaced": Case(LEAVE, "delete", kinds.GATEWAY, replaced),
}
REPLACED = [name for name, case in CASES.items() if case.deed is replaced]


async def play(trials: Trials, case: Case) -> Done:
    named: list[str] = []

    async def deed(name: str) -> None:
        named.append(name)
        await case.deed(point, case.kind, name)

    fault = Meanwhile(case.verb, case.kind.plural, deed)
    async with trials.behind(case.scenario, fault) as (point, proxy):
        fault.armed = True
        await case.scenario.act(point.user)
        await point.settled()
        return Done(result_of(point, proxy, case.scenario, ""), dict(point.record.objects), named[0])


@pytest.fixture(scope="module")
def done(collecting_kubeconfig: Path) -> Mapping[str, Done]:
    async def all_cases() -> list[Done]:
        async with on_stage(collecting_kubeconfig) as trials:
            return await all_of(play(trials, case) for case in CASES.values())

    return dict(zip(CASES, run(all_cases()), strict=True))


@pytest.mark.parametrize("case", CASES)
def test_the_invariants_hold(done: Mapping[str, Done], case: str) -> None:
    assert done[case].result.is_well, str(done[case].result)


@pytest.mark.parametrize("case", REPLACED)
def test_a_foreign_object_in_the_place_of_ours_is_not_deleted(done: Mapping[str, Done], case: str) -> None:
    kind = CASES[case].kind
    assert done[case].codes("delete", kind) == [409]
    standing = done[case].standing(kind)
    assert standing is not None
    assert "ownerReferences" not in standing["metadata"]


def test_a_newer_version_is_looked_at_again_before_it_is_deleted(done: Mapping[str, Done]) -> None:
    edit = done["old pods are edited"]
    *refused, last = edit.codes("delete", kinds.DEPLOYMENT)
    assert (set(refused), last) == ({409}, 200)
    assert edit.standing(kinds.DEPLOYMENT) is None


def test_nothing_is_deleted_by_routes_that_are_no_longer_the_observed_ones(done: Mapping[str, Done]) -> None:
    calls = [call for call in done["routes are edited"].result.calls if call.verb in ("get", "delete")]
    assert [call.verb for call in calls[:3]] == ["get", "get", "delete"]
