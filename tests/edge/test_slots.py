import asyncio

from mlendpoints.edge.fairness import Slots
from tests.edge.virtual_time import run, settle


class Rig:
    """Tasks that hold a place until they are let go."""

    def __init__(self) -> None:
        self.slots = Slots(total=4, each=2)
        self.inside: list[str] = []
        self.tasks: list[asyncio.Task[None]] = []
        self.open = asyncio.Event()

    def enter(self, name: str) -> asyncio.Task[None]:
        task = asyncio.create_task(self._hold(name))
        self.tasks.append(task)
        return task

    async def _hold(self, name: str) -> None:
        async with self.slots.one(name[0]):
            self.inside.append(name)
            await self.open.wait()


def test_a_namespace_takes_no_more_than_its_part() -> None:
    async def scenario() -> None:
        rig = Rig()
        for name in ("a1", "a2", "a3", "b1"):
            rig.enter(name)
        await settle()
        assert rig.inside == ["a1", "a2", "b1"]
        rig.open.set()
        await asyncio.gather(*rig.tasks)
        assert rig.inside == ["a1", "a2", "b1", "a3"]

    run(scenario())


def test_those_that_wait_take_turns_by_namespace() -> None:
    async def scenario() -> None:
        rig = Rig()
        holders = [rig.enter(name) for name in ("a1", "a2", "b1", "b2")]
        await settle()
        for name in ("a3", "a4", "c1", "c2"):
            rig.enter(name)
        await settle()
        for holder in holders:
            holder.cancel()
            await settle()
        assert rig.inside == ["a1", "a2", "b1", "b2", "a3", "c1", "a4", "c2"]
        rig.open.set()
        await asyncio.gather(*rig.tasks[4:])

    run(scenario())


def test_whoever_stops_waiting_takes_no_place_along() -> None:
    async def scenario() -> None:
        rig = Rig()
        holders = [rig.enter(name) for name in ("a1", "a2", "b1", "b2")]
        await settle()
        waiting = rig.enter("c1")
        await settle()
        waiting.cancel()
        await settle()
        holders[0].cancel()
        just_let_in = rig.enter("c2")
        await settle()
        just_let_in.cancel()
        rig.open.set()
        await asyncio.gather(*rig.tasks, return_exceptions=True)
        rig.open.clear()
        again = [rig.enter(name) for name in ("d1", "d2", "e1", "e2")]
        await settle()
        assert rig.inside[-4:] == ["d1", "d2", "e1", "e2"]
        rig.open.set()
        await asyncio.gather(*again)

    run(scenario())
