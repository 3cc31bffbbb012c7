"""The rollout: one decision about an update, the step it is at, and therefore the desired routes.

::

    KEEP                nothing is requested, or the update has failed: what serves stays as it is
    START_INSTANCES     the target's instances are not ready: routes stay as they are
    PROVE_DESTINATIONS  ping routes to new destinations exist; every gateway pod must get 200 through each
    SHIFT_TRAFFIC       the weights are written next: write 2
    PROVE_ROUTES        the weights are written: prove the revision, prune what is stale, become ready

    START_INSTANCES ──ready──> PROVE_DESTINATIONS ──pings proven──> SHIFT_TRAFFIC ──written──> PROVE_ROUTES
      └─deadline─> KEEP (failed; if nothing serves yet, it keeps trying)

``updates.Phase`` is what users see: a step that waits has a phase of the same
name, KEEP and SHIFT_TRAFFIC wait for nothing. A rollback is an update to an
earlier version. Two writes are needed: with a Service and its weighted route
written together, a gateway may learn of the route before the destination and
answer 503. Only the observed state decides: after a crash, the same
observations give the same step, and the update resumes.
"""

from enum import Enum, auto

from msgspec import Struct

from mlendpoints.api.reasons import Reason
from mlendpoints.core.endpoint.proofs import (
    answers_of,
    describe_pending,
    no_gateway,
    pending_probes,
    routing_rejections,
)
from mlendpoints.core.endpoint.readiness import models_finding, served_finding
from mlendpoints.core.endpoint.resolve import Target
from mlendpoints.core.endpoint.updates import Phase, running
from mlendpoints.core.endpoint.view import View
from mlendpoints.core.findings import Finding, rejection_finding
from mlendpoints.core.reasons.pods import deadline_finding
from mlendpoints.core.routes import make_routes
from mlendpoints.core.times import seconds
from mlendpoints.core.world import Destination, Probe, Routes


class Step(Enum):
    """What an update does next."""

    KEEP = auto()
    START_INSTANCES = auto()
    PROVE_DESTINATIONS = auto()
    SHIFT_TRAFFIC = auto()
    PROVE_ROUTES = auto()


class Rollout(Struct, frozen=True, kw_only=True):
    """The decision: the step, the desired routes, and the failure of the target if it has failed."""

    step: Step
    routes: Routes | None
    models: Finding
    failure: Finding | None = None


def decide(view: View) -> Rollout:
    """The step that the observed state calls for."""
    models = models_finding(view)
    failure = failure_of(view, models)
    step = _step(view, failed=failure is not None)
    if step is Step.KEEP and failure is not None:
        models = served_finding(view) if failure.reason == Reason.ROUTE_NOT_PROGRAMMED else failure
    return Rollout(step=step, routes=_routes(view, step), models=models, failure=failure)


def _step(view: View, *, failed: bool) -> Step:
    target = view.target
    if target is None:
        return Step.KEEP
    if target.destinations == view.serving:
        return Step.PROVE_ROUTES
    if failed and view.serving:
        return Step.KEEP
    if not view.target_is_ready():
        return Step.START_INSTANCES
    new = new_instances(view, target)
    if not all(view.proven(view.ping(instance)) and _introduced(view, instance) for instance in new):
        return Step.PROVE_DESTINATIONS
    return Step.SHIFT_TRAFFIC


def new_instances(view: View, target: Target) -> tuple[str, ...]:
    """Instances of the target that the gateways may not know yet."""
    known = {destination.instance for destination in view.serving if not destination.vacant}
    return tuple(d.instance for d in target.destinations if d.instance not in known and not d.vacant)


def _introduced(view: View, instance: str) -> bool:
    return view.live is not None and instance in view.live.pings


def _routes(view: View, step: Step) -> Routes | None:
    requested = view.target.instances if view.target else frozenset()
    match step:
        case Step.SHIFT_TRAFFIC | Step.PROVE_ROUTES if view.target is not None:
            return _known_routes(view, view.target.destinations, requested)
        case Step.PROVE_DESTINATIONS:
            return _known_routes(view, view.serving, view.serving_instances | requested)
        case Step.START_INSTANCES:
            introduced = requested.intersection(view.live.pings if view.live else ())
            return _current_routes(view, view.serving_instances | introduced)
        case _:
            return _current_routes(view, view.serving_instances)


