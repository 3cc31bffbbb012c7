"""The rules that no seeded bug of the short form breaks, each held against a record made by hand."""

import time
from math import inf
from typing import cast

from mlendpoints.api.labels import PROXY_PING_PATH, ROUTE_PATH
from mlendpoints.core.manifests.virtualservice import make_virtual_service
from mlendpoints.core.routes import make_routes
from mlendpoints.core.world import Destination, Ref
from mlendpoints.edge.kube import kinds
from mlendpoints.edge.kube.kinds import Kind
from tests.kit import builders
from tests.kit.client import Client, Object
from tests.sweep.clock import Clock
from tests.sweep.gateways import LAGS, Answer
from tests.sweep.rules import Evidence, judge
from tests.sweep.store import Change, Record
from tests.sweep.user import User
from tests.sweep.wire import Call
from tests.sweep.workloads import Workloads

INSTANCE = "forest-v1"


class History:
    """A record that grows by one revision for each object put into it."""

    def __init__(self) -> None:
        self.record = Record(builders.NAMESPACE)
        self.calls: list[Call] = []
        self.served: list[Answer] = []
        self.died: dict[str, float] = {}
        self.bugs: list[str] = []

    def put(self, kind: Kind, name: str, *, type_: str = "ADDED", by: str = "", **content: object) -> None:
        revision = len(self.record.changes) + 1
        metadata = {"name": name, "namespace": builders.NAMESPACE, "uid": f"uid-of-{name}", "generation": 1}
        ref = Ref(kind.name, builders.NAMESPACE, name)
        obj: Object = {"metadata": metadata, "spec": {}, **content}
        self.record.take(Change(revision, type_, ref, obj, float(revision)))
        if by:
            self.calls.append(Call(by, kind.name, name, "", revision - 0.5, 200, revision))

    def serve(self, port: int, pods: int) -> None:
        """Some gateway pods have served the routes at a listener, just before the newest revision."""
        at = len(self.record.changes) - 0.5
        self.served = [Answer(pod, ROUTE_PATH, 200, 0, at, port) for pod in list(LAGS)[:pods]]

    def broken(self) -> list[str]:
        nobody, nothing = cast("Client", None), cast("Workloads", None)
        user = User(client=nobody, record=self.record, workloads=nothing, clock=Clock())
        path = f"/.well-known/mlendpoints/ping/{INSTANCE}"
        answers = [Answer(pod, path, 200, 0, 0.0) for pod in LAGS]
        died = dict.fromkeys(LAGS, inf) | self.died
        evidence = Evidence(self.record, self.calls, [*answers, *self.served], user, died, self.bugs)
        return [violation.rule for violation in judge(evidence)]


def an_endpoint_that_serves() -> History:
    history = History()
    variant = {"name": "blue", "model": "forest"}
    history.put(kinds.CONFIG, "titanic", spec={"models": [variant]})
    history.put(kinds.ENDPOINT, "ep", spec={"config": "titanic", "host": "titanic.example.com"})
    history.put(kinds.MODEL, INSTANCE, spec={"instance": {"model": "forest"}})
    history.put(kinds.SERVICE, INSTANCE)
    history.put(kinds.DEPLOYMENT, INSTANCE, spec={"replicas": 1, "template": {"spec": {"image": "a"}}})
    history.put(kinds.SLICE, INSTANCE, endpoints=[{"addresses": ["10.0.0.1"]}])
    history.put(kinds.VIRTUAL_SERVICE, "ep", spec=routes())
    return history


def routes() -> object:
    destinations = [Destination(variant="blue", instance=INSTANCE, weight=1)]
    made = make_routes(destinations, [INSTANCE])
    paths = {INSTANCE: PROXY_PING_PATH}
    return make_virtual_service(builders.an_endpoint(), made, ping_paths=paths, settings=builders.some_settings())[
        "spec"
    ]


def test_an_endpoint_that_serves_breaks_no_rule() -> None:
    assert an_endpoint_that_serves().broken() == []


def listeners(*ports: int) -> object:
    return {"servers": [{"port": {"number": port}} for port in ports]}


def is_ready() -> object:
    return {"conditions": [{"type": "Ready", "status": "True", "observedGeneration": 1}]}


