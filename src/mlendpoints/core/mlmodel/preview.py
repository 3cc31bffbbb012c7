"""Preview of an MLModel, as ``endpoint.preview``: its plans are carried out in memory."""

from msgspec.structs import replace

from mlendpoints.core.canonical import Manifest
from mlendpoints.core.course import Course, Manifests, Stage, more_of, usage_of
from mlendpoints.core.mlmodel.plan import plan_mlmodel
from mlendpoints.core.plan import Adopt, Apply, Create, MLModelPlan, Replace, Scale, Write
from mlendpoints.core.world import Child, JobFacts, MLModelWorld, PodFacts, Ref
from mlendpoints.core.written import DEPLOYMENT, applied, merge_patched, written_child

_STEPS = 500  # a course that has not ended then is cut off

Now = Stage[MLModelWorld]


def dry_run(world: MLModelWorld, live: Manifests) -> Course[MLModelWorld]:
    """What the operator does now, until it has to wait. ``live``: the children as the API server has them."""
    return _followed(Stage(world, live), all_goes_well=False)


def preview(world: MLModelWorld, live: Manifests) -> Course[MLModelWorld]:
    """The same to the end, if all goes well."""
    return _followed(Stage(world, live), all_goes_well=True)


def _followed(start: Now, *, all_goes_well: bool) -> Course[MLModelWorld]:
    stage, peak = start, usage_of(start)
    if start.world.model.metadata.deletion_timestamp:  # its children are garbage-collected with it
        return Course(start=start, end=None, peak=peak)
    for _ in range(_STEPS):
        plan = plan_mlmodel(stage.world)
        after = carried_out(stage, plan)
        peak = more_of(peak, usage_of(after))
        if after.world == stage.world and all_goes_well:
            after = _gone_well(after)
        if after.world == stage.world:
            return Course(start=start, end=after, peak=peak)
        stage = after
    return Course(start=start, end=stage, peak=peak, is_complete=False)


def carried_out(stage: Now, plan: MLModelPlan) -> Now:
    """The world once a plan is carried out and observed."""
    for write in plan.writes:
        stage = _written(stage, write)
    for child in plan.prune:
        stage = _deleted(stage, child.ref)
    if plan.status is None:
        return stage
    return Stage(replace(stage.world, model=replace(stage.world.model, status=plan.status)), stage.manifests)


def _written(stage: Now, write: Write) -> Now:
    match write:
        case Create(ref, manifest):
            return _put(stage, ref, manifest, manifest)
        case Apply(ref, manifest):
            fields = stage.world.children[ref].fields
            return _put(stage, ref, manifest, applied(stage.manifests.get(ref, {}), manifest, fields))
        case Replace(child, manifest):
            return _put(stage, child.ref, manifest, applied(stage.manifests.get(child.ref, {}), manifest, child.fields))
        case Scale(child, replicas):
            return _scaled(stage, child, replicas)
        case Adopt(child, owner):
            adopted = replace(child, controller=str(owner["uid"]), orphan_of=None)
            orphans = tuple(orphan for orphan in stage.world.orphans if orphan.ref != child.ref)
            return _with_child(Stage(replace(stage.world, orphans=orphans), stage.manifests), adopted)
        case other:
            raise AssertionError(f"an MLModel has no such write: {type(other).__name__}")


def _put(stage: Now, ref: Ref, manifest: Manifest, stored: Manifest) -> Now:
    child = written_child(ref, manifest, stage.world.children.get(ref), now=stage.world.now)
    rejections = {known: rejection for known, rejection in stage.world.rejections.items() if known != ref}
    world = replace(stage.world, rejections=rejections)
    return _with_child(Stage(world, {**stage.manifests, ref: stored}), child)


def _with_child(stage: Now, child: Child) -> Now:
    return Stage(replace(stage.world, children={**stage.world.children, child.ref: child}), stage.manifests)


def _scaled(stage: Now, child: Child, replicas: int) -> Now:
    manifests = stage.manifests
    if child.ref in manifests:
        manifests = {**manifests, child.ref: merge_patched(manifests[child.ref], {"spec": {"replicas": replicas}})}
    known = stage.world.children.get(child.ref, child)
    return _with_child(Stage(stage.world, manifests), replace(known, replicas=replicas, current=False))


def _deleted(stage: Now, ref: Ref) -> Now:
    children = {known: child for known, child in stage.world.children.items() if known != ref}
    pods = tuple(replace(pod, deleting=True) if _is_of(pod, ref) else pod for pod in stage.world.pods)
    return Stage(replace(stage.world, children=children, pods=pods), stage.manifests)


def _is_of(pod: PodFacts, ref: Ref) -> bool:
    return ref.kind in (DEPLOYMENT, "Job") and pod.instance == ref.name


def _gone_well(stage: Now) -> Now:
    """Downloads have succeeded, pods are ready, old ones have left."""
    world = stage.world
    kept = {ref: child for ref, child in world.children.items() if not child.deleting}
    deployment = kept.get(Ref(DEPLOYMENT, world.model.metadata.namespace, world.model.metadata.name))
    pods = _pods(deployment, world.pods) if deployment is not None else ()
    children = {ref: _ready(child, ready=len(pods)) for ref, child in kept.items()}
    return Stage(replace(world, children=children, pods=pods, rejections={}), stage.manifests)


def _pods(deployment: Child, known: tuple[PodFacts, ...]) -> tuple[PodFacts, ...]:
    count, name, version = deployment.replicas or 0, deployment.ref.name, deployment.version
    ready = [pod for pod in known if (pod.instance, pod.version) == (name, version) and pod.ready and not pod.deleting]
    new = (PodFacts(name=f"{name}-new-{n}", instance=name, version=version, ready=True) for n in range(count))
    return (*ready, *new)[:count]


def _ready(child: Child, *, ready: int) -> Child:
    match child.ref.kind:
        case "Deployment":
            return replace(child, current=True, ready_replicas=ready, newest_ready=ready, failure="", stalled=False)
        case "Service":
            return replace(child, ready_addresses=ready)
        case "PersistentVolumeClaim":
            return replace(child, bound=True)
        case "Job":
            return replace(child, job=JobFacts(succeeded=True))
        case _:
            return child
