"""The one decision about an update: which step it is at, and so what the routes shall say.

::

    HOLD       nothing is asked, or what is asked has failed: what serves stays as it is
    START      the target's instances are not ready: routes untouched
    INTRODUCE  ping routes to new destinations stand; every gateway pod must get 200 through each
    SHIFT      the weights are to be written: write 2
    SETTLE     the weights are written: prove the revision, remove what serves nothing, be ready

    START ──ready──> INTRODUCE ──pings proven──> SHIFT ──written──> SETTLE
      └─deadline─> HOLD (failed; if nothing serves yet, it goes on trying)

Two writes are needed: with a Service and its weighted route written together,
a gateway may hear of the route before it hears of the destination and answers
503. A decision looks at the observed state alone: after a crash, the same
observations give the same step.
"""

from enum import StrEnum

from msgspec import Struct
from msgspec.structs import replace

from mlendpoints.api.reasons import Reason
from mlendpoints.core.endpoint.proofs import answers_of, lagging_pods, no_gateway, routing_refusals, tell_lagging
from mlendpoints.core.endpoint.resolve import Target
from mlendpoints.core.endpoint.updates import UNRESOLVED, running
from mlendpoints.core.endpoint.view import View
from mlendpoints.core.findings import Finding, refused
from mlendpoints.core.manifests.metadata import instance_of
from mlendpoints.core.manifests.storage import ARTIFACT_VOLUME, claim_class, needs_volume
from mlendpoints.core.reasons.pods import deadline_finding, instance_findings
from mlendpoints.core.reasons.volumes import no_volume, waits_for_volume
from mlendpoints.core.routes import make_routes
from mlendpoints.core.times import seconds
from mlendpoints.core.world import Destination, Probe, Ref, Routes


class Step(StrEnum):
    """Where an update stands; the value is shown as ``status.update.phase``."""

    HOLD = "Holding"
    START = "StartingInstances"
    INTRODUCE = "ProvingDestinations"
    SHIFT = "ShiftingTraffic"
    SETTLE = "ProvingRoutes"


class Rollout(Struct, frozen=True, kw_only=True):
    """The decision: the step, the routes to stand, and the failure of the target if it has failed."""

    step: Step
    routes: Routes | None
    models: Finding
    failure: Finding | None = None


def decide(view: View) -> Rollout:
    """The step that the observed state calls for."""
    models = models_finding(view)
    failure = failure_of(view, models)
    step = _step(view, failed=failure is not None)
    if step is Step.HOLD and failure is not None:
        models = served_finding(view) if failure.reason == Reason.ROUTE_NOT_PROGRAMMED else failure
    return Rollout(step=step, routes=_routes(view, step), models=models, failure=failure)


def _step(view: View, *, failed: bool) -> Step:
    target = view.target
    if target is None:
        return Step.HOLD
    if target.destinations == view.serving:
        return Step.SETTLE
    if failed and view.serving:
        return Step.HOLD
    if not view.target_is_ready():
        return Step.START
    if any(
        not view.proven(view.ping(instance)) or not _introduced(view, instance) for instance in newcomers(view, target)
    ):
        return Step.INTRODUCE
    return Step.SHIFT


def newcomers(view: View, target: Target) -> tuple[str, ...]:
    """Instances of the target that the gateways may not know yet."""
    known = {destination.instance for destination in view.serving if not destination.vacant}
    return tuple(d.instance for d in target.destinations if d.instance not in known and not d.vacant)


def _introduced(view: View, instance: str) -> bool:
    return view.live is not None and instance in view.live.pings


def _routes(view: View, step: Step) -> Routes | None:
    asked = view.target.instances if view.target else frozenset()
    match step:
        case Step.SHIFT | Step.SETTLE if view.target is not None:
            return _known_routes(view, view.target.destinations, asked)
        case Step.INTRODUCE:
            return _known_routes(view, view.serving, view.serving_instances | asked)
        case Step.START:
            introduced = asked.intersection(view.live.pings if view.live else ())
            return _standing_routes(view, view.serving_instances | introduced)
        case _:
            return _standing_routes(view, view.serving_instances)


def _standing_routes(view: View, pings: frozenset[str]) -> Routes | None:
    if view.live is None and not view.serving:
        return None
    return _known_routes(view, view.serving, pings)


def _known_routes(view: View, destinations: tuple[Destination, ...], pings: frozenset[str]) -> Routes:
    return make_routes(destinations, pings.intersection(view.world.model_instances), view.entrance)


def models_finding(view: View) -> Finding:
    """Whether all instances that are asked for are ready, and if not, why."""
    return _finding_of(view, view.target.instances if view.target else view.serving_instances)


def served_finding(view: View) -> Finding:
    """The same of those that serve."""
    return _finding_of(view, view.serving_instances)


def _finding_of(view: View, asked: frozenset[str]) -> Finding:
    unready = sorted(instance for instance in asked if not view.is_ready(instance) or view.is_growing(instance))
    if not asked:
        return Finding.wait(Reason.WAITING, "No instances are asked for yet.")
    if not unready:
        return Finding.yes(Reason.INSTANCES_READY, "All instances answer through their proxies.")
    findings = [instance_finding(view, instance) for instance in unready]
    return min(findings, key=lambda finding: finding.ok is None)


