"""The blocking client's methods. Made by `make generate` from kinds.py and endpoints.py; do not edit."""

from collections.abc import Iterator, Mapping
from typing import Generic

from mlendpoints.api.endpoint import Endpoint, HistoryEntry
from mlendpoints.client.background import Background
from mlendpoints.client.endpoints import ANSWER_TIMEOUT, AsyncEndpointClient, Changes
from mlendpoints.client.explaining import Explanation
from mlendpoints.client.kinds import TIMEOUT, AsyncKindClient
from mlendpoints.client.objects import (
    AnyObject,
    T,
)
from mlendpoints.client.observing import Change
from mlendpoints.client.payloads import Answer
from mlendpoints.client.plans import Plan


class KindClient(Generic[T]):
    """The objects of one kind, as the operator's own typed structs.

    ``namespace`` is by default that of the client. Every method raises a ``ClientError`` that says what to do.
    """

    def __init__(self, source: AsyncKindClient[T], background: Background) -> None:
        self._source = source
        self._background = background

    def create(self, obj: T, *, dry_run: bool = False) -> T:
        """Creates an object; its namespace is by default the client's. ``dry_run``: only lets the API server check it.

        >>> from mlendpoints.client import Model, ModelSpec, ObjectMeta
        >>> spec = ModelSpec(image="registry.example.com/titanic:1")
        >>> model = client.V1Alpha1Model.create(Model(metadata=ObjectMeta(name="rfc"), spec=spec))
        >>> model.metadata.generation
        1
        """
        return self._background.run(self._source.create(obj, dry_run=dry_run))

    def update(self, obj: T, *, dry_run: bool = False) -> T:
        """Writes what differs from the stored object; fields that this release does not know stay.

        An object that was read keeps its ``resourceVersion``: if others have changed it since, a ``ConflictError``
        is raised. Without one, the last edit wins.

        >>> from mlendpoints.client import with_spec
        >>> model = client.V1Alpha1Model.get("rfc")
        >>> model = client.V1Alpha1Model.update(with_spec(model, image="registry.example.com/titanic:2"))
        >>> model.spec.image
        'registry.example.com/titanic:2'
        """
        return self._background.run(self._source.update(obj, dry_run=dry_run))

    def delete(self, name: str, *, namespace: str = "", wait: bool = False, timeout: float = TIMEOUT) -> None:
        """Deletes an object; with ``wait``, returns once it is gone.

        >>> client.V1Alpha1Model.delete("rfc", wait=True)
        """
        self._background.run(self._source.delete(name, namespace=namespace, wait=wait, timeout=timeout))

    def get(self, name: str, *, namespace: str = "") -> T:
        """The object; ``NotFoundError`` names existing ones with similar names.

        >>> client.V1Alpha1Model.get("rcf")
        Traceback (most recent call last):
        mlendpoints.client.errors.NotFoundError: MachineLearningModel titanic/rcf does not exist. Did you mean rfc?
        """
        return self._background.run(self._source.get(name, namespace=namespace))

    def list(self, *, namespace: str = "", labels: str = "", instances: bool = False) -> tuple[T, ...]:
        """The objects of a namespace, or of all (``"*"``), by a label selector, sorted by namespace and name.

        Frozen instances, which the operator writes, are listed with ``instances=True`` only.

        >>> [model.metadata.name for model in client.V1Alpha1Model.list()]
        ['rfc']
        """
        return self._background.run(self._source.list(namespace=namespace, labels=labels, instances=instances))

    def watch(self, name: str = "", *, namespace: str = "", labels: str = "") -> Iterator[Change[T]]:
        """What exists (``ADDED``), then every change, until the caller stops. Broken connections are resumed.

        >>> for change in client.V1Alpha1Model.watch("rfc"):
        ...     print(change.type, change.object.metadata.name)
        ...     break
        ADDED rfc
        """
        return self._background.iterate(self._source.watch(name, namespace=namespace, labels=labels))

    def wait(self, name: str, goal: str = "", *, namespace: str = "", timeout: float = TIMEOUT) -> T:
        """Waits for a condition, a phase or a state of the newest generation, and returns the object.

        ``goal`` is such as ``Ready``, ``Available=False``, ``phase=Serving`` or ``state=InService``; by default
        ``Ready``, or ``RolledOut`` of configs and models. Raises ``FailedError`` if an update fails meanwhile,
        ``WaitTimeoutError`` after ``timeout`` seconds. Neither ends anything in the cluster.

        >>> client.V1Alpha1Model.wait("rfc", timeout=0.1)
        Traceback (most recent call last):
        mlendpoints.client.errors.WaitTimeoutError: Timed out after 0.1 s: MachineLearningModel titanic/rfc is ...
        """
        return self._background.run(self._source.wait(name, goal, namespace=namespace, timeout=timeout))

    def create_handler(
        self, name: str, *, namespace: str = "", dry_run: bool = False, wait: bool = False, timeout: float = TIMEOUT
    ) -> Plan:
        """What follows from a new object for its dependants: what the operator creates, changes, removes.

        ``dry_run`` only shows what it would do now, until it has to wait. Else it is done: by the operator that leads,
        or in its place if none does, for which you need the permission to impersonate its ServiceAccount. ``wait``: to
        the end. Returns what was done.

        >>> plan = client.V1Alpha1Model.create_handler("rfc", dry_run=True)  # no endpoint uses it yet
        >>> plan.is_empty
        True
        """
        return self._background.run(
            self._source.create_handler(name, namespace=namespace, dry_run=dry_run, wait=wait, timeout=timeout)
        )

    def update_handler(
        self, name: str, *, namespace: str = "", dry_run: bool = False, wait: bool = False, timeout: float = TIMEOUT
    ) -> Plan:
        """The same after an edit.

        >>> print(client.V1Alpha1Model.update_handler("rfc", dry_run=True))
        Nothing to do.
        """
        return self._background.run(
            self._source.update_handler(name, namespace=namespace, dry_run=dry_run, wait=wait, timeout=timeout)
        )

    def delete_handler(
        self, name: str, *, namespace: str = "", dry_run: bool = False, wait: bool = False, timeout: float = TIMEOUT
    ) -> Plan:
        """The same of a deletion, which must have begun unless it is a ``dry_run``: that shows all of it, to its end.

        Deleting a model or config removes nothing that serves.

        >>> print(client.V1Alpha1Model.delete_handler("rfc", dry_run=True))
        Nothing to do.
        """
        return self._background.run(
            self._source.delete_handler(name, namespace=namespace, dry_run=dry_run, wait=wait, timeout=timeout)
        )


