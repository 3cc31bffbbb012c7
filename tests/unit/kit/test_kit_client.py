"""The client that tests and benchmarks share."""

import asyncio
import json

import pytest
from aiohttp import ClientSession, web
from aiohttp.test_utils import RawTestServer

from tests.kit.client import Client, RequestError


def event(kind: str, version: int) -> str:
    return json.dumps({"type": kind, "object": {"metadata": {"name": "a", "resourceVersion": str(version)}}})


async def followed(*watches: list[str]) -> tuple[list[str], list[str]]:
    """The types of what is seen until the API server rejects a watch, and since which versions it was watched."""
    since, left = list[str](), list(watches)

    async def answer(request: web.BaseRequest) -> web.Response:
        since.append(request.query["resourceVersion"])
        return web.Response(text="\n".join(left.pop(0))) if left else web.Response(status=500)

    seen = []
    async with RawTestServer(answer) as server, ClientSession(base_url=server.make_url("/")) as session:
        try:
            async for found in Client(session).follow("/api/v1/configmaps"):
                seen.append(found.type)  # noqa: PERF401 - what comes before the error counts
        except RequestError as error:
            if error.status != 500:
                raise
            return seen, since
    raise AssertionError("the watch was never rejected")


def test_a_watch_that_the_api_server_ends_is_resumed_from_its_last_bookmark() -> None:
    first = [event("ADDED", 5), event("BOOKMARK", 9)]

    seen, since = asyncio.run(followed(first, [event("MODIFIED", 12)]))

    assert seen == ["ADDED", "MODIFIED"]
    assert since == ["0", "9", "12"]


def test_an_object_that_is_nested_deeply_is_seen_as_any_other() -> None:
    nested = event("MODIFIED", 7).replace('"metadata"', f'"status": {"[" * 3000}{"]" * 3000}, "metadata"')

    assert asyncio.run(followed([nested])) == (["MODIFIED"], ["0", "7"])


def test_a_watch_that_is_too_old_is_an_error() -> None:
    gone = json.dumps({"type": "ERROR", "object": {"code": 410, "message": "too old resource version"}})

    with pytest.raises(RequestError, match="too old") as error:
        asyncio.run(followed([gone]))

    assert error.value.status == 410
