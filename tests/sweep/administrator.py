"""Who runs the cluster: keeps TLS credentials, starts the operator with other settings, and loses a node."""

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import Any

import msgspec

from mlendpoints.edge.kube.kinds import Kind
from tests.kit.client import Client
from tests.sweep.gateways import Gateways

# PORT/CREDENTIAL, as the chart puts them in the policy of an operator that is given these credentials.
LISTENERS = ("80/", "443/first", "443/second")
_SECRET = Kind(name="Secret", api_version="v1", plural="secrets")


class Administrator:
    """Of one point's operator, and of gateway pods that no other point uses."""

    def __init__(
        self, *, client: Client, gateways: Gateways, outage: Callable[[], AbstractAsyncContextManager[None]]
    ) -> None:
        self._client = client
        self._gateways = gateways
        self._outage = outage
        self.settings: dict[str, Any] = {}  # other than the usual ones

    async def puts_credential(self, name: str) -> int:
        """Its Secret lies beside the gateway's pods from now on; returns the revision of that."""
        path = _SECRET.path(self._gateways.namespace)
        answer = msgspec.json.decode(await self._client.ask("POST", path, body={"metadata": {"name": name}}))
        self._gateways.credentials.add(name)
        return int(answer["metadata"]["resourceVersion"])

    async def names_credential(self, name: str) -> None:
        """The operator is started again with this one for all hosts."""
        async with self._outage():
            self.settings["tls_credentials"] = {"test": name}

    def keeps_callers_from(self, model: str) -> None:
        """The slower one of the gateway's pods never takes over routes to it."""
        max(self._gateways.pods, key=lambda pod: pod.lag).refuses = model

    async def loses_a_node(self) -> None:
        """The slower one of the gateway's pods is on it."""
        slowest = max(self._gateways.pods, key=lambda pod: pod.lag)
        await self._gateways.lose_node(self._client, slowest.name)
