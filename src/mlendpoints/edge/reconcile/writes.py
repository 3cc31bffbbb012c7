"""Executes the writes of a plan with preconditions, only while the operator is the leader, never on foreign objects."""

import contextlib
from collections.abc import Callable

from msgspec import Struct

from mlendpoints.api import labels
from mlendpoints.api.reasons import Reason
from mlendpoints.core.canonical import Manifest, full_patch
from mlendpoints.core.plan import Adopt, Apply, Create, Refreeze, Release, Replace, Scale, SetStatus, Write
from mlendpoints.core.world import Child, Ref
from mlendpoints.edge.kube.client import Api
from mlendpoints.edge.kube.errors import (
    AlreadyExistsError,
    ConflictError,
    NotFoundError,
    RejectedError,
    TooManyRequestsError,
    UnavailableError,
)
from mlendpoints.edge.kube.kinds import KINDS, OPTIONAL
from mlendpoints.edge.kube.metadata import Envelope, Metadata
from mlendpoints.edge.kube.responses import Written, WrittenMeta, parse_response

_OPTIONAL = frozenset(kind.name for kind in OPTIONAL)
_IDENTITY = frozenset({labels.MANAGED_BY, labels.INSTANCE, labels.ENDPOINT, labels.VARIANT, labels.MLMODEL})


_NAMED_AFTER = {
    "MLModel": "MLModel",
    "MachineLearningModel": "model",
}  # owner -> the resource after which its children are named


class Writer:
    """Writes while ``may_write`` allows it; else raises ``UnavailableError``."""

    def __init__(self, api: Api, *, may_write: Callable[[], bool]) -> None:
        self._api = api
        self._may_write = may_write

    async def write(self, write: Write) -> Written:
        """Executes one write; raises ``RejectedError`` if the user has to fix something.

        Nothing waits for an optional kind: whatever its API answers, such as that its CRD was removed, the other writes
        follow, and this one is retried.
        """
        self._check()
        try:
            return await self._execute(write)
        except (NotFoundError, UnavailableError) as error:
            if ref_of(write).kind in _OPTIONAL and not isinstance(error, TooManyRequestsError):
                raise RejectedError(str(error), reason=Reason.WAITING) from error
            raise

    async def _execute(self, write: Write) -> Written:
        match write:
            case Create(ref=ref, manifest=manifest):
                return await self._create(ref, manifest)
            case Apply(ref=ref, manifest=manifest, uid=uid, version=version):
                expected = {"uid": uid, "resourceVersion": version} if version else {"uid": uid}
                return await self._api.apply(ref, _with_metadata(manifest, **expected))
            case Replace(child=child, manifest=manifest):
                identity = _identity(child.uid, child.resource_version)
                return await self._api.replace(child.ref, _with_metadata(manifest, **identity))
            case Scale(child=child, replicas=replicas, requested=requested):
                annotations = {} if requested is None else {"annotations": {labels.REQUESTED: requested}}
                metadata = _identity(child.uid, child.resource_version) | annotations
                return await self._api.merge(child.ref, {"metadata": metadata, "spec": {"replicas": replicas}})
            case SetStatus(child=child, status=status):
                identity = _identity(child.uid, child.resource_version)
                return await self._api.merge(child.ref, {"metadata": identity, "status": status}, subresource="status")

            case Refreeze() | Adopt() | Release():
                return await self._hand_over(write)

    async def _refreeze(self, write: Refreeze) -> Written:
        """Changes no instance whose Deployment exists: one not in the cache has lost our label, and gets it back."""
        live = await self._live(write.deployment)
        if live is not None and live.controller == write.child.uid:
            if not live.is_ours:
                await self._label(write.deployment, live, {labels.MANAGED_BY: labels.MANAGER})
            raise ConflictError(f"Deployment {write.deployment.name} already exists")
        metadata = _identity(write.child.uid, write.child.resource_version)
        return await self._api.merge(write.child.ref, {"metadata": metadata, "spec": {"instance": write.frozen}})

    async def _hand_over(self, write: Refreeze | Adopt | Release) -> Written:
        child = write.child
        if isinstance(write, Refreeze):
            return await self._refreeze(write)
        observed = WrittenMeta(child.uid, child.resource_version)
        if isinstance(write, Adopt):
            return await self._own(child.ref, observed, [write.owner])
        kept = tuple(name for name in child.finalizers if name != write.finalizer)
        return await self.set_finalizers(child.ref, observed, kept)

    async def set_status(self, ref: Ref, observed: WrittenMeta, status: Struct) -> Written:
        """Replaces the whole status of exactly the observed version.

        The resourceVersion also identifies the object: status subresources of custom resources ignore
        ``metadata.uid``.
        """
        self._check()
        patch = {"metadata": _identity(observed.uid, observed.resource_version), "status": full_patch(status)}
        return await self._api.merge(ref, patch, subresource="status")

    async def set_finalizers(self, ref: Ref, observed: WrittenMeta, finalizers: tuple[str, ...]) -> Written:
        """Replaces the finalizers of exactly the observed version."""
        self._check()
        identity = _identity(observed.uid, observed.resource_version)
        return await self._api.merge(ref, {"metadata": {**identity, "finalizers": finalizers}})

    async def delete(self, child: Child) -> None:
        """Deletes exactly the observed version; no error if it is already gone."""
        self._check()
        with contextlib.suppress(NotFoundError):
            await self._api.delete(child)

    async def check_precondition(self, virtual_service: Ref, precondition: Child | None, *, owner: str) -> None:
        """Raises ``ConflictError`` unless the live VirtualService is the one that the deletions were decided by."""
        self._check()
        live = await self._live(virtual_service)
        if live is not None and precondition is None and (live.controller != owner or live.deletion_timestamp):
            return
        found = None if live is None else (live.uid, live.resource_version)
        if found != (None if precondition is None else (precondition.uid, precondition.resource_version)):
            raise ConflictError(f"VirtualService {virtual_service.name} is no longer the one that was observed")

    def _check(self) -> None:
        if not self._may_write():
            raise UnavailableError("Not the leader: lease is not held")

    async def _create(self, ref: Ref, manifest: Manifest) -> Written:
        try:
            return await self._api.create(KINDS[ref.kind], manifest)
        except AlreadyExistsError:
            return await self._adopt(ref, manifest)

    async def _adopt(self, ref: Ref, manifest: Manifest) -> Written:
        live = await self._live(ref)
        if live is None:
            raise ConflictError(f"{ref.kind} {ref.name} was just deleted")
        if not _is_same_owner(manifest, live):
            if live.deletion_timestamp or _is_of_predecessor(manifest, live):
                raise ConflictError(f"{ref.kind} {ref.name} is being deleted")
            if not _is_orphan(manifest, live):
                raise RejectedError(_not_ours(ref, live, manifest), reason=Reason.NOT_OWNED)
            owners = manifest["metadata"]["ownerReferences"]
            return await self._own(ref, WrittenMeta(live.uid, live.resource_version), owners)
        if not live.is_ours:  # its label was removed: no watch delivers it, and its content is unknown
            return await self._label(ref, live, manifest["metadata"]["labels"])
        return Written(WrittenMeta(live.uid, live.resource_version))

    async def _own(self, ref: Ref, observed: WrittenMeta, owners: list[Manifest]) -> Written:
        identity = _identity(observed.uid, observed.resource_version)
        return await self._api.merge(ref, {"metadata": {**identity, "ownerReferences": owners}})

    async def _label(self, ref: Ref, live: Metadata, wanted: dict[str, str]) -> Written:
        identity = _identity(live.uid, live.resource_version)
        return await self._api.merge(ref, {"metadata": {**identity, "labels": wanted}})

    async def _live(self, ref: Ref) -> Metadata | None:
        try:
            return parse_response(await self._api.get(ref), Envelope).metadata
        except NotFoundError:
            return None


