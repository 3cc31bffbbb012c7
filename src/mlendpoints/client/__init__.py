"""The Python client: endpoints from a notebook, a script or a program, with the user's own rights.

::

    from mlendpoints.client import MLOpsClient

    client = MLOpsClient(namespace="titanic")
    titanic = client.endpoint("titanic")
    titanic.weights({"blue": 50, "green": 50})
    titanic.invoke([{"class": "1st", "sex": "female", "age": "adult"}]).data

It edits only what users write: endpoints, configs, models and MLModels. Everything else is the operator's.
"""

from mlendpoints.api.endpoint import Endpoint, EndpointSpec, HistoryEntry, UpdatePolicy
from mlendpoints.api.endpointconfig import EndpointConfig, EndpointConfigSpec, ProductionVariant
from mlendpoints.api.meta import Condition, ObjectMeta
from mlendpoints.api.mlmodel import MLModel, MLModelSpec
from mlendpoints.api.model import EnvVar, Model, ModelSpec
from mlendpoints.client.asynchronous import AsyncMLOpsClient
from mlendpoints.client.blocking import EndpointClient, KindClient
from mlendpoints.client.edits import FieldChange
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
from mlendpoints.client.synchronous import MLOpsClient

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
    "NotFoundError",
    "NotInstalledError",
    "ObjectMeta",
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
