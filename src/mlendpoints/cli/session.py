"""One call of the command: its options, its connection, what it writes."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

from mlendpoints.cli.output import Format

if TYPE_CHECKING:
    from mlendpoints.cli.progress import Progress
    from mlendpoints.client.asynchronous import AsyncMLOpsClient

T = TypeVar("T")


@dataclass(frozen=True, kw_only=True)
class Shared:
    """The options of every verb."""

    namespace: str = ""
    context: str = ""
    kubeconfig: str = ""
    output: Format = ""
    debug: bool = False


class Session:
    """One call of the command."""

    def __init__(self, shared: Shared) -> None:
        self.shared = shared
        self.gateway = ""  # the client's default
        self.port_forward: bool | None = None
        self.namespace = shared.namespace  # once it has run: that of the context, unless another one is named

    @property
    def output(self) -> Format:
        """How objects are written."""
        return self.shared.output

    def find_namespace(self) -> str:
        """The namespace that is named, else that of the context; sends nothing."""
        if self.shared.namespace:
            return self.shared.namespace
        from mlendpoints.client.connection import find_config

        return find_config(self.shared.kubeconfig, self.shared.context).namespace

    def run(self, work: "Callable[[AsyncMLOpsClient, Progress], Awaitable[T]]", *, doing: str) -> T:
        """The result of a coroutine with a client; ``doing`` is what progress says first.

        Raises the client's errors; Ctrl-C raises ``WaitInterruptedError`` with what continues in the cluster.
        """
        from mlendpoints.client.background import Background

        client = self._client()
        self.namespace = client.namespace
        background = Background(client.close)
        try:
            return background.run(_run(work, client, doing))
        finally:
            background.stop()

    def _client(self) -> "AsyncMLOpsClient":
        from mlendpoints.client.asynchronous import AsyncMLOpsClient
        from mlendpoints.client.gateway import DEFAULT

        known = self.shared
        return AsyncMLOpsClient(
            kubeconfig=known.kubeconfig,
            context=known.context,
            namespace=known.namespace,
            gateway=self.gateway or DEFAULT,
            port_forward=self.port_forward,
        )


async def _run(
    work: "Callable[[AsyncMLOpsClient, Progress], Awaitable[T]]", client: "AsyncMLOpsClient", doing: str
) -> T:
    from mlendpoints.cli.progress import Progress

    progress = Progress(doing)
    async with progress.shown():
        return await work(client, progress)
