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
from mlendpoints.core.endpoint.view import Scene
from mlendpoints.core.findings import Finding, deadline_finding, instance_findings, refused
from mlendpoints.core.manifests.metadata import instance_of
from mlendpoints.core.manifests.storage import ARTIFACT_VOLUME, claim_class, needs_volume
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


def decide(scene: Scene) -> Rollout:
    """The step that the observed state calls for."""
    models = models_finding(scene)
    failure = failure_of(scene, models)
    step = _step(scene, failed=failure is not None)
    if step is Step.HOLD and failure is not None:
        models = served_finding(scene) if failure.reason == Reason.ROUTE_NOT_PROGRAMMED else failure
    return Rollout(step=step, routes=_routes(scene, step), models=models, failure=failure)


def _step(scene: Scene, *, failed: bool) -> Step:
    target = scene.target
    if target is None:
        return Step.HOLD
    if target.destinations == scene.serving:
        return Step.SETTLE
    if failed and scene.serving:
        return Step.HOLD
    if not scene.target_is_ready():
        return Step.START
    if any(
        not scene.proven(scene.ping(instance)) or not _introduced(scene, instance)
        for instance in newcomers(scene, target)
    ):
        return Step.INTRODUCE
    return Step.SHIFT


def newcomers(scene: Scene, target: Target) -> tuple[str, ...]:
    """Instances of the target that the gateways may not know yet."""
    known = {destination.instance for destination in scene.serving if not destination.vacant}
    return tuple(d.instance for d in target.destinations if d.instance not in known and not d.vacant)


def _introduced(scene: Scene, instance: str) -> bool:
    return scene.live is not None and instance in scene.live.pings


def _routes(scene: Scene, step: Step) -> Routes | None:
    asked = scene.target.instances if scene.target else frozenset()
    match step:
        case Step.SHIFT | Step.SETTLE if scene.target is not None:
            return _known_routes(scene, scene.target.destinations, asked)
        case Step.INTRODUCE:
            return _known_routes(scene, scene.serving, scene.serving_instances | asked)
        case Step.START:
            introduced = asked.intersection(scene.live.pings if scene.live else ())
            return _standing_routes(scene, scene.serving_instances | introduced)
        case _:
            return _standing_routes(scene, scene.serving_instances)


def _standing_routes(scene: Scene, pings: frozenset[str]) -> Routes | None:
    if scene.live is None and not scene.serving:
        return None
    return _known_routes(scene, scene.serving, pings)


def _known_routes(scene: Scene, destinations: tuple[Destination, ...], pings: frozenset[str]) -> Routes:
    return make_routes(destinations, pings.intersection(scene.world.model_instances), scene.entrance)


def models_finding(scene: Scene) -> Finding:
    """Whether all instances that are asked for are ready, and if not, why."""
    return _finding_of(scene, scene.target.instances if scene.target else scene.serving_instances)


def served_finding(scene: Scene) -> Finding:
    """The same of those that serve."""
    return _finding_of(scene, scene.serving_instances)


def _finding_of(scene: Scene, asked: frozenset[str]) -> Finding:
    unready = sorted(instance for instance in asked if not scene.is_ready(instance) or scene.is_growing(instance))
    if not asked:
        return Finding.wait(Reason.WAITING, "No instances are asked for yet.")
    if not unready:
        return Finding.yes(Reason.INSTANCES_READY, "All instances answer through their proxies.")
    findings = [instance_finding(scene, instance) for instance in unready]
    return min(findings, key=lambda finding: finding.ok is None)


def instance_finding(scene: Scene, instance: str) -> Finding:
    """Why the pods of a model instance are not all ready."""
    finding = instance_findings(
        instance,
        deployment=scene.deployment(instance),
        pods=scene.pods(instance),
        refusals=scene.refusals(instance),
        wanted=max(scene.wanted(instance), scene.asked(instance)),
        ready=scene.ready_count(instance),
        instance=scene.world.model_instances.get(instance),
    )
    claim = _claim_without_volume(scene, instance)
    if claim and (finding.ok is None or finding.reason == Reason.UNSCHEDULABLE):
        model = scene.world.model_instances.get(instance)
        said = no_volume(scene.namespace, claim, claim_class(model) if model else "")
        return replace(finding, message=f"{finding.message} {said}")
    return _with_directory(scene, instance, finding)


def _claim_without_volume(scene: Scene, instance: str) -> str:
    """The claim of all its pods, or that of the first pod that waits for one of its own; empty if there is none."""
    shared = scene.standing(Ref("PersistentVolumeClaim", scene.namespace, instance))
    if shared is not None:
        return "" if shared.bound else instance
    model = scene.world.model_instances.get(instance)
    if model is None or not claim_class(model):
        return ""
    waiting = sorted(pod.name for pod in scene.pods(instance) if waits_for_volume(pod) and not pod.deleting)
    return f"{waiting[0]}-{ARTIFACT_VOLUME}" if waiting else ""


