"""Artifacts from a real nginx, that helps, lies, is slow, falls silent or changes its mind."""

import gzip
import hashlib
import random
from collections.abc import Callable

import pytest
from backports import zstd

from fetcher.__main__ import main
from fetcher.artifact import PIECE
from tests.fetcher.tunnel import tunnel
from tests.fetcher.web_server import WebServer
from tests.unit.fetcher.origin import member, tar, tar_gz
from tests.unit.fetcher.running import Place, line_with, peak_of

WEIGHTS = random.Random(1).randbytes(9 * PIECE + 12_345)  # noqa: S311 - the same bytes each time
ARCHIVE = tar_gz(member("weights", WEIGHTS), member("version", b"1"))


def gzip_fast(content: bytes) -> bytes:
    return gzip.compress(content, 1)


FILES = {"weights": WEIGHTS, "version": b"1"}


@pytest.fixture(autouse=True)
def _served(web: WebServer) -> None:
    web.put("model.tar.gz", ARCHIVE)
    web.forget()


def run(web: WebServer, place: Place, path: str, *more: str) -> int:
    return main(place.arguments(f"{web.url}/{path}", *more))


def test_ranges_are_fetched_each_once_and_held_to_one_validator(web: WebServer, place: Place) -> None:
    assert run(web, place, "ranged/model.tar.gz") == 0
    assert place.files() == FILES
    asked = web.asked()
    assert {request["status"] for request in asked} == {206}
    assert sum(request["sent"] for request in asked) == len(ARCHIVE)
    assert len({request["range"] for request in asked}) == len(asked) == -(-len(ARCHIVE) // PIECE)
    assert {request["if_match"] for request in asked[1:]} != {""}


def test_one_stream_asks_for_one_range_after_the_other(web: WebServer, place: Place) -> None:
    assert run(web, place, "ranged/model.tar.gz", "--streams", "1") == 0
    ranges = [int(request["range"].removeprefix("bytes=").split("-")[0]) for request in web.asked()]
    assert ranges == sorted(ranges)
    assert place.files() == FILES


def test_dates_hold_ranges_together_where_there_are_no_etags(web: WebServer, place: Place) -> None:
    assert run(web, place, "dated/model.tar.gz") == 0
    first, *others = {request["if_unmodified_since"] for request in web.asked()} - {""}
    assert others == []
    assert first.endswith(":13:20 GMT")
    assert place.files() == FILES


@pytest.mark.parametrize("way", ["plain", "bare"])
def test_one_stream_serves_where_ranges_are_not_safe(way: str, web: WebServer, place: Place) -> None:
    assert run(web, place, f"{way}/model.tar.gz") == 0
    assert place.files() == FILES
    assert web.asked()[-1]["sent"] == len(ARCHIVE)
    assert web.asked()[-1]["status"] == 200


def test_a_server_that_takes_few_at_a_time_is_asked_by_fewer_streams(web: WebServer, place: Place) -> None:
    assert run(web, place, "few/model.tar.gz", "--attempts", "30", "--pause-seconds", "0.001") == 0
    assert place.files() == FILES


def test_a_server_that_takes_requests_rarely_is_waited_for(web: WebServer, place: Place) -> None:
    assert run(web, place, "rare/model.tar.gz", "--attempts", "9", "--pause-seconds", "0.05") == 0
    assert 503 in {request["status"] for request in web.asked()}
    assert place.files() == FILES


def test_redirects_are_followed_once_for_all_ranges(web: WebServer, place: Place) -> None:
    assert run(web, place, "moved/model.tar.gz") == 0
    assert [request["status"] for request in web.asked()].count(302) == 1
    assert place.files() == FILES


def test_a_redirect_to_a_metadata_service_is_refused(web: WebServer, place: Place) -> None:
    assert run(web, place, "inside/model.tar.gz") == 10
    assert "169.254.169.254, a metadata service" in place.said()["message"]
    assert len(web.asked()) == 1


def test_connections_that_are_reset_are_given_up_after_the_attempts(web: WebServer, place: Place) -> None:
    assert run(web, place, "resets/model.tar.gz", "--attempts", "3") == 10
    assert len(web.asked()) == 3
    assert "the connection was lost" in place.said()["message"]


@pytest.mark.parametrize(("way", "why"), [("short", "5000 of 1000000 bytes"), ("part", "closed too early")])
def test_less_than_was_promised_is_never_taken_for_all(way: str, why: str, web: WebServer, place: Place) -> None:
    assert run(web, place, f"{way}/model.bin", "--attempts", "2") == 10
    assert why in place.said()["message"]
    assert place.visible() == []


def test_a_range_that_nobody_asked_for_is_not_taken(web: WebServer, place: Place) -> None:
    assert run(web, place, "other/model.bin", "--attempts", "1") == 10
    assert place.visible() == []


def test_ranges_of_different_objects_are_never_mixed(web: WebServer, place: Place) -> None:
    assert run(web, place, "unlike/model.bin", "--attempts", "2") == 10
    assert "the artifact changed during the download" in place.said()["message"]
    assert place.visible() == []


def test_what_is_replaced_midway_is_fetched_anew_and_whole(web: WebServer, place: Place) -> None:
    other = tar(member("weights", WEIGHTS[::-1]), member("version", b"2"))
    arguments = place.arguments(f"{web.url}/slow/model.tar.gz", "--streams", "2")
    with place.started(arguments) as process:
        line_with(process.stdout, "Download started")
        web.put("model.tar.gz", other)
        line_with(process.stdout, "the artifact changed during the download")
        assert process.wait() == 0
    assert place.files() == {"weights": WEIGHTS[::-1], "version": b"2"}


def test_an_empty_file_is_a_file(web: WebServer, place: Place) -> None:
    web.put("empty.bin", b"")
    assert run(web, place, "ranged/empty.bin") == 0
    assert place.files() == {"empty.bin": b""}


def test_a_server_that_dribbles_is_taken_for_silent(web: WebServer, place: Place) -> None:
    web.put("dribble.bin", bytes(100_000))
    assert run(web, place, "dribble/dribble.bin", "--read-seconds", "2", "--attempts", "1") == 10
    assert "the server sent only" in place.said()["message"]


@pytest.mark.parametrize("keys", [{"username": "robot", "password": "secret1"}])
def test_credentials_come_from_the_mounted_secret(keys: dict[str, str], web: WebServer, place: Place) -> None:
    folder = place.secret(keys)
    assert run(web, place, "secret/model.tar.gz", "--credentials", str(folder)) == 0
    assert place.files() == FILES


def test_wrong_credentials_are_told_as_such(web: WebServer, place: Place) -> None:
    folder = place.secret({"username": "robot", "password": "wrong"})
    assert run(web, place, "secret/model.tar.gz", "--credentials", str(folder)) == 10
    assert "artifactSecret" in place.said()["message"]
    assert "wrong" not in place.termination_log.read_text()


def test_a_private_authority_is_trusted_where_the_secret_names_it(web: WebServer, place: Place) -> None:
    url = f"https://localhost:{web.tls_port}/ranged/model.tar.gz"
    more = ("--allow-address", "::1")
    assert main(place.arguments(url, *more)) == 10
    assert "ca.crt" in place.said()["message"]
    folder = place.secret({"ca.crt": (web.folder / "tls.crt").read_text()})
    assert main(place.arguments(url, *more, "--credentials", str(folder))) == 0
    assert place.files() == FILES


@pytest.mark.parametrize(("form", "pack"), [("tar", bytes), ("tar.gz", gzip_fast), ("tar.zst", zstd.compress)])
def test_memory_does_not_grow_with_the_artifact(
    form: str, pack: Callable[[bytes], bytes], web: WebServer, place: Place
) -> None:
    size = 60 * PIECE
    content = WEIGHTS[:PIECE] * (size // PIECE)
    web.put(f"large.{form}", pack(tar(member("weights", content))))
    assert peak_of(place.arguments(f"{web.url}/ranged/large.{form}")) <= 64 * 1024
    assert (place.model / "weights").stat().st_size == size


def test_the_digest_is_that_of_all_ranges_in_order(web: WebServer, place: Place) -> None:
    digest = f"sha256:{hashlib.sha256(ARCHIVE).hexdigest()}"
    assert run(web, place, "ranged/model.tar.gz", "--digest", digest) == 0


def test_https_goes_through_a_proxy_by_a_tunnel(web: WebServer, place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = place.secret({"ca.crt": (web.folder / "tls.crt").read_text()})
    url = f"https://localhost:{web.tls_port}/ranged/model.tar.gz"
    with tunnel() as proxy:
        monkeypatch.setenv("https_proxy", proxy.url.replace("//", "//user:pass@"))
        more = ("--allow-address", "::1", "--credentials", str(folder))
        assert main(place.arguments(url, *more)) == 0
    assert place.files() == FILES
    assert {head.split("\r\n")[0] for head in proxy.heads} == {f"CONNECT localhost:{web.tls_port} HTTP/1.1"}
    assert all("Proxy-Authorization: Basic " in head for head in proxy.heads)


def test_a_proxy_that_refuses_is_named(web: WebServer, place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    with tunnel("403 Forbidden") as proxy:
        monkeypatch.setenv("https_proxy", proxy.url)
        url = f"https://localhost:{web.tls_port}/ranged/model.tar.gz"
        assert main(place.arguments(url, "--allow-address", "::1", "--attempts", "2")) == 10
    assert "the proxy returned 'HTTP/1.1 403 Forbidden'" in place.said()["message"]
    assert len(proxy.heads) == 2
