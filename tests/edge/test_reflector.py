import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import msgspec
import pytest

from mlendpoints.core.world import Ref
from mlendpoints.edge.kube.kinds import MODEL, Watch
from mlendpoints.edge.observe.cache import Cache
from mlendpoints.edge.observe.feed import Feed
from mlendpoints.edge.observe.progress import Progress
from mlendpoints.edge.observe.reflector import Reflector, Timeouts
from mlendpoints.edge.reconcile.queue import Queue
from tests.edge.scripted import Exchange, Object, Script, Step, played
from tests.kit.builders import some_settings
from tests.kit.waiting import until

WATCH = Watch(kind=MODEL)
OPTIONAL = Watch(kind=MODEL, optional=True)
TIMEOUTS = Timeouts(silence=5, first_retry=0.001, last_retry=0.01)


def a_model(name: str, version: int) -> Object:
    metadata = {"namespace": "default", "name": name, "uid": f"uid-{name}", "resourceVersion": str(version)}
    return {"metadata": metadata, "spec": {"image": "model:1"}}


def bookmark(version: int) -> Object:
    return {"metadata": {"resourceVersion": str(version)}}


def failure(code: int, reason: str = "") -> Object:
    return {"kind": "Status", "code": code, "reason": reason, "message": "as the script says"}


def a_list(*items: Object, version: int, more: str = "") -> Step:
    async def step(exchange: Exchange) -> None:
        metadata = {"resourceVersion": str(version), "continue": more}
        await exchange.say({"metadata": metadata, "items": items})

    return step


def refused(code: int) -> Step:
    async def step(exchange: Exchange) -> None:
        await exchange.say(failure(code), code=code)

    return step


def a_watch(*events: tuple[str, Object], then: str = "silence") -> Step:
    async def step(exchange: Exchange) -> None:
        await exchange.begin()
        for kind, obj in events:
            await exchange.send(kind, obj)
        if then == "end":
            await exchange.end()
        elif then == "drop":
            exchange.drop()

    return step


class Following:
    """A reflector at work on a script, and what it has brought."""

    def __init__(self, script: Script, watch: Watch) -> None:
        self.script = script
        self.cache = Cache(some_settings())
        self.queue = Queue()
        self.progress = Progress()
        self.feed = Feed(cache=self.cache, queue=self.queue, progress=self.progress, watches=(watch,))

    def names(self) -> set[str]:
        return {ref.name for ref in self.cache.refs(WATCH)}

    def has(self, *names: str) -> Callable[[], bool]:
        return lambda: self.names() == set(names)

    def asked(self, count: int) -> Callable[[], bool]:
        return lambda: len(self.script.seen) >= count


@asynccontextmanager
async def following(*steps: Step, timeouts: Timeouts = TIMEOUTS, watch: Watch = WATCH) -> AsyncIterator[Following]:
    follower = Following(Script(*steps), watch)
    async with played(follower.script) as api:
        reflector = Reflector(api=api, watch=watch, feed=follower.feed, timeouts=timeouts)
        task = asyncio.create_task(reflector.run())
        try:
            yield follower
            assert not task.done()
        finally:
            task.cancel()


def test_a_list_and_then_its_changes_are_followed() -> None:
    async def scenario() -> None:
        watch = a_watch(("ADDED", a_model("b", 6)), ("DELETED", a_model("a", 7)), ("MODIFIED", a_model("b", 8)))
        async with following(a_list(a_model("a", 5), version=5), watch) as follower:
            await until(follower.has("b"))
            asked = follower.script.seen[1].query
            assert (asked["resourceVersion"], asked["allowWatchBookmarks"]) == ("5", "true")

    asyncio.run(scenario())


def test_nothing_is_synced_before_the_list_is_whole() -> None:
    async def scenario() -> None:
        whole = asyncio.Event()

        async def second_page(exchange: Exchange) -> None:
            await whole.wait()
            await a_list(a_model("b", 4), version=5)(exchange)

        async with following(a_list(a_model("a", 3), version=5, more="next"), second_page, a_watch()) as follower:
            await until(follower.asked(2))
            assert follower.names() == set()
            assert not follower.feed.synced.is_set()
            assert follower.script.seen[1].query["continue"] == "next"
            whole.set()
            await follower.feed.synced.wait()
            assert follower.names() == {"a", "b"}

    asyncio.run(scenario())


