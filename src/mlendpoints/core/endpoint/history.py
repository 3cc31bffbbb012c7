"""The running update and the history: the one part of a status that cannot be derived and is carried over."""

from msgspec import Struct
from msgspec.structs import replace

from mlendpoints.api.endpoint import EndpointStatus, HistoryEntry, Outcome, UpdateStatus
from mlendpoints.api.reasons import Reason
from mlendpoints.core.endpoint.prune import Stale
from mlendpoints.core.endpoint.resolve import Target
from mlendpoints.core.endpoint.rollout import Rollout, Step
from mlendpoints.core.endpoint.scaling import pending_scalings
from mlendpoints.core.endpoint.updates import Phase, running
from mlendpoints.core.endpoint.view import View
from mlendpoints.core.findings import Finding
from mlendpoints.core.plan import Event
from mlendpoints.core.times import precise_timestamp

HISTORY = 10  # entries kept


class Report(Struct, frozen=True, kw_only=True):
    """What a status is derived from."""

    view: View
    rollout: Rollout
    stale: Stale
    routes: Finding

    @property
    def done(self) -> bool:
        """Every gateway pod serves what the target requests. The previous version may still exist."""
        requested = self.view.target.instances if self.view.target else frozenset()
        scaling = any(scale.child.ref.name in requested for scale in pending_scalings(self.view))
        shifted = self.rollout.arrived and not scaling
        return shifted and self.routes.ok is True and self.rollout.models.ok is True

    @property
    def replaced(self) -> bool:
        """The target serves in place of what served before, to which a failure of its pods would have led back."""
        serves = self.rollout.arrived and self.routes.ok is True
        return serves and (self.rollout.models.ok is True or self.view.origin in ((), self.view.serving))


def with_running_update(report: Report) -> EndpointStatus:
    """The status with the running update: it begins when a new target is seen, and ends when another replaces it."""
    view, status = report.view, report.view.world.endpoint.status
    target, update = view.target, running(status)
    status = replace(status, update=update)
    if target is None:
        return replace(status, update=update and replace(update, phase=Phase.RESOLVING_REFERENCES.value))
    if update is not None and update.target != target.version:
        status, update = _replaced(view, status, update, target), None
    serves = status.config_version == target.version and report.rollout.arrived
    if report.rollout.failure is not None or (update is None and serves):
        return status
    again = update is None or update.phase == Phase.RESOLVING_REFERENCES
    start = update.start_time if update and not again else precise_timestamp(view.world.now)
    return replace(status, update=UpdateStatus(target=target.version, phase=_phase(report).value, start_time=start))


def _phase(report: Report) -> Phase:
    """What the step waits for; with its routes proven, an update can only wait for more pods."""
    match report.rollout.step:
        case Step.PROVE_DESTINATIONS:
            return Phase.PROVING_DESTINATIONS
        case Step.SHIFT_TRAFFIC | Step.PROVE_ROUTES if report.routes.ok is not True:
            return Phase.PROVING_ROUTES
        case _:
            return Phase.STARTING_INSTANCES


def _replaced(view: View, status: EndpointStatus, update: UpdateStatus, target: Target) -> EndpointStatus:
    if target.version == status.config_version:
        return _ended(
            view, status, update, "RolledBack", Finding.no(Reason.ROLLED_BACK, "Spec reverted to the serving version.")
        )
    why = Finding.no(Reason.SUPERSEDED, f"A newer edit requested {target.version} instead.")
    return _ended(view, status, update, "Superseded", why)


def replacements(before: EndpointStatus, after: EndpointStatus) -> tuple[Event, ...]:
    """An event for each update that another edit has ended; conditions report the outcome of all others."""
    ended = (e for e in after.history if e not in before.history and e.outcome in {"Superseded", "RolledBack"})
    return tuple(Event("Normal", entry.reason, f"{entry.target}: {entry.message}") for entry in ended)


def with_outcome(report: Report, status: EndpointStatus) -> EndpointStatus:
    """The status with the version that serves, and with the outcome of an update that has ended."""
    view, target, update = report.view, report.view.target, status.update
    if target is None:
        return status
    if report.replaced:
        status = replace(status, config_version=target.version)
    if report.rollout.failure is not None and not report.done:
        return _failed(view, status, target, report.rollout.failure)
    if update is not None and report.done:
        return _ended(view, status, update, "Succeeded", Finding.yes(Reason.SUCCEEDED, "Update complete."))
    if report.done and report.rollout.failure is not None:
        late = UpdateStatus(target=target.version, phase="", start_time=_failure_start(status, target))
        return _ended(view, status, late, "Succeeded", Finding.yes(Reason.SUCCEEDED, "Recovered after its deadline."))
    return status


def with_removal(report: Report, status: EndpointStatus) -> EndpointStatus:
    """The status with the removal of stale instances after a successful update; config instances alone do not count."""
    target, before = report.view.target, report.view.world.endpoint.status.update
    if target is None or status.update is not None or not (report.done and report.stale.model_instances):
        return status
    known = (entry.start_time for entry in status.history if entry.target == target.version)
    same = before is not None and before.phase == Phase.REMOVING_OLD and before.target == target.version
    start = before.start_time if same and before else next(known, precise_timestamp(report.view.world.now))
    return replace(status, update=UpdateStatus(target=target.version, phase=Phase.REMOVING_OLD.value, start_time=start))


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
