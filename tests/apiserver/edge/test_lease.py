import asyncio
from collections.abc import Awaitable, Callable

from mlendpoints.core.world import Ref
from mlendpoints.edge.kube.client import Api
from mlendpoints.edge.lease import Lease, LeaseTimes
from mlendpoints.edge.metrics import Metrics
from tests.apiserver.edge.conftest import Connect
from tests.apiserver.edge.objects import Object, read
from tests.kit.waiting import TIMEOUT, until

SHORT = LeaseTimes(duration=1, renew_within=0.6, renew_every=0.1, retry=0.05)
LONG = LeaseTimes(duration=3600, renew_within=60, renew_every=0.1, retry=0.05)

Candidate = Callable[..., Lease]
Scenario = Callable[[Api, Candidate], Awaitable[None]]


def play(connect: Connect, namespace: str, scenario: Scenario) -> None:
    async def played() -> None:
        api = connect(Metrics())

        def candidate(identity: str, times: LeaseTimes = LONG) -> Lease:
            return Lease(api=api, ref=Ref("Lease", namespace, "operator"), identity=identity, times=times)

        try:
            await scenario(api, candidate)
        finally:
            await api.close()

    asyncio.run(played())


async def spec(api: Api, namespace: str) -> Object:
    lease = await read(api, Ref("Lease", namespace, "operator"))
    found: Object = lease["spec"]
    return found


def test_the_first_candidate_leads(connect: Connect, namespace: str) -> None:
    async def scenario(api: Api, candidate: Candidate) -> None:
        first = candidate("first")
        assert not first.is_held
        await first.acquire()
        assert first.is_held
        held = await spec(api, namespace)
        assert (held["holderIdentity"], held["leaseDurationSeconds"], held["leaseTransitions"]) == ("first", 3600, 0)

    play(connect, namespace, scenario)


def test_the_second_waits_until_the_first_releases(connect: Connect, namespace: str) -> None:
    async def scenario(api: Api, candidate: Candidate) -> None:
        first, second = candidate("first"), candidate("second")
        await first.acquire()
        waiting = asyncio.create_task(second.acquire())
        renewals = asyncio.create_task(first.hold())
        before = (await spec(api, namespace))["renewTime"]
        async with asyncio.timeout(TIMEOUT):
            while (await spec(api, namespace))["renewTime"] == before:
                assert not waiting.done()
        renewals.cancel()
        await first.release()
        assert not first.is_held
        await asyncio.wait_for(waiting, TIMEOUT)
        assert second.is_held
        assert (await spec(api, namespace))["leaseTransitions"] == 1

    play(connect, namespace, scenario)


def test_who_renews_no_more_is_followed(connect: Connect, namespace: str) -> None:
    async def scenario(_api: Api, candidate: Candidate) -> None:
        dead, heir = candidate("dead", SHORT), candidate("heir")
        await dead.acquire()
        await asyncio.wait_for(heir.acquire(), TIMEOUT)
        assert heir.is_held
        assert not dead.is_held

    play(connect, namespace, scenario)


def test_a_stolen_lease_is_noticed_and_not_taken_back(connect: Connect, namespace: str) -> None:
    async def scenario(api: Api, candidate: Candidate) -> None:
        robbed, thief = candidate("robbed"), candidate("thief")
        await robbed.acquire()
        holding = asyncio.create_task(robbed.hold())
        patch = {"spec": {"holderIdentity": "thief", "leaseDurationSeconds": 3600}}
        await api.merge(Ref("Lease", namespace, "operator"), patch)
        await asyncio.wait_for(holding, TIMEOUT)
        assert not robbed.is_held
        assert (await spec(api, namespace))["holderIdentity"] == "thief"
        await asyncio.wait_for(thief.acquire(), TIMEOUT)

    play(connect, namespace, scenario)


def test_only_one_of_many_leads(connect: Connect, namespace: str) -> None:
    async def scenario(_api: Api, candidate: Candidate) -> None:
        candidates = [candidate(f"candidate-{number}") for number in range(8)]
        waiting = [asyncio.create_task(one.acquire()) for one in candidates]
        await until(lambda: any(one.is_held for one in candidates))
        tried = [await one._try() for one in candidates]  # noqa: SLF001 - every one has had its chance
        assert tried.count(True) == 1
        assert sum(one.is_held for one in candidates) == 1
        for task in waiting:
            task.cancel()

    play(connect, namespace, scenario)


def test_a_release_leaves_the_lease_of_another_alone(connect: Connect, namespace: str) -> None:
    async def scenario(api: Api, candidate: Candidate) -> None:
        former = candidate("former")
        await former.acquire()
        await api.merge(Ref("Lease", namespace, "operator"), {"spec": {"holderIdentity": "other"}})
        await former.release()
        assert (await spec(api, namespace))["holderIdentity"] == "other"

    play(connect, namespace, scenario)
