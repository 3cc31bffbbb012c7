"""Instance status: what autoscalers and people read from a frozen version."""

from collections.abc import Iterator

from mlendpoints.api import labels
from mlendpoints.api.endpointconfig import EndpointConfig, EndpointConfigStatus
from mlendpoints.api.model import Model, ModelStatus
from mlendpoints.api.reasons import ConditionType, Reason
from mlendpoints.core.canonical import full_patch
from mlendpoints.core.conditions import make_conditions
from mlendpoints.core.endpoint.readiness import instance_finding
from mlendpoints.core.endpoint.template_status import shares
from mlendpoints.core.endpoint.view import View
from mlendpoints.core.fetched import fetched
from mlendpoints.core.findings import Finding
from mlendpoints.core.plan import SetStatus
from mlendpoints.core.world import Ref


def instance_statuses(view: View) -> Iterator[SetStatus]:
    """The writes of statuses that have changed."""
    for name, model in sorted(view.world.model_instances.items()):
        child = view.existing(Ref(Model.KIND, view.namespace, name))
        status = _model_status(view, name, model)
        if child is not None and status is not None and status != model.status:
            yield SetStatus(child, full_patch(status))
    for name, config in sorted(view.world.config_instances.items()):
        child = view.existing(Ref(EndpointConfig.KIND, view.namespace, name))
        recorded = _config_status(config)
        if child is not None and recorded != config.status:
            yield SetStatus(child, full_patch(recorded))


def _model_status(view: View, name: str, model: Model) -> ModelStatus | None:
    finding = _finding(view, name)
    if finding.ok is None and model.status == ModelStatus():
        return None
    deployment = view.deployment(name)
    return ModelStatus(
        observed_generation=model.metadata.generation,
        config_version=model.status.config_version or _config_version(view, name),
        replicas=(deployment.replicas or 0) if deployment else 0,
        ready_replicas=view.ready_count(name),
        selector=f"{labels.INSTANCE}={name}",
        fetched=model.status.fetched or fetched(view.pods(name)),
        conditions=make_conditions(
            {ConditionType.READY: finding},
            before=model.status.conditions,
            generation=model.metadata.generation,
            now=view.world.now,
        ),
    )


def _finding(view: View, name: str) -> Finding:
    if view.is_ready(name):
        return Finding.yes(Reason.INSTANCES_READY, "All pods are ready (checked through the proxy).")
    return instance_finding(view, name)


def _config_version(view: View, name: str) -> str:
    if view.target is not None and name in view.target.instances:
        return view.target.version
    return view.world.endpoint.status.config_version


def _config_status(config: EndpointConfig) -> EndpointConfigStatus:
    versions = config.spec.instance.model_versions if config.spec.instance else {}
    return EndpointConfigStatus(
        observed_generation=config.metadata.generation, models=shares(config.spec), model_versions=versions
    )