def ref_of(write: Write) -> Ref:
    """The reference to the object that is written."""
    return write.child.ref if hasattr(write, "child") else write.ref


def _identity(uid: str, resource_version: str) -> Manifest:
    return {"uid": uid, "resourceVersion": resource_version}


def _with_metadata(manifest: Manifest, **metadata: str) -> Manifest:
    return {**manifest, "metadata": {**manifest["metadata"], **metadata}}


def _is_of_predecessor(manifest: Manifest, live: Metadata) -> bool:
    """Whether its controller was a deleted owner of the same name: it will be garbage-collected."""
    wanted = {(owner["kind"], owner["name"]) for owner in manifest["metadata"].get("ownerReferences", ())}
    return any((owner.kind, owner.name) in wanted for owner in live.owner_references if owner.controller)


def _is_orphan(manifest: Manifest, live: Metadata) -> bool:
    """Whether it was created for an owner of the same name: no owner references, our labels and a manifest hash.

    Users who write these into an object of their own namespace hand it over; nothing else is adopted.
    """
    if live.owner_references or labels.MANIFEST_HASH not in live.annotations:
        return False
    wanted: dict[str, str] = manifest["metadata"].get("labels", {})
    identity = {key: value for key, value in wanted.items() if key in _IDENTITY}
    return labels.MANAGED_BY in identity and all(live.labels.get(key) == value for key, value in identity.items())


def _not_ours(ref: Ref, live: Metadata, manifest: Manifest) -> str:
    """The harmless fix first: the existing object may be in use."""
    made_for = next((owner["kind"] for owner in manifest["metadata"].get("ownerReferences", ())), "")
    owner = next((f"belongs to {owner.kind} {owner.name}" for owner in live.owner_references if owner.controller), "")
    place = f" -n {ref.namespace}" if ref.namespace else ""
    return (
        f"{ref.kind} {ref.name} already exists and {owner or 'was not created by the operator'}; leaving it unchanged."
        f" Give the {_NAMED_AFTER.get(made_for, 'endpoint')} another name. If that object is not needed, delete it:"
        f" kubectl delete {ref.kind.lower()} {ref.name}{place}"
    )


def _is_same_owner(manifest: Manifest, live: Metadata) -> bool:
    """Compares the controlling owner; without one (PersistentVolume) all labels."""
    owners = manifest["metadata"].get("ownerReferences", ())
    controller = next((owner["uid"] for owner in owners if owner.get("controller")), "")
    if controller:
        return bool(live.controller == controller)
    wanted: dict[str, str] = manifest["metadata"].get("labels", {})
    return labels.MANAGED_BY in wanted and all(live.labels.get(key) == value for key, value in wanted.items())
