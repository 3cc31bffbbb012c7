"""The endpoint's status, derived anew from what is observed.

Only the running update and the history are carried over: they cannot be
derived, and must outlive the operator.
"""

from msgspec.structs import replace

from mlendpoints.api.endpoint import Endpoint, EndpointStatus, State, VariantStatus
from mlendpoints.api.model import ModelInstance
from mlendpoints.api.reasons import ConditionType, Reason
from mlendpoints.core.conditions import all_true, make_conditions
from mlendpoints.core.endpoint import history
from mlendpoints.core.endpoint.history import Report
from mlendpoints.core.endpoint.host_claim import host_record
from mlendpoints.core.endpoint.listeners import asked_door
from mlendpoints.core.endpoint.lost_volumes import lost_volumes
from mlendpoints.core.endpoint.proofs import no_gateway, routing_refusals, tell_lagging
from mlendpoints.core.endpoint.prune import routes_are_proven
from mlendpoints.core.endpoint.resolve import TargetVariant
from mlendpoints.core.endpoint.rollout import Rollout, probes
from mlendpoints.core.endpoint.view import View
from mlendpoints.core.findings import Finding, refused
from mlendpoints.core.hosts import host_of
from mlendpoints.core.manifests.networkpolicy import network_policy_name
from mlendpoints.core.manifests.service import monitoring_name
from mlendpoints.core.orphans import left_over
from mlendpoints.core.reasons.pods import added_by_others
from mlendpoints.core.world import Ref, Settings

LAG = 12.0  # seconds after which gateway pods that do not answer yet are named: istiod waits up to 10 s

_HEADLINES = frozenset(
    {ConditionType.CONFIG_RESOLVED, ConditionType.UPDATE_SUCCEEDED, ConditionType.AVAILABLE, ConditionType.READY}
)
_WAITING = "Waiting until every gateway pod serves the routes."


def routes_finding(view: View, rollout: Rollout) -> Finding:
    """Whether every gateway pod serves the routes as they shall be."""
    if rejected := routing_refusals(view):
        return refused(rejected)
    if rollout.routes is None:
        return Finding.wait(Reason.WAITING, "No routes are written before the models are ready.")
    if view.live != rollout.routes:
        return Finding.wait(Reason.UPDATING, _WAITING)
    if view.proof_on_record or routes_are_proven(view, rollout):
        how = " (by time, not by asking)" if view.world.settings.proof == "timed" else ""
        return Finding.yes(Reason.ROUTE_PROGRAMMED, f"Every gateway pod serves the routes{how}.")
    return _not_proven(view, rollout)


def _not_proven(view: View, rollout: Rollout) -> Finding:
    waited = view.world.now - view.world.routes_since
    if not view.world.gateways and view.world.settings.proof == "required":
        return Finding.no(Reason.ROUTE_NOT_PROGRAMMED, no_gateway(view))
    lagging = tell_lagging(view, probes(view, rollout, prove_live=True))
    if waited < LAG or not lagging:
        return Finding.wait(Reason.UPDATING, _WAITING)
    return Finding.no(Reason.ROUTE_NOT_PROGRAMMED, f"The routes are not served yet by {lagging}")


