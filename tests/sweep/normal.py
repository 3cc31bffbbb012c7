"""When two end states are the same: everything but identities, versions of objects, times and generated names.

Names of frozen versions hang on the endpoint's uid. Each is replaced by a hash
of what it stands for: a model instance's version by one of its spec, a config
instance's by one of its variants with their versions replaced.
"""

import hashlib
import json
import re
from collections.abc import Iterator
from typing import Any

import msgspec

from mlendpoints.api import labels
from mlendpoints.core.routes import ROUTE
from mlendpoints.core.world import Ref
from mlendpoints.edge.kube import kinds
from tests.kit.client import Object
from tests.sweep.store import Record

Picture = dict[str, Object]  # by kind and normal name

_LEFT_OUT = frozenset({kinds.EVENT.name})
_IDENTITIES = frozenset({"uid", "resourceVersion", "managedFields", "clusterIP", "clusterIPs", labels.MANIFEST_HASH})
_TIME = re.compile(r"[tT]ime$|Timestamp$")
_UNMADE = "unmade"


def picture(record: Record) -> Picture:
    """All that stands now, in normal form."""
    standing = [(ref, obj) for ref, obj in sorted(record.objects.items()) if ref.kind not in _LEFT_OUT]
    names = dict(_names(record))
    found = [(ref, _renamed(_bare(obj), names)) for ref, obj in standing]
    return {f"{ref.kind} {obj['metadata']['name']}": _canonical(ref, obj) for ref, obj in found}


def without_race(whole: Picture) -> Picture:
    """A picture without what depends on which of several edits the operator has seen."""
    return {name: _without_race(obj) for name, obj in whole.items()}


def _without_race(obj: Object) -> Object:
    match obj["kind"]:
        case kinds.ENDPOINT.name:
            return obj | {"status": obj.get("status", {}) | {"history": []}}
        case kinds.VIRTUAL_SERVICE.name:
            return obj | {"metadata": obj["metadata"] | {"generation": 0}}
        case _:
            return obj


def differences(wanted: Picture, found: Picture) -> str:
    """Where two pictures differ, for people."""
    return "\n".join(_differences(wanted, found, ""))


def _differences(wanted: object, found: object, path: str) -> Iterator[str]:
    if isinstance(wanted, dict) and isinstance(found, dict):
        for key in sorted(wanted.keys() | found.keys()):
            yield from _differences(wanted.get(key), found.get(key), f"{path}/{key}")
    elif wanted != found:
        yield f"{path}: wanted is {_short(wanted)}, there is {_short(found)}"


def _short(value: object) -> str:
    return json.dumps(value)[:300]


def _bare(value: Any) -> Any:  # noqa: ANN401 - any JSON
    if isinstance(value, list):
        return [_bare(item) for item in value]
    if not isinstance(value, dict):
        return value
    return {key: _bare(item) for key, item in value.items() if key not in _IDENTITIES and not _TIME.search(key)}


def _names(record: Record) -> Iterator[tuple[str, str]]:
    """What is called differently in each run, and what it is called here."""
    models = {
        obj["spec"]["instance"]["version"]: _digest(_bare(obj["spec"]), record.namespace)
        for obj in _ever(record, kinds.MODEL.name)
    }
    configs = {
        obj["spec"]["instance"]["version"]: _digest(_renamed(_bare(obj["spec"]), models), record.namespace)
        for obj in _ever(record, kinds.CONFIG.name)
    }
    yield from models.items()
    yield from configs.items()
    yield from ((revision, "revision") for revision in _revisions(record))
    for endpoint in record.of(kinds.ENDPOINT):
        targets = {entry["target"] for entry in endpoint.get("status", {}).get("history", [])}
        yield from ((target, _UNMADE) for target in targets - configs.keys())
    yield record.namespace, "namespace"


def _ever(record: Record, kind: str) -> Iterator[Object]:
    """Every instance that has stood."""
    objects = (change.object for change in record.changes if change.ref.kind == kind)
    return (obj for obj in objects if "instance" in obj["spec"])


def _revisions(record: Record) -> Iterator[str]:
    """Revisions of the routes that stand."""
    rules = (rule for routes in record.of(kinds.VIRTUAL_SERVICE) for rule in routes["spec"]["http"])
    return (rule["directResponse"]["body"]["string"] for rule in rules if rule["name"] == ROUTE)


def _digest(spec: Object, namespace: str) -> str:
    instance = {name: value for name, value in spec["instance"].items() if name != "version"}
    content = json.dumps({**spec, "instance": instance}, sort_keys=True).replace(namespace, "")
    return "v" + hashlib.sha256(content.encode()).hexdigest()[:8]


def _renamed(obj: Any, names: dict[str, str]) -> Any:  # noqa: ANN401 - any JSON
    text = json.dumps(obj)
    for name, normal in names.items():
        text = text.replace(name, normal)
    return msgspec.json.decode(text)


def _canonical(ref: Ref, obj: Object) -> Object:
    """Instances stand in order of their names, which are generated; how a fake came to its end means nothing."""
    match ref.kind:
        case kinds.VIRTUAL_SERVICE.name:
            return obj | {
                "spec": obj["spec"] | {"http": sorted(obj["spec"]["http"], key=lambda rule: str(rule["name"]))}
            }
        case kinds.POD.name:
            return obj | {"status": {}}
        case kinds.SLICE.name:
            return obj | {"metadata": obj["metadata"] | {"generation": 0}}
        case _:
            return obj
