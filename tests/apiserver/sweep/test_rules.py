"""The rules that no seeded bug of the short form breaks, each held against a record made by hand."""

import time
from typing import cast

from bench.client import Client, Object
from mlendpoints.api.labels import PROXY_PING_PATH
from mlendpoints.core.manifests.virtualservice import make_virtual_service
from mlendpoints.core.routes import make_routes
from mlendpoints.core.world import Destination, Ref
from mlendpoints.edge import kinds
from mlendpoints.edge.kinds import Kind
from tests import gen
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
        self.record = Record(gen.NAMESPACE)
        self.calls: list[Call] = []

    def put(self, kind: Kind, name: str, *, type_: str = "ADDED", by: str = "", **content: object) -> None:
        revision = len(self.record.changes) + 1
        metadata = {"name": name, "namespace": gen.NAMESPACE, "uid": f"uid-of-{name}"}
        ref = Ref(kind.name, gen.NAMESPACE, name)
        obj: Object = {"metadata": metadata, "spec": {}, **content}
        self.record.take(Change(revision, type_, ref, obj, float(revision)))
        if by:
            self.calls.append(Call(by, kind.name, name, "", revision - 0.5, 200, revision))

    def broken(self) -> list[str]:
        nobody, nothing = cast("Client", None), cast("Workloads", None)
        user = User(client=nobody, record=self.record, workloads=nothing, clock=Clock())
        path = f"/.well-known/mlendpoints/ping/{INSTANCE}"
        answers = [Answer(pod, path, 200, 0, 0.0) for pod in LAGS]
        return [violation.rule for violation in judge(Evidence(self.record, self.calls, answers, user))]


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
    return make_virtual_service(gen.an_endpoint(), made, ping_paths=paths, settings=gen.some_settings())["spec"]


def test_an_endpoint_that_serves_breaks_no_rule() -> None:
    assert an_endpoint_that_serves().broken() == []


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
