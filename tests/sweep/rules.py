"""The invariants, judged at every revision of a namespace's store after everything is over.

serving    every weighted destination has a Service with a ready pod
known      and every gateway pod had reached it by its ping before the routes were sent
ratio      the weights are those of a config that was asked for
listener   a listener of the Gateway closes only after every gateway pod has served routes at another one that stays
ready      Ready is said only after every gateway pod has served routes at the requested listener
untouched  what callers are sent to is not removed, or scaled to nothing, before every gateway pod has
           answered by routes without it
one-route  at most one VirtualService names a host
left       an endpoint goes after its VirtualService and its Gateway
templates  nothing but a template's status is written by the operator
pods       a Deployment's pod template never changes
late       an update does not fail by its deadline while all its pods are ready, nor for a gateway pod that is dead
bug        no decision ends with an exception

A gateway pod counts until its node dies.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from math import inf

from msgspec import Struct, field

from mlendpoints.api.labels import MANAGED_BY, MANAGER, PING_PATH
from mlendpoints.api.reasons import Reason
from mlendpoints.core.routes import parse_routes
from mlendpoints.core.world import Destination, Ref
from mlendpoints.edge.kube import kinds
from tests.kit.client import Object
from tests.sweep.gateways import LAGS, Answer
from tests.sweep.listeners import Listeners
from tests.sweep.store import Change, Record
from tests.sweep.user import User
from tests.sweep.wire import Call

Weights = frozenset[tuple[str, str, int]]  # variant, model, weight

_ROUTES = kinds.VIRTUAL_SERVICE.name
_TEMPLATES = frozenset({kinds.CONFIG.name, kinds.MODEL.name})
_PARTS = frozenset({kinds.MODEL.name, kinds.DEPLOYMENT.name, kinds.SERVICE.name, kinds.DESTINATION_RULE.name})
_READINESS = frozenset({_ROUTES, kinds.SERVICE.name, kinds.SLICE.name})


class Violation(Struct, frozen=True):
    """A rule that did not hold at one revision."""

    revision: int
    rule: str
    text: str

    def __str__(self) -> str:
        return f"revision {self.revision}, {self.rule}: {self.text}"


class Evidence(Struct, frozen=True):
    """All that is known of a point when it is over."""

    record: Record
    calls: list[Call]
    answers: list[Answer]
    user: User
    died: Mapping[str, float] = field(default_factory=lambda: dict.fromkeys(LAGS, inf))  # when each gateway pod did
    bugs: Sequence[str] = ()  # that operators have logged


def judge(evidence: Evidence) -> list[Violation]:
    """Everything that was wrong, in order."""
    bugs = [Violation(0, "bug", line) for line in evidence.bugs]
    return [*bugs, *_Replay(evidence).run()]


class _Replay:
    """The store, revision by revision."""

    def __init__(self, evidence: Evidence) -> None:
        self._changes = sorted(evidence.record.changes, key=lambda change: change.revision)
        self._sent = {call.revision: call for call in evidence.calls if call.revision}
        self._answers = evidence.answers
        self._died = evidence.died
        self._listeners = Listeners(evidence.answers)
        self._user = evidence.user
        self._objects: dict[Ref, Object] = {}
        self._requested: set[Weights] = set()
        self._models: dict[str, str] = {}  # model instance -> model
        self._left: dict[str, int] = {}  # instance -> revision of the routes that did without it

    def run(self) -> Iterator[Violation]:
        for change in self._changes:
            before = self._objects.get(change.ref)
            self._note(change)
            for rule, text in self._judge(change, before):
                yield Violation(change.revision, rule, text)

    def _note(self, change: Change) -> None:
        before = self._destinations()
        if change.type == "DELETED":
            self._objects.pop(change.ref, None)
        else:
            self._objects[change.ref] = change.object
        if change.ref.kind == kinds.MODEL.name and "instance" in change.object["spec"]:
            self._models[change.ref.name] = change.object["spec"]["instance"]["model"]
        if change.ref.kind == _ROUTES:
            now = {destination.instance for destination in self._destinations()}
            self._left |= {d.instance: change.revision for d in before if d.instance not in now}
            self._left = {instance: at for instance, at in self._left.items() if instance not in now}
        self._requested |= set(self._asks())

    def _judge(self, change: Change, before: Object | None) -> Iterator[tuple[str, str]]:
        if change.ref.kind in _READINESS:
            yield from self._serving()
        if change.ref.kind == _ROUTES:
            yield from self._routes(change)
        if change.ref.kind in _PARTS and self._goes(change, before):
            yield from self._untouched(change)
        if change.ref.kind == kinds.GATEWAY.name:
            yield from self._listeners.judge(change, before, self._alive(self._at(change)), self._at(change))
        if change.ref.kind == kinds.ENDPOINT.name and change.type == "DELETED":
            yield from self._left_behind(change)
        if change.ref.kind == kinds.ENDPOINT.name:
            yield from self._late(change, before)
            yield from self._listeners.judge_ready(change, before, self._alive(self._at(change)), self._at(change))
        if change.ref.kind in _TEMPLATES:
            yield from self._template(change, before)
        if change.ref.kind == kinds.DEPLOYMENT.name and before and _pods_of(before) != _pods_of(change.object):
            yield "pods", f"the pod template of {change.ref.name} was changed"

    def _left_behind(self, change: Change) -> Iterator[tuple[str, str]]:
        for kind in (_ROUTES, kinds.GATEWAY.name):
            standing = self._objects.get(Ref(kind, change.ref.namespace, change.ref.name))
            if standing is not None and standing["metadata"].get("labels", {}).get(MANAGED_BY) == MANAGER:
                yield "left", f"{kind} {change.ref.name} stands after its endpoint"

    def _of(self, kind: str) -> list[Object]:
        return [obj for ref, obj in sorted(self._objects.items()) if ref.kind == kind]

    def _destinations(self) -> list[Destination]:
        """Where callers are sent, by weight or by header."""
        found = (parse_routes(obj) for obj in self._of(_ROUTES))
        return [d for routes in found if routes for d in routes.destinations if not d.vacant]

    def _asks(self) -> Iterator[Weights]:
        for endpoint in self._of(kinds.ENDPOINT.name):
            config = self._objects.get(
                Ref(kinds.CONFIG.name, endpoint["metadata"]["namespace"], endpoint["spec"]["config"])
            )
            for_all = config["spec"]["models"] if config else []
            yield frozenset((v["name"], v["model"], v.get("weight", 1)) for v in for_all if v.get("weight", 1))

    def _serving(self) -> Iterator[tuple[str, str]]:
        for destination in self._destinations():
            if destination.weight and destination.instance not in self._user.broken:
                yield from self._ready(destination.instance)

    def _ready(self, instance: str) -> Iterator[tuple[str, str]]:
        found = {ref.kind: obj for ref, obj in self._objects.items() if ref.name == instance}
        if kinds.SERVICE.name not in found:
            yield "serving", f"{instance} has a weight and no Service"
        elif not found.get(kinds.SLICE.name, {}).get("endpoints"):
            yield "serving", f"{instance} has a weight and no ready pod"

    def _routes(self, change: Change) -> Iterator[tuple[str, str]]:
        hosts = [host for routes in self._of(_ROUTES) for host in routes["spec"]["hosts"]]
        if len(hosts) != len(set(hosts)):
            yield "one-route", f"a host is named twice: {hosts}"
        routes = parse_routes(change.object) if change.type != "DELETED" else None
        if routes is None:
            return
        weighted = [destination for destination in routes.destinations if destination.weight]
        shares = frozenset((d.variant, self._models.get(d.instance, "?"), d.weight) for d in weighted)
        if shares and shares not in self._requested and not self._user.turned:
            yield "ratio", f"nobody asked for {sorted(shares)}"
        for destination in weighted:
            if missing := self._unaware(destination.instance, self._at(change)):
                yield "known", f"{destination.instance} has a weight before {missing} had reached it"

    def _at(self, change: Change) -> float:
        """When the request was sent; what a dead operator sent last has no answer, and counts when it was seen."""
        call = self._sent.get(change.revision)
        return call.at if call else change.seen

    def _unaware(self, instance: str, at: float) -> list[str]:
        path = PING_PATH + instance
        reached = {a.pod for a in self._answers if a.path == path and a.status == 200 and a.at < at}
        return sorted(self._alive(at) - reached)

    def _alive(self, at: float) -> set[str]:
        """Gateway pods that callers may come through."""
        return {pod for pod, died in self._died.items() if died > at}

    def _goes(self, change: Change, before: Object | None) -> bool:
        """Whether a part of an instance is removed, or scaled to nothing."""
        if change.ref.name in self._user.broken or before is None:
            return False
        if change.type == "DELETED" or "deletionTimestamp" in change.object["metadata"]:
            return "deletionTimestamp" not in before["metadata"]
        return _count(before) > 0 and _count(change.object) == 0

    def _untouched(self, change: Change) -> Iterator[tuple[str, str]]:
        instance = change.ref.name
        if instance in {destination.instance for destination in self._destinations()}:
            yield "untouched", f"{change.ref.kind} {instance} goes while callers are sent to it"
        elif instance in self._left:
            since, at = self._left[instance], self._at(change)
            late = self._alive(at) - {a.pod for a in self._answers if a.revision >= since and a.at < at}
            if late:
                yield "untouched", f"{change.ref.kind} {instance} goes before {sorted(late)} answered without it"

    def _late(self, change: Change, before: Object | None) -> Iterator[tuple[str, str]]:
        for entry in _news(change.object, before or {}):
            record = self._record(change.object, entry["target"])
            if not record or not all(map(self._is_ready, record)):
                continue
            if entry["reason"] == Reason.DEADLINE_EXCEEDED:
                yield "late", f"the update to {entry['target']} failed with all its pods ready"
            elif entry["reason"] == Reason.ROUTE_NOT_PROGRAMMED and not self._unreached(record, self._at(change)):
                yield "late", f"the update to {entry['target']} failed though every living gateway pod reached it"

    def _unreached(self, instances: list[str], at: float) -> list[str]:
        return [pod for instance in instances for pod in self._unaware(instance, at)]

    def _record(self, endpoint: Object, version: str) -> list[str]:
        """The model instances of one of the endpoint's targets, as long as that is on record."""
        metadata, config = endpoint["metadata"], endpoint["spec"]["config"]
        record = self._objects.get(Ref(kinds.CONFIG.name, metadata["namespace"], f"{config}-{version}"))
        versions = record["spec"]["instance"]["modelVersions"] if record else {}
        return [f"{one['model']}-{versions[one['name']]}" for one in record["spec"]["models"]] if record else []

    def _is_ready(self, instance: str) -> bool:
        found = {ref.kind: obj for ref, obj in self._objects.items() if ref.name == instance}
        wanted = _count(found.get(kinds.DEPLOYMENT.name, {}))
        return len(found.get(kinds.SLICE.name, {}).get("endpoints") or ()) >= wanted > 0

    def _template(self, change: Change, before: Object | None) -> Iterator[tuple[str, str]]:
        call = self._sent.get(change.revision)
        if call is None or before is None or "instance" in change.object["spec"]:
            return
        if change.type == "DELETED" or _content(before) != _content(change.object):
            yield "templates", f"{change.ref.kind} {change.ref.name} was written by: {call}"


def _pods_of(deployment: Object) -> Object:
    template: Object = deployment["spec"]["template"]
    return template


def _count(obj: Object) -> int:
    return int(obj.get("spec", {}).get("replicas", 0))


def _news(endpoint: Object, before: Object) -> list[Object]:
    """What came into the history."""
    known = before.get("status", {}).get("history", [])
    return [entry for entry in endpoint.get("status", {}).get("history", []) if entry not in known]


def _content(template: Object) -> Object:
    metadata = template["metadata"].items()
    kept = {name: value for name, value in metadata if name not in {"resourceVersion", "managedFields"}}
    return {"metadata": kept, "spec": template["spec"]}


def rules_broken(violations: Iterable[Violation]) -> set[str]:
    """Names of the rules that did not hold."""
    return {violation.rule for violation in violations}
