"""What ``wait`` waits for: a condition, a phase or a state, judged on one observation of an object. Pure."""

from typing import Self

from msgspec import Struct

from mlendpoints.api.endpoint import Endpoint
from mlendpoints.api.endpointconfig import EndpointConfig
from mlendpoints.api.meta import Condition
from mlendpoints.api.mlmodel import MLModel
from mlendpoints.api.model import Model
from mlendpoints.api.reasons import ConditionType
from mlendpoints.client.errors import ConfigurationError
from mlendpoints.client.explaining import condition_of, explain
from mlendpoints.client.objects import AnyObject, describe, ref_of
from mlendpoints.client.suggestions import nearest, suggestion

_OF_KINDS = {"phase": MLModel.KIND, "state": Endpoint.KIND}


class Goal(Struct, frozen=True):
    """A condition with a status, or the field ``phase`` or ``state`` of a status with a value."""

    name: str
    value: str

    @classmethod
    def parse(cls, text: str, kind: str) -> Self:
        """From ``Ready``, ``Ready=False``, ``phase=Serving`` (MLModels) or ``state=InService`` (endpoints).

        Without text: ``RolledOut`` of configs and models, ``Ready`` of the others.

        >>> Goal.parse("Ready", "MLModel")
        Goal(name='Ready', value='True')
        >>> Goal.parse("Redy", "MLModel")
        Traceback (most recent call last):
        mlendpoints.client.errors.ConfigurationError: There is no condition Redy. Did you mean Ready?
        """
        name, _, value = (text or _default(kind)).partition("=")
        if name in _OF_KINDS and (kind != _OF_KINDS[name] or not value):
            raise ConfigurationError(f"{text}: wait for {name}=VALUE, of {_OF_KINDS[name]} only.")
        if name not in _OF_KINDS and name not in {str(known) for known in ConditionType}:
            raise ConfigurationError(f"There is no condition {name}.{suggestion(nearest(name, ConditionType))}")
        return cls(name, value or "True")

    def __str__(self) -> str:
        return self.name if self.value == "True" else f"{self.name}={self.value}"

    def is_reached(self, obj: AnyObject) -> bool:
        """Whether the object's status says so of its newest generation."""
        if self.name not in _OF_KINDS:
            known = condition_of(obj, self.name)
            return known is not None and known.status == self.value and _is_current(obj, known)
        current = obj.status.observed_generation >= obj.metadata.generation
        return current and getattr(obj.status, self.name) == self.value

    def failure(self, obj: AnyObject) -> str:
        """Why the goal cannot be reached without an edit; empty if it can, or if that is not known.

        Only of goals that are reached by success: nobody waits in vain for ``Ready=False``.
        """
        if self.value in ("False", "Unknown", "Failed"):
            return ""
        if isinstance(obj, MLModel):
            current = obj.status.observed_generation >= obj.metadata.generation
            return obj.status.message if current and obj.status.phase == "Failed" else ""
        outcome = ConditionType.UPDATE_SUCCEEDED if isinstance(obj, Endpoint) else ConditionType.ROLLED_OUT
        known = condition_of(obj, outcome)
        return known.message if known is not None and known.status == "False" and _is_current(obj, known) else ""

    def pending(self, obj: AnyObject) -> str:
        """For an ended wait: what is known of the object, and that it continues."""
        what = f"{describe(ref_of(obj))} is not yet {self}"
        return f"{what}. {explain(obj).sentence} It continues in the cluster; wait again, or undo the edit."


def _is_current(obj: AnyObject, condition: Condition) -> bool:
    return condition.observed_generation >= obj.metadata.generation


def _default(kind: str) -> str:
    return "RolledOut" if kind in (Model.KIND, EndpointConfig.KIND) else "Ready"
