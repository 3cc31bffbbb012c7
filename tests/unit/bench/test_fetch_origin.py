"""The benchmark's origin gives the bytes that are asked for, holds ranges to one ETag, and counts what it sends."""

import http.client
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from bench.fetch.origin import CHUNK, Link, Origin, origin

CONTENT = bytes(range(256)) * (3 * CHUNK // 256) + b"the end"


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Origin]:
    (tmp_path / "model.tar.gz").write_bytes(CONTENT)
    with origin(tmp_path, Link()) as found:
        yield found


def ask(served: Origin, headers: Mapping[str, str]) -> tuple[http.client.HTTPResponse, bytes]:
    connection = http.client.HTTPConnection("127.0.0.1", served.port, timeout=30)
    connection.request("GET", "/model.tar.gz", headers=dict(headers))
    response = connection.getresponse()
    body = response.read()
    connection.close()
    return response, body


def test_without_a_range_all_comes(served: Origin) -> None:
    response, body = ask(served, {})
    assert (response.status, response.headers["Content-Type"], body) == (200, "application/x-gzip", CONTENT)


@pytest.mark.parametrize(
    ("first", "last"), [(0, 0), (5, 2 * CHUNK), (CHUNK, len(CONTENT) - 1), (100, len(CONTENT) + 5)]
)
def test_a_range_comes_with_its_place_in_the_whole(served: Origin, first: int, last: int) -> None:
    response, body = ask(served, {"Range": f"bytes={first}-{last}"})
    there = min(last, len(CONTENT) - 1)
    assert (response.status, body) == (206, CONTENT[first : there + 1])
    assert response.headers["Content-Range"] == f"bytes {first}-{there}/{len(CONTENT)}"


def test_another_etag_than_that_of_the_file_is_refused(served: Origin) -> None:
    etag = ask(served, {})[0].headers["ETag"]
    assert ask(served, {"If-Match": etag, "Range": "bytes=0-9"})[1] == CONTENT[:10]
    assert ask(served, {"If-Match": '"other"'})[0].status == 412


def test_bytes_are_counted_as_they_leave(served: Origin) -> None:
    ask(served, {"Range": "bytes=0-99"})
    ask(served, {})
    assert served.wait_sent(100 + len(CONTENT), 30)
    assert served.wait_idle(30)
    assert served.sent == 100 + len(CONTENT)
