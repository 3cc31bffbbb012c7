"""The Python client: endpoints from a notebook, a script or a program, with the user's own rights.

::

    from mlendpoints.client import MLOpsClient

    client = MLOpsClient(namespace="titanic")
    titanic = client.endpoint("titanic")
    titanic.weights({"blue": 50, "green": 50})
    titanic.invoke([{"class": "1st", "sex": "female", "age": "adult"}]).data

It edits only what users write: endpoints, configs, models and MLModels. Everything else is the operator's.
Each name below is loaded at its first use: the libraries for HTTP and kubeconfigs load slowly.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mlendpoints.api.endpoint import Endpoint, EndpointSpec, HistoryEntry, UpdatePolicy
    from mlendpoints.api.endpointconfig import EndpointConfig, EndpointConfigSpec, ProductionVariant
    from mlendpoints.api.env import EnvVar
    from mlendpoints.api.meta import Condition, ObjectMeta
    from mlendpoints.api.mlmodel import MLModel, MLModelSpec
    from mlendpoints.api.model import Model, ModelSpec
    from mlendpoints.client.asynchronous import AsyncMLOpsClient
    from mlendpoints.client.blocking import EndpointClient, KindClient
    from mlendpoints.client.endpoints import AsyncEndpointClient
    from mlendpoints.client.errors import (
        AlreadyExistsError,
        ClientError,
        ConfigurationError,
        ConflictError,
        FailedError,
        ForbiddenError,
        InvalidError,
        InvocationError,
        NotFoundError,
        NotInstalledError,
        SharedError,
        UnauthorizedError,
        UnreachableError,
        WaitInterruptedError,
        WaitTimeoutError,
    )
    from mlendpoints.client.explaining import Explanation, explain
    from mlendpoints.client.kinds import AsyncKindClient
    from mlendpoints.client.objects import with_spec
    from mlendpoints.client.observing import Change
    from mlendpoints.client.payloads import Answer
    from mlendpoints.client.plans import Plan, Preview
    from mlendpoints.client.synchronous import MLOpsClient
    from mlendpoints.core.capacity import Need
    from mlendpoints.core.changes import FieldChange

__all__ = [
    "AlreadyExistsError",
    "Answer",
    "AsyncEndpointClient",
    "AsyncKindClient",
    "AsyncMLOpsClient",
    "Change",
    "ClientError",
    "Condition",
    "ConfigurationError",
    "ConflictError",
    "Endpoint",
    "EndpointClient",
    "EndpointConfig",
    "EndpointConfigSpec",
    "EndpointSpec",
    "EnvVar",
    "Explanation",
    "FailedError",
    "FieldChange",
    "ForbiddenError",
    "HistoryEntry",
    "InvalidError",
    "InvocationError",
    "KindClient",
    "MLModel",
    "MLModelSpec",
    "MLOpsClient",
    "Model",
    "ModelSpec",
    "Need",
    "NotFoundError",
    "NotInstalledError",
    "ObjectMeta",
    "Plan",
    "Preview",
    "ProductionVariant",
    "SharedError",
    "UnauthorizedError",
    "UnreachableError",
    "UpdatePolicy",
    "WaitInterruptedError",
    "WaitTimeoutError",
    "explain",
    "with_spec",
]

_NAMES = {  # as imported above
    "mlendpoints.api.endpoint": ("Endpoint", "EndpointSpec", "HistoryEntry", "UpdatePolicy"),
    "mlendpoints.api.endpointconfig": ("EndpointConfig", "EndpointConfigSpec", "ProductionVariant"),
    "mlendpoints.api.env": ("EnvVar",),
    "mlendpoints.api.meta": ("Condition", "ObjectMeta"),
    "mlendpoints.api.mlmodel": ("MLModel", "MLModelSpec"),
    "mlendpoints.api.model": ("Model", "ModelSpec"),
    "mlendpoints.client.asynchronous": ("AsyncMLOpsClient",),
    "mlendpoints.client.blocking": ("EndpointClient", "KindClient"),
    "mlendpoints.client.endpoints": ("AsyncEndpointClient",),
    "mlendpoints.client.errors": (
        "AlreadyExistsError",
        "ClientError",
        "ConfigurationError",
        "ConflictError",
        "FailedError",
        "ForbiddenError",
        "InvalidError",
        "InvocationError",
        "NotFoundError",
        "NotInstalledError",
        "SharedError",
        "UnauthorizedError",
        "UnreachableError",
        "WaitInterruptedError",
        "WaitTimeoutError",
    ),
    "mlendpoints.client.explaining": ("Explanation", "explain"),
    "mlendpoints.client.kinds": ("AsyncKindClient",),
    "mlendpoints.client.objects": ("with_spec",),
    "mlendpoints.client.observing": ("Change",),
    "mlendpoints.client.payloads": ("Answer",),
    "mlendpoints.client.plans": ("Plan", "Preview"),
    "mlendpoints.client.synchronous": ("MLOpsClient",),
    "mlendpoints.core.capacity": ("Need",),
    "mlendpoints.core.changes": ("FieldChange",),
}
_MODULES = {name: module for module, names in _NAMES.items() for name in names}

if not TYPE_CHECKING:  # type checkers would accept any name

    def __getattr__(name: str) -> object:
        """Loads the module of a name (PEP 562)."""
        if name not in _MODULES:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        value = globals()[name] = getattr(import_module(_MODULES[name]), name)
        return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
