"""What kubelets say of pods that do not get ready is asked for seldom, in turns, and within bounds."""

import asyncio
from collections.abc import Mapping

import pytest

from mlendpoints.core.world import Lookup, Ref, WarningEvent
from mlendpoints.edge.kube.errors import ApiError, UnavailableError
from mlendpoints.edge.poll.pod_events import (
    EVENTS,
    FIRST_PAUSE,
    MOST_BYTES,
    REJECTIONS,
    PodEvents,
    Warnings,
    read_events,
)
from tests.edge.scripted import Object, Script, played
from tests.edge.virtual_time import elapse, now, run, settle

EP = Ref("MachineLearningEndpoint", "ns", "ep")
POD = Ref("Pod", "ns", "p")
P, Q = Lookup(POD), Lookup(Ref("Pod", "ns", "q"))
DEPLOYMENT = Ref("Deployment", "ns", "ep-1")
REJECTED = WarningEvent(container="model", message="connection refused", at=1.0)


class Kubelets:
    """Says of each pod what a test tells it to; remembers when it was asked."""

    def __init__(self, said: Mapping[str, Warnings | ApiError] | None = None, *, seconds: float = 0.0) -> None:
        self.said = dict(said or {})
        self.asked: list[tuple[float, str]] = []
        self.at_once = self.most_at_once = 0
        self._seconds = seconds

    async def __call__(self, pod: Ref) -> Warnings:
        self.asked.append((now(), pod.name))
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        try:
            await asyncio.sleep(self._seconds)
        finally:
            self.at_once -= 1
        said = self.said.get(pod.name, ())
        if isinstance(said, ApiError):
            raise said
        return said


def test_a_pod_that_gets_ready_in_time_is_never_asked_about() -> None:
    async def scenario() -> None:
        kubelets = Kubelets()
        inquiries = PodEvents(kubelets, lambda _: None)
        inquiries.want(EP, (P,))
        await elapse(FIRST_PAUSE - 1)
        inquiries.want(EP, ())
        await elapse(600)
        assert kubelets.asked == []

    run(scenario())


def test_what_is_said_wakes_the_key_once() -> None:
    async def scenario() -> None:
        woken: list[Ref] = []
        inquiries = PodEvents(Kubelets({"p": (REJECTED,)}), woken.append)
        inquiries.want(EP, (P,))
        await elapse(600)
        assert inquiries.answers(EP) == {P: (REJECTED,)}
        assert woken == [EP]
        await inquiries.close()

    run(scenario())


def test_asking_again_takes_longer_each_time_up_to_a_minute() -> None:
    async def scenario() -> None:
        kubelets = Kubelets()
        inquiries = PodEvents(kubelets, lambda _: None)
        inquiries.want(EP, (P,))
        for _ in range(25):
            await elapse(10)
            inquiries.want(EP, (P,))
        assert [int(time) for time, _ in kubelets.asked] == [5, 15, 35, 75, 135, 195]
        await inquiries.close()

    run(scenario())


def test_new_pods_are_asked_about_soon_and_what_is_known_of_the_others_stays() -> None:
    async def scenario() -> None:
        inquiries = PodEvents(Kubelets({"p": (REJECTED,)}), lambda _: None)
        inquiries.want(EP, (P,))
        await elapse(300)
        inquiries.want(EP, (P, Q))
        assert inquiries.answers(EP) == {P: (REJECTED,)}
        await elapse(FIRST_PAUSE + 1)
        assert inquiries.answers(EP) == {P: (REJECTED,), Q: ()}
        inquiries.forget(EP)
        assert inquiries.answers(EP) == {}

    run(scenario())


@pytest.mark.parametrize("failure", [UnavailableError("500"), ApiError("no"), None])
def test_what_was_said_stays_while_nothing_can_be_read(failure: ApiError | None) -> None:
    async def scenario() -> None:
        kubelets = Kubelets({"p": (REJECTED,)})
        inquiries = PodEvents(kubelets, lambda _: None)
        inquiries.want(EP, (P,))
        await elapse(FIRST_PAUSE + 1)
        if failure is None:
            kubelets._seconds = 1e6  # noqa: SLF001 - never answers
        else:
            kubelets.said["p"] = failure
        await elapse(100)
        assert inquiries.answers(EP) == {P: (REJECTED,)}
        await inquiries.close()

    run(scenario())


def test_a_namespace_of_a_thousand_silent_pods_delays_another_by_seconds_only() -> None:
    async def scenario() -> None:
        class OneIsSilent(Kubelets):
            async def __call__(self, pod: Ref) -> Warnings:
                if pod.namespace == "hostile":
                    await asyncio.sleep(1e6)
                return await super().__call__(pod)

        kubelets = OneIsSilent({"p": (REJECTED,)})
        inquiries = PodEvents(kubelets, lambda _: None)
        for n in range(1000):
            inquiries.want(Ref(EP.kind, "hostile", f"ep-{n}"), (Lookup(Ref("Pod", "hostile", f"x-{n}")),))
        inquiries.want(EP, (P,))
        await elapse(FIRST_PAUSE + 1)
        assert inquiries.answers(EP) == {P: (REJECTED,)}
        await inquiries.close()

    run(scenario())


