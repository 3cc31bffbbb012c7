"""Objects as somebody might write them who wants the operator to stop: nearly right, and wrong somewhere."""

import copy
import json
from collections.abc import Callable
from typing import Any

from hypothesis import strategies as st

from mlendpoints.api import labels
from mlendpoints.edge.kube import kinds
from tests.edge.objects import (
    NAMESPACE,
    Object,
    a_config,
    a_model,
    a_model_instance,
    a_pod,
    a_slice,
    an_endpoint,
    an_mlmodel,
    an_object,
)

HOSTILE = "hostile"
NAMES = ("a", "b", "c")
UIDS = tuple(f"uid-{name}" for name in NAMES)
OTHERS = ("uid-ep", "uid-rfc-1", "uid-mlm")  # what another namespace has
DEEP = 3000  # levels, more than Python's recursion limit


def an_owner(uid: str) -> Object:
    return {"apiVersion": "v1", "kind": "Any", "name": "any", "uid": uid, "controller": True}


def _config_instance() -> Object:
    instance = {"endpoint": "a", "config": "cfg", "version": "1"}
    return an_object("a", spec={"models": [{"name": "v0", "model": "rfc"}], "instance": instance})


_ROUTES = {"hosts": ["a.example.com", "a.example.com"], "servers": [{"hosts": ["x/a.example.com"]}]}

Good = dict[str, tuple[Callable[[], Object], ...]]

GOOD: Good = {
    kinds.ENDPOINT.name: (an_endpoint,),
    kinds.CONFIG.name: (lambda: a_config("a", "a", "b"), _config_instance),
    kinds.MODEL.name: (a_model, a_model_instance),
    kinds.MLMODEL.name: (an_mlmodel,),
    kinds.VIRTUAL_SERVICE.name: (
        lambda: an_object("a", spec=_ROUTES),
        lambda: an_object("a", metadata={"labels": {}}, spec=_ROUTES),
    ),
    kinds.GATEWAY.name: (lambda: an_object("a", metadata={"labels": {}}, spec=_ROUTES),),
    kinds.DESTINATION_RULE.name: (lambda: an_object("a"),),
    kinds.NETWORK_POLICY.name: (lambda: an_object("a"),),
    kinds.POD_MONITOR.name: (lambda: an_object("a"),),
    kinds.SERVICE.name: (lambda: an_object("a"),),
    kinds.DEPLOYMENT.name: (lambda: an_object("a", spec={"replicas": 1}, status={"conditions": []}),),
    kinds.JOB.name: (lambda: an_object("a", status={"conditions": [{"type": "Failed", "status": "True"}]}),),
    kinds.CLAIM.name: (lambda: an_object("a", status={"phase": "Bound"}),),
    kinds.VOLUME.name: (lambda: an_object("a", spec={"claimRef": {"namespace": NAMESPACE}}),),
    kinds.SLICE.name: (lambda: a_slice("a", pods={"a": True}),),
    kinds.POD.name: (lambda: a_pod("a", status={"containerStatuses": [{"name": "model", "state": {}}]}),),
    kinds.GATEWAY_SERVICE.name: (lambda: an_object("a", spec={"ports": [{"name": "http2", "port": 80}]}),),
    kinds.GATEWAY_SLICE.name: (lambda: a_slice("a"),),
}

SCALARS = st.sampled_from(
    ["", "a", "a/b/c", "\x00", "\u202e", "\U0001f600", "x" * 100_000, -1, 0, 1, 2**63, 10**30, 1.5, None, True]
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from([*NAMES, "name", "uid"]), inner),
    max_leaves=5,
)


def places(value: object, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """All paths below a value."""
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [found for key, inner in items for found in ((*path, key), *places(inner, (*path, key)))]


def _at(obj: Object, path: tuple[Any, ...]) -> Any:  # noqa: ANN401 - whatever is there
    for key in path:
        obj = obj[key]
    return obj


@st.composite
def objects(
    draw: st.DrawFn,
    kind: str,
    *,
    namespace: str = HOSTILE,
    good: Good = GOOD,
    finish: Callable[[Object], Object] = lambda obj: obj,
) -> bytes:
    """One object of a kind as JSON, of the hostile namespace: one of the ``good`` ones, spoiled, then finished."""
    obj = copy.deepcopy(draw(st.sampled_from(good[kind]))())
    owners = draw(st.lists(st.sampled_from([*UIDS, *OTHERS]), max_size=2))
    name = draw(st.sampled_from(NAMES))
    whose = {"namespace": namespace, "name": name, "uid": f"uid-{name}"}
    obj["metadata"] |= {**whose, "ownerReferences": [an_owner(uid) for uid in owners]}
    if draw(st.booleans()):
        fields = {"f:metadata": draw(VALUES), "f:spec": draw(VALUES)}
        obj["metadata"]["managedFields"] = [{"manager": labels.MANAGER, "fieldsV1": fields, "time": draw(SCALARS)}]
    for _ in range(draw(st.integers(0, 3))):
        _spoil(draw, obj)
    raw = json.dumps(finish(obj)).encode()
    if draw(st.integers(0, 9)) == 0:
        raw = raw.removesuffix(b"}") + b',"deep":' + b'{"a":[' * DEEP + b"]}" * DEEP + b"}"
    return raw


def _spoil(draw: st.DrawFn, obj: Object) -> None:
    """Anything but the namespace, in which the API server has put it, and the version that it has given it."""
    kept = [("metadata",), ("metadata", "namespace"), ("metadata", "resourceVersion")]
    path = draw(st.sampled_from([place for place in places(obj) if place not in kept]))
    parent = _at(obj, path[:-1])
    match draw(st.sampled_from(["drop", "replace", "repeat"])):
        case "drop":
            del parent[path[-1]]
        case "repeat" if isinstance(parent, list):
            parent.append(parent[path[-1]])
        case _:
            parent[path[-1]] = draw(VALUES)


def events() -> st.SearchStrategy[tuple[str, str, bytes]]:
    """What a watch may bring: kind, type of the event, object."""
    return st.sampled_from(sorted(GOOD)).flatmap(
        lambda kind: st.tuples(
            st.just(kind), st.sampled_from(["ADDED", "MODIFIED", "MODIFIED", "DELETED"]), objects(kind)
        )
    )
