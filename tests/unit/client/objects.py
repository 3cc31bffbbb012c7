"""Objects as the API server has them, for the client's tests."""

from typing import Any

import msgspec

from mlendpoints.api.endpoint import Endpoint
from mlendpoints.api.meta import Condition
from tests.kit.builders import BORN, an_endpoint


def a_condition(
    type_: str, status: str, *, message: str = "", generation: int = 1, reason: str = "Waiting"
) -> Condition:
    fields = {"type": type_, "status": status, "reason": reason, "message": message}
    return msgspec.convert(fields | {"lastTransitionTime": BORN, "observedGeneration": generation}, Condition)


def with_status(obj: Any, **status: Any) -> Any:  # noqa: ANN401 - of any kind
    return msgspec.structs.replace(obj, status=msgspec.structs.replace(obj.status, **status))


def an_endpoint_with(*conditions: Condition, **status: Any) -> Endpoint:  # noqa: ANN401 - any field
    found: Endpoint = with_status(an_endpoint(), conditions=conditions, **status)
    return found