def test_a_whole_cluster_of_broken_pods_is_asked_about_few_at_a_time() -> None:
    async def scenario() -> None:
        kubelets = Kubelets(seconds=0.01)
        inquiries = PodEvents(kubelets, lambda _: None)
        for n in range(5000):
            inquiries.want(Ref(EP.kind, f"ns-{n}", "ep"), (Lookup(Ref("Pod", f"ns-{n}", f"p-{n}")),))
        await elapse(FIRST_PAUSE + 10)
        assert kubelets.most_at_once == 4
        assert len(kubelets.asked) <= 4 * 10 / 0.1 + 4
        await inquiries.close()
        await settle()

    run(scenario())


def an_event(
    message: str, *, path: str = "spec.initContainers{model}", time: str | None = None, reason: str = "Unhealthy"
) -> Object:
    return {"involvedObject": {"fieldPath": path}, "reason": reason, "message": message, "lastTimestamp": time}


def read(*items: object) -> Warnings:
    script = Script(lambda exchange: exchange.say({"metadata": {"resourceVersion": "1"}, "items": [*items]}))

    async def scenario() -> Warnings:
        async with played(script) as api:
            said = await read_events(api, POD)
        assert script.seen[0].path == "/api/v1/namespaces/ns/events"
        assert script.seen[0].query == {
            "limit": str(EVENTS),
            "fieldSelector": "involvedObject.kind=Pod,involvedObject.name=p,type=Warning",
        }
        return said

    return asyncio.run(scenario())


def test_events_of_one_pod_are_read_with_container_and_time() -> None:
    newer = {**an_event("new", path="spec.containers{nginx}"), "series": {"lastObservedTime": "1970-01-01T00:00:09Z"}}

    assert read(an_event("old", time="1970-01-01T00:00:05Z"), newer) == (
        WarningEvent(container="model", message="old", at=5.0),
        WarningEvent(container="nginx", message="new", at=9.0),
    )


def test_events_of_a_volume_are_of_the_whole_pod_and_others_are_not_read() -> None:
    mount = an_event("secret not found", path="", reason="FailedMount", time="1970-01-01T00:00:05Z")

    assert read(an_event("back-off", reason="BackOff"), mount) == (WarningEvent(message="secret not found", at=5.0),)


@pytest.mark.parametrize(
    "hostile",
    [
        an_event("x", path="spec.containers{a b}"),
        an_event("x", path=""),
        an_event("x", time="yesterday"),
        {"involvedObject": "p"},
        {"message": 3},
        7,
    ],
)
def test_events_that_others_have_written_spoil_no_others(hostile: object) -> None:
    assert [said.message for said in read(hostile, an_event("true"))] == ["true"]


def a_rejection(message: str, *, of: str, time: str) -> Object:
    return {"involvedObject": {"name": of}, "message": message, "lastTimestamp": time}


def test_the_last_rejection_of_a_deployments_pods_is_read_whichever_replicaset_they_were_for() -> None:
    events = [
        a_rejection("older", of="ep-1-5d4f8c", time="1970-01-01T00:00:05Z"),
        a_rejection("last", of="ep-1-7b9d6f", time="1970-01-01T00:00:09Z"),
        a_rejection("another's", of="ep-1-other-5d4f8c", time="1970-01-01T00:00:11Z"),
        a_rejection("another's", of="ep-11-5d4f8c", time="1970-01-01T00:00:12Z"),
    ]
    script = Script(lambda exchange: exchange.say({"metadata": {"resourceVersion": "1"}, "items": events}))

    async def scenario() -> Warnings:
        async with played(script) as api:
            return await read_events(api, DEPLOYMENT)

    assert asyncio.run(scenario()) == (WarningEvent(message="last", at=9.0),)
    assert script.seen[0].query == {
        "limit": str(REJECTIONS),
        "fieldSelector": "involvedObject.kind=ReplicaSet,reason=FailedCreate,type=Warning",
    }


def test_a_long_message_is_cut() -> None:
    assert [len(said.message) for said in read(an_event("x" * 5000))] == [1024]


def test_events_that_take_too_much_room_are_not_read() -> None:
    with pytest.raises(UnavailableError, match="more than"):
        read(an_event("x" * (MOST_BYTES + 1)))


def test_an_answer_that_is_no_list_is_an_error_that_can_be_tried_again() -> None:
    async def scenario() -> None:
        async with played(Script(lambda exchange: exchange.say({"items": 3}))) as api:
            await read_events(api, POD)

    with pytest.raises(UnavailableError):
        asyncio.run(scenario())
