"""Installs, upgrades and uninstalls the operator: server-side apply, prune by label, wait for the rollout."""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from typing import Any

from msgspec import Struct

from mlendpoints.api.labels import MANAGED_BY, PART_OF
from mlendpoints.client.connection import Connection
from mlendpoints.client.errors import (
    AlreadyExistsError,
    ClientError,
    FailedError,
    NotFoundError,
    NotInstalledError,
    WaitTimeoutError,
)
from mlendpoints.client.objects import describe
from mlendpoints.client.release.rendering import GIVEN, MANAGER
from mlendpoints.client.release.resources import BY_NAME, CRD, NAMESPACE, PRUNED, path_of, ref_of
from mlendpoints.core.canonical import Manifest
from mlendpoints.core.world import Ref
from mlendpoints.edge.kube.client import Request
from mlendpoints.edge.kube.decoding import read
from mlendpoints.edge.kube.kinds import CONFIG, DEPLOYMENT, ENDPOINT, LEASE, MLMODEL, MODEL, POD, Kind, Watch

TIMEOUT = 300.0  # seconds
_OPERATOR = "app.kubernetes.io/name=mlendpoints,app.kubernetes.io/component=operator"
_OURS = f"{PART_OF}=mlendpoints,{MANAGED_BY}={MANAGER}"
_APPLY = "application/apply-patch+yaml"
_PAUSE = 0.5  # seconds between two looks
_NAMED = 3  # endpoints in a message

Tell = Callable[[str], None]


class Installation(Struct, frozen=True):
    """An operator in the cluster: where it is, who manages it, and the values that it was given."""

    namespace: str
    name: str
    manager: str
    version: str
    given: dict[str, Any]

    @property
    def is_ours(self) -> bool:
        """Whether this package installed it."""
        return self.manager == MANAGER


