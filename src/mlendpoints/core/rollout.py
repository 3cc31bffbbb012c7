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
from mlendpoints.core.findings import Finding, deadline_finding, instance_findings
from mlendpoints.core.routes import make_routes
from mlendpoints.core.scene import Scene
from mlendpoints.core.target import Target
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
    asked = failure if step is Step.HOLD and failure is not None else models
    return Rollout(step=step, routes=_routes(scene, step), models=asked, failure=failure)


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
    return make_routes(destinations, tuple(sorted(pings.intersection(scene.world.model_instances))))


def models_finding(scene: Scene) -> Finding:
    """Whether all instances that are asked for are ready, and if not, why."""
    asked = scene.target.instances if scene.target else scene.serving_instances
    unready = sorted(instance for instance in asked if not scene.is_ready(instance))
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
        wanted=scene.wanted(instance),
        ready=scene.ready_count(instance),
        instance=scene.world.model_instances.get(instance),
    )
    claim = scene.standing(Ref("PersistentVolumeClaim", scene.namespace, instance))
    if finding.ok is None and claim is not None and not claim.bound:
        return replace(finding, message=f"{finding.message} Claim {instance} has no volume yet.")
    return finding


def deadline(scene: Scene) -> float | None:
    """When the running update fails, seconds since the epoch; None when no update of this target is on record."""
    update = scene.world.endpoint.status.update
    if update is None or scene.target is None or update.target != scene.target.version:
        return None
    return seconds(update.start_time) + scene.world.endpoint.spec.update.deadline_seconds


def failure_of(scene: Scene, models: Finding) -> Finding | None:
    """The failure of the target: on record already, or its deadline has just passed. Judged before anything else."""
    if scene.target is None:
        return None
    if recorded := _recorded_failure(scene, scene.target):
        return recorded
    due = deadline(scene)
    if due is None or scene.world.now < due or _has_arrived(scene, scene.target):
        return None
    pods = [pod for instance in sorted(scene.target.instances) for pod in scene.pods(instance)]
    return deadline_finding(scene.world.endpoint.spec.update.deadline_seconds, models, pods)


def _has_arrived(scene: Scene, target: Target) -> bool:
    return scene.live is not None and scene.live.destinations == target.destinations and scene.target_is_ready()


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
