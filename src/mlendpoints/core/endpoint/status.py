"""The endpoint's status, derived from what is observed.

Only the running update and the history are carried over: they cannot be
derived, and must outlive the operator.
"""

from msgspec.structs import replace

from mlendpoints.api.endpoint import Endpoint, EndpointStatus, State, VariantStatus
from mlendpoints.api.model import ModelInstance
from mlendpoints.api.reasons import ConditionType, Reason
from mlendpoints.core.conditions import all_true, make_conditions
from mlendpoints.core.discovery import describe_undiscovered, monitoring_url
from mlendpoints.core.endpoint import history
from mlendpoints.core.endpoint.history import Report
from mlendpoints.core.endpoint.host_claim import host_record
from mlendpoints.core.endpoint.listeners import requested_listener
from mlendpoints.core.endpoint.lost_volumes import lost_volumes
from mlendpoints.core.endpoint.proofs import describe_pending, no_gateway, routing_rejections
from mlendpoints.core.endpoint.prune import routes_are_proven
from mlendpoints.core.endpoint.resolve import TargetVariant
from mlendpoints.core.endpoint.rollout import Rollout, probes
from mlendpoints.core.endpoint.view import View
from mlendpoints.core.findings import Finding, rejection_finding
from mlendpoints.core.hosts import host_of
from mlendpoints.core.manifests.networkpolicy import network_policy_name
from mlendpoints.core.orphans import describe_orphans
from mlendpoints.core.reasons.monitoring import monitoring_finding
from mlendpoints.core.reasons.pods import added_by_others
from mlendpoints.core.world import Ref, Settings

REPORT_AFTER = 12.0  # seconds after which gateway pods whose proof is pending are named: istiod debounces up to 10 s

_ESSENTIAL = frozenset(
    {ConditionType.CONFIG_RESOLVED, ConditionType.UPDATE_SUCCEEDED, ConditionType.AVAILABLE, ConditionType.READY}
)
_WAITING = "Waiting for all gateway pods to serve the routes."


def routes_finding(view: View, rollout: Rollout) -> Finding:
    """Whether every gateway pod serves the desired routes."""
    if rejected := routing_rejections(view):
        return rejection_finding(rejected)
    if rollout.routes is None:
        return Finding.wait(Reason.WAITING, "Routes are written once the models are ready.")
    if view.live != rollout.routes:
        return Finding.wait(Reason.UPDATING, _WAITING)
    if view.proof_is_recorded or routes_are_proven(view, rollout):
        how = "assumed after the propagation delay" if view.world.settings.proof == "timed" else "verified by probing"
        return Finding.yes(Reason.ROUTE_PROGRAMMED, f"All gateway pods serve the routes ({how}).")
    return _not_proven(view, rollout)


def _not_proven(view: View, rollout: Rollout) -> Finding:
    waited = view.world.now - view.world.routes_since
    if not view.world.gateways and view.world.settings.proof == "required":
        return Finding.no(Reason.ROUTE_NOT_PROGRAMMED, no_gateway(view))
    pending = describe_pending(view, probes(view, rollout, prove_live=True))
    if waited < REPORT_AFTER or not pending:
        return Finding.wait(Reason.UPDATING, _WAITING)
    return Finding.no(Reason.ROUTE_NOT_PROGRAMMED, f"The routes are not served yet by {pending}")


def make_status(report: Report) -> EndpointStatus:
    """The whole status of an endpoint that is not being deleted."""
    view, endpoint = report.view, report.view.world.endpoint
    updated = history.with_outcome(report, history.with_running_update(report))
    update_finding = _update_finding(report, updated)
    core = {
        ConditionType.CONFIG_RESOLVED: view.resolved,
        ConditionType.MODELS_READY: _models(report),
        ConditionType.ROUTES_PROGRAMMED: report.routes,
        ConditionType.UPDATE_SUCCEEDED: update_finding,
    }
    available = _available(report, updated)
    findings = core | {
        ConditionType.AVAILABLE: available,
        ConditionType.READY: all_true(core, then=f"The endpoint matches its spec.{_side_failures(view)}"),
        ConditionType.RECONCILING: _reconciling(updated),
        **_monitoring(view),
    }
    return replace(
        host_record(view.world).on(history.with_removal(report, updated)),
        observed_generation=endpoint.metadata.generation,
        state=_state(updated, available, update_finding),
        url=_url(report),
        monitoring_url=monitoring_url(view.world) if view.serving or view.target else "",
        target_version=view.target.version if view.target else endpoint.status.target_version,
        route_revision=_route_revision(report),
        traffic=",".join(f"{d.variant}={d.weight}" for d in view.serving),
        variants=_variants(view),
        conditions=make_conditions(
            findings,
            before=endpoint.status.conditions,
            generation=endpoint.metadata.generation,
            now=view.world.now,
        ),
    )


def _monitoring(view: View) -> dict[ConditionType, Finding]:
    """Of the versions that serve or are requested; nothing while there are none."""
    finding = monitoring_finding(view.monitored, view.world.settings, view.world.measurements)
    return {ConditionType.MONITORING_READY: finding} if finding else {}


def _models(report: Report) -> Finding:
    world = report.view.world
    requested = report.view.target.instances if report.view.target else report.view.serving_instances
    added = added_by_others(report.view.deployment(instance) for instance in sorted(requested))
    left = describe_orphans(world.endpoint, world.orphans, world.model_instances)
    lost = lost_volumes(report.view, requested)
    return replace(report.rollout.models, message=report.rollout.models.message + lost + added + left)


