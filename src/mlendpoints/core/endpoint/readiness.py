"""Readiness: whether the pods of model instances are ready, and if not, why."""

from msgspec.structs import replace

from mlendpoints.api.reasons import Reason
from mlendpoints.core.endpoint.view import View
from mlendpoints.core.findings import Finding
from mlendpoints.core.manifests.metadata import instance_of
from mlendpoints.core.manifests.storage import ARTIFACT_VOLUME, claim_class, needs_volume
from mlendpoints.core.reasons.pods import instance_findings
from mlendpoints.core.reasons.volumes import no_volume, waits_for_volume
from mlendpoints.core.world import Ref


def models_finding(view: View) -> Finding:
    """Whether all requested instances are ready, and if not, why."""
    return _finding_of(view, view.target.instances if view.target else view.serving_instances)


def served_finding(view: View) -> Finding:
    """Whether the instances that serve are ready, and if not, why."""
    return _finding_of(view, view.serving_instances)


def _finding_of(view: View, instances: frozenset[str]) -> Finding:
    unready = sorted(instance for instance in instances if not view.is_ready(instance) or view.is_scaling_up(instance))
    if not instances:
        return Finding.wait(Reason.WAITING, "No instances are requested yet.")
    if not unready:
        return Finding.yes(Reason.INSTANCES_READY, "All model pods are ready (checked through the proxy).")
    findings = [instance_finding(view, instance) for instance in unready]
    return min(findings, key=lambda finding: finding.ok is None)


def instance_finding(view: View, instance: str) -> Finding:
    """Why the pods of a model instance are not all ready."""
    finding = instance_findings(
        instance,
        deployment=view.deployment(instance),
        pods=view.pods(instance),
        rejections=view.rejections(instance),
        desired=max(view.desired_replicas(instance), view.unapplied_scale(instance)),
        ready=view.ready_count(instance),
        instance=view.world.model_instances.get(instance),
    )
    claim = _claim_without_volume(view, instance)
    if claim and (finding.ok is None or finding.reason == Reason.UNSCHEDULABLE):
        model = view.world.model_instances.get(instance)
        text = no_volume(view.namespace, claim, claim_class(model) if model else "")
        return replace(finding, message=f"{finding.message} {text}")
    return _with_directory(view, instance, finding)


def _claim_without_volume(view: View, instance: str) -> str:
    """The claim that all its pods share, or that of the first pod waiting for its own; empty if there is none."""
    shared = view.existing(Ref("PersistentVolumeClaim", view.namespace, instance))
    if shared is not None:
        return "" if shared.bound else instance
    model = view.world.model_instances.get(instance)
    if model is None or not claim_class(model):
        return ""
    waiting = sorted(pod.name for pod in view.pods(instance) if waits_for_volume(pod) and not pod.deleting)
    return f"{waiting[0]}-{ARTIFACT_VOLUME}" if waiting else ""


def _with_directory(view: View, instance: str, finding: Finding) -> Finding:
    """What a node directory needs, while a pod cannot start: the kubelet reports why in events only."""
    model = view.world.model_instances.get(instance)
    waits = any(pod.pending_mounts and not pod.deleting for pod in view.pods(instance))
    if finding.ok is not None or model is None or not needs_volume(model.spec) or not waits:
        return finding
    path = instance_of(model).path
    return replace(finding, message=f"{finding.message} The directory {path} must exist on the node, too.")
