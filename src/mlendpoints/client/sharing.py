"""Which other endpoints an edit of a config or model would change."""

from msgspec import Struct

from mlendpoints.api.endpoint import Endpoint
from mlendpoints.api.endpointconfig import EndpointConfig
from mlendpoints.api.model import Model
from mlendpoints.client.edits import users_of_config, users_of_model
from mlendpoints.client.errors import SharedError
from mlendpoints.client.kinds import AsyncKindClient


class Kinds(Struct, frozen=True):
    """The clients of the kinds that make up an endpoint."""

    endpoints: AsyncKindClient[Endpoint]
    configs: AsyncKindClient[EndpointConfig]
    models: AsyncKindClient[Model]


class Users:
    """The users of templates in one namespace, other than one endpoint. All checks raise ``SharedError``."""

    def __init__(self, kinds: Kinds, *, endpoint: str, namespace: str) -> None:
        self._kinds = kinds
        self._endpoint = endpoint
        self._namespace = namespace

    async def check_all(self, edits: list[tuple[Model, Model] | tuple[EndpointConfig, EndpointConfig]]) -> None:
        """Checks each template that an edit changes."""
        for before, after in edits:
            if before != after:
                check = self.check_model if isinstance(before, Model) else self.check_config
                await check(before.metadata.name)

    async def check_config(self, name: str) -> None:
        """Checks a config."""
        endpoints = await self._kinds.endpoints.list(namespace=self._namespace)
        _raise_if_shared(f"Config {name}", users_of_config(name, endpoints, other_than=self._endpoint))

    async def check_model(self, name: str) -> None:
        """Checks a model."""
        endpoints = await self._kinds.endpoints.list(namespace=self._namespace)
        configs = await self._kinds.configs.list(namespace=self._namespace)
        _raise_if_shared(f"Model {name}", users_of_model(name, configs, endpoints, other_than=self._endpoint))


def _raise_if_shared(what: str, users: tuple[str, ...]) -> None:
    if users:
        raise SharedError(
            f"{what} is also used by {', '.join(users)}: the edit would change them, too. shared=True allows that.",
            endpoints=users,
        )
