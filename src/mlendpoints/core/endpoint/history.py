"""The running update and the history: the one part of a status that cannot be derived, so that it is carried over."""

from msgspec import Struct
from msgspec.structs import replace

from mlendpoints.api.endpoint import EndpointStatus, HistoryEntry, Outcome, UpdateStatus
from mlendpoints.api.reasons import Reason
from mlendpoints.core.endpoint.prune import Leftovers
from mlendpoints.core.endpoint.resolve import Target
from mlendpoints.core.endpoint.rollout import Rollout, Step
from mlendpoints.core.endpoint.scaling import pending_scalings
from mlendpoints.core.endpoint.updates import REMOVING, UNRESOLVED, running
from mlendpoints.core.endpoint.view import View
from mlendpoints.core.findings import Finding
from mlendpoints.core.plan import Event
from mlendpoints.core.times import precise_timestamp

HISTORY = 10  # entries kept


class Report(Struct, frozen=True, kw_only=True):
    """What a status is made from."""

    view: View
    rollout: Rollout
    leftovers: Leftovers
    routes: Finding

    @property
    def done(self) -> bool:
        """Callers get what the target asks, from every gateway pod. What served before may still be leaving."""
        asked = self.view.target.instances if self.view.target else frozenset()
        scaling = any(scale.child.ref.name in asked for scale in pending_scalings(self.view))
        settled = self.rollout.step is Step.SETTLE and not scaling
        return settled and self.routes.ok is True and self.rollout.models.ok is True


def begun(report: Report) -> EndpointStatus:
    """The record of the running update: begun when a new target is seen, ended when another takes its place."""
    view, status = report.view, report.view.world.endpoint.status
    target, update = view.target, running(status)
    status = replace(status, update=update)
    if target is None:
        return replace(status, update=update and replace(update, phase=UNRESOLVED))
    if update is not None and update.target != target.version:
        status, update = _replaced(view, status, update, target), None
    serves = status.config_version == target.version and report.rollout.step is Step.SETTLE
    if report.rollout.failure is not None or (update is None and serves):
        return status
    again = update is None or update.phase == UNRESOLVED
    start = update.start_time if update and not again else precise_timestamp(view.world.now)
    return replace(status, update=UpdateStatus(target=target.version, phase=_phase(report), start_time=start))


def _phase(report: Report) -> str:
    if report.rollout.step is Step.SETTLE and report.routes.ok is True:
        return Step.START.value
    return Step.SETTLE.value if report.rollout.step is Step.SHIFT else report.rollout.step.value


def _replaced(view: View, status: EndpointStatus, update: UpdateStatus, target: Target) -> EndpointStatus:
    if target.version == status.config_version:
        return _ended(view, status, update, "RolledBack", Finding.no(Reason.ROLLED_BACK, "Edited back to what serves."))
    why = Finding.no(Reason.SUPERSEDED, f"A newer edit asked for {target.version} instead.")
    return _ended(view, status, update, "Superseded", why)


def replacements(before: EndpointStatus, after: EndpointStatus) -> tuple[Event, ...]:
    """An event for each update that another edit has ended; what became of the others is told by their conditions."""
    ended = (e for e in after.history if e not in before.history and e.outcome in {"Superseded", "RolledBack"})
    return tuple(Event("Normal", entry.reason, f"{entry.target}: {entry.message}") for entry in ended)


def settled(report: Report, status: EndpointStatus) -> EndpointStatus:
    """The same after this look: what serves, and whether the update has ended."""
    view, target, update = report.view, report.view.target, status.update
    if target is None:
        return status
    if report.rollout.step is Step.SETTLE and report.routes.ok is True:
        status = replace(status, config_version=target.version)
    if report.rollout.failure is not None and not report.done:
        return _failed(view, status, target, report.rollout.failure)
    if update is not None and report.done:
        return _ended(view, status, update, "Succeeded", Finding.yes(Reason.SUCCEEDED, "Everything is as asked."))
    if report.done and report.rollout.failure is not None:
        late = UpdateStatus(target=target.version, phase="", start_time=_failure_start(status, target))
        return _ended(view, status, late, "Succeeded", Finding.yes(Reason.SUCCEEDED, "Recovered after its deadline."))
    return status


def removing(report: Report, status: EndpointStatus) -> EndpointStatus:
    """The same, with what is left to remove after the update has succeeded; records alone are not worth a status."""
    target, before = report.view.target, report.view.world.endpoint.status.update
    if target is None or status.update is not None or not (report.done and report.leftovers.model_instances):
        return status
    known = (entry.start_time for entry in status.history if entry.target == target.version)
    same = before is not None and before.phase == REMOVING and before.target == target.version
    start = before.start_time if same and before else next(known, precise_timestamp(report.view.world.now))
    return replace(status, update=UpdateStatus(target=target.version, phase=REMOVING, start_time=start))


def _failure_start(status: EndpointStatus, target: Target) -> str:
    return next(entry.start_time for entry in status.history if entry.target == target.version)


def _failed(view: View, status: EndpointStatus, target: Target, failure: Finding) -> EndpointStatus:
    if status.update is None:
        return status
    before = running(view.world.endpoint.status)
    update = before if before is not None and before.target == target.version else status.update
    return _ended(view, status, update, "Failed", failure)


def _ended(view: View, status: EndpointStatus, update: UpdateStatus, outcome: Outcome, why: Finding) -> EndpointStatus:
    entry = HistoryEntry(
        target=update.target,
        outcome=outcome,
        reason=str(why.reason),
        message=why.message,
        start_time=update.start_time,
        end_time=precise_timestamp(view.world.now),
    )
    return replace(status, update=None, history=(entry, *status.history)[:HISTORY])
