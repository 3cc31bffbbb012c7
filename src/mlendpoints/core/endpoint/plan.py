"""The plan of one endpoint and its children: the one place where all decisions come together."""

from collections.abc import Iterator

from msgspec.structs import replace

from mlendpoints.api import labels
from mlendpoints.api.reasons import Reason
from mlendpoints.core.conditions import transitions
from mlendpoints.core.endpoint.deletion import plan_deletion
from mlendpoints.core.endpoint.desired import missing_writes
from mlendpoints.core.endpoint.history import Report, replacements
from mlendpoints.core.endpoint.host_claim import host_due, host_record
from mlendpoints.core.endpoint.instance_status import instance_statuses
from mlendpoints.core.endpoint.prune import endpoint_strays, find_stale, prune
from mlendpoints.core.endpoint.resolve import Target, resolve
from mlendpoints.core.endpoint.rollout import Rollout, deadline, decide, probes, proof_deadline
from mlendpoints.core.endpoint.status import REPORT_AFTER, essentials, make_status, routes_finding
from mlendpoints.core.endpoint.view import LINGER, View
from mlendpoints.core.findings import Finding
from mlendpoints.core.lookups import lookups
from mlendpoints.core.orphans import adoptions, after_adoptions
from mlendpoints.core.plan import Adopt, Plan
from mlendpoints.core.reasons.sinks import sink_measures
from mlendpoints.core.world import World

_RETRY_REJECTED = 30.0  # seconds after which a rejected write is retried


def plan_endpoint(world: World) -> Plan:
    """The plan for one observed endpoint. Idempotent: once it is carried out, the next plan is empty."""
    if world.endpoint.metadata.deletion_timestamp:
        return plan_deletion(world)
    return _ensure_finalizer(world, _plan_active(make_view(world)))


def make_view(world: World) -> View:
    """The world with its references resolved."""
    resolution = resolve(world)
    if isinstance(resolution, Target):
        found = Finding.yes(Reason.RESOLVED, f"All references are resolved; the target is {resolution.version}.")
        return View(world=world, resolved=found, target=resolution)
    return View(world=world, resolved=resolution, target=None)


def _plan_active(view: View) -> Plan:
    rollout = decide(view)
    stale = find_stale(view, rollout)
    report = Report(view=view, rollout=rollout, stale=stale, routes=routes_finding(view, rollout))
    status, before = make_status(report), view.world.endpoint.status
    ask = bool(stale or endpoint_strays(view)) or report.routes.ok is not True
    questions = probes(view, rollout, prove_live=ask)
    repeats = essentials(status) == essentials(before)
    plan = Plan(
        writes=after_adoptions(_adoptions(view), (*missing_writes(view, rollout), *instance_statuses(view))),
        prune=prune(view, rollout, stale),
        precondition=view.virtual_service,
        status=None if status == before else status,
        deferrable=repeats and status.observed_generation == before.observed_generation,
        repeats=repeats,
        events=(*replacements(before, status), *transitions(before.conditions, status.conditions)),
        probes=questions,
        measures=sink_measures(view.monitored),
        lookups=lookups(view.namespace, view.world.pods, view.world.children.values()),
        recheck=_recheck(
            view, failed=rollout.failure is not None, proven=report.routes.ok is True, asking=bool(questions)
        ),
    )
    return _take_back_proof(view, rollout, plan)


def _adoptions(view: View) -> Iterator[Adopt]:
    return adoptions(view.world.endpoint, view.world.orphans, view.world.model_instances)


def _take_back_proof(view: View, rollout: Rollout, plan: Plan) -> Plan:
    """Before routes that the status names as proven are written again, the proof is removed from the status.

    The gateways may serve others since: these were written, and a crash kept them out of the status.
    """
    routes, proven = rollout.routes, view.world.endpoint.status.route_revision
    again = routes is not None and routes != view.live and routes.revision == proven
    return replace(plan, writes=(), prune=(), deferrable=False, repeats=False) if again else plan


def _ensure_finalizer(world: World, plan: Plan) -> Plan:
    """Nothing is written before the host is recorded and the finalizer set: routes never outlive their endpoint."""
    if not plan.writes:
        return plan
    record, status = host_record(world), world.endpoint.status
    if not record.host:
        return replace(plan, writes=(), prune=())
    has_finalizer = labels.ROUTES_FINALIZER in world.endpoint.metadata.finalizers
    if has_finalizer and (status.host == record.host or status.config_version):  # what serves has its host
        return plan
    finalizer = None if has_finalizer else True
    return replace(plan, writes=(), prune=(), probes=(), deferrable=False, repeats=False, finalizer=finalizer)


def _recheck(view: View, *, failed: bool, proven: bool, asking: bool) -> float | None:
    """When to requeue: the next time at which the plan may differ although nothing has changed."""
    world, times = view.world, list[float | None]()
    due = deadline(view)
    if not failed:
        started = world.now + world.endpoint.spec.update.deadline_seconds if _begins(view) else None
        times.append(due if due is not None else started)
        times.append(proof_deadline(view))
    if view.virtual_service is not None and not proven and world.settings.proof == "required":
        times.append(world.routes_since + REPORT_AFTER)
    if asking:
        times.extend(since + LINGER for since in world.lingering.values())
    if world.rejections:
        times.append(world.now + _RETRY_REJECTED)
    if world.settings.proof == "timed" and view.virtual_service is not None:
        times.append(view.timed_proof_at)
    times.append(host_due(world))
    return min((time for time in times if time is not None and time > world.now), default=None)


def _begins(view: View) -> bool:
    return view.target is not None and view.world.endpoint.status.config_version != view.target.version
