"""What is left for further pods: ResourceQuotas of a namespace, and nodes with what their pods request."""

from collections.abc import AsyncIterator, Mapping
from typing import Any

from msgspec import Struct

from mlendpoints.client.connection import Connection
from mlendpoints.client.errors import ForbiddenError
from mlendpoints.core.canonical import Manifest
from mlendpoints.core.capacity import Quota
from mlendpoints.core.course import pod_usage
from mlendpoints.core.nodes import Node, Taint, allocatable, occupied
from mlendpoints.core.world import Ref
from mlendpoints.edge.kube.decoding import UNREADABLE, read
from mlendpoints.edge.kube.kinds import POD, Kind, Watch

_QUOTAS = Kind(name="ResourceQuota", api_version="v1", plural="resourcequotas")
_NODES = Kind(name="Node", api_version="v1", plural="nodes", namespaced=False)
_ACTIVE = "spec.nodeName!=,status.phase!=Succeeded,status.phase!=Failed"


class _Status(Struct, frozen=True):
    hard: dict[str, str] = {}
    used: dict[str, str] = {}


class _Spec(Struct, frozen=True, rename="camel"):
    scopes: tuple[str, ...] = ()
    scope_selector: dict[str, Any] | None = None


class _Metadata(Struct, frozen=True):
    name: str
    labels: Mapping[str, str] = {}


class _Quota(Struct, frozen=True):
    metadata: _Metadata
    spec: _Spec = _Spec()
    status: _Status = _Status()


class _Condition(Struct, frozen=True):
    type: str
    status: str


class _NodeSpec(Struct, frozen=True):
    unschedulable: bool = False
    taints: tuple[Taint, ...] = ()


class _NodeStatus(Struct, frozen=True):
    allocatable: Mapping[str, str] = {}
    conditions: tuple[_Condition, ...] = ()


class _Node(Struct, frozen=True):
    metadata: _Metadata
    spec: _NodeSpec = _NodeSpec()
    status: _NodeStatus = _NodeStatus()

    @property
    def takes_pods(self) -> bool:
        ready = any(each == _Condition("Ready", "True") for each in self.status.conditions)
        return ready and not self.spec.unschedulable


class _Container(Struct, frozen=True, rename="camel", omit_defaults=True):
    resources: Mapping[str, Any] = {}
    restart_policy: str = ""


class _PodSpec(Struct, frozen=True, rename="camel", omit_defaults=True):
    node_name: str = ""
    containers: tuple[_Container, ...] = ()
    init_containers: tuple[_Container, ...] = ()


class _Pod(Struct, frozen=True):
    spec: _PodSpec


async def list_quotas(connection: Connection, namespace: str) -> tuple[Quota, ...] | None:
    """Those that count for all pods; None if the user may not list them."""
    watch = Watch(kind=_QUOTAS, namespace=namespace)
    try:
        pages = connection.pages(watch, Ref(_QUOTAS.name, namespace, ""))
        found = [read(item, _Quota) async for page in pages for item in page.items]
    except ForbiddenError:
        return None
    general = (quota for quota in found if not quota.spec.scopes and quota.spec.scope_selector is None)
    return tuple(Quota(name=q.metadata.name, hard=q.status.hard, used=q.status.used) for q in general)


async def list_nodes(connection: Connection) -> tuple[Node, ...] | None:
    """Those that take pods, with what is free; None if the user may not list all nodes and pods."""
    try:
        pages = connection.pages(Watch(kind=_NODES), Ref(_NODES.name, "", ""))
        found = [read(item, _Node) async for page in pages for item in page.items]
        pods = [pod async for pod in _pods(connection)]
    except ForbiddenError:
        return None
    nodes = (
        Node(
            name=node.metadata.name,
            labels=node.metadata.labels,
            taints=node.spec.taints,
            free=allocatable(node.status.allocatable),
        )
        for node in found
        if node.takes_pods
    )
    return occupied(nodes, pods)


async def _pods(connection: Connection) -> AsyncIterator[tuple[str, Manifest]]:
    """Node and spec of each pod that is on a node; those whose requests cannot be read count for nothing."""
    pages = connection.pages(Watch(kind=POD, field_selector=_ACTIVE), Ref(POD.name, "", ""))
    async for page in pages:
        for item in page.items:
            try:
                spec = read(item, _Pod).spec
                manifest = _manifest(spec)
                pod_usage(manifest)
            except (*UNREADABLE, ValueError):
                continue
            yield spec.node_name, manifest


def _manifest(spec: _PodSpec) -> Manifest:
    parts = {"containers": spec.containers, "initContainers": spec.init_containers}
    return {
        name: [{"resources": each.resources, "restartPolicy": each.restart_policy} for each in containers]
        for name, containers in parts.items()
    }
