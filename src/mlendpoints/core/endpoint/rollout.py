"""The rollout: one decision about an update, the step it is at, and therefore the desired routes.

::

    KEEP                nothing is requested, or the update has failed: what serves stays as it is
    START_INSTANCES     the next waypoint's instances are not ready: routes stay as they are
    PROVE_DESTINATIONS  ping routes to new destinations exist; every gateway pod must get 200 through each
    SHIFT_TRAFFIC       the weights are written next: write 2
    PROVE_ROUTES        the weights are written: prove the revision; at the last waypoint, prune what is stale

    START_INSTANCES ──ready──> PROVE_DESTINATIONS ──pings proven──> SHIFT_TRAFFIC ──written──> PROVE_ROUTES
      └─deadline─> KEEP (failed; if nothing serves yet, it keeps trying)

``waypoints`` says what the routes head for; these steps lead there, also back to
what served before an update that has failed.

``updates.Phase`` is what users see: a step that waits has a phase of the same
name, KEEP and SHIFT_TRAFFIC wait for nothing. A rollback is an update to an
earlier version. Two writes are needed: with a Service and its weighted route
written together, a gateway may learn of the route before the destination and
answer 503. Only the observed state decides: after a crash, the same
observations give the same step, and the update resumes.
"""

from collections.abc import Iterable
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
from mlendpoints.core.endpoint.waypoints import Leg, Waypoint, instances_of, needed_instances, next_leg
from mlendpoints.core.findings import Finding, rejection_finding
from mlendpoints.core.reasons.pods import deadline_finding
from mlendpoints.core.routes import make_routes
from mlendpoints.core.times import seconds
from mlendpoints.core.world import Probe, Routes


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
    pursued: bool  # the routes head for the target; else they stay, or return to what served before
    arrived: bool  # they are the target's
    routes: Routes | None
    new: tuple[str, ...]  # instances that the gateways may not know yet
    needed: frozenset[str]  # instances that serve, or may have to
    models: Finding
    failure: Finding | None = None


def decide(view: View) -> Rollout:
    """The step that the observed state calls for."""
    models = models_finding(view)
    failure = failure_of(view, models)
    pursued = view.target is not None and not _is_given_up(view, failure)
    if failure is not None and not pursued:
        models = served_finding(view) if failure.reason == Reason.ROUTE_NOT_PROGRAMMED else failure
    leg = _leg(view, pursued=pursued)
    step = _step(view, leg, pursued=pursued)
    return Rollout(
        step=step,
        pursued=pursued,
        arrived=pursued and view.course.is_complete(view.serving),
        routes=_routes(view, leg, step),
        new=new_instances(view, leg.waypoints),
        needed=needed_instances(view.course, view.serving, pursued=pursued),
        models=models,
        failure=failure,
    )


def _is_given_up(view: View, failure: Finding | None) -> bool:
    """After a failure, unless nothing serves yet, or the target serves and nothing else did before."""
    if failure is None or not view.serving:
        return False
    if not view.course.is_complete(view.serving):
        return True
    return _may_return(view) and view.course.origin not in ((), view.serving)


def _may_return(view: View) -> bool:
    """Once the failure is on record: after a crash, the same routes would else be written for the target again."""
    return view.target is not None and _recorded_failure(view, view.target) is not None


def _leg(view: View, *, pursued: bool) -> Leg:
    if not pursued and not _may_return(view):
        return Leg(to=view.serving)
    return next_leg(view.course, view.serving, proven=view.proof_is_recorded, failed=not pursued)


def _step(view: View, leg: Leg, *, pursued: bool) -> Step:
    if leg.to == view.serving:
        return Step.PROVE_ROUTES if pursued else Step.KEEP
    if not _is_ready(view, leg, pursued=pursued):
        return Step.START_INSTANCES
    new = new_instances(view, leg.waypoints)
    if not all(view.proven(view.ping(instance)) and _introduced(view, instance) for instance in new):
        return Step.PROVE_DESTINATIONS
    return Step.SHIFT_TRAFFIC