def make_status(report: Report) -> EndpointStatus:
    """The whole status of an endpoint that is not being deleted."""
    view, endpoint = report.view, report.view.world.endpoint
    settled = history.settled(report, history.begun(report))
    update_finding = _update_finding(report, settled)
    core = {
        ConditionType.CONFIG_RESOLVED: view.resolved,
        ConditionType.MODELS_READY: _models(report),
        ConditionType.ROUTES_PROGRAMMED: report.routes,
        ConditionType.UPDATE_SUCCEEDED: update_finding,
    }
    available = _available(report, settled)
    findings = core | {
        ConditionType.AVAILABLE: available,
        ConditionType.READY: all_true(core, then=f"The endpoint is as asked.{_beside(view)}"),
        ConditionType.RECONCILING: _reconciling(settled),
    }
    return replace(
        host_record(view.world).on(history.removing(report, settled)),
        observed_generation=endpoint.metadata.generation,
        state=_state(settled, available, update_finding),
        url=_url(report),
        monitoring_url=monitoring_url(endpoint) if (view.serving or view.target) and not _unmonitored(view) else "",
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


def _models(report: Report) -> Finding:
    world = report.view.world
    asked = report.view.target.instances if report.view.target else report.view.serving_instances
    added = added_by_others(report.view.deployment(instance) for instance in sorted(asked))
    left = left_over(world.endpoint, world.orphans, world.model_instances)
    lost = lost_volumes(report.view, asked)
    return replace(report.rollout.models, message=report.rollout.models.message + lost + added + left)


def _beside(view: View) -> str:
    """What could not be written and hinders no caller, as a further sentence; empty if there is nothing."""
    policy = Ref("NetworkPolicy", view.namespace, network_policy_name(view.world.endpoint.metadata.name))
    refusal = view.world.refusals.get(policy)
    return _unmonitored(view) + (f" Its pods have no NetworkPolicy: {refusal.message}" if refusal else "")


def _unmonitored(view: View) -> str:
    service = Ref("Service", view.namespace, monitoring_name(view.world.endpoint.metadata.name))
    refusal = view.world.refusals.get(service)
    return f" There is no monitoringUrl: {refusal.message}" if refusal else ""


def headline(status: EndpointStatus) -> tuple[object, ...]:
    """What people and tools wait for, and what a restarted operator goes by; the rest of a status are details.

    So is the revision of proven routes: others are told from it, and the same are taken off the record before they
    are written again.
    """
    conditions = tuple((c.type, c.status) for c in status.conditions if c.type in _HEADLINES)
    target = status.update.target if status.update else ""
    told = (status.observed_generation, status.state, status.target_version, status.config_version)
    host = (status.host, status.waits_for_host, status.host_free_since)
    return (*told, *host, target, status.history, conditions)


def _route_revision(report: Report) -> str:
    live = report.view.live
    return live.revision if live is not None and report.routes.ok is True else ""


def _update_finding(report: Report, settled: EndpointStatus) -> Finding:
    target, failure = report.view.target, report.rollout.failure
    if target is None:
        return Finding.wait(Reason.WAITING, "Nothing can be rolled out before the references are resolved.")
    if failure is not None and not report.done:
        return failure
    if settled.update is not None:
        return Finding.wait(Reason.UPDATING, f"Rolling out {target.version}: {settled.update.phase}.")
    return Finding.yes(Reason.SUCCEEDED, f"Version {target.version} is rolled out.")


def _available(report: Report, settled: EndpointStatus) -> Finding:
    view = report.view
    weighted = [d for d in view.serving if d.weight > 0]
    if not weighted or view.live is None:
        return Finding.no(Reason.WAITING, "Nothing takes traffic yet.")
    if not settled.config_version and report.routes.ok is not True:
        return Finding.no(Reason.WAITING, "Not every gateway pod has been seen to serve the routes yet.")
    empty = [d.variant for d in weighted if view.ready_count(d.instance) == 0]
    if empty:
        return Finding.no(Reason.INSTANCES_STARTING, f"No ready pods behind the variant {', '.join(empty)}.")
    return Finding.yes(Reason.IN_SERVICE, "Every variant with a weight has pods that answer.")


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
    """Where callers are sent now: where they were sent before, until every gateway pod serves at the asked door."""
    view, before = report.view, report.view.world.endpoint.status.url
    if not view.serving:
        return ""
    opened = asked_door(view.world.endpoint, view.world.settings) is not None and report.routes.ok is True
    return before if before and not opened else url(view.world.endpoint, view.world.settings)


def url(endpoint: Endpoint, settings: Settings) -> str:
    """Where callers send requests."""
    scheme = "https" if endpoint.spec.tls else "http"
    port = f":{settings.url_port}" if settings.url_port else ""
    return f"{scheme}://{host_of(endpoint, settings)}{port}"


def monitoring_url(endpoint: Endpoint) -> str:
    """Where metrics of all its pods are scraped; a headless Service inside the cluster."""
    service = monitoring_name(endpoint.metadata.name)
    return f"http://{service}.{endpoint.metadata.namespace}.svc:9090/metrics"


def _variants(view: View) -> tuple[VariantStatus, ...]:
    names = view.serving_instances | (view.target.instances if view.target else frozenset())
    variants = (status for name in names if (status := _variant(view, name)) is not None)
    return tuple(sorted(variants, key=lambda variant: (variant.name, variant.instance)))


def _variant(view: View, name: str) -> VariantStatus | None:
    """A variant that serves or is asked for, also before its instance is written."""
    asked = _asked(view, name)
    made = view.world.model_instances.get(name)
    status = _named(asked, made.spec.instance if made else None)
    if status is None:
        return None
    return replace(
        status,
        instance=name,
        current_weight=next((d.weight for d in view.serving if d.instance == name), 0),
        desired_weight=asked.spec.weight if asked else 0,
        ready_instances=view.ready_count(name),
        desired_instances=view.wanted(name),
    )


def _asked(view: View, name: str) -> TargetVariant | None:
    variants = view.target.variants if view.target else ()
    return next((variant for variant in variants if variant.instance == name), None)


def _named(asked: TargetVariant | None, made: ModelInstance | None) -> VariantStatus | None:
    if asked is not None:
        return VariantStatus(name=asked.spec.name, model=asked.spec.model, instance="", version=asked.version)
    if made is not None:
        return VariantStatus(name=made.variant, model=made.model, instance="", version=made.version)
    return None
