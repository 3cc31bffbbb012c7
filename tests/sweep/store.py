"""What the API server has stored, from revision 1 of each namespace on: every change of every kind that matters.

One watch for each kind serves all namespaces. A namespace is recorded from
``open`` on, which has to come before anything is made in it.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from typing import Any

import msgspec
from aiohttp import ClientError
from msgspec import Struct

from mlendpoints.core.world import Ref
from mlendpoints.edge.kube import kinds
from mlendpoints.edge.kube.decoding import read
from mlendpoints.edge.kube.kinds import Kind
from tests.kit.client import Client, Object

WATCHED = (
    *(kinds.ENDPOINT, kinds.CONFIG, kinds.MODEL),
    *(kinds.VIRTUAL_SERVICE, kinds.GATEWAY, kinds.DESTINATION_RULE),
    *(kinds.SERVICE, kinds.DEPLOYMENT, kinds.CLAIM, kinds.SLICE, kinds.POD, kinds.EVENT),
)
TIMEOUT = 180.0  # seconds, which only a failure reaches, also on a busy machine
_LOOK = 0.05  # seconds, for what shows in no watch


class Change(Struct, frozen=True):
    """One revision of the store: what one object became, or was when it went."""

    revision: int
    type: str  # ADDED, MODIFIED or DELETED
    ref: Ref
    object: Object
    seen: float  # when the watch brought it, by the event loop's clock


class Record:
    """All changes of one namespace, and what stands in it now."""

    def __init__(self, namespace: str) -> None:
        self.namespace = namespace
        self.changes: list[Change] = []
        self.objects: dict[Ref, Object] = {}
        self.newest: dict[str, int] = {}  # revision by kind
        self._changed = asyncio.Event()

    def take(self, change: Change) -> None:
        self.changes.append(change)
        self.newest[change.ref.kind] = change.revision
        if change.type == "DELETED":
            self.objects.pop(change.ref, None)
        else:
            self.objects[change.ref] = change.object
        self._changed.set()

    def get(self, kind: Kind, name: str) -> Object | None:
        return self.objects.get(Ref(kind.name, self.namespace, name))

    def of(self, kind: Kind) -> list[Object]:
        """All objects of a kind, by name."""
        return [obj for ref, obj in sorted(self.objects.items()) if ref.kind == kind.name]

    @property
    def is_collected(self) -> bool:
        """Whether nothing stands whose owner is gone: the garbage collector has done its work, and so have pods."""
        objects = self.objects.values()
        uids = {obj["metadata"]["uid"] for obj in objects}
        owners = {owner["uid"] for obj in objects for owner in obj["metadata"].get("ownerReferences", ())}
        deployments = {ref.name for ref in self.objects if ref.kind == kinds.DEPLOYMENT.name}
        pods = {ref.name.rpartition("-")[0] for ref in self.objects if ref.kind == kinds.POD.name}
        return owners <= uids and pods <= deployments

    def has_seen(self, kind: Kind, name: str, revision: int) -> bool:
        """Whether an object was seen at this revision or a later one."""
        ref = Ref(kind.name, self.namespace, name)
        return any(change.ref == ref and change.revision >= revision for change in reversed(self.changes))

    def left(self, kind: Kind, name: str, uid: str) -> int:
        """The revision at which an object began to leave."""
        ref = Ref(kind.name, self.namespace, name)
        of_it = (change for change in self.changes if change.ref == ref and change.object["metadata"]["uid"] == uid)
        return next(c.revision for c in of_it if c.type == "DELETED" or "deletionTimestamp" in c.object["metadata"])

    async def until(self, holds: Callable[[], bool], what: str, *, patience: float = TIMEOUT) -> None:
        """Waits for a condition; raises ``TimeoutError`` that says which."""
        end = time.monotonic() + patience
        while not holds():
            if time.monotonic() > end:
                raise TimeoutError(f"{self.namespace}: waited {patience:.0f} s in vain until {what}")
            self._changed.clear()
            try:
                await asyncio.wait_for(self._changed.wait(), _LOOK)
            except TimeoutError:
                continue


Listener = Callable[[Record, Change], None]


class Store:
    """The records of all namespaces, and who wants to hear of changes as they come."""

    def __init__(self) -> None:
        self._records: dict[str, Record] = {}
        self._listeners: list[Listener] = []

    def listen(self, listener: Listener) -> None:
        self._listeners.append(listener)

    def unlisten(self, listener: Listener) -> None:
        self._listeners.remove(listener)

    def open(self, namespace: str) -> Record:
        return self._records.setdefault(namespace, Record(namespace))

    def close(self, namespace: str) -> None:
        """Records it no longer; who holds the record keeps it."""
        self._records.pop(namespace, None)

    async def follow(self, client: Client, kind: Kind, since: str) -> None:
        """Takes all changes of one kind, until it is cancelled; a watch that ends goes on where it ended."""
        while True:
            with suppress(ClientError):
                async for event in client.follow(kind.path(), since=since):
                    obj: Object = read(event.object, dict)
                    if event.type == "ERROR":
                        raise RuntimeError(f"The watch of {kind.plural} has a gap: {obj}")
                    self._take(kind, event.type, obj)
                    since = obj["metadata"]["resourceVersion"]

    def _take(self, kind: Kind, type_: str, obj: Object) -> None:
        metadata = obj["metadata"]
        record = self._records.get(metadata.get("namespace", ""))
        if record is None:
            return
        ref = Ref(kind.name, record.namespace, metadata["name"])
        change = Change(int(metadata["resourceVersion"]), type_, ref, obj, time.monotonic())
        record.take(change)
        for listener in self._listeners:
            listener(record, change)


@asynccontextmanager
async def following(client: Client) -> AsyncIterator[Store]:
    """A store that is kept up to date; ends with an error if a record would have a gap."""
    store = Store()
    async with asyncio.TaskGroup() as group:
        tasks = [
            group.create_task(store.follow(client, kind, await _newest(client, kind)), name=kind.plural)
            for kind in WATCHED
        ]
        yield store
        for task in tasks:
            task.cancel()


async def _newest(client: Client, kind: Kind) -> str:
    found: dict[str, Any] = msgspec.json.decode(await client.ask("GET", f"{kind.path()}?limit=1"))
    return str(found["metadata"]["resourceVersion"])