class Installer:
    """The operator of a cluster."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def find(self) -> Installation | None:
        """The installed operator; raises ``ClientError`` if others manage it, or if there are several."""
        found = [_installation(item) async for item in self._list(DEPLOYMENT, labels=_OPERATOR)]
        foreign = next((each for each in found if not each.is_ours), None)
        if foreign is not None:
            raise ClientError(
                f"The operator in namespace {foreign.namespace} is managed by {foreign.manager or 'others'}."
                " Use what has installed it: Helm, kustomize or kubectl."
            )
        if len(found) > 1:
            places = ", ".join(sorted(each.namespace for each in found))
            raise ClientError(f"There are operators in several namespaces: {places}. Delete all but one Deployment.")
        return found[0] if found else None

    async def install(self, objects: Sequence[Manifest], tell: Tell) -> tuple[Ref, ...]:
        """Applies the objects of a new operator; raises ``AlreadyExistsError`` if there is one."""
        existing = await self.find()
        if existing is not None:
            raise AlreadyExistsError(
                f"Operator {existing.version} is installed in namespace {existing.namespace}."
                " Change it by `mlendpoints upgrade`."
            )
        return await self._apply(objects, tell)

    async def installed(self) -> Installation:
        """The operator that this package installed; raises ``NotInstalledError``."""
        existing = await self.find()
        if existing is None:
            raise NotInstalledError("No operator is installed. Install one by `mlendpoints install`.")
        return existing

    async def upgrade(self, objects: Sequence[Manifest], tell: Tell) -> tuple[tuple[Ref, ...], tuple[Ref, ...]]:
        """Applies the objects, and deletes what an earlier release installed besides; what was applied and deleted."""
        applied = await self._apply(objects, tell)
        superseded = await self.superseded(objects)
        return applied, await self._delete_all(superseded, tell)

    async def superseded(self, objects: Iterable[Manifest]) -> tuple[Ref, ...]:
        """What this package installed and these objects lack; never CRDs, nor namespaces."""
        kept = {ref_of(obj) for obj in objects}
        return tuple(ref for ref in await self._own() if ref not in kept)

    async def endpoints(self) -> tuple[Ref, ...]:
        """All endpoints in the cluster; none if their kind is not installed."""
        return await self._refs(ENDPOINT)

    async def uninstall(self, *, crds: bool, tell: Tell) -> tuple[Ref, ...]:
        """Deletes the operator, with ``crds`` also its kinds and all their objects; raises ``FailedError``."""
        endpoints = await self.endpoints()
        if endpoints:
            raise FailedError(_endpoints_exist(endpoints))
        existing = await self.find()
        own = await self._own()
        leases = (Ref(LEASE.name, existing.namespace, "mlendpoints-operator"),) if existing else ()
        deleted = await self._delete_all((*own, *leases), tell)
        return (*deleted, *(await self._delete_all(await self.crds(), tell) if crds else ()))

    async def crds(self) -> tuple[Ref, ...]:
        """The project's CRDs that exist."""
        return await self._refs(CRD, labels=f"{PART_OF}=mlendpoints")

    async def counts(self) -> dict[str, int]:
        """How many objects there are of each kind."""
        found = {kind.name: len(await self._refs(kind)) for kind in (ENDPOINT, CONFIG, MODEL, MLMODEL)}
        return {name: count for name, count in found.items() if count}

    async def until_no_endpoints(self, tell: Tell, *, timeout: float) -> None:
        """Waits until others have deleted all endpoints; raises ``WaitTimeoutError``."""
        end = time.monotonic() + timeout
        while endpoints := await self.endpoints():
            if time.monotonic() > end:
                raise WaitTimeoutError(f"Timed out after {timeout:g} s: {_endpoints_exist(endpoints)}", goal="")
            tell(f"Waiting until {len(endpoints)} endpoints are deleted, such as {describe(endpoints[0])}")
            await asyncio.sleep(_PAUSE)

    async def until_rolled_out(self, namespace: str, name: str, tell: Tell, *, timeout: float) -> str:
        """Waits until all pods of the operator are new and ready; raises ``WaitTimeoutError``."""
        end, ref = time.monotonic() + timeout, Ref(DEPLOYMENT.name, namespace, name)
        while missing := _missing(await self._get(ref)):
            reason = await self._reason(namespace)
            if time.monotonic() > end:
                raise WaitTimeoutError(
                    f"Timed out after {timeout:g} s: {missing}{reason} It continues in the cluster; see"
                    f" `kubectl --namespace {namespace} get pods`.",
                    goal="rollout",
                )
            tell(f"{missing}{reason}")
            await asyncio.sleep(_PAUSE)
        return f"The operator is ready in namespace {namespace}."

    async def _apply(self, objects: Sequence[Manifest], tell: Tell) -> tuple[Ref, ...]:
        applied = []
        for number, obj in enumerate(objects, start=1):
            ref = ref_of(obj)
            tell(f"Applying {number} of {len(objects)}: {describe(ref)}")
            if ref.kind == NAMESPACE.name and await self._exists(ref):
                continue  # its labels are its owner's
            await self._send("apply", "PATCH", ref, body=obj, media=_APPLY, params={"force": "true"})
            while ref.kind == CRD.name and not _is_established(await self._get(ref)):
                tell(f"Waiting until {ref.name} is served")
                await asyncio.sleep(_PAUSE)
            applied.append(ref)
        return tuple(applied)

    async def _delete_all(self, refs: Iterable[Ref], tell: Tell) -> tuple[Ref, ...]:
        deleted = []
        for ref in refs:
            tell(f"Deleting {describe(ref)}")
            try:
                await self._send("delete", "DELETE", ref, body={"propagationPolicy": "Background"})
            except NotFoundError:
                continue
            deleted.append(ref)
        for ref in deleted:
            while ref.kind == CRD.name and await self._exists(ref):  # with all of its objects
                tell(f"Waiting until {describe(ref)} is gone")
                await asyncio.sleep(_PAUSE)
        return tuple(deleted)

    async def _own(self) -> tuple[Ref, ...]:
        """What this package has installed, in the order in which it is deleted."""
        lists = [await self._refs(kind, labels=_OURS) for kind in PRUNED]
        return tuple(ref for found in lists for ref in found)

    async def _refs(self, kind: Kind, *, labels: str = "") -> tuple[Ref, ...]:
        try:
            return tuple([_ref(kind, item) async for item in self._list(kind, labels=labels)])
        except NotFoundError:
            return ()

    async def _list(self, kind: Kind, *, namespace: str = "", labels: str = "") -> AsyncIterator[Manifest]:
        watch = Watch(kind=kind, namespace=namespace, label_selector=labels)
        async for page in self._connection.pages(watch, Ref(kind.name, namespace, "")):
            for item in page.items:
                yield read(item, Manifest)

    async def _reason(self, namespace: str) -> str:
        """Why a pod of the operator waits; empty if that is not known."""
        async for pod in self._list(POD, namespace=namespace, labels=_OPERATOR):
            for container in (pod.get("status") or {}).get("containerStatuses") or ():
                if waiting := container.get("state", {}).get("waiting"):
                    return (
                        " ".join(filter(None, (f" {waiting.get('reason', '')}:", waiting.get("message", "")))).rstrip(
                            ":"
                        )
                        + "."
                    )
        return ""

    async def _get(self, ref: Ref) -> Manifest:
        return read(await self._send("get", "GET", ref), Manifest)

    async def _exists(self, ref: Ref) -> bool:
        try:
            await self._get(ref)
        except NotFoundError:
            return False
        return True

    async def _send(self, verb: str, method: str, ref: Ref, **rest: Any) -> bytes:  # noqa: ANN401 - of a Request
        kind = BY_NAME.get(ref.kind, LEASE)
        path = kind.path(ref.namespace, ref.name) if ref.kind == LEASE.name else path_of(ref)
        return await self._connection.send(Request(verb=verb, kind=kind, method=method, path=path, **rest), ref)


