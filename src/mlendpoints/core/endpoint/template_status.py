"""Template status: who uses a template, and whether its last edit is rolled out everywhere.

An edit of a template changes no endpoint's generation, so that outcomes are
keyed by target version: what each user's references resolve to now, against
what that endpoint serves.
"""

from collections.abc import Iterable
from heapq import nsmallest
from typing import Generic, TypeVar

from msgspec import Struct

from mlendpoints.api.endpoint import EndpointStatus
from mlendpoints.api.endpointconfig import EndpointConfig, EndpointConfigSpec, EndpointConfigStatus
from mlendpoints.api.meta import Condition
from mlendpoints.api.model import Model, ModelStatus
from mlendpoints.api.reasons import ConditionType, Reason
from mlendpoints.core.conditions import make_conditions
from mlendpoints.core.endpoint.resolve import Target, resolve
from mlendpoints.core.endpoint.updates import running
from mlendpoints.core.findings import Finding, severity
from mlendpoints.core.world import World

T = TypeVar("T", Model, EndpointConfig)


NAMED = 10  # users that a status names; there may be thousands


class Use(Struct, frozen=True):
    """An endpoint's use of a template: how far its last edit is rolled out there."""

    endpoint: str
    finding: Finding


class TemplateWorld(Struct, Generic[T], frozen=True, kw_only=True):
    """A template, and its uses by the endpoints whose config it is or whose config names it."""

    template: T
    uses: tuple[Use, ...]
    now: float


_UNUSED = Use("", Finding.wait(Reason.NOT_IN_USE, "No endpoint uses it."))


def plan_config(world: TemplateWorld[EndpointConfig]) -> EndpointConfigStatus | None:
    """The status of a config template; None when it is unchanged."""
    template = world.template
    status = EndpointConfigStatus(
        observed_generation=template.metadata.generation,
        used_by=_first_names(world.uses),
        used_by_count=len(world.uses),
        models=shares(template.spec),
        conditions=_rolled_out(world, template.status.conditions, template.metadata.generation),
    )
    return None if status == template.status else status


def is_deferrable(before: EndpointConfigStatus | ModelStatus, after: EndpointConfigStatus | ModelStatus) -> bool:
    """Whether the status can be debounced: only details changed, or an update without an edit of the template began.

    People wait for the others: that an edit is rolling out, is rolled out, or cannot be.
    """
    same_edit = before.observed_generation == after.observed_generation
    return same_edit and (_outcomes(after) == _outcomes(before) or "Unknown" in _outcomes(after))


def _outcomes(status: EndpointConfigStatus | ModelStatus) -> tuple[str, ...]:
    return tuple(condition.status for condition in status.conditions)


def shares(spec: EndpointConfigSpec) -> str:
    """The weights for people: ``blue=90,green=10``."""
    return ",".join(f"{variant.name}={variant.weight}" for variant in spec.models)


def plan_model(world: TemplateWorld[Model]) -> ModelStatus | None:
    """The status of a model template; None when it is unchanged."""
    template = world.template
    status = ModelStatus(
        observed_generation=template.metadata.generation,
        used_by=_first_names(world.uses),
        used_by_count=len(world.uses),
        conditions=_rolled_out(world, template.status.conditions, template.metadata.generation),
    )
    return None if status == template.status else status


def _first_names(uses: Iterable[Use]) -> tuple[str, ...]:
    return tuple(nsmallest(NAMED, (use.endpoint for use in uses)))


def _rolled_out(
    world: TemplateWorld[Model] | TemplateWorld[EndpointConfig], before: Iterable[Condition], generation: int
) -> tuple[Condition, ...]:
    worst = min(world.uses, key=lambda use: (-severity(use.finding), use.endpoint), default=_UNUSED).finding
    return make_conditions({ConditionType.ROLLED_OUT: worst}, before=before, generation=generation, now=world.now)


def use_of(user: World) -> Use:
    """The use that one endpoint makes of its config, and so of the models in it."""
    return Use(user.endpoint.metadata.name, _finding(user))


def _finding(user: World) -> Finding:
    name, status = user.endpoint.metadata.name, user.endpoint.status
    target = resolve(user)
    if not isinstance(target, Target):
        return Finding.no(target.reason, f"Endpoint {name}: {target.message}")
    last = next((entry for entry in status.history if entry.target == target.version), None)
    if last is not None and last.outcome == "Failed":
        return Finding.no(last.reason, f"Endpoint {name}: {last.message}")
    if status.config_version != target.version or running(status) is not None:
        return Finding.wait(Reason.UPDATING, f"Endpoint {name} is rolling it out.{_obstacle(status, target)}")
    return Finding.yes(Reason.SUCCEEDED, "Every endpoint that uses it serves this version.")


def _obstacle(status: EndpointStatus, target: Target) -> str:
    """Why the endpoint is not ready, as a further sentence, once its status is about this target."""
    ready = next((c for c in status.conditions if c.type == ConditionType.READY and c.status == "False"), None)
    if ready is None or status.target_version != target.version:
        return ""
    return f" It is not ready ({ready.reason}): {ready.message}"
