"""The plan of one MLModel: the one place where everything comes together."""

from msgspec.structs import replace

from mlendpoints.core.lookups import lookups
from mlendpoints.core.mlmodel.desired import missing_writes
from mlendpoints.core.mlmodel.health import judge, retry_at
from mlendpoints.core.mlmodel.prune import prune
from mlendpoints.core.mlmodel.status import events, headline, make_status
from mlendpoints.core.mlmodel.view import View
from mlendpoints.core.orphans import adoptions, after_adoptions
from mlendpoints.core.plan import MLModelPlan
from mlendpoints.core.world import MLModelWorld

_REFUSED_AGAIN = 30.0  # seconds after which a refused write is tried again


def plan_mlmodel(world: MLModelWorld) -> MLModelPlan:
    """All that follows from what is observed of one MLModel. Planning the planned changes nothing.

    Of one that is being deleted nothing is written any more but the status: all that it made has it as its
    controller, and goes with it.
    """
    view = View(world)
    report = _report(view)
    if world.model.metadata.deletion_timestamp:
        return report
    return replace(
        report,
        writes=after_adoptions(adoptions(world.model, world.orphans, {}), missing_writes(view)),
        prune=prune(view),
        lookups=lookups(world.model.metadata.namespace, (*view.download_pods, *view.new_pods), world.children.values()),
        recheck=_recheck(view),
    )


def _report(view: View) -> MLModelPlan:
    before, after = view.world.model.status, make_status(view, judge(view))
    if before == after:
        return MLModelPlan()
    return MLModelPlan(status=after, patient=headline(before) == headline(after), events=events(before, after))


def _recheck(view: View) -> float | None:
    """The next time at which looking again may decide otherwise, though nothing has changed."""
    now = view.world.now
    times = (now + _REFUSED_AGAIN if view.world.refusals else None, retry_at(view))
    return min((time for time in times if time is not None and time > now), default=None)
