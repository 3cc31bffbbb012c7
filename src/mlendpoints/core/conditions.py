"""Conditions: findings become statuses with transition times, and transitions become events."""

from collections.abc import Iterable, Mapping
from typing import Literal

from mlendpoints.api.meta import Condition
from mlendpoints.api.reasons import ConditionType, Reason
from mlendpoints.core.findings import Finding, severity
from mlendpoints.core.plan import Event
from mlendpoints.core.times import timestamp

_STATUS = {True: "True", False: "False", None: "Unknown"}
_REPORTED = (
    ConditionType.CONFIG_RESOLVED,
    ConditionType.MODELS_READY,
    ConditionType.ROUTES_PROGRAMMED,
    ConditionType.UPDATE_SUCCEEDED,
    ConditionType.AVAILABLE,
    ConditionType.MONITORING_READY,
)
_EXPECTED = {ConditionType.CONFIG_RESOLVED.value: "True", ConditionType.AVAILABLE.value: "False"}  # of a new endpoint
_LONGEST_MESSAGE = 1024


def make_conditions(
    findings: Mapping[ConditionType, Finding], *, before: Iterable[Condition], generation: int, now: float
) -> tuple[Condition, ...]:
    """Conditions of these findings; a transition time moves only with the status."""
    old = {condition.type: condition for condition in before}
    return tuple(
        _condition(kind, finding, old.get(kind.value), generation=generation, now=now)
        for kind, finding in findings.items()
    )


def _condition(
    kind: ConditionType, finding: Finding, old: Condition | None, *, generation: int, now: float
) -> Condition:
    status = _STATUS[finding.ok]
    same = old is not None and old.status == status
    return Condition(
        type=kind.value,
        status=status,  # type: ignore[arg-type]
        reason=str(finding.reason),
        message=finding.message[:_LONGEST_MESSAGE],
        last_transition_time=old.last_transition_time if same and old else timestamp(now),
        observed_generation=generation,
    )


def all_true(findings: Mapping[ConditionType, Finding], *, then: str) -> Finding:
    """``Ready``: the first finding that is False, else the first that is Unknown, else True with ``then``."""
    kind, worst = max(findings.items(), key=lambda found: severity(found[1]))
    if worst.ok:
        return Finding.yes(Reason.AS_ASKED, then)
    return Finding(worst.ok, worst.reason, f"{kind.value}: {worst.message}")


def transitions(before: Iterable[Condition], after: Iterable[Condition]) -> tuple[Event, ...]:
    """One event for each condition whose status or reason changed; a successful update makes one for all its parts."""
    old = {condition.type: (condition.status, condition.reason) for condition in before}
    new = tuple(after)
    update = next((c for c in new if c.type == ConditionType.UPDATE_SUCCEEDED), None)
    changed = (c for c in new if c.type in _REPORTED and _is_worth_an_event(c, old.get(c.type)))
    return tuple(_event(c) for c in changed if c is update or not _is_part_of(update, old, c))


def _is_part_of(update: Condition | None, old: Mapping[str, tuple[str, str]], part: Condition) -> bool:
    """Whether the success of an update reports it, too: all that is True then, and what becomes True on the way.

    What becomes True after it was False is a recovery, and reported.
    """
    if update is None or part.status != "True" or update.status == "False":
        return False
    if update.status == "True":
        return old.get(update.type) != (update.status, update.reason)
    return old.get(part.type, ("Unknown", ""))[0] == "Unknown"


def _event(condition: Condition) -> Event:
    kind: Literal["Warning", "Normal"] = "Warning" if condition.status == "False" else "Normal"
    return Event(kind, condition.reason, f"{condition.type}: {condition.message}")


def _is_worth_an_event(condition: Condition, old: tuple[str, str] | None) -> bool:
    """Whether it is a transition and not mere waiting: ``UpdateSucceeded`` alone reports that an update runs."""
    if condition.status == "Unknown" and condition.type != ConditionType.UPDATE_SUCCEEDED.value:
        return False
    if old is None and condition.status == _EXPECTED.get(condition.type):
        return False
    return old != (condition.status, condition.reason) and condition.reason != Reason.WAITING.value
