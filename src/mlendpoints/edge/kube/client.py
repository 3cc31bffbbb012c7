"""Kubernetes API client: list, watch, get, create, server-side apply, patch, replace, delete.

Deletes with preconditions (uid, resourceVersion), and returns responses as bytes
that are decoded straight into projections. Every failure is raised as one of
``errors``. ``session`` connects and authenticates.
"""

from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping, Sequence
from contextlib import aclosing

import msgspec
from aiohttp import ClientError, ClientMiddlewareType, ClientResponse, ClientSession
from lightkube.config.kubeconfig import KubeConfig
from lightkube.core.exceptions import ConfigError
from msgspec import Struct

from mlendpoints.api.labels import MANAGER
from mlendpoints.core.canonical import Manifest
from mlendpoints.core.world import Child, Ref
from mlendpoints.edge.kube.errors import UnavailableError, response_error
from mlendpoints.edge.kube.kinds import KINDS, Kind, Watch
from mlendpoints.edge.kube.responses import Page, WatchEvent, Written, parse_event, parse_response
from mlendpoints.edge.kube.session import cause, lines, open_session, timeout

PAGE = 50  # objects per page; each may have 1.5 MB
_MERGE = "application/merge-patch+json"
_APPLY = "application/apply-patch+yaml"  # JSON is YAML
_METADATA = "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1"
_FAILURES = (ClientError, OSError)  # no response, or not all of it; asyncio's TimeoutError is an OSError
_MANAGED = frozenset({"POST", "PUT", "PATCH"})  # take a fieldManager
_OPTIONS = {"fieldManager": MANAGER}

Observer = Callable[[str, str, int], None]  # verb, kind, HTTP status (0: no response)


class Request(Struct, frozen=True, kw_only=True):
    """One request; ``path`` is that of the object or collection."""

    verb: str  # as in RBAC, except "apply", which is a patch there
    kind: Kind
    method: str
    path: str
    params: dict[str, str] = {}
    body: Manifest | None = None
    media: str = "application/json"
    accept: str = ""  # empty: whole objects


def _ignore(_verb: str, _kind: str, _code: int) -> None:
    """Observes nothing."""


