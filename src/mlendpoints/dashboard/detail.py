"""One endpoint or MLModel as its page shows it. Pure; every text and every list is limited in length."""

from collections.abc import Iterable, Iterator, Mapping, Sequence

from msgspec import Struct
from msgspec.structs import replace

from mlendpoints.api.endpoint import Endpoint, VariantStatus
from mlendpoints.api.mlmodel import MLModel
from mlendpoints.api.reasons import ConditionType
from mlendpoints.client.explaining import action_of, explain
from mlendpoints.client.live import EventFacts
from mlendpoints.core.reasons.quoting import quoted
from mlendpoints.dashboard.figures import Figures
from mlendpoints.dashboard.rows import Root, mark_of

_MOST = 100  # rows of a table
_MOST_CONDITIONS = 20
_LONGEST = 2000  # characters of a message
_MARKS = {"True": "ready", "False": "failed", "Unknown": "waits"}
_RECONCILING = {"True": "waits", "False": "ready", "Unknown": "waits"}  # as kstatus has it: False is good

UPDATE_STEPS = {
    "ResolvingReferences": "The config and its models are looked up",
    "StartingInstances": "Pods of the new version become ready",
    "ProvingDestinations": "All gateway pods reach the new pods",
    "ProvingRoutes": "All gateway pods serve the new routes",
    "RemovingOld": "The previous version is removed",
}
MLMODEL_STEPS = {
    "Pending": "References are looked up",
    "CreatingStorage": "The volume is provided",
    "Downloading": "The artifact is downloaded",
    "Serving": "Pods of the new version become ready",
    "Ready": "All pods are ready",
}


class Known(Struct, frozen=True, kw_only=True):
    """What is read besides the object itself; empty until it is."""

    requested: Mapping[str, int] = {}  # weights by variant, as the config says
    waits: Mapping[str, str] = {}  # by instance, why it is not ready
    figures: Mapping[str, Figures] = {}  # by instance
    note: str = ""  # why figures are missing
    events: tuple[EventFacts, ...] = ()
    events_note: str = ""


class Share(Struct, frozen=True, kw_only=True, rename="camel"):
    """A variant's part of the traffic, by weights."""

    variant: str
    in_force: int
    requested: int


class Version(Struct, frozen=True, kw_only=True, rename="camel"):
    """One version of a variant."""

    id: str
    variant: str
    model: str
    version: str
    weight: int
    ready: int
    desired: int
    waits: str = ""
    figures: Figures | None = None


class Step(Struct, frozen=True, kw_only=True):
    """One phase of an update."""

    name: str
    text: str
    state: str  # done, now or later


class Update(Struct, frozen=True, kw_only=True):
    """The running update."""

    target: str
    started: str
    deadline: int  # seconds; 0: none
    steps: tuple[Step, ...]


class Condition(Struct, frozen=True, kw_only=True):
    """A condition, and what to do about it."""

    type: str
    status: str
    mark: str  # ready, waits or failed
    reason: str
    message: str
    action: str
    since: str


class Past(Struct, frozen=True, kw_only=True):
    """An update that has ended."""

    target: str
    outcome: str
    reason: str
    message: str
    started: str
    ended: str


class Detail(Struct, frozen=True, kw_only=True, rename="camel"):
    """All that the page shows."""

    kind: str
    name: str
    namespace: str
    created: str
    mark: str
    sentence: str
    action: str
    state: str = ""
    url: str = ""
    monitoring_url: str = ""
    facts: Mapping[str, str] = {}
    traffic: tuple[Share, ...] = ()
    versions: tuple[Version, ...] = ()
    note: str = ""
    update: Update | None = None
    conditions: tuple[Condition, ...] = ()
    history: tuple[Past, ...] = ()
    events: tuple[EventFacts, ...] = ()
    events_note: str = ""


def make_detail(obj: Root, known: Known) -> Detail:
    """The page's content."""
    return _endpoint(obj, known) if isinstance(obj, Endpoint) else _mlmodel(obj, known)


def _endpoint(obj: Endpoint, known: Known) -> Detail:
    status = obj.status
    return replace(
        _common(obj, known),
        state=_word(status.state) or "Unknown",
        url=quoted(status.url),
        monitoring_url=quoted(status.monitoring_url),
        facts={
            "Config": _word(obj.spec.config),
            "Serving version": _word(status.config_version),
            "Requested version": _word(status.target_version),
        },
        traffic=tuple(_shares(status.variants, known.requested)),
        versions=tuple(_version(variant, known) for variant in status.variants[:_MOST]),
        update=_update(obj),
        history=tuple(
            Past(
                target=_word(past.target),
                outcome=_word(past.outcome),
                reason=_word(past.reason),
                message=quoted(past.message, longest=_LONGEST),
                started=_word(past.start_time),
                ended=_word(past.end_time),
            )
            for past in status.history[:_MOST]
        ),
    )


