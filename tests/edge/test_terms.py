"""Terms: the lease is held while something is done and never while something is awaited."""

from typing import cast

import msgspec
import pytest

from mlendpoints.core.canonical import Manifest
from mlendpoints.core.world import Ref
from mlendpoints.edge.engine import Engine
from mlendpoints.edge.kube import kinds
from mlendpoints.edge.kube.client import Api
from mlendpoints.edge.kube.errors import ConflictError, NotFoundError
from mlendpoints.edge.kube.kinds import Kind
from mlendpoints.edge.kube.responses import Written, WrittenMeta
from mlendpoints.edge.lease import Lease
from mlendpoints.edge.reconcile.queue import Queue
from mlendpoints.edge.terms import Terms
from tests.edge.virtual_time import run

LEASE = Ref("Lease", "default", "operator")
KEY, OTHER = (Ref(kinds.ENDPOINT.name, "titanic", name) for name in ("titanic", "other"))


class OneLease(Api):
    """An API server that keeps one lease."""

    def __init__(self) -> None:
        self.lease: Manifest | None = None
        self.version = 0

    async def get(self, _ref: Ref) -> bytes:
        if self.lease is None:
            raise NotFoundError("lease")
        return msgspec.json.encode(self.lease)

    async def create(self, _kind: Kind, manifest: Manifest) -> Written:
        return self._keep(manifest)

    async def replace(self, _ref: Ref, manifest: Manifest) -> Written:
        return self._keep(manifest)

    def _keep(self, manifest: Manifest) -> Written:
        self.version += 1
        metadata = manifest["metadata"] | {"resourceVersion": str(self.version)}
        self.lease = manifest | {"metadata": metadata}
        return Written(WrittenMeta("uid", str(self.version)))

    @property
    def holder(self) -> str:
        return str(self.lease["spec"]["holderIdentity"]) if self.lease else ""


class Reconciles:
    """In place of an engine: what each reconcile of a key does, and whether answers were dropped."""

    def __init__(self, api: OneLease, *results: int | Exception) -> None:
        self.queue, self.pollers = Queue(), self
        self.api, self.results = api, list(results)
        self.written, self.cleared = 0, 0
        self.holders: list[str] = []

    async def reconcile(self, _key: Ref) -> None:
        self.holders.append(self.api.holder)
        result = self.results.pop(0) if self.results else 0
        if isinstance(result, Exception):
            raise result
        self.written += result

    async def drain(self, *, at_most: float) -> None:
        assert at_most > 0
        assert self.api.holder == ""

    def clear(self) -> None:
        self.cleared += 1


def lease_of(api: Api, identity: str) -> Lease:
    return Lease(api=api, ref=LEASE, identity=identity)


def terms_of(engine: Reconciles) -> Terms:
    lease = lease_of(engine.api, "me")
    return Terms(engine=cast("Engine", engine), lease=lease, written=lambda: engine.written)


def test_a_key_is_reconciled_until_nothing_is_written_and_then_the_lease_is_released() -> None:
    async def scenario() -> None:
        engine = Reconciles(OneLease(), 3, 1, 0, 5)
        await terms_of(engine).reconcile([KEY])
        assert engine.holders == ["me", "me", "me"]
        assert engine.api.holder == ""

    run(scenario())


def test_after_a_conflict_the_key_is_requeued_and_the_others_are_reconciled() -> None:
    async def scenario() -> None:
        engine = Reconciles(OneLease(), ConflictError("changed"), 0)
        await terms_of(engine).reconcile([KEY, OTHER])
        assert len(engine.holders) == 2
        assert await engine.queue.get() == KEY

    run(scenario())


def test_a_term_that_fails_releases_the_lease() -> None:
    async def scenario() -> None:
        engine = Reconciles(OneLease(), RuntimeError("a bug"))
        with pytest.raises(RuntimeError):
            await terms_of(engine).reconcile([KEY])
        assert engine.api.holder == ""

    run(scenario())


def test_answers_of_gateways_are_dropped_if_another_process_has_had_the_lease_since() -> None:
    async def scenario() -> None:
        engine = Reconciles(OneLease())
        terms = terms_of(engine)
        await terms.reconcile([KEY])
        await terms.reconcile([KEY])
        assert engine.cleared == 0
        other = lease_of(engine.api, "other")
        await other.acquire()
        await other.release()
        await terms.reconcile([KEY])
        assert engine.cleared == 1

    run(scenario())
