"""Who is asked whether a route is in force: every gateway pod that serves at that moment."""

import re
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from mlendpoints.edge.kube.kinds import DEPLOYMENT, POD
from tests.e2e.namespace import Namespace, condition_of
from tests.e2e.updates.rig import Rig
from tests.e2e.updates.trial import Trial, a_trial
from tests.kit.waiting import wait_until

RATE = 10.0  # requests a second


@pytest.mark.side_by_side
def test_a_gateway_pod_that_lags_is_named_until_it_has_caught_up(rig: Rig) -> None:
    with a_trial(rig.namespace, "lagging") as trial:
        trial.make({"blue": (1, 1), "green": (1, 1)})
        with rig.lag() as lagging:
            trial.set_config({"blue": (1, 1), "green": (3, 1)})
            told = rig.namespace.until_condition(trial.name, "RoutesProgrammed", "False", reason="RouteNotProgrammed")
        message = condition_of(told, "RoutesProgrammed")["message"]
        assert [gateway.pod for gateway in rig.gateways if gateway.pod in message] == [lagging.pod]
        assert condition_of(told, "Available")["status"] == "True"
        trial.until_ready()


@pytest.mark.side_by_side
def test_routes_are_proven_by_time_where_gateways_cannot_be_asked(rig: Rig) -> None:
    trial = Trial(rig.make_namespace(), "timed")
    with rig.operator(trial.namespace) as operator:
        operator.start(proof="timed")
        trial.make({"blue": (1, 1)})
        with rig.load(trial.host, rate=RATE) as load:
            told = trial.swap("blue", answer="new")
        trial.leave()
    assert "assumed after the propagation delay" in condition_of(told, "RoutesProgrammed")["message"]
    assert load.lost == []
    assert {record.text for record in load.records} == {"blue", "new"}


def test_a_fleet_that_grows_and_shrinks_and_loses_a_pod_is_asked_as_it_is(alone: Rig) -> None:
    trial, fleet = Trial(alone.namespace, "fleet"), Fleet(alone)
    trial.make({"blue": (1, 1)})
    known = trial.instances()
    with fleet.as_before():
        trial.set_model("blue", answer="new")
        newcomer = trial.newcomer(known)
        with trial.hidden(newcomer):
            first = fleet.until_told(trial)
            fleet.scale(len(first) + 1)
            grown = fleet.until_told(trial)
            assert first < grown
            fleet.lose(min(first))
            assert min(first) not in fleet.until_told(trial)
            fleet.scale(len(first))
            fleet.until_told(trial)
        trial.until_ready()
        assert {gateway.pod for gateway in alone.gateways} == fleet.pods()
        assert {gateway.invoke(trial.host).text for gateway in alone.gateways} == {"new"}
    trial.leave()


class Fleet:
    """The gateway's pods."""

    def __init__(self, rig: Rig) -> None:
        namespace, _, self._name = rig.service.partition("/")
        self._home = Namespace(rig.server, namespace)
        self._wanted = self._replicas()

    def scale(self, replicas: int) -> None:
        """Waits until so many are ready, and no others are left."""
        self._wanted = replicas
        self._home.edit(DEPLOYMENT, self._name, {"replicas": replicas})
        self._until_settled()

    def lose(self, pod: str) -> None:
        """Deletes one, and waits until another one is ready."""
        self._home.delete(POD, pod)
        self._home.until_gone(POD, pod)
        self._until_settled()

    def pods(self) -> set[str]:
        """Names of all pods, ready or not."""
        found = (pod["metadata"]["name"] for pod in self._home.all(POD))
        return {name for name in found if name.startswith(self._name)}

    def until_told(self, trial: Trial) -> set[str]:
        """Waits until the endpoint names exactly the pods that there are, none of which knows the new version."""

        def told() -> str:
            endpoint = trial.namespace.until_condition(
                trial.name, "RoutesProgrammed", "False", reason="RouteNotProgrammed"
            )
            return str(condition_of(endpoint, "RoutesProgrammed")["message"])

        def are_all_told() -> bool:
            return set(re.findall("([a-z0-9-]+), probed with ", told())) == self.pods()

        wait_until(are_all_told, "exactly the gateway's pods are named", last=lambda: f"{told()} {self.pods()}")
        return self.pods()

    @contextmanager
    def as_before(self) -> Iterator[None]:
        """Leaves as many as there were."""
        replicas = self._wanted
        try:
            yield
        finally:
            self.scale(replicas)

    def _replicas(self) -> int:
        return int(self._home.get(DEPLOYMENT, self._name)["spec"]["replicas"])

    def _until_settled(self) -> None:
        wait_until(self._is_settled, f"the gateway has {self._wanted} pods", last=self.pods)

    def _is_settled(self) -> bool:
        ready = self._home.get(DEPLOYMENT, self._name)["status"].get("readyReplicas", 0)
        return bool(ready == self._wanted == len(self.pods()))
