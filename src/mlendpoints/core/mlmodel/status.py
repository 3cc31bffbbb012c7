"""The status of an MLModel, derived anew from what is observed. Only what a download came to outlives its pod."""

from typing import Literal

from mlendpoints.api.mlmodel import MLModelStatus
from mlendpoints.api.reasons import ConditionType, Reason
from mlendpoints.core.conditions import make_conditions
from mlendpoints.core.fetched import fetched
from mlendpoints.core.findings import Finding
from mlendpoints.core.manifests.metadata import pod_selector
from mlendpoints.core.mlmodel.health import Verdict
from mlendpoints.core.mlmodel.view import View
from mlendpoints.core.plan import Event

_LONGEST_MESSAGE = 1024


def make_status(view: View, verdict: Verdict) -> MLModelStatus:
    """The whole status."""
    metadata, deployment = view.world.model.metadata, view.deployment
    return MLModelStatus(
        observed_generation=metadata.generation,
        phase=verdict.phase,
        message=verdict.finding.message[:_LONGEST_MESSAGE],
        version=view.version,
        serving_version=deployment.version if deployment else "",
        service_endpoint=f"http://{view.name}.{metadata.namespace}.svc" if view.service else "",
        replicas=(deployment.replicas or 0) if deployment else 0,
        ready_replicas=view.answering,
        selector=",".join(f"{key}={value}" for key, value in pod_selector(view.name).items()),
        fetched=_fetched(view),
        conditions=make_conditions(
            _findings(view, verdict),
            before=view.world.model.status.conditions,
            generation=metadata.generation,
            now=view.world.now,
        ),
    )


def _fetched(view: View) -> str:
    before = view.world.model.status
    known = before.fetched if before.version == view.version else ""
    return known or fetched((*view.download_pods, *view.new_pods))


def _findings(view: View, verdict: Verdict) -> dict[ConditionType, Finding]:
    return {
        ConditionType.AVAILABLE: _available(view, verdict),
        ConditionType.READY: verdict.finding,
        ConditionType.RECONCILING: _reconciling(verdict),
    }


def _available(view: View, verdict: Verdict) -> Finding:
    if view.answering:
        return Finding.yes(
            Reason.IN_SERVICE, "1 pod answers." if view.answering == 1 else f"{view.answering} pods answer."
        )
    reason = verdict.finding.reason if verdict.finding.ok is not True else Reason.AS_ASKED
    return Finding.no(reason, f"No pod answers. {verdict.finding.message}")


def _reconciling(verdict: Verdict) -> Finding:
    if verdict.finding.ok is None:
        return Finding.yes(verdict.finding.reason, verdict.finding.message)
    return Finding.no(verdict.finding.reason, "Nothing is under way.")


def headline(status: MLModelStatus) -> tuple[object, ...]:
    """What people and tools wait for; the rest of a status are details."""
    told = (status.observed_generation, status.phase, status.version, status.serving_version, status.service_endpoint)
    return (*told, tuple((condition.type, condition.status, condition.reason) for condition in status.conditions))


def events(before: MLModelStatus, after: MLModelStatus) -> tuple[Event, ...]:
    """One for each new phase, and for each new reason of a failure."""
    if _told(before) == _told(after) or after.phase in ("Pending", "Terminating"):
        return ()
    kind: Literal["Warning", "Normal"] = "Warning" if after.phase == "Failed" else "Normal"
    return (Event(kind, _reason(after), f"{after.phase}: {after.message}"),)


def _told(status: MLModelStatus) -> tuple[str | None, str]:
    return status.phase, _reason(status) if status.phase == "Failed" else ""


def _reason(status: MLModelStatus) -> str:
    return next((c.reason for c in status.conditions if c.type == ConditionType.READY), "")
