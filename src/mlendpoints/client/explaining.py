"""Why an object is not ready, from its conditions, for people. Pure."""

import re

from msgspec import Struct

from mlendpoints.api.endpoint import Endpoint
from mlendpoints.api.explanations import REASONS
from mlendpoints.api.meta import Condition
from mlendpoints.api.mlmodel import MLModel
from mlendpoints.api.reasons import ConditionType, Reason
from mlendpoints.client.objects import AnyObject

_SENTENCE = re.compile(r"(.+?[.!?])(?=\s+[A-Z]|\s*$)", re.DOTALL)
_ACTIONS = {str(reason): explanation.action for reason, explanation in REASONS.items()}


class Explanation(Struct, frozen=True, kw_only=True):
    """Whether an object is ready, and why not: in one ``sentence``, in full, and what to do (``action``)."""

    is_ready: bool
    reason: str
    sentence: str
    message: str = ""
    action: str = ""

    def __str__(self) -> str:
        return self.sentence


def explain(obj: AnyObject) -> Explanation:
    """The explanation by the condition ``Ready``, or ``RolledOut`` of templates.

    >>> import msgspec
    >>> message = "ModelsReady: blue: the image cannot be pulled: not found. It is tried again."
    >>> ready = {"type": "Ready", "status": "False", "reason": "ImagePullFailed", "message": message,
    ...          "lastTransitionTime": "2026-01-01T00:00:00Z", "observedGeneration": 1}
    >>> endpoint = msgspec.convert({"metadata": {"name": "titanic", "generation": 1}, "spec": {"config": "titanic"},
    ...                             "status": {"conditions": [ready]}}, Endpoint)
    >>> print(explain(endpoint))
    ModelsReady: blue: the image cannot be pulled: not found.
    """
    ready = ConditionType.READY if isinstance(obj, Endpoint | MLModel) else ConditionType.ROLLED_OUT
    known = condition_of(obj, ready)
    if known is None or known.observed_generation < obj.metadata.generation:
        return _unobserved(obj)
    return Explanation(
        is_ready=known.status == "True",
        reason=known.reason,
        sentence=first_sentence(known.message),
        message=known.message,
        action=action_of(known.reason),
    )


def action_of(reason: str) -> str:
    """What to do about a condition with this reason."""
    return _ACTIONS.get(reason, "")


def _unobserved(obj: AnyObject) -> Explanation:
    return Explanation(
        is_ready=False,
        reason=str(Reason.WAITING),
        sentence=f"The operator has not yet reported on generation {obj.metadata.generation}.",
        action="Wait; if it stays like this, check that the operator runs and serves the namespace.",
    )


def first_sentence(message: str) -> str:
    """The first sentence, in one line.

    >>> first_sentence("v1.2 of pod x cannot start: exit code 1. Check its log.")
    'v1.2 of pod x cannot start: exit code 1.'
    """
    text = " ".join(message.split())
    found = _SENTENCE.match(text)
    return found[1] if found else text


def condition_of(obj: AnyObject, type_: str) -> Condition | None:
    """The condition of this type, if it is reported."""
    return next((condition for condition in obj.status.conditions if condition.type == type_), None)