def _current_routes(view: View, pings: frozenset[str]) -> Routes | None:
    if view.live is None and not view.serving:
        return None
    return _known_routes(view, view.serving, pings)


def _known_routes(view: View, destinations: tuple[Destination, ...], pings: frozenset[str]) -> Routes:
    return make_routes(destinations, pings.intersection(view.world.model_instances), view.listener_hash)


def deadline(view: View) -> float | None:
    """When the running update fails, seconds since the epoch; None if the status has no update of this target."""
    update = running(view.world.endpoint.status)
    if (
        update is None
        or view.target is None
        or update.target != view.target.version
        or update.phase == Phase.RESOLVING_REFERENCES
    ):
        return None
    return seconds(update.start_time) + view.world.endpoint.spec.update.deadline_seconds


def proof_deadline(view: View) -> float | None:
    """When the gateways have had as much time for the routes of the running update as its pods had."""
    due = deadline(view)
    if due is None or view.virtual_service is None:
        return due
    return max(due, view.world.routes_since + view.world.endpoint.spec.update.deadline_seconds)


def failure_of(view: View, models: Finding) -> Finding | None:
    """The failure of the target: recorded before, or its deadline has just passed. Decided before anything else.

    Instances that are ready have not timed out, however long the operator was down, nor have those that were ready and
    whose ping routes are being proven: the deadline of the proof applies to them.
    """
    if view.target is None:
        return None
    if recorded := _recorded_failure(view, view.target):
        return recorded
    ready = view.target_is_ready()
    due = proof_deadline(view) if not ready and _is_introduced(view, view.target) else deadline(view)
    if due is None or view.world.now < due:
        return None
    if ready:
        return _late_proof(view, view.target)
    pods = [pod for instance in sorted(view.target.instances) for pod in view.pods(instance)]
    return deadline_finding(view.world.endpoint.spec.update.deadline_seconds, models, pods)


def _late_proof(view: View, target: Target) -> Finding | None:
    """What keeps traffic from ready instances. Only failed writes and probes count, not the time that has passed."""
    if rejected := routing_rejections(view):
        return _not_programmed(view, f"The routes could not be written: {rejection_finding(rejected).message}")
    due, questions = proof_deadline(view), _open_probes(view, target)
    if view.world.settings.proof == "timed" or not questions or due is None or view.world.now < due:
        return None
    if not view.world.gateways:
        return _not_programmed(view, no_gateway(view))
    if not answers_of(view, pending_probes(view, questions)):
        return None
    return _not_programmed(view, f"Not served by {describe_pending(view, questions)}")


def _not_programmed(view: View, why: str) -> Finding:
    within = view.world.endpoint.spec.update.deadline_seconds
    text = f"All instances are ready, but the routes were not programmed within {within} s. {why}"
    return Finding.no(Reason.ROUTE_NOT_PROGRAMMED, text)


def _open_probes(view: View, target: Target) -> tuple[Probe, ...]:
    """The probes for the target, once all of it is in the VirtualService."""
    if view.live is None:
        return ()
    if view.live.destinations == target.destinations:
        return () if view.proof_is_recorded else (view.route(view.live.revision),)
    return tuple(view.ping(i) for i in new_instances(view, target)) if _is_introduced(view, target) else ()


def _is_introduced(view: View, target: Target) -> bool:
    """Whether the VirtualService has a ping route to each new instance of the target: all were ready once."""
    return all(_introduced(view, instance) for instance in new_instances(view, target))


def _recorded_failure(view: View, target: Target) -> Finding | None:
    last = next((entry for entry in view.world.endpoint.status.history if entry.target == target.version), None)
    if last is None or last.outcome != "Failed":
        return None
    return Finding.no(last.reason, last.message)


def probes(view: View, rollout: Rollout, *, prove_live: bool) -> tuple[Probe, ...]:
    """The probes that the gateways must answer before the next step."""
    if view.world.settings.proof == "timed" or view.live is None:
        return ()
    if rollout.step is Step.PROVE_DESTINATIONS and view.target is not None:
        return tuple(view.ping(i) for i in new_instances(view, view.target) if _introduced(view, i))
    return (view.route(view.live.revision),) if prove_live and view.live == rollout.routes else ()
