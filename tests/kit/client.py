"""Requests to the API server: paths in, bytes out. Bare, since the floor is measured with it."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import msgspec
from aiohttp import ClientResponse, ClientSession, ClientTimeout
from lightkube import KubeConfig
from lightkube.core.exceptions import ConfigError
from msgspec import Struct

from mlendpoints.edge.kube.decoding import read
from mlendpoints.edge.kube.session import lines, open_session

Object = dict[str, Any]
Job = Callable[[], Awaitable[object]]

IN_FLIGHT = 16  # requests; as many as the operator has workers
_JSON = "application/json"
_MERGE = "application/merge-patch+json"
_APPLY = "application/apply-patch+yaml"
_STREAM = ClientTimeout(total=None, sock_connect=30)


class RequestError(RuntimeError):
    """The API server refused what the benchmark asked; ``status`` is HTTP's."""

    def __init__(self, message: str, *, status: int) -> None:
        super().__init__(message)
        self.status = status


class Event(Struct, frozen=True):
    """One line of a watch."""

    type: str
    object: msgspec.Raw


class _Metadata(Struct, frozen=True, rename="camel"):
    resource_version: str


class _Versioned(Struct, frozen=True):
    metadata: _Metadata


class _List(Struct, frozen=True):
    items: list[Object]


class Client:
    """The API server, as one user."""

    def __init__(self, session: ClientSession) -> None:
        self._session = session

    async def ask(self, method: str, path: str, *, body: object = None, media: str = _JSON) -> bytes:
        """One request; raises ``RequestError`` with the server's own words."""
        return await self.send(method, path, None if body is None else msgspec.json.encode(body), media=media)

    async def send(self, method: str, path: str, content: bytes | None, *, media: str = _JSON) -> bytes:
        """The same with a body that need not be JSON."""
        headers = {"Content-Type": media}
        try:
            async with self._session.request(method, path.removeprefix("/"), data=content, headers=headers) as response:
                await _check(response)
                return await response.read()
        except TimeoutError as error:
            raise RequestError(f"{method} {path}: {error}", status=504) from error

    async def settle(self, method: str, path: str, *, body: object) -> None:
        """The same of a request whose outcome may stand already: what is there, or gone, is fine."""
        try:
            await self.ask(method, path, body=body)
        except RequestError as error:
            if error.status not in (404, 409):
                raise

    async def is_gone(self, path: str) -> bool:
        """Whether there is no such object."""
        try:
            await self.ask("GET", path)
        except RequestError as error:
            return error.status == 404
        return False

    async def create(self, collection: str, manifest: Object) -> None:
        """POST."""
        await self.ask("POST", collection, body=manifest)

    async def apply(self, path: str, manifest: Object) -> None:
        """Server-side apply, forced."""
        await self.ask("PATCH", f"{path}?fieldManager=bench&force=true", body=manifest, media=_APPLY)

    async def set_status(self, path: str, status: object) -> None:
        """Merge patch of the status."""
        await self.ask("PATCH", f"{path}/status", body={"status": status}, media=_MERGE)

    async def items(self, path: str) -> list[Object]:
        """A whole list."""
        return msgspec.json.decode(await self.ask("GET", path), type=_List).items

    async def cpu(self) -> float:
        """Seconds of CPU that the API server has used since its start."""
        name = b"\nprocess_cpu_seconds_total "
        return float((await self.ask("GET", "/metrics")).split(name)[1].split(b"\n")[0])

    async def follow(self, collection: str, *, since: str = "0") -> AsyncIterator[Event]:
        """Every change after ``since``, until the caller stops; by default also what is there.

        The API server ends each watch after an hour; it is resumed. Raises ``RequestError`` where that is too late.
        """
        while True:
            async for event in self._watch(collection, since):
                if event.type == "ERROR":
                    raise RequestError(f"WATCH {collection}: {bytes(event.object).decode()}", status=410)
                since = read(event.object, _Versioned).metadata.resource_version
                if event.type != "BOOKMARK":
                    yield event

    async def _watch(self, collection: str, since: str) -> AsyncIterator[Event]:
        params = {"watch": "true", "resourceVersion": since, "timeoutSeconds": "3600", "allowWatchBookmarks": "true"}
        async for line in self._stream(collection, params):
            yield read(line, Event)

    async def lines(self, path: str) -> AsyncIterator[str]:
        """A text as it comes, line by line, such as a pod's log; raises ``RequestError``."""
        async for line in self._stream(path):
            yield line.decode()

    async def _stream(self, path: str, params: dict[str, str] | None = None) -> AsyncIterator[bytes]:
        async with self._session.get(path.removeprefix("/"), params=params, timeout=_STREAM) as response:
            await _check(response)
            async for line in lines(response):
                yield line


async def _check(response: ClientResponse) -> None:
    if not response.ok:
        request = f"{response.method} {response.url.path_qs}"
        raise RequestError(f"{request}: {response.status} {await response.text()}", status=response.status)


@asynccontextmanager
async def connected(kubeconfig: Path, *, user: str = "") -> AsyncIterator[Client]:
    """A client with the rights of ``kubeconfig``, acting as ``user`` if one is named."""
    config = KubeConfig.from_file(str(kubeconfig)).get()
    if config is None:
        raise ConfigError(f"{kubeconfig} has no current context")
    async with open_session(config, impersonate=user) as session:
        session.headers["User-Agent"] = "kit"  # the API server takes field managers from it: these edits are not ours
        yield Client(session)


async def do_all(jobs: Iterable[Job]) -> None:
    """Does all jobs, ``IN_FLIGHT`` at a time."""
    waiting = iter(jobs)

    async def work() -> None:
        for job in waiting:
            await job()

    async with asyncio.TaskGroup() as group:
        for _ in range(IN_FLIGHT):
            group.create_task(work())