def _mlmodel(obj: MLModel, known: Known) -> Detail:
    status, name = obj.status, obj.metadata.name
    version = Version(
        id=name,
        variant=name,
        model=name,
        version=_word(status.serving_version),
        weight=1,
        ready=status.ready_replicas,
        desired=obj.spec.replicas,
        figures=known.figures.get(name),
    )
    return replace(
        _common(obj, known),
        state=_word(status.phase) or "Unknown",
        url=quoted(status.service_endpoint),
        monitoring_url=quoted(status.monitoring_url),
        facts={"Serving version": _word(status.serving_version), "Requested version": _word(status.version)},
        versions=(version,),
        update=_download(obj),
    )


def _common(obj: Root, known: Known) -> Detail:
    found = explain(obj)
    return Detail(
        kind=obj.KIND,
        name=obj.metadata.name,
        namespace=obj.metadata.namespace,
        created=obj.metadata.creation_timestamp,
        mark=mark_of(obj),
        sentence=quoted(found.sentence, longest=_LONGEST),
        action="" if found.is_ready else found.action,
        note=known.note,
        conditions=tuple(_conditions(obj)),
        events=known.events[:_MOST],
        events_note=known.events_note,
    )


def _shares(variants: Iterable[VariantStatus], requested: Mapping[str, int]) -> Iterator[Share]:
    """By variant, of all its versions; requested by the config if it could be read, else as the operator reports."""
    in_force: dict[str, int] = dict.fromkeys(requested, 0)
    reported: dict[str, int] = {}
    for variant in variants:
        in_force[variant.name] = in_force.get(variant.name, 0) + variant.current_weight
        reported[variant.name] = reported.get(variant.name, 0) + variant.desired_weight
    for name in sorted(in_force)[:_MOST]:
        wanted = requested.get(name, 0) if requested else reported.get(name, 0)
        yield Share(variant=_word(name), in_force=in_force[name], requested=wanted)


def _version(variant: VariantStatus, known: Known) -> Version:
    is_ready = variant.ready_instances >= variant.desired_instances
    return Version(
        id=f"{variant.name}/{variant.instance}",
        variant=_word(variant.name),
        model=_word(variant.model),
        version=_word(variant.version),
        weight=variant.current_weight,
        ready=variant.ready_instances,
        desired=variant.desired_instances,
        waits="" if is_ready else quoted(known.waits.get(variant.instance, "")),
        figures=known.figures.get(variant.instance),
    )


def _update(obj: Endpoint) -> Update | None:
    update = obj.status.update
    if update is None:
        return None
    return Update(
        target=_word(update.target),
        started=_word(update.start_time),
        deadline=obj.spec.update.deadline_seconds,
        steps=_steps(UPDATE_STEPS, update.phase),
    )


def _download(obj: MLModel) -> Update | None:
    if obj.status.phase in ("Ready", ""):
        return None
    return Update(
        target=_word(obj.status.version), started="", deadline=0, steps=_steps(MLMODEL_STEPS, obj.status.phase)
    )


def _steps(texts: Mapping[str, str], phase: str) -> tuple[Step, ...]:
    """All phases; of one that this release does not know, that one alone."""
    names: Sequence[str] = list(texts) if phase in texts else [phase]
    now = names.index(phase)
    states = ["done"] * now + ["now"] + ["later"] * (len(names) - now - 1)
    return tuple(
        Step(name=_word(name), text=texts.get(name, ""), state=state) for name, state in zip(names, states, strict=True)
    )


def _conditions(obj: Root) -> Iterator[Condition]:
    for found in obj.status.conditions[:_MOST_CONDITIONS]:
        mark = _RECONCILING[found.status] if found.type == ConditionType.RECONCILING else _MARKS[found.status]
        yield Condition(
            type=_word(found.type),
            status=found.status,
            mark=mark,
            reason=_word(found.reason),
            message=quoted(found.message, longest=_LONGEST),
            action="" if mark == "ready" else action_of(found.reason),
            since=_word(found.last_transition_time),
        )


def _word(text: str) -> str:
    return quoted(text, longest=100)
