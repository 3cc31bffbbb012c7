"""The load generator: one record for each request, none sent twice, whatever becomes of it."""

import asyncio
import io
import re

import msgspec

from tests.kit.load.generator import Load, Order, Record

RATE = 2000.0
COUNT = 60


class Server:
    """Answers in the way that is asked of it; knows each id that it was sent."""

    def __init__(self, answer: bytes) -> None:
        self._answer = answer
        self.ids: list[str] = []
        self.enough = asyncio.Event()

    async def handle(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                length = int(re.search(rb"Content-Length: (\d+)", head)[1])  # type: ignore[index]
                await reader.readexactly(length)
                self.note(re.search(r"Inference-Id: (\S+)", head.decode())[1])  # type: ignore[index]
                writer.write(self._answer)
                if b"Content-Length" not in self._answer:
                    break
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    def note(self, identity: str) -> None:
        self.ids.append(identity)
        if len(self.ids) >= COUNT:
            self.enough.set()


def records_of(answer: bytes) -> tuple[list[Record], list[str]]:
    """What the load generator wrote down, and what the server was sent."""

    async def measure() -> tuple[list[Record], list[str]]:
        server, output = Server(answer), io.BytesIO()
        order = Order(kubeconfig="", service="ns/gateway", host="live.test", rate=RATE, run="r", record="")
        load = Load(order, output)
        async with await asyncio.start_server(server.handle, "127.0.0.1", 0) as listening:
            host, port = listening.sockets[0].getsockname()
            load.gateways.addresses = [f"{host}:{port}"]
            await load.run(server.enough)
        return [msgspec.json.decode(line, type=Record) for line in output.getvalue().splitlines()], server.ids

    return asyncio.run(asyncio.wait_for(measure(), 60))


def test_each_request_is_sent_once_and_its_answer_is_kept() -> None:
    records, ids = records_of(b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nnew")
    assert {(record.status, record.text) for record in records} == {(200, "new")}
    assert sorted(ids) == sorted(record.id for record in records)
    assert len(set(ids)) == len(ids) >= COUNT


def test_an_answer_that_is_an_error_is_kept_with_its_words() -> None:
    records, _ = records_of(b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 2\r\n\r\nUH")
    assert {(record.status, record.text) for record in records} == {(503, "UH")}


def test_a_request_whose_connection_ends_is_lost_and_not_sent_again() -> None:
    records, ids = records_of(b"HTTP/1.1 200")
    assert {record.status for record in records} == {0}
    assert len(set(ids)) == len(ids) >= COUNT
    assert all("before the answer" in record.text for record in records if record.id in ids)


def test_without_a_gateway_pod_a_request_counts_as_lost() -> None:
    output, stop = io.BytesIO(), asyncio.Event()
    order = Order(kubeconfig="", service="ns/gateway", host="live.test", rate=RATE, run="r", record="")

    async def measure() -> None:
        asyncio.get_running_loop().call_later(0.01, stop.set)
        await Load(order, output).run(stop)

    asyncio.run(measure())
    (text,) = {msgspec.json.decode(line, type=Record).text for line in output.getvalue().splitlines()}
    assert "no gateway pod is ready" in text


def test_at_least_as_many_are_sent_as_were_ordered_however_early_the_rest_ends() -> None:
    output, stop = io.BytesIO(), asyncio.Event()
    order = Order(kubeconfig="", service="ns/gateway", host="live.test", rate=RATE, at_least=COUNT, run="r", record="")
    stop.set()
    asyncio.run(Load(order, output).run(stop))
    assert len(output.getvalue().splitlines()) == COUNT
