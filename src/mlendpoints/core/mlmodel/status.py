"""The status of an MLModel, derived from what is observed. Only the figures of a download outlive its pod."""

from typing import Literal

from mlendpoints.api.mlmodel import MLModelStatus
from mlendpoints.api.reasons import ConditionType, Reason
from mlendpoints.core.conditions import make_conditions
from mlendpoints.core.discovery import monitoring_url
from mlendpoints.core.fetched import fetched
from mlendpoints.core.findings import Finding
from mlendpoints.core.manifests.metadata import pod_selector
from mlendpoints.core.mlmodel.health import Health
from mlendpoints.core.mlmodel.view import View
from mlendpoints.core.plan import Event
from mlendpoints.core.reasons.monitoring import monitoring_finding
from mlendpoints.core.wording import counted

_LONGEST_MESSAGE = 1024


def make_status(view: View, health: Health) -> MLModelStatus:
    """The whole status."""
    metadata, deployment = view.world.model.metadata, view.deployment
    return MLModelStatus(
        observed_generation=metadata.generation,
        phase=health.phase,
        message=health.finding.message[:_LONGEST_MESSAGE],
        version=view.version,
        serving_version=deployment.version if deployment else "",
        service_endpoint=f"http://{view.name}.{metadata.namespace}.svc" if view.service else "",
        monitoring_url=monitoring_url(view.world),
        replicas=(deployment.replicas or 0) if deployment else 0,
        ready_replicas=view.answering,
        selector=",".join(f"{key}={value}" for key, value in pod_selector(view.name).items()),
        fetched=_fetched(view),
        conditions=make_conditions(
            _findings(view, health),
            before=view.world.model.status.conditions,
            generation=metadata.generation,
            now=view.world.now,
        ),
    )


def _fetched(view: View) -> str:
    before = view.world.model.status
    known = before.fetched if before.version == view.version else ""
    return known or fetched((*view.download_pods, *view.new_pods))


def _findings(view: View, health: Health) -> dict[ConditionType, Finding]:
    monitoring = monitoring_finding(view.monitored, view.world.settings, view.world.measurements)
    return {
        ConditionType.AVAILABLE: _available(view, health),
        ConditionType.READY: health.finding,
        ConditionType.RECONCILING: _reconciling(health),
        **({ConditionType.MONITORING_READY: monitoring} if monitoring else {}),
    }


def _available(view: View, health: Health) -> Finding:
    if view.answering:
        return Finding.yes(Reason.IN_SERVICE, f"{counted(view.answering, 'pod')} ready.")
    reason = health.finding.reason if health.finding.ok is not True else Reason.AS_ASKED
    return Finding.no(reason, f"No ready pods. {health.finding.message}")


def _reconciling(health: Health) -> Finding:
    if health.finding.ok is None:
        return Finding.yes(health.finding.reason, health.finding.message)
    return Finding.no(health.finding.reason, "Nothing is in progress.")


def essentials(status: MLModelStatus) -> tuple[object, ...]:
    """The fields beside the generation that people and tools wait for. All others can be debounced."""
    fields = (status.phase, status.version, status.serving_version, status.service_endpoint)
    conditions = (c for c in status.conditions if c.type != ConditionType.MONITORING_READY)
    return (*fields, tuple((condition.type, condition.status, condition.reason) for condition in conditions))


def events(before: MLModelStatus, after: MLModelStatus) -> tuple[Event, ...]:
    """One for each new phase, and for each new reason of a failure."""
    if _reported(before) == _reported(after) or after.phase in ("Pending", "Terminating"):
        return ()
    kind: Literal["Warning", "Normal"] = "Warning" if after.phase == "Failed" else "Normal"
    return (Event(kind, _reason(after), f"{after.phase}: {after.message}"),)


def _reported(status: MLModelStatus) -> tuple[str | None, str]:
    return status.phase, _reason(status) if status.phase == "Failed" else ""


def _reason(status: MLModelStatus) -> str:
    return next((c.reason for c in status.conditions if c.type == ConditionType.READY), "")
