"""One kind's objects: create, update, delete, get, list, watch, wait."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Generic

from msgspec.structs import replace

from mlendpoints.client.connection import Connection
from mlendpoints.client.errors import (
    ClientError,
    ConflictError,
    FailedError,
    InvalidError,
    NotFoundError,
    NotInstalledError,
    WaitTimeoutError,
)
from mlendpoints.client.goals import Goal
from mlendpoints.client.objects import T, checked, describe, make_manifest, overlaid, ref_of, templates
from mlendpoints.client.observing import Change, Observation, list_objects, observe
from mlendpoints.client.plans import Plan
from mlendpoints.client.suggestions import nearest, suggestion
from mlendpoints.core.canonical import Manifest
from mlendpoints.core.world import Ref
from mlendpoints.edge.kube.client import Request
from mlendpoints.edge.kube.decoding import read
from mlendpoints.edge.kube.errors import UnavailableError
from mlendpoints.edge.kube.kinds import KINDS, Watch
from mlendpoints.edge.kube.responses import parse_response

TIMEOUT = 660.0  # seconds: longer than an update's default deadline, so that a wait ends with a result
ALL = "*"  # all namespaces
_DRY: dict[bool, dict[str, str]] = {False: {}, True: {"dryRun": "All"}}


class AsyncKindClient(Generic[T]):
    """The objects of one kind, as the operator's own typed structs.

    ``namespace`` is by default that of the client. Every method raises a ``ClientError`` that says what to do.
    """

    def __init__(self, connection: Connection, type_: type[T]) -> None:
        self._connection = connection
        self._type = type_
        self._kind = KINDS[type_.KIND]

    async def create(self, obj: T, *, dry_run: bool = False) -> T:
        """Creates an object; its namespace is by default the client's. ``dry_run``: only lets the API server check it.

        >>> from mlendpoints.client import Model, ModelSpec, ObjectMeta
        >>> spec = ModelSpec(image="registry.example.com/titanic:1")
        >>> model = await client.V1Alpha1Model.create(Model(metadata=ObjectMeta(name="rfc"), spec=spec))
        >>> model.metadata.generation
        1
        """
        obj = self._placed(checked(obj, ""))
        path = self._kind.path(obj.metadata.namespace)
        request = Request(
            verb="create", kind=self._kind, method="POST", path=path, body=make_manifest(obj), params=_DRY[dry_run]
        )
        return self._decode(await self._connection.send(request, ref_of(obj)))

    async def update(self, obj: T, *, dry_run: bool = False) -> T:
        """Writes what differs from the stored object; fields that this release does not know stay.

        An object that was read keeps its ``resourceVersion``: if others have changed it since, a ``ConflictError``
        is raised. Without one, the last edit wins.

        >>> from mlendpoints.client import with_spec
        >>> model = await client.V1Alpha1Model.get("rfc")
        >>> model = await client.V1Alpha1Model.update(with_spec(model, image="registry.example.com/titanic:2"))
        >>> model.spec.image
        'registry.example.com/titanic:2'
        """
        obj = self._placed(checked(obj, ""))
        stored, before = await self._stored(ref_of(obj))
        expected = obj.metadata.resource_version
        if expected not in ("", before.metadata.resource_version):
            raise ConflictError(f"{describe(ref_of(obj))} was changed by others. Get it again and repeat the edit.")
        manifest = overlaid(stored, before, obj)
        if manifest == stored:
            return before
        path = self._kind.path(obj.metadata.namespace, obj.metadata.name)
        request = Request(verb="update", kind=self._kind, method="PUT", path=path, body=manifest, params=_DRY[dry_run])
        return self._decode(await self._connection.send(request, ref_of(obj)))

    async def delete(self, name: str, *, namespace: str = "", wait: bool = False, timeout: float = TIMEOUT) -> None:
        """Deletes an object; with ``wait``, returns once it is gone.

        >>> await client.V1Alpha1Model.delete("rfc", wait=True)
        """
        obj = await self.get(name, namespace=namespace)
        ref = ref_of(obj)
        options = {"preconditions": {"uid": obj.metadata.uid}, "propagationPolicy": "Background"}
        path = self._kind.path(ref.namespace, ref.name)
        request = Request(verb="delete", kind=self._kind, method="DELETE", path=path, body=options)
        try:
            await self._connection.send(request, ref)
        except NotFoundError:
            return  # others were faster
        if wait:
            await self._until_gone(obj, timeout)

    async def get(self, name: str, *, namespace: str = "") -> T:
        """The object; ``NotFoundError`` names existing ones with similar names.

        >>> await client.V1Alpha1Model.get("rcf")
        Traceback (most recent call last):
        mlendpoints.client.errors.NotFoundError: MachineLearningModel titanic/rcf does not exist. Did you mean rfc?
        """
        _, obj = await self._stored(Ref(self._kind.name, self._scope(namespace), name))
        return obj

    async def list(self, *, namespace: str = "", labels: str = "", instances: bool = False) -> tuple[T, ...]:
        """The objects of a namespace, or of all (``"*"``), by a label selector, sorted by namespace and name.

        Frozen instances, which the operator writes, are listed with ``instances=True`` only.

        >>> [model.metadata.name for model in await client.V1Alpha1Model.list()]
        ['rfc']
        """
        found, _ = await list_objects(self._connection, self._type, self._watch(namespace, labels=labels))
        found.sort(key=lambda obj: (obj.metadata.namespace, obj.metadata.name))
        return tuple(found) if instances else templates(iter(found))

    async def watch(self, name: str = "", *, namespace: str = "", labels: str = "") -> AsyncGenerator[Change[T]]:
        """What exists (``ADDED``), then every change, until the caller stops. Broken connections are resumed.

        >>> async for change in client.V1Alpha1Model.watch("rfc"):
        ...     print(change.type, change.object.metadata.name)
        ...     break
        ADDED rfc
        """
        watch = self._watch(namespace, name=name, labels=labels)
        async with aclosing(observe(self._connection, self._type, watch)) as observations:
            async for observation in observations:
                for change in observation.changes:
                    yield change

    async def wait(self, name: str, goal: str = "", *, namespace: str = "", timeout: float = TIMEOUT) -> T:
        """Waits for a condition, a phase or a state of the newest generation, and returns the object.

        ``goal`` is such as ``Ready``, ``Available=False``, ``phase=Serving`` or ``state=InService``; by default
        ``Ready``, or ``RolledOut`` of configs and models. Raises ``FailedError`` if an update fails meanwhile,
        ``WaitTimeoutError`` after ``timeout`` seconds. Neither ends anything in the cluster.

        >>> await client.V1Alpha1Model.wait("rfc", timeout=0.1)
        Traceback (most recent call last):
        mlendpoints.client.errors.WaitTimeoutError: Timed out after 0.1 s: MachineLearningModel titanic/rfc is ...
        """
        wanted = Goal.parse(goal, self._type.KIND)
        first = await self.get(name, namespace=namespace)
        return await self.until(wanted, first, timeout=timeout, has_failed=bool(wanted.failure(first)))

    async def create_handler(
        self, name: str, *, namespace: str = "", dry_run: bool = False, wait: bool = False, timeout: float = TIMEOUT
    ) -> Plan:
        """What follows from a new object for its dependants: what the operator creates, changes, removes.

        ``dry_run`` only shows what it would do now, until it has to wait. Else it is done: by the operator that leads,
        or in its place if none does, for which you need the permission to impersonate its ServiceAccount. ``wait``: to
        the end. Returns what was done.

        >>> plan = await client.V1Alpha1Model.create_handler("rfc", dry_run=True)  # no endpoint uses it yet
        >>> plan.is_empty
        True
        """
        return await self._handle(name, namespace, is_deletion=False, dry_run=dry_run, wait=wait, timeout=timeout)

    async def update_handler(
        self, name: str, *, namespace: str = "", dry_run: bool = False, wait: bool = False, timeout: float = TIMEOUT
    ) -> Plan:
        """The same after an edit.

        >>> print(await client.V1Alpha1Model.update_handler("rfc", dry_run=True))
        Nothing to do.
        """
        return await self._handle(name, namespace, is_deletion=False, dry_run=dry_run, wait=wait, timeout=timeout)

    async def delete_handler(
        self, name: str, *, namespace: str = "", dry_run: bool = False, wait: bool = False, timeout: float = TIMEOUT
    ) -> Plan:
        """The same of a deletion, which must have begun unless it is a ``dry_run``: that shows all of it, to its end.

        Deleting a model or config removes nothing that serves.

        >>> print(await client.V1Alpha1Model.delete_handler("rfc", dry_run=True))
        Nothing to do.
        """
        return await self._handle(name, namespace, is_deletion=True, dry_run=dry_run, wait=wait, timeout=timeout)

    async def _handle(  # noqa: PLR0913 - the parameters of the handlers
        self, name: str, namespace: str, *, is_deletion: bool, dry_run: bool, wait: bool, timeout: float
    ) -> Plan:
        from mlendpoints.client.handlers import Handlers, Request  # noqa: PLC0415 - all decisions: only where needed

        ref, handlers = Ref(self._kind.name, self._scope(namespace), name), Handlers(self._connection)
        if dry_run:
            return await handlers.plan(ref, is_deletion=is_deletion)
        goal = Goal.parse("", self._type.KIND)

        async def await_led() -> None:
            try:
                first = await self.get(name, namespace=namespace)
            except NotFoundError:
                if is_deletion:
                    return
                raise
            await (self._until_gone(first, timeout) if is_deletion else self.until(goal, first, timeout=timeout))

        return await handlers.run(
            Request(ref=ref, is_deletion=is_deletion, goal=goal, wait=wait, timeout=timeout, await_led=await_led)
        )

    async def until(self, goal: Goal, first: T, *, timeout: float, has_failed: bool = False) -> T:
        """Waits for a goal of an object that exists; ``has_failed``: only a new failure ends it."""
        seen = first
        try:
            async with asyncio.timeout(timeout), aclosing(self._observe(first)) as observations:
                async for observation in observations:
                    seen = self._found(observation, first)
                    if goal.is_reached(seen):
                        return seen
                    failure = goal.failure(seen)
                    if failure and not has_failed:
                        raise FailedError(f"{describe(ref_of(seen))}: {failure}")
                    has_failed = has_failed and bool(failure)
        except TimeoutError:
            raise WaitTimeoutError(f"Timed out after {timeout:g} s: {goal.pending(seen)}", goal=str(goal)) from None
        except asyncio.CancelledError:
            raise asyncio.CancelledError(f"Stopped waiting: {goal.pending(seen)}") from None
        raise AssertionError("a watch does not end by itself")

    async def _until_gone(self, obj: T, timeout: float) -> None:
        key, ref = (obj.metadata.namespace, obj.metadata.name), describe(ref_of(obj))
        pending = f"{ref} is being deleted. It continues in the cluster."
        try:
            async with asyncio.timeout(timeout), aclosing(self._observe(obj)) as observations:
                async for observation in observations:
                    left = observation.objects.get(key)
                    if left is None or left.metadata.uid != obj.metadata.uid:
                        return
        except TimeoutError:
            raise WaitTimeoutError(f"Timed out after {timeout:g} s: {pending}", goal="deleted") from None
        except asyncio.CancelledError:
            raise asyncio.CancelledError(f"Stopped waiting: {pending}") from None

    def _observe(self, obj: T) -> AsyncGenerator[Observation[T]]:
        watch = self._watch(obj.metadata.namespace, name=obj.metadata.name)
        return observe(self._connection, self._type, watch)

    def _found(self, observation: Observation[T], obj: T) -> T:
        found = observation.objects.get((obj.metadata.namespace, obj.metadata.name))
        if found is None:
            raise NotFoundError(f"{describe(ref_of(obj))} was deleted during the wait.")
        return found

    async def _stored(self, ref: Ref) -> tuple[Manifest, T]:
        """The stored object, as JSON and typed."""
        if not ref.name:
            raise InvalidError("A name is missing.", fields=("metadata.name",))
        request = Request(verb="get", kind=self._kind, method="GET", path=self._kind.path(ref.namespace, ref.name))
        try:
            content = await self._connection.send(request, ref)
        except NotInstalledError:
            raise
        except NotFoundError as error:
            raise await self._with_nearest(error, ref) from None
        return read(content, Manifest), self._decode(content)

    async def _with_nearest(self, error: NotFoundError, ref: Ref) -> NotFoundError:
        try:
            names = [obj.metadata.name for obj in await self.list(namespace=ref.namespace)]
        except ClientError:  # the user may not list: then there is no suggestion
            return error
        found = nearest(ref.name, names)
        return NotFoundError(f"{error}{suggestion(found)}", nearest=found)

    def _decode(self, content: bytes) -> T:
        try:
            return parse_response(content, self._type)
        except UnavailableError as error:
            raise ClientError(f"{error}. Is this release of mlendpoints the operator's?") from None

    def _placed(self, obj: T) -> T:
        if obj.metadata.namespace:
            return obj
        return replace(obj, metadata=replace(obj.metadata, namespace=self._connection.namespace))

    def _scope(self, namespace: str) -> str:
        return namespace or self._connection.namespace

    def _watch(self, namespace: str, *, name: str = "", labels: str = "") -> Watch:
        scope = self._scope(namespace)
        fields = f"metadata.name={name}" if name else ""
        return Watch(
            kind=self._kind, namespace="" if scope == ALL else scope, label_selector=labels, field_selector=fields
        )