def _side_failures(view: View) -> str:
    """Rejected writes that affect no caller, as a further sentence; empty if there are none."""
    policy = Ref("NetworkPolicy", view.namespace, network_policy_name(view.world.endpoint.metadata.name))
    rejection = view.world.rejections.get(policy)
    unreachable = f" Its pods have no NetworkPolicy: {rejection.message}" if rejection else ""
    return describe_undiscovered(view.world) + unreachable


def essentials(status: EndpointStatus) -> tuple[object, ...]:
    """The fields beside the generation that people and tools wait for, or that a restarted operator relies on.

    All others can be debounced.

    The revision of proven routes is not among them: a proof of other routes does not match it, and it is cleared before
    the same routes are written again.
    """
    conditions = tuple((c.type, c.status) for c in status.conditions if c.type in _ESSENTIAL)
    target = status.update.target if status.update else ""
    fields = (status.state, status.target_version, status.config_version)
    host = (status.host, status.waits_for_host, status.host_free_since)
    return (*fields, *host, target, status.history, conditions)


def _route_revision(report: Report) -> str:
    live = report.view.live
    return live.revision if live is not None and report.routes.ok is True else ""


def _update_finding(report: Report, updated: EndpointStatus) -> Finding:
    target, failure = report.view.target, report.rollout.failure
    if target is None:
        return Finding.wait(Reason.WAITING, "Waiting for the references to be resolved.")
    if failure is not None and not report.done:
        return failure
    if updated.update is not None:
        return Finding.wait(Reason.UPDATING, f"Rolling out {target.version}: {updated.update.phase}.")
    return Finding.yes(Reason.SUCCEEDED, f"Version {target.version} is rolled out.")


def _available(report: Report, updated: EndpointStatus) -> Finding:
    view = report.view
    weighted = [d for d in view.serving if d.weight > 0]
    if not weighted or view.live is None:
        return Finding.no(Reason.WAITING, "Nothing receives traffic yet.")
    if not updated.config_version and report.routes.ok is not True:
        return Finding.no(Reason.WAITING, "Not all gateway pods serve the routes yet.")
    empty = [d.variant for d in weighted if view.ready_count(d.instance) == 0]
    if empty:
        return Finding.no(Reason.INSTANCES_STARTING, f"No ready pods for variant {', '.join(empty)}.")
    return Finding.yes(Reason.IN_SERVICE, "Every variant with a weight has ready pods.")


def _reconciling(status: EndpointStatus) -> Finding:
    if status.update is None:
        return Finding.no(Reason.AS_ASKED, "No update is running.")
    return Finding.yes(Reason.UPDATING, f"Rolling out {status.update.target}: {status.update.phase}.")


def _state(status: EndpointStatus, available: Finding, update: Finding) -> State:
    if not status.config_version and available.ok is not True:
        return "Failed" if update.ok is False else "Creating"
    if available.ok is not True:
        return "OutOfService"
    if status.update is None:
        return "InService"
    before = {entry.target for entry in status.history if entry.outcome == "Succeeded"}
    return "RollingBack" if status.update.target in before else "Updating"


def _url(report: Report) -> str:
    """Where callers send requests: the previous URL until every gateway pod serves at the requested listener."""
    view, before = report.view, report.view.world.endpoint.status.url
    if not view.serving:
        return ""
    opened = requested_listener(view.world.endpoint, view.world.settings) is not None and report.routes.ok is True
    return before if before and not opened else url(view.world.endpoint, view.world.settings)


def url(endpoint: Endpoint, settings: Settings) -> str:
    """Where callers send requests."""
    scheme = "https" if endpoint.spec.tls else "http"
    port = f":{settings.url_port}" if settings.url_port else ""
    return f"{scheme}://{host_of(endpoint, settings)}{port}"


def _variants(view: View) -> tuple[VariantStatus, ...]:
    names = view.serving_instances | (view.target.instances if view.target else frozenset())
    variants = (status for name in names if (status := _variant(view, name)) is not None)
    return tuple(sorted(variants, key=lambda variant: (variant.name, variant.instance)))


def _variant(view: View, name: str) -> VariantStatus | None:
    """A variant that serves or is requested, also before its instance is written."""
    requested = _requested(view, name)
    model = view.world.model_instances.get(name)
    status = _named(requested, model.spec.instance if model else None)
    if status is None:
        return None
    return replace(
        status,
        instance=name,
        current_weight=next((d.weight for d in view.serving if d.instance == name), 0),
        desired_weight=requested.spec.weight if requested else 0,
        ready_instances=view.ready_count(name),
        desired_instances=view.desired_replicas(name),
    )


def _requested(view: View, name: str) -> TargetVariant | None:
    variants = view.target.variants if view.target else ()
    return next((variant for variant in variants if variant.instance == name), None)


def _named(requested: TargetVariant | None, existing: ModelInstance | None) -> VariantStatus | None:
    if requested is not None:
        return VariantStatus(
            name=requested.spec.name, model=requested.spec.model, instance="", version=requested.version
        )
    if existing is not None:
        return VariantStatus(name=existing.variant, model=existing.model, instance="", version=existing.version)
    return None