@pytest.mark.parametrize("code", [403, 404, 429, 500, 503])
def test_of_an_optional_kind_one_failed_list_is_awaited_and_no_more(code: int) -> None:
    async def scenario() -> None:
        answered = asyncio.Event()

        async def late_answer(exchange: Exchange) -> None:
            await answered.wait()
            await refused(code)(exchange)

        async with following(late_answer, refused(code), watch=OPTIONAL) as follower:
            await until(follower.asked(1))
            assert not follower.feed.synced.is_set()
            answered.set()
            await follower.feed.synced.wait()
            assert follower.cache.installed == frozenset()

    asyncio.run(scenario())


def test_what_is_installed_is_known_before_anything_is_synced() -> None:
    async def scenario() -> None:
        async with following(a_list(version=5), a_watch(), watch=OPTIONAL) as follower:
            await follower.feed.synced.wait()
            assert follower.cache.installed == {MODEL.name}

    asyncio.run(scenario())


@pytest.mark.parametrize("code", [410, 500, 503, 429])
def test_a_list_that_breaks_in_the_middle_is_begun_again(code: int) -> None:
    async def scenario() -> None:
        steps = (
            a_list(a_model("ghost", 3), version=5, more="next"),
            refused(code),
            a_list(a_model("a", 6), version=7),
            a_watch(),
        )
        async with following(*steps) as follower:
            await follower.feed.synced.wait()
            assert follower.names() == {"a"}
            assert "continue" not in follower.script.seen[2].query

    asyncio.run(scenario())


async def gone_as_an_event(exchange: Exchange) -> None:
    await a_watch(("ERROR", failure(410, "Expired")), then="end")(exchange)


@pytest.mark.parametrize("gone", [refused(410), gone_as_an_event])
def test_after_a_410_what_vanished_meanwhile_is_reported(gone: Step) -> None:
    async def scenario() -> None:
        before = a_list(a_model("a", 3), a_model("b", 4), version=5)
        async with following(before, gone, a_list(a_model("b", 4), version=90), a_watch()) as follower:
            await until(follower.has("b"))
            await until(follower.asked(4))
            assert follower.script.seen[3].query["resourceVersion"] == "90"
            assert Ref(MODEL.name, "default", "a") in follower.queue._dirty  # noqa: SLF001 - what is woken is the point

    asyncio.run(scenario())


@pytest.mark.parametrize("how", ["end", "drop"])
def test_an_ended_or_broken_watch_goes_on_where_it_was(how: str) -> None:
    async def scenario() -> None:
        first = a_watch(("ADDED", a_model("b", 6)), then=how)
        async with following(a_list(version=5), first, a_watch(("ADDED", a_model("c", 8)))) as follower:
            await until(follower.has("b", "c"))
            assert follower.script.seen[2].query["resourceVersion"] == "6"

    asyncio.run(scenario())


def test_a_bookmark_moves_the_place_to_go_on_from() -> None:
    async def scenario() -> None:
        first = a_watch(("BOOKMARK", bookmark(77)), then="end")
        async with following(a_list(a_model("a", 3), version=5), first, a_watch()) as follower:
            await until(follower.asked(3))
            assert follower.script.seen[2].query["resourceVersion"] == "77"
            assert follower.names() == {"a"}
            assert follower.progress.has_seen(Ref(MODEL.name, "default", "a"), 77)

    asyncio.run(scenario())


def test_a_silent_watch_is_given_up_and_begun_again() -> None:
    async def scenario() -> None:
        silent = a_watch(("ADDED", a_model("a", 6)))
        impatient = Timeouts(silence=0.05, first_retry=0.001, last_retry=0.01)
        steps = (a_list(version=5), silent, a_watch(("ADDED", a_model("b", 7))))
        async with following(*steps, timeouts=impatient) as follower:
            await until(follower.has("a", "b"))
            assert follower.script.seen[2].query["resourceVersion"] == "6"

    asyncio.run(scenario())


def test_an_event_that_comes_after_a_later_one_is_not_believed_and_the_list_brought_anew() -> None:
    async def scenario() -> None:
        swapped = a_watch(("MODIFIED", a_model("a", 8)), ("MODIFIED", a_model("a", 7)))
        steps = (a_list(a_model("a", 3), version=5), swapped, a_list(a_model("a", 8), version=9), a_watch())
        async with following(*steps) as follower:
            await until(follower.asked(4))
            assert follower.script.seen[3].query["resourceVersion"] == "9"
            assert follower.progress.has_seen(Ref(MODEL.name, "default", "a"), 9)

    asyncio.run(scenario())


