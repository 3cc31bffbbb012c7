"""``/healthz`` (liveness), ``/readyz`` (readiness) and ``/metrics`` on a minimal HTTP server."""

import asyncio
from collections.abc import Awaitable, Callable

from msgspec import Struct

_LONGEST = 10.0  # seconds for a request's headers to arrive


class Answer(Struct, frozen=True):
    """Status code and body; a long body is rendered in a thread."""

    code: int
    body: bytes | Callable[[], bytes]
    media: str = "text/plain; charset=utf-8"


Pages = dict[str, Callable[[], Answer]]


async def serve(pages: Pages, *, address: str, port: int) -> asyncio.Server:
    """Serves ``pages`` by path; port 0 takes any free one."""
    return await asyncio.start_server(_make_handler(pages), address, port)


def problems_answer(problems: list[str]) -> Answer:
    """200 without problems, else 503 with one problem per line."""
    return Answer(503, "\n".join(problems).encode()) if problems else Answer(200, b"ok")


def _make_handler(pages: Pages) -> Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]:
    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            async with asyncio.timeout(_LONGEST):
                head = await reader.readuntil(b"\r\n\r\n")
                writer.write(await _response(pages, head))
                await writer.drain()
        except (TimeoutError, asyncio.IncompleteReadError, asyncio.LimitOverrunError, ConnectionError):
            pass
        finally:
            writer.close()

    return handle


async def _response(pages: Pages, head: bytes) -> bytes:
    words = head.split(b"\r\n", 1)[0].decode("latin-1").split(" ")
    path = words[1].partition("?")[0] if len(words) == 3 else ""
    page = pages.get(path)
    answer = page() if page else Answer(404, b"not found")
    body = answer.body if isinstance(answer.body, bytes) else await asyncio.to_thread(answer.body)
    lines = (
        f"HTTP/1.1 {answer.code} {'OK' if answer.code == 200 else 'Not OK'}",
        f"Content-Type: {answer.media}",
        f"Content-Length: {len(body)}",
        "Connection: close",
    )
    return "\r\n".join((*lines, "", "")).encode() + body