def _with_directory(scene: Scene, instance: str, finding: Finding) -> Finding:
    """What a node directory needs, while a pod cannot start: the kubelet tells why in events alone."""
    model = scene.world.model_instances.get(instance)
    waits = any(pod.awaited and not pod.deleting for pod in scene.pods(instance))
    if finding.ok is not None or model is None or not needs_volume(model.spec) or not waits:
        return finding
    path = instance_of(model).path
    return replace(finding, message=f"{finding.message} The directory {path} must exist on the node, too.")


def deadline(scene: Scene) -> float | None:
    """When the running update fails, seconds since the epoch; None when no update of this target is on record."""
    update = running(scene.world.endpoint.status)
    if update is None or scene.target is None or update.target != scene.target.version or update.phase == UNRESOLVED:
        return None
    return seconds(update.start_time) + scene.world.endpoint.spec.update.deadline_seconds


def proof_deadline(scene: Scene) -> float | None:
    """When the gateways have had as long for the routes of the running update as its pods had."""
    due = deadline(scene)
    if due is None or scene.virtual_service is None:
        return due
    return max(due, scene.world.routes_since + scene.world.endpoint.spec.update.deadline_seconds)


def failure_of(scene: Scene, models: Finding) -> Finding | None:
    """The failure of the target: on record already, or its deadline has just passed. Judged before anything else.

    Instances that are ready are not late, however long the operator was away, nor are those that were ready and are
    being introduced to the gateways: they have as long as their proof.
    """
    if scene.target is None:
        return None
    if recorded := _recorded_failure(scene, scene.target):
        return recorded
    ready = scene.target_is_ready()
    due = proof_deadline(scene) if not ready and _is_introduced(scene, scene.target) else deadline(scene)
    if due is None or scene.world.now < due:
        return None
    if ready:
        return _late_proof(scene, scene.target)
    pods = [pod for instance in sorted(scene.target.instances) for pod in scene.pods(instance)]
    return deadline_finding(scene.world.endpoint.spec.update.deadline_seconds, models, pods)


def _late_proof(scene: Scene, target: Target) -> Finding | None:
    """What keeps ready instances from being routed to. Only what was tried and asked counts, not time that passed."""
    if rejected := routing_refusals(scene):
        return _not_programmed(scene, f"The routes could not be written: {refused(rejected).message}")
    due, questions = proof_deadline(scene), _open_questions(scene, target)
    if scene.world.settings.proof == "timed" or not questions or due is None or scene.world.now < due:
        return None
    if not scene.world.gateways:
        return _not_programmed(scene, no_gateway(scene))
    if not answers_of(scene, lagging_pods(scene, questions)):
        return None
    return _not_programmed(scene, f"Not served by {tell_lagging(scene, questions)}")


def _not_programmed(scene: Scene, why: str) -> Finding:
    within = scene.world.endpoint.spec.update.deadline_seconds
    said = f"All instances are ready, but the routes were not in force within {within} s. {why}"
    return Finding.no(Reason.ROUTE_NOT_PROGRAMMED, said)


def _open_questions(scene: Scene, target: Target) -> tuple[Probe, ...]:
    """What the gateways are asked for the target, once all of it stands in the VirtualService."""
    if scene.live is None:
        return ()
    if scene.live.destinations == target.destinations:
        return () if scene.proof_on_record else (scene.route(scene.live.revision),)
    return tuple(scene.ping(i) for i in newcomers(scene, target)) if _is_introduced(scene, target) else ()


def _is_introduced(scene: Scene, target: Target) -> bool:
    """Whether all that is new of the target, which has been ready, stands in the VirtualService to be asked."""
    return all(_introduced(scene, instance) for instance in newcomers(scene, target))


def _recorded_failure(scene: Scene, target: Target) -> Finding | None:
    last = next((entry for entry in scene.world.endpoint.status.history if entry.target == target.version), None)
    if last is None or last.outcome != "Failed":
        return None
    return Finding.no(last.reason, last.message)


def probes(scene: Scene, rollout: Rollout, *, prove_live: bool) -> tuple[Probe, ...]:
    """The questions that the gateways must answer before the next step."""
    if scene.world.settings.proof == "timed" or scene.live is None:
        return ()
    if rollout.step is Step.INTRODUCE and scene.target is not None:
        return tuple(scene.ping(i) for i in newcomers(scene, scene.target) if _introduced(scene, i))
    return (scene.route(scene.live.revision),) if prove_live and scene.live == rollout.routes else ()
