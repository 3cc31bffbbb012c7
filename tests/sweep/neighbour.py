"""A tenant in the next namespace, which the operator watches, too: whatever is written there concerns nobody else."""

import msgspec

from mlendpoints.api import labels
from mlendpoints.api.meta import API_VERSION
from mlendpoints.edge.kube import kinds
from mlendpoints.edge.kube.kinds import Kind
from tests.kit.client import Client, Object
from tests.kit.waiting import poll_until

DEEP = 3000  # levels, more than Python's recursion limit, fewer than the API server's
_MERGE = "application/merge-patch+json"
_CIRCLE = ("chicken", "egg")
_TEMPLATE = "mine"
_TWICE = ["twice.example.com", "twice.example.com"]
_NEST = msgspec.Raw(b'{"a":' * DEEP + b"1" + b"}" * DEEP)
_INSTANCE: Object = {
    "models": [{"name": "blue", "model": _TEMPLATE}],
    "instance": {"endpoint": "none", "config": "none", "version": "1", "modelVersions": {"blue": "1"}},
}


class Neighbour:
    """May do anything in a namespace, and has had the operator make two instances there."""

    def __init__(self, *, client: Client, operator: Client, namespace: str) -> None:
        self._client = client
        self._operator = operator
        self.namespace = namespace

    async def move_in(self) -> None:
        """Has a namespace, with a template."""
        await self._client.create("/api/v1/namespaces", {"metadata": {"name": self.namespace}})
        await self._client.create(*self._new(kinds.MODEL, _TEMPLATE, {"image": "localhost/mine"}))

    async def write(self, routes: Object) -> None:
        """Everything at once that has stopped an operator before; ``routes`` are those of somebody else."""
        copied = {"labels": routes["metadata"]["labels"], "name": "copied"}
        await self._client.create(*self._new(kinds.VIRTUAL_SERVICE, "copied", routes["spec"], copied))
        await self._client.create(*self._new(kinds.VIRTUAL_SERVICE, "deep", routes["spec"] | {"hosts": _TWICE}))
        await self._change("deep", {"status": _NEST}, subresource="/status")
        await self._name_a_host_twice(routes)
        await self._own_each_other()

    async def move_out(self) -> None:
        """Leaves nothing that others would have to read."""
        for kind in (kinds.VIRTUAL_SERVICE, kinds.GATEWAY, kinds.CONFIG, kinds.MODEL):
            await self._retried("DELETE", kind.path(self.namespace))

    async def _name_a_host_twice(self, routes: Object) -> None:
        """By a Gateway of its own, so that these routes count; and then no more."""
        server = {"port": {"name": "http", "number": 80, "protocol": "HTTP"}, "hosts": ["*"]}
        listeners = {"selector": {"istio": "ingressgateway"}, "servers": [server]}
        await self._client.create(*self._new(kinds.GATEWAY, "twice", listeners))
        spec = routes["spec"] | {"gateways": ["twice"], "hosts": _TWICE}
        await self._client.create(*self._new(kinds.VIRTUAL_SERVICE, "twice", spec))
        await self._change("twice", {"spec": {"hosts": ["once.example.com"]}})

    async def _own_each_other(self) -> None:
        template = await self._uid(kinds.MODEL, _TEMPLATE)
        for name in _CIRCLE:
            of_ours = {"labels": {labels.MANAGED_BY: labels.MANAGER}}
            owned = of_ours | {"ownerReferences": [_owner(kinds.MODEL, _TEMPLATE, template)]}
            await self._operator.create(*self._new(kinds.CONFIG, name, _INSTANCE, owned))
        for name, other in (_CIRCLE, _CIRCLE[::-1]):
            owner = _owner(kinds.CONFIG, other, await self._uid(kinds.CONFIG, other))
            body = {"metadata": {"ownerReferences": [owner]}}
            await self._retried("PATCH", kinds.CONFIG.path(self.namespace, name), body=body)

    def _new(self, kind: Kind, name: str, spec: Object, metadata: Object | None = None) -> tuple[str, Object]:
        """Where it is created, and what."""
        named = {"name": name, **(metadata or {})}
        manifest = {"apiVersion": kind.api_version, "kind": kind.name, "metadata": named, "spec": spec}
        return kind.path(self.namespace), manifest

    async def _change(self, routes: str, body: Object, *, subresource: str = "") -> None:
        await self._retried("PATCH", kinds.VIRTUAL_SERVICE.path(self.namespace, routes) + subresource, body=body)

    async def _retried(self, method: str, path: str, *, body: Object | None = None) -> None:
        """A request that may be repeated, until the API server, with nests to validate, responds in time."""

        async def responded() -> bool:
            await self._client.ask(method, path, body=body, media=_MERGE)
            return True

        await poll_until(responded, f"{method} {path} has a response")

    async def _uid(self, kind: Kind, name: str) -> str:
        found = msgspec.json.decode(await self._client.ask("GET", kind.path(self.namespace, name)))
        return str(found["metadata"]["uid"])


def _owner(kind: Kind, name: str, uid: str) -> Object:
    return {"apiVersion": API_VERSION, "kind": kind.name, "name": name, "uid": uid, "controller": True}
