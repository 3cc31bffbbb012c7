"""Finds what a name on the command line means: an endpoint, else an MLModel, or what ``KIND/NAME`` says."""

from typing import TYPE_CHECKING, cast

from mlendpoints.api.endpoint import Endpoint
from mlendpoints.api.endpointconfig import EndpointConfig
from mlendpoints.api.mlmodel import MLModel
from mlendpoints.api.model import Model
from mlendpoints.cli.kinds import Kind, split_name
from mlendpoints.client.errors import NotFoundError, NotInstalledError
from mlendpoints.client.objects import AnyObject
from mlendpoints.client.suggestions import suggestion

if TYPE_CHECKING:
    from mlendpoints.client.asynchronous import AsyncMLOpsClient
    from mlendpoints.client.kinds import AsyncKindClient


def kind_client(client: "AsyncMLOpsClient", kind: Kind) -> "AsyncKindClient[AnyObject]":
    """The client of a kind."""
    clients = {
        Model: client.V1Alpha1Model,
        EndpointConfig: client.V1Alpha1EndpointConfig,
        Endpoint: client.V1Alpha1Endpoint,
        MLModel: client.V1Alpha1MLModel,
    }
    return cast("AsyncKindClient[AnyObject]", clients[kind])


async def find(client: "AsyncMLOpsClient", text: str) -> AnyObject:
    """The object; raises ``NotFoundError`` with the nearest names of both kinds."""
    kind, name = split_name(text)
    if kind is not None:
        return await kind_client(client, kind).get(name)
    try:
        return await client.V1Alpha1Endpoint.get(name)
    except NotInstalledError:
        raise
    except NotFoundError as error:
        missing = error
    try:
        return await client.V1Alpha1MLModel.get(name)
    except NotFoundError as error:
        near = [*missing.nearest, *(f"mlmodel/{known}" for known in error.nearest)]
    raise NotFoundError(
        f"There is no {Endpoint.KIND} or {MLModel.KIND} {name} in the namespace {client.namespace}.{suggestion(near)}",
        nearest=tuple(near),
    )