class Api:
    """The API server of one cluster."""

    def __init__(
        self, session: ClientSession, *, observer: Observer = _ignore, options: Mapping[str, str] = _OPTIONS
    ) -> None:
        """``options`` are query parameters of every write that has field managers."""
        self._session = session
        self._observer = observer
        self._options = options

    @classmethod
    def connect(
        cls, *, impersonate: str = "", observer: Observer = _ignore, middlewares: Sequence[ClientMiddlewareType] = ()
    ) -> "Api":
        """Connects as the pod's ServiceAccount, else with ``KUBECONFIG``, else with ``~/.kube/config``.

        ``impersonate`` names a user to act as; ``middlewares`` see every request. Needs a running event loop.
        Raises lightkube's ``ConfigError``.
        """
        config = KubeConfig.from_env().get()
        if config is None:
            raise ConfigError("The kubeconfig names no current context")
        session = open_session(config, impersonate=impersonate, middlewares=middlewares)
        return cls(session, observer=observer)

    async def close(self) -> None:
        """Closes all connections."""
        await self._session.close()

    async def get(self, ref: Ref) -> bytes:
        """The live object, read from storage rather than from the watch cache."""
        return await self.send(Request(verb="get", kind=KINDS[ref.kind], method="GET", path=_path(ref)))

    async def get_metadata(self, ref: Ref) -> bytes:
        """The live object's metadata only."""
        kind = KINDS[ref.kind]
        return await self.send(Request(verb="get", kind=kind, method="GET", path=_path(ref), accept=_METADATA))

    async def pages(self, watch: Watch) -> AsyncIterator[Page]:
        """A consistent list in pages of ``PAGE`` objects."""
        params = {"limit": str(PAGE), **_selectors(watch)}
        path = watch.kind.path(watch.namespace)
        while True:
            request = Request(verb="list", kind=watch.kind, method="GET", path=path, params=params)
            page = parse_response(await self.send(request), Page)
            yield page
            if not page.metadata.continue_:
                return
            params = {**params, "continue": page.metadata.continue_}

    async def list_first(self, watch: Watch, *, limit: int, at_most: int) -> Page:
        """The first page of a list; raises ``UnavailableError`` if it has more than ``at_most`` bytes."""
        params, path = {"limit": str(limit), **_selectors(watch)}, watch.kind.path(watch.namespace)
        try:
            async with self._session.get(_relative(path), params=params) as response:
                await self._check("list", watch.kind, response)
                return msgspec.json.decode(await _read(response, at_most), type=Page)
        except _FAILURES as error:
            raise UnavailableError(f"GET {path}: {cause(error)}") from error
        except msgspec.MsgspecError as error:
            raise UnavailableError(f"GET {path}: {error}") from error

    async def watch(self, watch: Watch, *, since: str, seconds: int, silence: float) -> AsyncGenerator[WatchEvent]:
        """Watches from resourceVersion ``since`` until the server ends the watch.

        Ends after ``seconds``; raises ``UnavailableError`` after ``silence`` seconds without a byte
        (bookmarks come about once a minute).
        """
        params = {
            **_selectors(watch),
            "watch": "true",
            "allowWatchBookmarks": "true",
            "resourceVersion": since,
            "timeoutSeconds": str(seconds),
        }
        path = _relative(watch.kind.path(watch.namespace))
        try:
            async with self._session.get(path, params=params, timeout=timeout(silence=silence)) as response:
                await self._check("watch", watch.kind, response)
                async with aclosing(lines(response)) as found:
                    async for line in found:
                        yield parse_event(line)
        except _FAILURES as error:
            raise UnavailableError(f"The watch of {watch.kind.plural} broke: {cause(error)}") from error

    async def lines(self, request: Request, *, silence: float) -> AsyncGenerator[bytes]:
        """The lines of a response as they come; ``UnavailableError`` after ``silence`` seconds without a byte."""
        path = _relative(request.path)
        try:
            async with self._session.get(path, params=request.params, timeout=timeout(silence=silence)) as response:
                await self._check(request.verb, request.kind, response)
                async with aclosing(lines(response)) as found:
                    async for line in found:
                        yield line
        except _FAILURES as error:
            raise UnavailableError(f"GET {request.path}: {cause(error)}") from error

    async def create(self, kind: Kind, manifest: Manifest) -> Written:
        """POST; raises ``AlreadyExistsError`` if the name is taken."""
        path = kind.path(manifest["metadata"].get("namespace", ""))
        request = Request(verb="create", kind=kind, method="POST", path=path, body=manifest)
        return parse_response(await self.send(request), Written)

    async def apply(self, ref: Ref, manifest: Manifest) -> Written:
        """Server-side apply, forced. ``metadata.uid`` in the manifest is a precondition."""
        request = Request(
            verb="apply",
            kind=KINDS[ref.kind],
            method="PATCH",
            path=_path(ref),
            params={"force": "true"},
            body=manifest,
            media=_APPLY,
        )
        return parse_response(await self.send(request), Written)

    async def merge(self, ref: Ref, patch: Manifest, *, subresource: str = "") -> Written:
        """JSON merge patch (RFC 7386) of the object or of a subresource."""
        path, kind = _path(ref, subresource), KINDS[ref.kind]
        request = Request(verb="patch", kind=kind, method="PATCH", path=path, body=patch, media=_MERGE)
        return parse_response(await self.send(request), Written)

    async def replace(self, ref: Ref, manifest: Manifest) -> Written:
        """PUT; the manifest's resourceVersion is the precondition (optimistic concurrency)."""
        request = Request(verb="update", kind=KINDS[ref.kind], method="PUT", path=_path(ref), body=manifest)
        return parse_response(await self.send(request), Written)

    async def delete(self, child: Child) -> None:
        """Deletes exactly the observed version (preconditions); dependents are garbage-collected in the background."""
        options = {
            "preconditions": {"uid": child.uid, "resourceVersion": child.resource_version},
            "propagationPolicy": "Background",
        }
        kind = KINDS[child.ref.kind]
        await self.send(Request(verb="delete", kind=kind, method="DELETE", path=_path(child.ref), body=options))

    async def send(self, request: Request) -> bytes:
        """The body of the response."""
        body = None if request.body is None else msgspec.json.encode(request.body)
        headers = {} if body is None else {"Content-Type": request.media}
        headers |= {"Accept": request.accept} if request.accept else {}
        params = {**request.params, **(self._options if request.method in _MANAGED else {})}
        try:
            async with self._session.request(
                request.method, _relative(request.path), params=params, data=body, headers=headers
            ) as response:
                content = await response.read()
                await self._check(request.verb, request.kind, response)
                return content
        except _FAILURES as error:
            self._observer(request.verb, request.kind.name, 0)
            raise UnavailableError(f"{request.method} {request.path}: {cause(error)}") from error

    async def _check(self, verb: str, kind: Kind, response: ClientResponse) -> None:
        content = b"" if response.ok else await response.read()
        self._observer(verb, kind.name, response.status)
        if not response.ok:
            retry_after = response.headers.get("Retry-After", "")
            raise response_error(response.status, response.reason or "", content, retry_after=retry_after)


def _path(ref: Ref, subresource: str = "") -> str:
    return KINDS[ref.kind].path(ref.namespace, ref.name, subresource)


def _relative(path: str) -> str:
    """Below the server's URL, which may have a path of its own."""
    return path.removeprefix("/")


def _selectors(watch: Watch) -> dict[str, str]:
    both = {"labelSelector": watch.label_selector, "fieldSelector": watch.field_selector}
    return {name: value for name, value in both.items() if value}


async def _read(response: ClientResponse, at_most: int) -> bytes:
    content = bytearray()
    async for chunk in response.content.iter_any():
        content += chunk
        if len(content) > at_most:
            raise UnavailableError(f"GET {response.url.path}: more than {at_most} bytes")
    return bytes(content)