def instance_finding(view: View, instance: str) -> Finding:
    """Why the pods of a model instance are not all ready."""
    finding = instance_findings(
        instance,
        deployment=view.deployment(instance),
        pods=view.pods(instance),
        refusals=view.refusals(instance),
        wanted=max(view.wanted(instance), view.asked(instance)),
        ready=view.ready_count(instance),
        instance=view.world.model_instances.get(instance),
    )
    claim = _claim_without_volume(view, instance)
    if claim and (finding.ok is None or finding.reason == Reason.UNSCHEDULABLE):
        model = view.world.model_instances.get(instance)
        said = no_volume(view.namespace, claim, claim_class(model) if model else "")
        return replace(finding, message=f"{finding.message} {said}")
    return _with_directory(view, instance, finding)


def _claim_without_volume(view: View, instance: str) -> str:
    """The claim of all its pods, or that of the first pod that waits for one of its own; empty if there is none."""
    shared = view.standing(Ref("PersistentVolumeClaim", view.namespace, instance))
    if shared is not None:
        return "" if shared.bound else instance
    model = view.world.model_instances.get(instance)
    if model is None or not claim_class(model):
        return ""
    waiting = sorted(pod.name for pod in view.pods(instance) if waits_for_volume(pod) and not pod.deleting)
    return f"{waiting[0]}-{ARTIFACT_VOLUME}" if waiting else ""


def _with_directory(view: View, instance: str, finding: Finding) -> Finding:
    """What a node directory needs, while a pod cannot start: the kubelet tells why in events alone."""
    model = view.world.model_instances.get(instance)
    waits = any(pod.awaited and not pod.deleting for pod in view.pods(instance))
    if finding.ok is not None or model is None or not needs_volume(model.spec) or not waits:
        return finding
    path = instance_of(model).path
    return replace(finding, message=f"{finding.message} The directory {path} must exist on the node, too.")


def deadline(view: View) -> float | None:
    """When the running update fails, seconds since the epoch; None when no update of this target is on record."""
    update = running(view.world.endpoint.status)
    if update is None or view.target is None or update.target != view.target.version or update.phase == UNRESOLVED:
        return None
    return seconds(update.start_time) + view.world.endpoint.spec.update.deadline_seconds


def proof_deadline(view: View) -> float | None:
    """When the gateways have had as long for the routes of the running update as its pods had."""
    due = deadline(view)
    if due is None or view.virtual_service is None:
        return due
    return max(due, view.world.routes_since + view.world.endpoint.spec.update.deadline_seconds)


def failure_of(view: View, models: Finding) -> Finding | None:
    """The failure of the target: on record already, or its deadline has just passed. Judged before anything else.

    Instances that are ready are not late, however long the operator was away, nor are those that were ready and are
    being introduced to the gateways: they have as long as their proof.
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
    """What keeps ready instances from being routed to. Only what was tried and asked counts, not time that passed."""
    if rejected := routing_refusals(view):
        return _not_programmed(view, f"The routes could not be written: {refused(rejected).message}")
    due, questions = proof_deadline(view), _open_questions(view, target)
    if view.world.settings.proof == "timed" or not questions or due is None or view.world.now < due:
        return None
    if not view.world.gateways:
        return _not_programmed(view, no_gateway(view))
    if not answers_of(view, lagging_pods(view, questions)):
        return None
    return _not_programmed(view, f"Not served by {tell_lagging(view, questions)}")


def _not_programmed(view: View, why: str) -> Finding:
    within = view.world.endpoint.spec.update.deadline_seconds
    said = f"All instances are ready, but the routes were not in force within {within} s. {why}"
    return Finding.no(Reason.ROUTE_NOT_PROGRAMMED, said)


def _open_questions(view: View, target: Target) -> tuple[Probe, ...]:
    """What the gateways are asked for the target, once all of it stands in the VirtualService."""
    if view.live is None:
        return ()
    if view.live.destinations == target.destinations:
        return () if view.proof_on_record else (view.route(view.live.revision),)
    return tuple(view.ping(i) for i in newcomers(view, target)) if _is_introduced(view, target) else ()


def _is_introduced(view: View, target: Target) -> bool:
    """Whether all that is new of the target, which has been ready, stands in the VirtualService to be asked."""
    return all(_introduced(view, instance) for instance in newcomers(view, target))


def _recorded_failure(view: View, target: Target) -> Finding | None:
    last = next((entry for entry in view.world.endpoint.status.history if entry.target == target.version), None)
    if last is None or last.outcome != "Failed":
        return None
    return Finding.no(last.reason, last.message)


def probes(view: View, rollout: Rollout, *, prove_live: bool) -> tuple[Probe, ...]:
    """The questions that the gateways must answer before the next step."""
    if view.world.settings.proof == "timed" or view.live is None:
        return ()
    if rollout.step is Step.INTRODUCE and view.target is not None:
        return tuple(view.ping(i) for i in newcomers(view, view.target) if _introduced(view, i))
    return (view.route(view.live.revision),) if prove_live and view.live == rollout.routes else ()
