"""Fields that others added to a pod template of ours, by ``managedFields`` (KEP-555).

A foreign edit of a field of ours is drift, and is reverted. A field that we never
set (``kubectl set env``) is not: a server-side apply leaves it unchanged. It is
found here and reported.
"""

import json
from collections.abc import Iterator
from typing import Any

import msgspec

from mlendpoints.api import labels
from mlendpoints.edge.kube.metadata import ManagedFields

Fields = dict[str, Any]

_LONGEST = 200  # characters
_MOST = 3  # fields that are listed
_DEEPEST = 16  # levels
# `kubectl rollout restart` is allowed. The others are defaults: a client that writes a whole object owns them, too.
_TOLERATED = frozenset(
    f"f:{name}"
    for name in (
        "kubectl.kubernetes.io/restartedAt",
        *(
            "apiVersion",
            "creationTimestamp",
            "defaultMode",
            "divisor",
            "dnsPolicy",
            "failureThreshold",
            "imagePullPolicy",
        ),
        *("initialDelaySeconds", "periodSeconds", "protocol", "restartPolicy", "schedulerName", "scheme"),
        *("serviceAccount", "successThreshold", "terminationMessagePath", "timeoutSeconds", "type", "volumeMode"),
    )
)


def additions(entries: tuple[ManagedFields, ...]) -> str:
    """Such as ``kubectl-set: spec.containers[nginx].env[DEBUG]``; empty if there are none."""
    spec = [entry for entry in entries if not entry.subresource]
    theirs = [entry for entry in spec if entry.manager != labels.MANAGER]
    if not theirs:
        return ""
    ours = [_template(entry) for entry in spec if entry.manager == labels.MANAGER]
    found = (f"{entry.manager}: {path}" for entry in theirs for path in _beyond(_template(entry), ours, ""))
    return ", ".join(path for path, _ in zip(found, range(_MOST), strict=False))[:_LONGEST]


def _template(entry: ManagedFields) -> Fields:
    fields: Fields = msgspec.json.decode(entry.fields)
    template: Fields = fields.get("f:spec", {}).get("f:template", {})
    return template


def _beyond(theirs: Fields, ours: list[Fields], path: str, depth: int = 0) -> Iterator[str]:
    """Paths of fields that others set and we did not: single fields, and whole list items."""
    for key, below in theirs.items():
        if key == "." or key in _TOLERATED:
            continue
        known = [fields[key] for fields in ours if key in fields]
        here = f"{path}{_step(key)}"
        if depth < _DEEPEST and (known or (below.keys() - {"."} and not key.startswith("k:"))):
            yield from _beyond(below, known, here, depth + 1)
        elif not known:
            yield here.lstrip(".")


def _step(key: str) -> str:
    kind, _, name = key.partition(":")
    if kind == "f":
        return f".{name}"
    try:
        return f"[{','.join(str(value) for value in json.loads(name).values())}]"
    except (ValueError, AttributeError):
        return f"[{name}]"