def _is_ready(view: View, leg: Leg, *, pursued: bool) -> bool:
    """The target's instances have all their pods; those of what served before, some."""
    requested = view.target.instances if pursued and view.target else frozenset()
    others = (
        d.instance for waypoint in leg.waypoints for d in waypoint if not d.vacant and d.instance not in requested
    )
    return (not pursued or view.target_is_ready()) and all(view.ready_count(instance) > 0 for instance in others)


def new_instances(view: View, waypoints: Iterable[Waypoint]) -> tuple[str, ...]:
    """Instances of the waypoints that the gateways may not know yet."""
    known = {destination.instance for destination in view.serving if not destination.vacant}
    destinations = (destination for waypoint in waypoints for destination in waypoint)
    return tuple(dict.fromkeys(d.instance for d in destinations if d.instance not in known and not d.vacant))


def _introduced(view: View, instance: str) -> bool:
    return view.live is not None and instance in view.live.pings


def _routes(view: View, leg: Leg, step: Step) -> Routes | None:
    ahead = instances_of(leg.waypoints)
    match step:
        case Step.SHIFT_TRAFFIC | Step.PROVE_ROUTES:
            return _known_routes(view, leg.to, ahead)
        case Step.PROVE_DESTINATIONS:
            return _known_routes(view, view.serving, view.serving_instances | ahead)
        case Step.START_INSTANCES:
            introduced = ahead.intersection(view.live.pings if view.live else ())
            return _current_routes(view, view.serving_instances | introduced)
        case Step.KEEP:
            return _current_routes(view, view.serving_instances)


def _current_routes(view: View, pings: frozenset[str]) -> Routes | None:
    if view.live is None and not view.serving:
        return None
    return _known_routes(view, view.serving, pings)


def _known_routes(view: View, destinations: Waypoint, pings: frozenset[str]) -> Routes:
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
    due = proof_deadline(view) if not ready and _is_introduced(view) else deadline(view)
    if due is None or view.world.now < due:
        return None
    if ready:
        return _late_proof(view)
    pods = [pod for instance in sorted(view.target.instances) for pod in view.pods(instance)]
    return deadline_finding(view.world.endpoint.spec.update.deadline_seconds, models, pods)


def _late_proof(view: View) -> Finding | None:
    """What keeps traffic from ready instances. Only failed writes and probes count, not the time that has passed."""
    if rejected := routing_rejections(view):
        return _not_programmed(view, f"The routes could not be written: {rejection_finding(rejected).message}")
    due, questions = proof_deadline(view), _open_probes(view)
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


def _open_probes(view: View) -> tuple[Probe, ...]:
    """The probes for the live waypoint, else for the next, once all of it is in the VirtualService."""
    if view.live is None:
        return ()
    if view.course.position(view.live.destinations) and not view.proof_is_recorded:
        return (view.route(view.live.revision),)
    return tuple(view.ping(i) for i in _ahead(view)) if _is_introduced(view) else ()


def _ahead(view: View) -> tuple[str, ...]:
    return new_instances(view, view.course.ahead(view.serving))


def _is_introduced(view: View) -> bool:
    """Whether the VirtualService has a ping route to each new instance of the target: all were ready once."""
    return all(_introduced(view, instance) for instance in _ahead(view))


def _recorded_failure(view: View, target: Target) -> Finding | None:
    last = next((entry for entry in view.world.endpoint.status.history if entry.target == target.version), None)
    if last is None or last.outcome != "Failed":
        return None
    return Finding.no(last.reason, last.message)


def probes(view: View, rollout: Rollout, *, prove_live: bool) -> tuple[Probe, ...]:
    """The probes that the gateways must answer before the next step."""
    if view.world.settings.proof == "timed" or view.live is None:
        return ()
    if rollout.step is Step.PROVE_DESTINATIONS:
        return tuple(view.ping(instance) for instance in rollout.new if _introduced(view, instance))
    return (view.route(view.live.revision),) if prove_live and view.live == rollout.routes else ()
