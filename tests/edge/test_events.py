"""Events go out behind the reconciles' back. What a real API server makes of them is asked in tests/apiserver."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, cast

import structlog

from mlendpoints.api.endpoint import Endpoint, EndpointSpec
from mlendpoints.api.meta import ObjectMeta
from mlendpoints.core.plan import Event
from mlendpoints.edge import events
from mlendpoints.edge.events import Recorder
from mlendpoints.edge.kube.client import Api
from mlendpoints.edge.kube.errors import UnavailableError
from tests.edge.virtual_time import now, run

ENDPOINT = Endpoint(
    metadata=ObjectMeta(name="titanic", namespace="default", uid="u1"),
    spec=EndpointSpec(config="titanic", host="titanic.test"),
)


class SlowServer:
    """Takes a second for each event, and refuses those whose reason is ``Refused``."""

    def __init__(self) -> None:
        self.notes: list[str] = []
        self.names: list[str] = []

    async def create(self, _kind: object, manifest: dict[str, Any]) -> None:
        await asyncio.sleep(1)
        if manifest["reason"] == "Refused":
            raise UnavailableError("503")
        self.notes.append(manifest["note"])
        self.names.append(manifest["metadata"]["name"])


@asynccontextmanager
async def recording(server: SlowServer) -> AsyncIterator[Recorder]:
    recorder = Recorder(cast("Api", server), instance="test")
    task = asyncio.create_task(recorder.run())
    yield recorder
    task.cancel()


def an_event(note: str, *, reason: str = "Succeeded") -> Event:
    return Event("Normal", reason, note)


def test_nobody_waits_for_an_event_and_they_keep_their_order() -> None:
    async def scenario() -> None:
        server = SlowServer()
        async with recording(server) as recorder:
            for note in "abc":
                recorder.record(ENDPOINT, an_event(note))
            assert now() == 0
            await recorder.drain(at_most=10)
        assert server.notes == ["a", "b", "c"]

    run(scenario())


def test_a_list_of_events_which_comes_by_name_comes_in_their_order() -> None:
    async def scenario() -> None:
        server = SlowServer()
        async with recording(server) as recorder:
            for note in "abc":
                recorder.record(ENDPOINT, an_event(note))
            await recorder.drain(at_most=10)
        assert server.names == sorted(set(server.names))
        assert len(server.names) == 3

    run(scenario())


def test_an_event_that_is_refused_is_logged_and_stops_no_other() -> None:
    async def scenario() -> None:
        server = SlowServer()
        with structlog.testing.capture_logs() as logs:
            async with recording(server) as recorder:
                recorder.record(ENDPOINT, an_event("a", reason="Refused"))
                recorder.record(ENDPOINT, an_event("b"))
                await recorder.drain(at_most=10)
        assert server.notes == ["b"]
        assert [(entry["event"], entry["reason"], entry["error"]) for entry in logs] == [
            ("Event dropped", "Refused", "503")
        ]

    run(scenario())


def an_endpoint(number: int, namespace: str) -> Endpoint:
    metadata = ObjectMeta(name=f"e{number}", namespace=namespace, uid=f"{namespace}-{number}")
    return Endpoint(metadata=metadata, spec=ENDPOINT.spec)


def test_a_namespace_that_floods_loses_its_own_events_and_keeps_no_other_waiting() -> None:
    async def scenario() -> None:
        server = SlowServer()
        with structlog.testing.capture_logs() as logs:
            async with recording(server) as recorder:
                for number in range(events.UNPOSTED + 2):
                    recorder.record(an_endpoint(number, "noisy"), an_event(f"n{number}"))
                recorder.record(ENDPOINT, an_event("quiet"))
                await recorder.drain(at_most=3.5)
        assert [entry["event"] for entry in logs] == ["Event dropped"] * 2
        assert server.notes == ["n0", "quiet", "n1"]

    run(scenario())


def test_a_flapping_endpoint_makes_no_more_events_than_somebody_can_read() -> None:
    async def scenario() -> None:
        server = SlowServer()
        async with recording(server) as recorder:
            for number in range(100):
                recorder.record(ENDPOINT, an_event(str(number)))
            await recorder.drain(at_most=200)
        assert server.notes == [str(number) for number in range(10)]

    run(scenario())


def test_an_operator_that_stops_waits_for_its_events_but_not_for_ever() -> None:
    async def scenario() -> None:
        server = SlowServer()
        async with recording(server) as recorder:
            for note in "abc":
                recorder.record(ENDPOINT, an_event(note))
            await recorder.drain(at_most=2.5)
        assert server.notes == ["a", "b"]

    run(scenario())
