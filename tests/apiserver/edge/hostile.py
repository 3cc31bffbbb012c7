"""Hostile objects that a real API server stores: good ones of each kind that a tenant may write, spoiled at random."""

import itertools
from collections.abc import Callable, Iterator
from functools import partial

from hypothesis import HealthCheck, Phase, given, settings

from mlendpoints.edge.kube import kinds
from mlendpoints.edge.kube.kinds import KINDS
from tests.edge import hostile
from tests.edge.hostile import Good
from tests.edge.objects import Object, a_config, a_model, an_endpoint, an_mlmodel, an_object

_CONTAINERS = [{"name": "model", "image": "model:1"}]
_SELECTOR = {"matchLabels": {"app": "a"}}
_TEMPLATE = {"metadata": {"labels": {"app": "a"}}, "spec": {"containers": _CONTAINERS}}
_ONCE = {"metadata": {}, "spec": {"containers": _CONTAINERS, "restartPolicy": "Never"}}
_TWICE = ["a.example.com", "a.example.com"]
_SERVER = {"hosts": _TWICE, "port": {"number": 80, "name": "http", "protocol": "HTTP"}}
_ROUTE = {"name": "a", "match": [{"uri": {"exact": "/a"}}], "route": [{"destination": {"host": "a"}}]}
_SPECS: dict[str, Object] = {
    kinds.VIRTUAL_SERVICE.name: {"hosts": _TWICE, "gateways": ["a", "b/c", "a.b.svc"], "http": [_ROUTE]},
    kinds.GATEWAY.name: {"selector": {"istio": "ingressgateway"}, "servers": [_SERVER, _SERVER]},
    kinds.DESTINATION_RULE.name: {"host": "a"},
    kinds.SERVICE.name: {"ports": [{"name": "http", "port": 80}], "selector": {"app": "a"}},
    kinds.DEPLOYMENT.name: {"replicas": 1, "selector": _SELECTOR, "template": _TEMPLATE},
    kinds.JOB.name: {"template": _ONCE},
    kinds.CLAIM.name: {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}},
    kinds.POD.name: {"containers": _CONTAINERS, "volumes": [{"name": "v", "emptyDir": {}}]},
}


def _slice() -> Object:
    endpoints = [{"addresses": ["10.0.0.1"], "targetRef": {"kind": "Pod", "name": "a"}}]
    return an_object("a", endpoints=endpoints) | {"addressType": "IPv4"}


def _to_create(kind: str, make: Callable[[], Object]) -> Object:
    obj = make()
    obj["metadata"].pop("resourceVersion")
    return {"apiVersion": KINDS[kind].api_version, "kind": kind, **obj}


_MAKERS: dict[str, Callable[[], Object]] = {
    kinds.ENDPOINT.name: an_endpoint,
    kinds.CONFIG.name: lambda: a_config("a", "a", "b"),
    kinds.MODEL.name: a_model,
    kinds.MLMODEL.name: an_mlmodel,
    kinds.SLICE.name: _slice,
    **{kind: partial(an_object, "a", spec=spec) for kind, spec in _SPECS.items()},
}
STORED: Good = {kind: (partial(_to_create, kind, make),) for kind, make in _MAKERS.items()}
_numbers = itertools.count()


def _storable(kind: str, obj: Object) -> Object:
    """What would only be rejected is as it should be.

    A Service without a name is worse: the API server tries all addresses of its network before it says so.
    """
    obj["metadata"] |= {"name": f"h-{next(_numbers)}"}
    obj["metadata"].pop("managedFields", None)
    return obj | {"apiVersion": KINDS[kind].api_version, "kind": kind}


def hostile_objects(namespace: str, count: int) -> Iterator[tuple[str, bytes]]:
    """Kinds and bodies, of all kinds in turn; the same in each run but for the namespace."""
    of_each = {kind: _generated(kind, namespace, -(-count // len(STORED))) for kind in STORED}
    return (
        (kind, raw) for batch in zip(*of_each.values(), strict=False) for kind, raw in zip(of_each, batch, strict=True)
    )


def _generated(kind: str, namespace: str, count: int) -> list[bytes]:
    found: list[bytes] = []

    @settings(
        max_examples=count,
        phases=[Phase.generate],
        database=None,
        derandomize=True,
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(raw=hostile.objects(kind, namespace=namespace, good=STORED, finish=partial(_storable, kind)))
    def collect(raw: bytes) -> None:
        found.append(raw)

    collect()
    return found
