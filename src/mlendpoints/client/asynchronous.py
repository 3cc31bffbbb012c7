"""The asynchronous client, from which the blocking one is made."""

from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Self

from mlendpoints.api.endpoint import Endpoint
from mlendpoints.api.endpointconfig import EndpointConfig
from mlendpoints.api.mlmodel import MLModel
from mlendpoints.api.model import Model
from mlendpoints.client.cluster import Cluster
from mlendpoints.client.connection import Connection, find_config
from mlendpoints.client.endpoints import AsyncEndpointClient
from mlendpoints.client.gateway import DEFAULT, Gateway
from mlendpoints.client.jobs import Jobs
from mlendpoints.client.kinds import AsyncKindClient
from mlendpoints.client.live import Live
from mlendpoints.client.objects import AnyObject
from mlendpoints.client.plans import Preview
from mlendpoints.client.sharing import Kinds
from mlendpoints.core.canonical import Manifest

if TYPE_CHECKING:
    from mlendpoints.client.release.installing import Installer


class AsyncMLOpsClient:
    """Endpoints of one cluster, for event loops; ``MLOpsClient`` is the same for everything else.

    ::

        async with AsyncMLOpsClient(namespace="titanic") as client:
            answer = await client.endpoint("titanic").invoke([{"class": "1st", "sex": "female", "age": "adult"}])
    """

    def __init__(
        self,
        *,
        kubeconfig: str | Path = "",
        context: str = "",
        namespace: str = "",
        gateway: str = DEFAULT,
        port_forward: bool | None = None,
    ) -> None:
        """By default the context that kubectl would use, and its namespace.

        ``gateway`` is the ingress gateway's Service (NAMESPACE/NAME), or its address (http://HOST:PORT). Predictions go
        through a port that is forwarded to a pod of the Service if nothing else reaches it from here, or always
        (``port_forward=True``), or never (``False``).
        """
        self._connection = Connection(find_config(kubeconfig, context), namespace=namespace)
        self._gateway = Gateway(self._connection, gateway, port_forward=port_forward)
        self.namespace = self._connection.namespace
        self.cluster = Cluster(self._connection)
        self.live = Live(self._connection)
        self.jobs = Jobs(self._connection)
        self.V1Alpha1Model = AsyncKindClient(self._connection, Model)
        self.V1Alpha1EndpointConfig = AsyncKindClient(self._connection, EndpointConfig)
        self.V1Alpha1Endpoint = AsyncKindClient(self._connection, Endpoint)
        self.V1Alpha1MLModel = AsyncKindClient(self._connection, MLModel)

    def endpoint(self, name: str, *, namespace: str = "") -> AsyncEndpointClient:
        """One endpoint: weights, scale, swap, rollback, history, explain, invoke."""
        kinds = Kinds(self.V1Alpha1Endpoint, self.V1Alpha1EndpointConfig, self.V1Alpha1Model)
        return AsyncEndpointClient(kinds, self._gateway, name=name, namespace=namespace or self.namespace)

    async def preview(self, *objects: AnyObject | Manifest) -> Preview:
        """What an apply of new or edited objects of one namespace leads to, if all goes well; nothing is written.

        What is created, changed and removed by the end, and what the pods request at the peak, against quotas and what
        nodes have free. Manifests are merged with what is stored as ``kubectl apply`` does; typed objects replace it.
        """
        from mlendpoints.client.previewing import preview  # noqa: PLC0415 - all decisions: only where needed

        return await preview(self._connection, objects)

    def installer(self) -> "Installer":
        """Installs, upgrades and uninstalls the operator, with the rights of a cluster administrator."""
        from mlendpoints.client.release.installing import Installer  # noqa: PLC0415 - rarely needed

        return Installer(self._connection)

    async def close(self) -> None:
        """Closes all connections."""
        await self._gateway.close()
        await self._connection.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()