def test_a_door_does_not_close_before_another_is_served() -> None:
    history = an_endpoint_that_serves()
    history.put(kinds.GATEWAY, "ep", spec=listeners(80))
    history.put(kinds.GATEWAY, "ep", type_="MODIFIED", spec=listeners(443, 80))
    assert history.broken() == []
    history.put(kinds.GATEWAY, "ep", type_="MODIFIED", spec=listeners(443))
    assert history.broken() == ["listener"]
    history.serve(443, len(LAGS) - 1)
    assert history.broken() == ["listener"]
    history.serve(443, len(LAGS))
    assert history.broken() == []


def test_ready_is_not_said_before_the_asked_door_is_served() -> None:
    history = an_endpoint_that_serves()
    history.put(kinds.GATEWAY, "ep", spec=listeners(80))
    history.put(kinds.GATEWAY, "ep", type_="MODIFIED", spec=listeners(80, 443))
    https = {"config": "titanic", "host": "titanic.example.com", "tls": True}
    history.put(kinds.ENDPOINT, "ep", type_="MODIFIED", spec=https, status=is_ready())
    history.serve(80, len(LAGS))
    assert history.broken() == ["ready"]
    history.serve(443, len(LAGS))
    assert history.broken() == []


def test_a_dead_gateway_pod_is_not_waited_for() -> None:
    history = an_endpoint_that_serves()
    history.put(kinds.GATEWAY, "ep", spec=listeners(443, 80))
    history.put(kinds.GATEWAY, "ep", type_="MODIFIED", spec=listeners(443))
    history.serve(443, len(LAGS) - 1)
    assert history.broken() == ["listener"]
    history.died = dict.fromkeys(list(LAGS)[len(LAGS) - 1 :], 0.0)
    assert history.broken() == []


def test_a_decision_that_ended_with_an_exception_is_told() -> None:
    history = an_endpoint_that_serves()
    history.bugs = ["Unexpected error in reconcile; requeuing"]
    assert history.broken() == ["bug"]


def test_a_weight_needs_a_ready_pod() -> None:
    history = an_endpoint_that_serves()
    history.put(kinds.SLICE, INSTANCE, type_="MODIFIED", endpoints=[])
    assert history.broken() == ["serving"]


def test_a_weight_needs_a_service() -> None:
    history = an_endpoint_that_serves()
    history.put(kinds.SERVICE, INSTANCE, type_="DELETED", by="delete")
    assert set(history.broken()) == {"serving", "untouched"}


def test_a_serving_deployment_is_not_scaled_to_nothing() -> None:
    history = an_endpoint_that_serves()
    scaled = {"replicas": 0, "template": {"spec": {"image": "a"}}}
    history.put(kinds.DEPLOYMENT, INSTANCE, type_="MODIFIED", by="patch", spec=scaled)
    assert history.broken() == ["untouched"]


def test_two_virtual_services_never_name_one_host() -> None:
    history = an_endpoint_that_serves()
    history.put(kinds.VIRTUAL_SERVICE, "copy", spec=routes())
    assert history.broken() == ["one-route"]


def test_a_template_is_written_by_nobody_but_its_user() -> None:
    history = an_endpoint_that_serves()
    other = {"models": [{"name": "blue", "model": "forest", "weight": 1, "instances": 2}]}
    history.put(kinds.CONFIG, "titanic", type_="MODIFIED", spec=other)
    assert history.broken() == []
    history.put(kinds.CONFIG, "titanic", type_="MODIFIED", by="patch", spec={"models": []})
    assert history.broken() == ["templates"]


def test_a_pod_template_never_changes() -> None:
    history = an_endpoint_that_serves()
    changed = {"replicas": 1, "template": {"spec": {"image": "b"}}}
    history.put(kinds.DEPLOYMENT, INSTANCE, type_="MODIFIED", by="patch", spec=changed)
    assert history.broken() == ["pods"]


def test_a_clock_that_stands_goes_on_where_it_stood_and_for_those_who_wait_for_it() -> None:
    clock = Clock()
    with clock.standing():
        before = clock()
        time.sleep(0.01)
        assert clock() == before
        with clock.going():
            time.sleep(0.01)
        stood = clock()
        assert stood > before
        time.sleep(0.01)
        assert clock() == stood
    time.sleep(0.01)
    assert clock() > stood