def test_the_same_event_twice_is_no_reason_to_list_anew() -> None:
    async def scenario() -> None:
        twice = a_watch(("ADDED", a_model("a", 6)), ("ADDED", a_model("a", 6)), then="end")
        async with following(a_list(version=5), twice, a_watch()) as follower:
            await until(follower.asked(3))
            assert follower.script.seen[2].query["resourceVersion"] == "6"

    asyncio.run(scenario())


def test_a_list_is_brought_anew_in_the_end_so_that_a_lost_event_is_not_lost_for_ever() -> None:
    async def scenario() -> None:
        lossy = a_watch(("ADDED", a_model("b", 8)), then="end")
        steps = (a_list(a_model("gone", 3), version=5), lossy, a_list(a_model("b", 8), version=9), a_watch())
        async with following(*steps, timeouts=msgspec.structs.replace(TIMEOUTS, relist_after=0.0)) as follower:
            await until(follower.has("b"))
            await until(follower.asked(4))
            assert follower.script.seen[3].query["resourceVersion"] == "9"

    asyncio.run(scenario())


def test_a_connection_that_breaks_in_the_middle_of_an_event_loses_none() -> None:
    async def scenario() -> None:
        async def half(exchange: Exchange) -> None:
            await exchange.begin()
            exchange._writer.write(b'20\r\n{"type":"ADDED","object":{"metada')  # noqa: SLF001 - a broken half line
            exchange.drop()

        async with following(a_list(version=5), half, a_watch(("ADDED", a_model("a", 6)))) as follower:
            await until(follower.has("a"))
            assert follower.script.seen[2].query["resourceVersion"] == "5"

    asyncio.run(scenario())


def test_a_server_that_is_not_there_yet_is_waited_for() -> None:
    async def scenario() -> None:
        async def drop(exchange: Exchange) -> None:
            exchange.drop()

        async with following(drop, refused(404), drop, a_list(a_model("a", 3), version=5), a_watch()) as follower:
            await follower.feed.synced.wait()
            assert follower.names() == {"a"}

    asyncio.run(scenario())


def test_an_optional_kind_that_may_not_be_listed_is_retried_soon_and_nothing_waits_for_it() -> None:
    """A 403 is not the 404 of a kind that is not installed, which is looked for every 30 s."""

    async def scenario() -> None:
        steps = (refused(403), refused(403), a_list(a_model("a", 3), version=5), a_watch())
        async with following(*steps, watch=OPTIONAL) as follower:
            await follower.feed.synced.wait()
            await until(follower.has("a"))

    asyncio.run(scenario())


def test_objects_of_an_optional_kind_stay_while_it_may_not_be_watched() -> None:
    async def scenario() -> None:
        forbidden = (refused(403), refused(403), refused(403))
        steps = (a_list(a_model("a", 3), version=5), *forbidden, a_watch(("ADDED", a_model("b", 6))))
        async with following(*steps, watch=OPTIONAL) as follower:
            await until(follower.has("a", "b"))  # without a further list, nothing else could have brought "a" back

    asyncio.run(scenario())


def test_an_object_that_cannot_be_read_harms_no_other_and_stays_as_it_was_known() -> None:
    async def scenario() -> None:
        strange = a_model("a", 6)
        strange["spec"] = {"image": ["not", "a", "name"]}
        events = (("MODIFIED", strange), ("ADDED", a_model("b", 7)))
        async with following(a_list(a_model("a", 3), version=5), a_watch(*events)) as follower:
            await until(follower.has("a", "b"))

    asyncio.run(scenario())


def test_a_list_with_an_unreadable_object_removes_none() -> None:
    async def scenario() -> None:
        strange = a_model("a", 6)
        strange["spec"] = {}
        again = a_list(strange, a_model("b", 7), version=9)
        async with following(a_list(a_model("a", 3), version=5), refused(410), again, a_watch()) as follower:
            await until(follower.has("a", "b"))

    asyncio.run(scenario())


def test_a_watch_that_ends_at_once_again_and_again_is_begun_less_and_less_often() -> None:
    """As a proxy or an overloaded server may do it; without a pause that makes hundreds of watches a second."""

    async def scenario() -> None:
        pauses = Timeouts(silence=5, first_retry=0.05, last_retry=30)
        async with following(a_list(version=5), a_watch(then="end"), timeouts=pauses) as follower:
            begun = asyncio.get_running_loop().time()
            await until(follower.asked(6))
            assert asyncio.get_running_loop().time() - begun >= (0.05 + 0.1 + 0.2 + 0.4) / 2

    asyncio.run(scenario())
