"""What a scenario cost: the operator's calls against what differs, lease and watches left out.

A unit is an object, or its status subresource where the operator writes that;
events are objects. What differs is counted between any two acts of a user, so
that what came and went with an update that was replaced counts, and what users
wrote does not. What the garbage collector takes along counts, too, and is told
apart, since it costs no call. Four calls more are for each update that came to
an end: routes are written twice, the endpoint's status as an update begins, as it
is done and as what served before is gone, and the edited template's as it begins.
Scaling an instance by hand is an update of its own, though history has no entry for it.
"""

from collections import Counter
from collections.abc import Iterable, Iterator

from msgspec import Struct

from mlendpoints.core.world import Ref
from mlendpoints.edge.kube import kinds
from tests.kit.client import Object
from tests.sweep.store import Change, Record
from tests.sweep.wire import Call

ALLOWANCE = 4  # calls of each update beyond one for each unit

Unit = tuple[Ref, str, str]  # object, uid, and which part of it
Units = dict[Unit, Object]

_WITH_STATUS = frozenset({kinds.ENDPOINT.name, kinds.CONFIG.name, kinds.MODEL.name})
_MADE = _WITH_STATUS | {
    *(kinds.VIRTUAL_SERVICE.name, kinds.GATEWAY.name, kinds.DESTINATION_RULE.name),
    *(kinds.SERVICE.name, kinds.DEPLOYMENT.name, kinds.CLAIM.name, kinds.EVENT.name),
}
_COLLECTED = frozenset({kinds.SERVICE.name, kinds.DESTINATION_RULE.name})


class Cost(Struct, frozen=True, kw_only=True):
    """Calls by verb and kind, how many units differ, how many of these the garbage collector took, and updates."""

    calls: Counter[str]
    differ: int
    collected: int
    updates: int

    @property
    def limit(self) -> int:
        return self.differ + ALLOWANCE * self.updates

    @property
    def is_kept(self) -> bool:
        return self.calls.total() <= self.limit


def cost(record: Record, calls: Iterable[Call], acts: list[int]) -> Cost:
    """``acts`` are the revisions of what users wrote since the calls began."""
    counted = Counter(str(call) for call in calls if call.verb not in {"list", "watch"})
    found = [part for leg in _legs(record, acts) for part in _differing(*leg)]
    deleted = {call.name for call in calls if call.verb == "delete"}
    taken = sum(is_gone and _is_collected(unit, deleted) for unit, is_gone in found)
    updates = max(1, _updates(record, min(acts)) + _scalings(record, acts))
    return Cost(calls=counted, differ=len(found), collected=taken, updates=updates)


def _updates(record: Record, begin: int) -> int:
    """Entries that came into endpoints' histories since then."""
    before, after = set[str](), set[str]()
    for change in record.changes:
        if change.ref.kind == kinds.ENDPOINT.name:
            uid = change.object["metadata"]["uid"]
            entries = {f"{uid} {entry}" for entry in change.object.get("status", {}).get("history", ())}
            (before if change.revision <= begin else after).update(entries)
    return len(after - before)


def _scalings(record: Record, acts: list[int]) -> int:
    """Edits of model instances: users may change nothing of them but their number of pods."""
    edits = (change for change in record.changes if change.type == "MODIFIED" and change.revision in acts)
    return sum(edit.ref.kind == kinds.MODEL.name and "instance" in edit.object["spec"] for edit in edits)


def _is_collected(unit: Unit, deleted: set[str]) -> bool:
    return unit[0].kind in _COLLECTED and unit[0].name in deleted


def _legs(record: Record, acts: list[int]) -> Iterator[tuple[Units, Units]]:
    """What stood at each act, and just before the next one."""
    changes = sorted(record.changes, key=lambda change: change.revision)
    ends = [*(act - 1 for act in sorted(acts)[1:]), changes[-1].revision]
    for begin, end in zip(sorted(acts), ends, strict=True):
        yield _units(changes, begin), _units(changes, end)


def _units(changes: list[Change], revision: int) -> Units:
    """All parts that stood at a revision."""
    standing: dict[Ref, Object] = {}
    for change in changes:
        if change.revision > revision:
            break
        if change.type == "DELETED":
            standing.pop(change.ref, None)
        elif change.ref.kind in _MADE:
            standing[change.ref] = change.object
    return {unit: part for ref, obj in standing.items() for unit, part in _parts(ref, obj)}


def _parts(ref: Ref, obj: Object) -> Iterator[tuple[Unit, Object]]:
    metadata = {key: value for key, value in obj["metadata"].items() if key not in {"resourceVersion", "managedFields"}}
    content = {key: value for key, value in obj.items() if key not in {"metadata", "status"}}
    yield (ref, metadata["uid"], ""), {"metadata": metadata, **content}
    if ref.kind in _WITH_STATUS and obj.get("status"):
        yield (ref, metadata["uid"], "status"), obj["status"]


def _differing(before: Units, after: Units) -> Iterator[tuple[Unit, bool]]:
    """Units that are not the same, and whether they are gone; a status that goes with its object is none."""
    for unit in sorted(before.keys() | after.keys(), key=str):
        ref, uid, part = unit
        went_along = part != "" and (ref, uid, "") not in after
        if before.get(unit) != after.get(unit) and not went_along:
            yield unit, unit not in after


def table(costs: Iterable[tuple[str, Cost]]) -> str:
    """A line for each scenario, in Markdown; what is above its limit is marked."""
    rows = (_row(name, found) for name, found in costs)
    head = ("| scenario | calls | differ (collected) | updates | limit | which |", "|---|---|---|---|---|---|")
    return "\n".join((*head, *rows, ""))


def _row(name: str, found: Cost) -> str:
    total, which = found.calls.total(), ", ".join(f"{n} {call}" for call, n in sorted(found.calls.items()))
    shown = f"{total}" if found.is_kept else f"**{total}**"
    return f"| {name} | {shown} | {found.differ} ({found.collected}) | {found.updates} | {found.limit} | {which} |"
