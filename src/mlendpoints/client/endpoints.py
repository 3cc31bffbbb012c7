"""One endpoint: what people do with it. Each verb edits the fewest fields of the objects that users write."""

import asyncio
import time
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import aclosing

from mlendpoints.api.endpoint import Endpoint, HistoryEntry
from mlendpoints.api.endpointconfig import EndpointConfig
from mlendpoints.api.labels import ENDPOINT, TARGET_VARIANT_HEADER
from mlendpoints.api.model import Model
from mlendpoints.client.edits import (
    earlier_version,
    field_changes,
    record_of,
    restored_config,
    restored_model,
    variant_of,
    with_variant,
    with_weights,
)
from mlendpoints.client.errors import ConfigurationError, ConflictError
from mlendpoints.client.explaining import Explanation, explain
from mlendpoints.client.gateway import Gateway
from mlendpoints.client.goals import Goal
from mlendpoints.client.kinds import TIMEOUT, AsyncKindClient
from mlendpoints.client.objects import AnyObject, T, with_spec
from mlendpoints.client.payloads import Answer, encode, headers_of
from mlendpoints.client.sharing import Kinds, Users
from mlendpoints.core.changes import FieldChange

_ATTEMPTS = 5  # at an edit that others' edits interrupt
ANSWER_TIMEOUT = 65.0  # seconds: pods end a request after 60

Changes = tuple[FieldChange, ...]