class EndpointClient:
    """One endpoint: its traffic, versions, history and predictions.

    The verbs ``weights``, ``scale``, ``swap`` and ``rollback`` edit the endpoint's config and models, return the
    fields that they changed, and by default return only once callers get the result (``wait``). If other endpoints use
    the same config or model, they raise ``SharedError``, unless all may change (``shared``).
    """

    def __init__(self, source: AsyncEndpointClient, background: Background) -> None:
        self._source = source
        self._background = background

    def get(self) -> Endpoint:
        """The endpoint."""
        return self._background.run(self._source.get())

    def explain(self) -> Explanation:
        """Why the endpoint is not ready, in one sentence, and what to do.

        >>> print(client.endpoint("titanic").explain())
        The operator has not yet reported on generation 1.
        """
        return self._background.run(self._source.explain())

    def history(self) -> tuple[HistoryEntry, ...]:
        """The last ten updates, the newest first.

        >>> client.endpoint("titanic").history()
        ()
        """
        return self._background.run(self._source.history())

    def wait(self, *, timeout: float = TIMEOUT) -> Endpoint:
        """Waits until callers get the newest edit of the endpoint, its config and its models.

        Raises ``FailedError`` if the update fails, ``WaitTimeoutError`` after ``timeout`` seconds.
        """
        return self._background.run(self._source.wait(timeout=timeout))

    def weights(
        self, weights: Mapping[str, int], *, wait: bool = True, timeout: float = TIMEOUT, shared: bool = False
    ) -> Changes:
        """Sets the weights of variants; the others keep theirs. No pod is touched.

        >>> for change in client.endpoint("titanic").weights({"blue": 90, "green": 10}, wait=False):
        ...     print(change)
        MachineLearningEndpointConfig titanic/titanic: spec.models[blue].weight: 1 -> 90
        MachineLearningEndpointConfig titanic/titanic: spec.models[green].weight: 1 -> 10
        """
        return self._background.run(self._source.weights(weights, wait=wait, timeout=timeout, shared=shared))

    def scale(
        self, variant: str, instances: int, *, wait: bool = True, timeout: float = TIMEOUT, shared: bool = False
    ) -> Changes:
        """Sets a variant's number of pods; 0 only with weight 0.

        >>> for change in client.endpoint("titanic").scale("blue", 3, wait=False):
        ...     print(change)
        MachineLearningEndpointConfig titanic/titanic: spec.models[blue].instances: 1 -> 3
        """
        return self._background.run(self._source.scale(variant, instances, wait=wait, timeout=timeout, shared=shared))

    def swap(
        self,
        variant: str,
        *,
        model: str = "",
        wait: bool = True,
        timeout: float = TIMEOUT,
        shared: bool = False,
        **fields: object,
    ) -> Changes:
        """Swaps what a variant runs: another ``model``, or these fields of its model (``image``, ``artifact``, ...).

        A new ``artifact`` without ``artifact_digest`` has no digest: the old one would not match. Pods of the new
        version start beside the old ones and take over their traffic once all of them are ready.

        >>> for change in client.endpoint("titanic").swap("blue", image="registry.example.com/rfc:2", wait=False):
        ...     print(change)
        MachineLearningModel titanic/rfc: spec.image: registry.example.com/rfc:1 -> registry.example.com/rfc:2
        """
        return self._background.run(
            self._source.swap(variant, model=model, wait=wait, timeout=timeout, shared=shared, **fields)
        )

    def rollback(self, to: str = "", *, wait: bool = True, timeout: float = TIMEOUT, shared: bool = False) -> Changes:
        """Restores the config and the models of an earlier version: ``to``, else what serves, else what served before.

        The version has to be kept: ``update.keepVersions`` of the endpoint. Models are restored first, then the config,
        then the endpoint; if several serving ones differ, versions between the two are started and superseded.
        """
        return self._background.run(self._source.rollback(to, wait=wait, timeout=timeout, shared=shared))

    def restored(self, to: str = "") -> tuple[AnyObject, ...]:
        """The models, the config and the endpoint as ``rollback`` would write them; ``client.preview`` takes them."""
        return self._background.run(self._source.restored(to))

    def invoke(
        self,
        data: object,
        *,
        variant: str = "",
        content_type: str = "",
        accept: str = "",
        timeout: float = ANSWER_TIMEOUT,
    ) -> Answer:
        """One prediction; its ``data`` is decoded by its content type, its ``variant`` is the one that answered.

        ``data``: dict, list and numbers are sent as JSON, str and DataFrames as CSV, NumPy arrays as NPY, bytes and
        streams of bytes as they are. Raises ``InvocationError`` for all but success. No request is
        repeated.
        """
        return self._background.run(
            self._source.invoke(data, variant=variant, content_type=content_type, accept=accept, timeout=timeout)
        )

    def stream(
        self,
        data: object,
        *,
        variant: str = "",
        content_type: str = "",
        accept: str = "",
        timeout: float = ANSWER_TIMEOUT,
    ) -> Iterator[bytes]:
        """The same, with the pieces of the response as they come; ``timeout`` is for each."""
        return self._background.iterate(
            self._source.stream(data, variant=variant, content_type=content_type, accept=accept, timeout=timeout)
        )
