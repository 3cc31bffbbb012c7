"""Connection with an API server: kubeconfig, requests, and errors that say what to do."""

import os
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import msgspec
import yaml
from aiohttp import ClientSession, ClientWebSocketResponse
from lightkube.config.kubeconfig import KubeConfig, SingleConfig
from lightkube.config.models import User
from lightkube.core.exceptions import ConfigError

from mlendpoints.client.errors import ClientError, ConfigurationError
from mlendpoints.client.failures import MakeError, make_error, make_exec_error, make_forward_error
from mlendpoints.client.suggestions import nearest, suggestion
from mlendpoints.core.world import Ref
from mlendpoints.edge.kube.client import Api, Request
from mlendpoints.edge.kube.errors import ApiError
from mlendpoints.edge.kube.forward import execute, forward
from mlendpoints.edge.kube.kinds import Watch
from mlendpoints.edge.kube.responses import Page
from mlendpoints.edge.kube.session import open_session

_OPTIONS = {"fieldManager": "mlendpoints-client", "fieldValidation": "Strict"}


class Connection:
    """The API server of a kubeconfig's context; connects at the first request, inside a running event loop."""

    def __init__(self, config: SingleConfig, *, namespace: str = "") -> None:
        self.config = config
        self.namespace = namespace or config.namespace
        self._api: Api | None = None
        self._session: ClientSession | None = None
        self._closed = False

    @property
    def api(self) -> Api:
        """The client of the API server."""
        if self._api is None or self._closed:
            self._api = Api(self.session, options=_OPTIONS)
        return self._api

    @property
    def session(self) -> ClientSession:
        """The HTTP session with the API server."""
        if self._closed:
            raise ClientError("The client is closed: create another one.")
        if self._session is None:
            self._session = self._open()
        return self._session

    def _open(self) -> ClientSession:
        try:
            return open_session(self.config)
        except (OSError, ValueError, ConfigError) as error:  # certificates and keys are read here
            raise ConfigurationError(f"Context {self.config.context_name} of the kubeconfig: {error}") from None

    async def send(self, request: Request, ref: Ref) -> bytes:
        """One request about an object; raises a ``ClientError``."""
        with self.translating(ref):
            return await self.api.send(request)

    async def pages(self, watch: Watch, ref: Ref) -> AsyncIterator[Page]:
        """A list in pages; raises a ``ClientError``."""
        with self.translating(ref):
            async for page in self.api.pages(watch):
                yield page

    async def forward(self, pod: Ref, port: int) -> ClientWebSocketResponse:
        """A connection with a port of a pod, as ``channels`` describes it; raises a ``ClientError``."""
        with self.translating(pod, make_forward_error):
            return await forward(self.session, namespace=pod.namespace, pod=pod.name, port=port)

    async def execute(self, pod: Ref, container: str, command: Sequence[str]) -> ClientWebSocketResponse:
        """A program in a container of a pod, as ``channels`` describes it; raises a ``ClientError``."""
        with self.translating(pod, make_exec_error):
            return await execute(
                self.session, namespace=pod.namespace, pod=pod.name, container=container, command=command
            )

    @contextmanager
    def translating(self, ref: Ref, make: MakeError = make_error) -> Iterator[None]:
        """Raises errors of the API server, of credentials and of the network as ``ClientError``."""
        try:
            yield
        except ApiError as error:
            raise make(error, ref, server=self.config.cluster.server) from None
        except ConfigError as error:
            raise ConfigurationError(f"Cannot log in to {self.config.cluster.server}: {error}") from None

    async def close(self) -> None:
        """Closes all connections."""
        self._closed = True
        if self._session is not None:
            await self._session.close()


def find_config(kubeconfig: str | Path = "", context: str = "") -> SingleConfig:
    """A context of a kubeconfig, by default as kubectl would find it; raises ``ConfigurationError``."""
    try:
        known = KubeConfig.from_file(kubeconfig) if kubeconfig else _from_environment(context)
    except ConfigError as error:
        raise ConfigurationError(
            f'There is no kubeconfig: {error}. Set KUBECONFIG, or pass kubeconfig="PATH".'
        ) from None
    except (OSError, yaml.YAMLError, msgspec.MsgspecError, KeyError, TypeError, AttributeError) as error:
        place = kubeconfig or os.environ.get("KUBECONFIG", "~/.kube/config")
        raise ConfigurationError(f"{place} is not a kubeconfig: {type(error).__name__}: {error}") from None
    return _context(known, context or known.current_context or "")


def _from_environment(context: str) -> KubeConfig:
    """In a pod its ServiceAccount, unless a context is named."""
    if context:
        return KubeConfig.from_file(os.environ.get("KUBECONFIG", "~/.kube/config"))
    return KubeConfig.from_env()


def _context(known: KubeConfig, context: str) -> SingleConfig:
    names = sorted(known.contexts)
    if not context:
        raise ConfigurationError(f"The kubeconfig has no current context. Name one: {', '.join(names)}.")
    if context not in known.contexts:
        hint = suggestion(nearest(context, names)) or f" Contexts: {', '.join(names)}."
        raise ConfigurationError(f"The kubeconfig has no context {context}.{hint}")
    try:
        found = known.get(context)
    except KeyError as error:
        raise ConfigurationError(f"Context {context} of the kubeconfig names {error}, which is not in it.") from None
    assert found is not None  # noqa: S101 - a context was named
    return found if found.user else found._replace(user=User())  # a cluster that needs no credentials