class AsyncEndpointClient:
    """One endpoint: its traffic, versions, history and predictions.

    The verbs ``weights``, ``scale``, ``swap`` and ``rollback`` edit the endpoint's config and models, return the
    fields that they changed, and by default return only once callers get the result (``wait``). If other endpoints use
    the same config or model, they raise ``SharedError``, unless all may change (``shared``).
    """

    def __init__(self, kinds: Kinds, gateway: Gateway, *, name: str, namespace: str) -> None:
        self._kinds = kinds
        self._gateway = gateway
        self._users = Users(kinds, endpoint=name, namespace=namespace)
        self.name = name
        self.namespace = namespace

    async def get(self) -> Endpoint:
        """The endpoint."""
        return await self._kinds.endpoints.get(self.name, namespace=self.namespace)

    async def explain(self) -> Explanation:
        """Why the endpoint is not ready, in one sentence, and what to do.

        >>> print(await client.endpoint("titanic").explain())
        The operator has not yet reported on generation 1.
        """
        return explain(await self.get())

    async def history(self) -> tuple[HistoryEntry, ...]:
        """The last ten updates, the newest first.

        >>> await client.endpoint("titanic").history()
        ()
        """
        return (await self.get()).status.history

    async def wait(self, *, timeout: float = TIMEOUT) -> Endpoint:
        """Waits until callers get the newest edit of the endpoint, its config and its models.

        Raises ``FailedError`` if the update fails, ``WaitTimeoutError`` after ``timeout`` seconds.
        """
        end = time.monotonic() + timeout
        endpoint, config, models = await self._parts()
        for model in models:
            await self._await(self._kinds.models, model, end)
        await self._await(self._kinds.configs, config, end)
        return await self._await(self._kinds.endpoints, endpoint, end)

    async def weights(
        self, weights: Mapping[str, int], *, wait: bool = True, timeout: float = TIMEOUT, shared: bool = False
    ) -> Changes:
        """Sets the weights of variants; the others keep theirs. No pod is touched.

        >>> for change in await client.endpoint("titanic").weights({"blue": 90, "green": 10}, wait=False):
        ...     print(change)
        MachineLearningEndpointConfig titanic/titanic: spec.models[blue].weight: 1 -> 90
        MachineLearningEndpointConfig titanic/titanic: spec.models[green].weight: 1 -> 10
        """
        return await self._edit_config(
            lambda config: with_weights(config, weights), wait=wait, timeout=timeout, shared=shared
        )

    async def scale(
        self, variant: str, instances: int, *, wait: bool = True, timeout: float = TIMEOUT, shared: bool = False
    ) -> Changes:
        """Sets a variant's number of pods; 0 only with weight 0.

        >>> for change in await client.endpoint("titanic").scale("blue", 3, wait=False):
        ...     print(change)
        MachineLearningEndpointConfig titanic/titanic: spec.models[blue].instances: 1 -> 3
        """
        return await self._edit_config(
            lambda config: with_variant(config, variant, instances=instances),
            wait=wait,
            timeout=timeout,
            shared=shared,
        )

    async def swap(
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

        >>> for change in await client.endpoint("titanic").swap("blue", image="registry.example.com/rfc:2", wait=False):
        ...     print(change)
        MachineLearningModel titanic/rfc: spec.image: registry.example.com/rfc:1 -> registry.example.com/rfc:2
        """
        if bool(model) == bool(fields):
            raise ConfigurationError('Pass either model="NAME" or fields of its spec, such as image or artifact.')
        if model:
            await self._kinds.models.get(model, namespace=self.namespace)
            return await self._edit_config(
                lambda config: with_variant(config, variant, model=model), wait=wait, timeout=timeout, shared=shared
            )
        new = ({"artifact_digest": ""} if "artifact" in fields else {}) | fields
        _, config, _ = await self._parts()
        return await self._edit_model(
            variant_of(config, variant).model,
            lambda template: with_spec(template, **new),
            wait=wait,
            timeout=timeout,
            shared=shared,
        )

    async def rollback(
        self, to: str = "", *, wait: bool = True, timeout: float = TIMEOUT, shared: bool = False
    ) -> Changes:
        """Restores the config and the models of an earlier version: ``to``, else what serves, else what served before.

        The version has to be kept: ``update.keepVersions`` of the endpoint. Models are restored first, then the config,
        then the endpoint; if several serving ones differ, versions between the two are started and superseded.
        """
        models, config, endpoint = await self._rolled_back(to)
        if not shared:
            await self._users.check_all([*models, config])
        changes = [*await self._write_all(self._kinds.models, models), *await self._write(self._kinds.configs, config)]
        changes += await self._write(self._kinds.endpoints, endpoint)
        if wait:
            await self.wait(timeout=timeout)
        return tuple(changes)

    async def restored(self, to: str = "") -> tuple[AnyObject, ...]:
        """The models, the config and the endpoint as ``rollback`` would write them; ``client.preview`` takes them."""
        models, config, endpoint = await self._rolled_back(to)
        return (*(model for _, model in models), config[1], endpoint[1])

    async def invoke(
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
        (asynchronous) streams of bytes as they are. Raises ``InvocationError`` for all but success. No request is
        repeated.
        """
        payload = encode(data, content_type)
        headers = headers_of(payload.content_type, accept, variant, TARGET_VARIANT_HEADER)
        return await self._gateway.invoke(await self.get(), payload, headers, timeout=timeout)

    async def stream(
        self,
        data: object,
        *,
        variant: str = "",
        content_type: str = "",
        accept: str = "",
        timeout: float = ANSWER_TIMEOUT,
    ) -> AsyncGenerator[bytes]:
        """The same, with the pieces of the response as they come; ``timeout`` is for each."""
        payload = encode(data, content_type)
        headers = headers_of(payload.content_type, accept, variant, TARGET_VARIANT_HEADER)
        pieces = self._gateway.stream(await self.get(), payload, headers, timeout=timeout)
        async with aclosing(pieces):
            async for piece in pieces:
                yield piece

    async def _parts(self) -> tuple[Endpoint, EndpointConfig, tuple[Model, ...]]:
        endpoint = await self.get()
        config = await self._kinds.configs.get(endpoint.spec.config, namespace=self.namespace)
        names = sorted({variant.model for variant in config.spec.models})
        models = await asyncio.gather(*(self._kinds.models.get(name, namespace=self.namespace) for name in names))
        return endpoint, config, tuple(models)

    async def _edit_config(
        self,
        edit: Callable[[EndpointConfig], EndpointConfig],
        *,
        wait: bool,
        timeout: float,
        shared: bool,
    ) -> Changes:
        name = (await self.get()).spec.config
        if not shared:
            await self._users.check_config(name)
        return await self._edit(self._kinds.configs, name, edit, within=timeout if wait else 0)

    async def _edit_model(
        self, name: str, edit: Callable[[Model], Model], *, wait: bool, timeout: float, shared: bool
    ) -> Changes:
        if not shared:
            await self._users.check_model(name)
        return await self._edit(self._kinds.models, name, edit, within=timeout if wait else 0)

    async def _edit(self, kind: AsyncKindClient[T], name: str, edit: Callable[[T], T], *, within: float) -> Changes:
        """Edits an object, again if others have done so meanwhile; waits until it is rolled out."""
        for attempt in range(_ATTEMPTS):
            before = await kind.get(name, namespace=self.namespace)
            try:
                after = await kind.update(edit(before))
                break
            except ConflictError:
                if attempt == _ATTEMPTS - 1:
                    raise
        if within:
            await kind.until(Goal.parse("", after.KIND), after, timeout=within)
        return field_changes(before, after)

    async def _await(self, kind: AsyncKindClient[T], obj: T, end: float) -> T:
        goal = Goal.parse("", obj.KIND)
        left = max(0.0, end - time.monotonic())
        return await kind.until(goal, obj, timeout=left, has_failed=bool(goal.failure(obj)))

    async def _config_records(self) -> tuple[EndpointConfig, ...]:
        return await self._kinds.configs.list(
            namespace=self.namespace, labels=f"{ENDPOINT}={self.name}", instances=True
        )

    async def _rolled_back(
        self, to: str
    ) -> tuple[list[tuple[Model, Model]], tuple[EndpointConfig, EndpointConfig], tuple[Endpoint, Endpoint]]:
        """Models, config and endpoint as they are, and as they are after a rollback."""
        endpoint = await self.get()
        version = to or earlier_version(endpoint.status, self.name)
        models, config = await self._restored(record_of(await self._config_records(), endpoint, version))
        return models, config, (endpoint, with_spec(endpoint, config=config[1].metadata.name))

    async def _restored(
        self, record: EndpointConfig
    ) -> tuple[list[tuple[Model, Model]], tuple[EndpointConfig, EndpointConfig]]:
        """Models and config as they are and as they were."""
        assert record.spec.instance is not None  # noqa: S101 - it is an instance
        config = await self._kinds.configs.get(record.spec.instance.config, namespace=self.namespace)
        versions = record.spec.instance.model_versions
        names = {v.model: f"{v.model}-{versions[v.name]}" for v in record.spec.models if v.name in versions}
        models = [
            (name, await self._kinds.models.get(frozen, namespace=self.namespace)) for name, frozen in names.items()
        ]
        templates = [await self._kinds.models.get(name, namespace=self.namespace) for name, _ in models]
        pairs = [
            (template, restored_model(template, frozen))
            for template, (_, frozen) in zip(templates, models, strict=True)
        ]
        return pairs, (config, restored_config(config, record))

    async def _write_all(self, kind: AsyncKindClient[T], pairs: list[tuple[T, T]]) -> list[FieldChange]:
        return [change for pair in pairs for change in await self._write(kind, pair)]

    async def _write(self, kind: AsyncKindClient[T], pair: tuple[T, T]) -> Changes:
        return field_changes(pair[0], await kind.update(pair[1]))