def _installation(deployment: Manifest) -> Installation:
    metadata = deployment["metadata"]
    labels, annotations = metadata.get("labels", {}), metadata.get("annotations") or {}
    try:
        given = json.loads(annotations.get(GIVEN, "{}"))
    except ValueError:
        given = {}
    return Installation(
        namespace=metadata["namespace"],
        name=metadata["name"],
        manager=labels.get(MANAGED_BY, ""),
        version=labels.get("app.kubernetes.io/version", "of an unknown version"),
        given=given if isinstance(given, dict) else {},
    )


def _ref(kind: Kind, item: Manifest) -> Ref:
    return Ref(kind.name, item["metadata"].get("namespace", ""), item["metadata"]["name"])


def _endpoints_exist(endpoints: Sequence[Ref]) -> str:
    names = ", ".join(f"{ref.namespace}/{ref.name}" for ref in endpoints[:_NAMED])
    more = f" and {len(endpoints) - _NAMED} more" if len(endpoints) > _NAMED else ""
    return (
        f"There are endpoints, which only the operator can delete in order: {names}{more}. Delete them first, by"
        " `mlendpoints delete NAME` or `kubectl delete mle --all --all-namespaces`; --wait waits until they are gone."
    )


def _missing(deployment: Manifest) -> str:
    """What a rollout waits for; empty if it has ended."""
    spec, status = deployment["spec"], deployment.get("status", {})
    wanted = spec.get("replicas", 1)
    if status.get("observedGeneration", 0) < deployment["metadata"]["generation"]:
        return "The Deployment of the operator is not yet observed."
    ready = min(status.get("updatedReplicas", 0), status.get("availableReplicas", 0))
    if ready < wanted or status.get("replicas", 0) > wanted:
        return f"{ready} of {wanted} new pods of the operator are ready."
    return ""


def _is_established(crd: Manifest) -> bool:
    conditions = (crd.get("status") or {}).get("conditions") or ()
    return any(each["type"] == "Established" and each["status"] == "True" for each in conditions)
