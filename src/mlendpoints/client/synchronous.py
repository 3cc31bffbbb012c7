"""The blocking client: for scripts, and for notebooks, whose own event loop is running."""

from pathlib import Path
from types import TracebackType
from typing import Self

from mlendpoints.api.endpoint import Endpoint
from mlendpoints.api.endpointconfig import EndpointConfig
from mlendpoints.api.mlmodel import MLModel
from mlendpoints.api.model import Model
from mlendpoints.client.asynchronous import AsyncMLOpsClient
from mlendpoints.client.background import Background
from mlendpoints.client.blocking import EndpointClient, KindClient
from mlendpoints.client.gateway import DEFAULT
from mlendpoints.client.objects import AnyObject
from mlendpoints.client.plans import Preview
from mlendpoints.core.canonical import Manifest


class MLOpsClient:
    """Endpoints of one cluster.

    ::

        client = MLOpsClient(namespace="titanic")
        client.endpoint("titanic").invoke([{"class": "1st", "sex": "female", "age": "adult"}]).data

    Its requests run in a thread of its own, until it is closed, neither it nor a part of it is used any longer, or the
    program ends.
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
        source = AsyncMLOpsClient(
            kubeconfig=kubeconfig, context=context, namespace=namespace, gateway=gateway, port_forward=port_forward
        )
        self._source, self._background = source, Background(source.close)
        self.namespace = source.namespace
        self.V1Alpha1Model: KindClient[Model] = KindClient(source.V1Alpha1Model, self._background)
        self.V1Alpha1EndpointConfig: KindClient[EndpointConfig] = KindClient(
            source.V1Alpha1EndpointConfig, self._background
        )
        self.V1Alpha1Endpoint: KindClient[Endpoint] = KindClient(source.V1Alpha1Endpoint, self._background)
        self.V1Alpha1MLModel: KindClient[MLModel] = KindClient(source.V1Alpha1MLModel, self._background)

    def endpoint(self, name: str, *, namespace: str = "") -> EndpointClient:
        """One endpoint: weights, scale, swap, rollback, history, explain, invoke."""
        return EndpointClient(self._source.endpoint(name, namespace=namespace), self._background)

    def preview(self, *objects: AnyObject | Manifest) -> Preview:
        """What an apply of new or edited objects of one namespace leads to, if all goes well; nothing is written.

        What is created, changed and removed by the end, and what the pods request at the peak, against quotas and what
        nodes have free. Manifests are merged with what is stored as ``kubectl apply`` does; typed objects replace it.
        """
        return self._background.run(self._source.preview(*objects))

    def close(self) -> None:
        """Closes all connections and ends the thread."""
        self._background.stop()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
