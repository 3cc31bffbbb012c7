import asyncio

import httpx2
import pytest

from mlendpoints.edge.health import Answer, problems_answer, serve


async def ask(path: str, *problems: str) -> httpx2.Response:
    server = await serve({"/readyz": lambda: problems_answer(list(problems))}, address="127.0.0.1", port=0)
    async with server, httpx2.AsyncClient(trust_env=False) as http:
        port = server.sockets[0].getsockname()[1]
        return await http.get(f"http://127.0.0.1:{port}{path}")


def test_no_problems_are_200() -> None:
    assert asyncio.run(ask("/readyz")).status_code == 200


def test_problems_are_503_and_named() -> None:
    response = asyncio.run(ask("/readyz", "not synced: pods", "not synced: gateways"))
    assert (response.status_code, response.text) == (503, "not synced: pods\nnot synced: gateways")


def test_a_long_body_is_rendered_beside_the_event_loop() -> None:
    async def scenario() -> None:
        loop, rendered = asyncio.get_running_loop(), asyncio.Event()

        def render() -> bytes:
            asyncio.run_coroutine_threadsafe(_set(rendered), loop).result()  # the loop runs meanwhile
            return b"long"

        server = await serve({"/metrics": lambda: Answer(200, render)}, address="127.0.0.1", port=0)
        async with server, httpx2.AsyncClient(trust_env=False) as http:
            answer = await http.get(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/metrics")
        assert (answer.text, rendered.is_set()) == ("long", True)

    asyncio.run(scenario())


async def _set(event: asyncio.Event) -> None:
    event.set()


def test_a_query_is_no_part_of_the_path() -> None:
    assert asyncio.run(ask("/readyz?verbose")).status_code == 200


def test_an_unknown_path_is_404() -> None:
    assert asyncio.run(ask("/secrets")).status_code == 404


@pytest.mark.parametrize("sent", [b"\r\n\r\n", b"GET\r\n\r\n", b"\xff\xfe\r\n\r\n"])
def test_what_is_no_http_does_no_harm(sent: bytes) -> None:
    async def scenario() -> None:
        server = await serve({"/": lambda: Answer(200, b"")}, address="127.0.0.1", port=0)
        async with server:
            reader, writer = await asyncio.open_connection("127.0.0.1", server.sockets[0].getsockname()[1])
            writer.write(sent)
            assert (await reader.read()).startswith(b"HTTP/1.1 404 ")
            writer.close()
            assert server.is_serving()

    asyncio.run(scenario())
