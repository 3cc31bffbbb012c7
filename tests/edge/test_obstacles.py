"""What a refused write met is looked for in turns, only while it stands, and no more often than every two seconds."""

import asyncio
from collections.abc import Iterable

import pytest

from mlendpoints.api.reasons import Reason
from mlendpoints.core.world import Ref, Rejection
from mlendpoints.edge.kube.errors import UnavailableError
from mlendpoints.edge.poll.obstacles import AT_ONCE, MOST, PACE, PAUSE, Obstacles, object_exists
from tests.edge.scripted import Exchange, Script, played
from tests.edge.virtual_time import elapse, now, run

STRANGER = Rejection(Reason.NOT_OWNED, "Service s exists")


def key_of(name: str, namespace: str = "ns") -> Ref:
    return Ref("MachineLearningEndpoint", namespace, name)


def service(name: str, namespace: str = "ns") -> Ref:
    return Ref("Service", namespace, name)


class Rig:
    """Objects that stand in the way, when each was looked for, and what is tried again."""

    def __init__(self, there: Iterable[Ref] = (), *, fails: bool = False) -> None:
        self.there, self.fails = set(there), fails
        self.looked: list[tuple[float, Ref]] = []
        self.retried: list[tuple[float, Ref, tuple[Ref, ...]]] = []
        self.in_flight = self.most_in_flight = 0
        self.obstacles = Obstacles(self._is_there, lambda key, refs: self.retried.append((now(), key, refs)))

    async def _is_there(self, ref: Ref) -> bool:
        self.looked.append((now(), ref))
        self.in_flight += 1
        self.most_in_flight = max(self.most_in_flight, self.in_flight)
        await asyncio.sleep(0.01)
        self.in_flight -= 1
        if self.fails:
            raise UnavailableError("no answer")
        return ref in self.there


def test_a_stranger_that_goes_has_the_write_tried_within_three_seconds() -> None:
    async def scenario() -> None:
        rig, begun = Rig([service("s")]), now()
        rig.obstacles.want(key_of("a"), {service("s"): STRANGER})
        await elapse(600)
        assert rig.retried == []
        assert len(rig.looked) <= 600 / PAUSE
        rig.there.clear()
        await elapse(3)
        assert [(key, refs) for _, key, refs in rig.retried][:1] == [(key_of("a"), (service("s"),))]
        assert rig.retried[0][0] - begun <= 603

    run(scenario())


def test_what_a_quota_refuses_is_tried_itself_and_other_refusals_are_not() -> None:
    async def scenario() -> None:
        rig = Rig()
        refused = {
            service("quota"): Rejection(Reason.QUOTA_EXCEEDED, "full"),
            service("bad"): Rejection(Reason.INVALID_SPEC, "no"),
        }
        rig.obstacles.want(key_of("a"), refused)
        await elapse(10)
        assert {refs for _, _, refs in rig.retried} == {(service("quota"),)}
        assert 0 < len(rig.retried) <= 10 / PAUSE
        assert rig.looked == []

    run(scenario())


def test_nothing_is_looked_for_that_is_wanted_no_more() -> None:
    async def scenario() -> None:
        rig = Rig([service("s")])
        rig.obstacles.want(key_of("a"), {service("s"): STRANGER})
        rig.obstacles.want(key_of("a"), {})
        rig.obstacles.want(key_of("b"), {service("s"): STRANGER})
        rig.obstacles.forget(key_of("b"))
        rig.obstacles.want(key_of("c"), {service("s"): STRANGER})
        await rig.obstacles.close()
        await elapse(60)
        assert (rig.looked, rig.retried) == ([], [])

    run(scenario())


def test_an_api_server_that_does_not_answer_is_no_sign_that_it_has_gone() -> None:
    async def scenario() -> None:
        rig = Rig(fails=True)
        rig.obstacles.want(key_of("a"), {service("s"): STRANGER})
        await elapse(10)
        assert rig.looked
        assert rig.retried == []

    run(scenario())


def test_a_namespace_with_a_thousand_obstacles_waits_for_itself_alone() -> None:
    async def scenario() -> None:
        mine = service("mine", "b")
        rig = Rig([*(service(f"s{n}") for n in range(1000)), mine])
        for n in range(1000):
            rig.obstacles.want(key_of(f"e{n}"), {service(f"s{n}"): STRANGER})
        rig.obstacles.want(key_of("mine", "b"), {mine: STRANGER})
        await elapse(60)
        busy = [time for time, ref in rig.looked if ref.namespace == "ns"]
        assert len(busy) <= 60 / PACE
        rig.there.discard(mine)
        await elapse(3)
        assert rig.retried[0][1:] == (key_of("mine", "b"), (mine,))

    run(scenario())


def test_many_namespaces_have_few_looks_under_way_and_each_its_turn() -> None:
    async def scenario() -> None:
        rig = Rig(service("s", f"n{n}") for n in range(30))
        for n in range(30):
            rig.obstacles.want(key_of("e", f"n{n}"), {service("s", f"n{n}"): STRANGER})
        await elapse(60)
        assert rig.most_in_flight <= AT_ONCE
        counts = [sum(ref.namespace == f"n{n}" for _, ref in rig.looked) for n in range(30)]
        assert max(counts) - min(counts) <= 1

    run(scenario())


def test_of_one_key_with_many_obstacles_a_few_are_looked_for() -> None:
    async def scenario() -> None:
        rig = Rig(service(f"s{n}") for n in range(50))
        rig.obstacles.want(key_of("a"), {service(f"s{n}"): STRANGER for n in range(50)})
        await elapse(PAUSE + 1)
        assert len(rig.looked) == MOST

    run(scenario())


def test_only_not_found_says_that_nothing_is_there() -> None:
    codes = iter([200, 404, 500])

    async def say(exchange: Exchange) -> None:
        await exchange.say({"metadata": {"name": "s"}}, code=next(codes))

    async def scenario() -> None:
        async with played(Script(say)) as api:
            assert await object_exists(api, service("s"))
            assert not await object_exists(api, service("s"))
            with pytest.raises(UnavailableError):
                await object_exists(api, service("s"))

    asyncio.run(scenario())
