import asyncio
import itertools

import msgspec

from mlendpoints.core.canonical import Manifest
from mlendpoints.core.world import Ref
from mlendpoints.edge.kube.client import Api
from mlendpoints.edge.kube.errors import NotFoundError
from mlendpoints.edge.kube.kinds import Kind
from mlendpoints.edge.kube.responses import Written, WrittenMeta
from mlendpoints.edge.lease import Lease, LeaseTimes
from tests.edge.virtual_time import elapse, now, run

LATENCY = 5.0  # seconds that an answer takes


class Slow(Api):
    """An API server that keeps one lease and answers late."""

    def __init__(self) -> None:
        self.lease: Manifest | None = None
        self.renewals: list[float] = []
        self.latency = LATENCY

    async def get(self, ref: Ref) -> bytes:
        await asyncio.sleep(self.latency)
        if self.lease is None:
            raise NotFoundError(ref.name)
        return msgspec.json.encode(self.lease)

    async def create(self, kind: Kind, manifest: Manifest) -> Written:
        return await self._keep(Ref(kind.name, "", ""), manifest)

    async def replace(self, ref: Ref, manifest: Manifest) -> Written:
        return await self._keep(ref, manifest)

    async def _keep(self, _ref: Ref, manifest: Manifest) -> Written:
        self.renewals.append(now())
        await asyncio.sleep(self.latency)
        self.lease = manifest
        return Written(WrittenMeta("uid", str(len(self.renewals))))


def candidate(api: Api) -> Lease:
    return Lease(api=api, ref=Ref("Lease", "default", "operator"), identity="me", times=LeaseTimes())


def test_a_lease_is_taken_and_kept_though_every_answer_takes_five_seconds() -> None:
    async def scenario() -> None:
        lease = candidate(Slow())
        await asyncio.wait_for(lease.acquire(), 3 * LATENCY)
        holding = asyncio.create_task(lease.hold())
        await elapse(600)
        assert not holding.done()
        holding.cancel()

    run(scenario())


def test_renewals_are_sent_at_their_times_however_late_they_are_answered() -> None:
    async def scenario() -> None:
        api = Slow()
        lease = candidate(api)
        await asyncio.wait_for(lease.acquire(), 3 * LATENCY)
        holding = asyncio.create_task(lease.hold())
        await elapse(60)
        holding.cancel()
        sent = api.renewals
        apart = {later - earlier for earlier, later in itertools.pairwise(sent)}
        assert apart == {LeaseTimes().renew_every}

    run(scenario())


def test_who_is_not_answered_in_time_leads_no_more() -> None:
    async def scenario() -> None:
        api = Slow()
        lease = candidate(api)
        await asyncio.wait_for(lease.acquire(), 3 * LATENCY)
        api.latency = 3600
        holding = asyncio.create_task(lease.hold())
        await elapse(LeaseTimes().renew_within)
        assert not lease.is_held
        await asyncio.wait_for(holding, LeaseTimes().renew_within)

    run(scenario())
