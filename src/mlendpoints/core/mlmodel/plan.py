"""The plan of one MLModel: the one place where all decisions come together."""

from msgspec.structs import replace

from mlendpoints.core.lookups import lookups
from mlendpoints.core.mlmodel.desired import missing_writes
from mlendpoints.core.mlmodel.health import assess, retry_at
from mlendpoints.core.mlmodel.prune import prune
from mlendpoints.core.mlmodel.status import essentials, events, make_status
from mlendpoints.core.mlmodel.view import View
from mlendpoints.core.orphans import adoptions, after_adoptions
from mlendpoints.core.plan import MLModelPlan
from mlendpoints.core.reasons.sinks import sink_measures
from mlendpoints.core.world import MLModelWorld

_RETRY_REJECTED = 30.0  # seconds after which a rejected write is retried


def plan_mlmodel(world: MLModelWorld) -> MLModelPlan:
    """The plan for one observed MLModel. Idempotent: once it is carried out, the next plan is empty.

    While it is being deleted, only the status is written: its children are garbage-collected with it.
    """
    view = View(world)
    report = _report(view)
    if world.model.metadata.deletion_timestamp:
        return report
    return replace(
        report,
        writes=after_adoptions(adoptions(world.model, world.orphans, {}), missing_writes(view)),
        prune=prune(view),
        measures=sink_measures(view.monitored),
        lookups=lookups(world.model.metadata.namespace, (*view.download_pods, *view.new_pods), world.children.values()),
        recheck=_recheck(view),
    )


def _report(view: View) -> MLModelPlan:
    before, after = view.world.model.status, make_status(view, assess(view))
    if before == after:
        return MLModelPlan()
    repeats = essentials(before) == essentials(after)
    deferrable = repeats and before.observed_generation == after.observed_generation
    return MLModelPlan(status=after, deferrable=deferrable, repeats=repeats, events=events(before, after))


def _recheck(view: View) -> float | None:
    """When to requeue: the next time at which the plan may differ although nothing has changed."""
    now = view.world.now
    times = (now + _RETRY_REJECTED if view.world.rejections else None, retry_at(view))
    return min((time for time in times if time is not None and time > now), default=None)
