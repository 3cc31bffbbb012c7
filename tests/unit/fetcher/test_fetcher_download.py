"""What is tried again and what is not, what is verified, and what a message may hold."""

import hashlib
import socket

import pytest

from fetcher.__main__ import main
from tests.unit.fetcher.origin import Answer, member, serving, tar_gz
from tests.unit.fetcher.running import Place

ARCHIVE = tar_gz(member("model.bin", b"weights" * 1000))
DIGEST = f"sha256:{hashlib.sha256(ARCHIVE).hexdigest()}"
OTHER = f"sha256:{'0' * 64}"


@pytest.mark.parametrize(
    ("status", "advice"),
    [(404, "check the model's artifact URL"), (401, "artifactSecret"), (403, "permissions"), (410, "see the log")],
)
def test_a_refusal_is_final_and_says_how_to_mend_it(status: int, advice: str, place: Place) -> None:
    with serving(Answer(status=status)) as origin:
        assert place.run(origin) == 10
    assert len(origin.requests) == 1
    assert place.said()["reason"] == "ArtifactDownloadFailed"
    assert f"status {status}" in place.said()["message"]
    assert advice in place.said()["message"]


@pytest.mark.parametrize(
    "failing",
    [Answer(status=500), Answer(status=503), Answer(status=429), Answer(status=599), Answer(ARCHIVE, cut=True)],
    ids=["500", "503", "429", "599", "short body"],
)
def test_what_may_have_gone_a_moment_later_is_tried_again(failing: Answer, place: Place) -> None:
    with serving(failing, failing, Answer(ARCHIVE)) as origin:
        assert place.run(origin) == 0
    assert len(origin.requests) == 3
    assert place.files() == {"model.bin": b"weights" * 1000}


@pytest.mark.parametrize(("asked", "pause"), [("7", 7), ("9999", 60), ("tomorrow", 0), ("-1", 0)])
def test_a_server_is_left_alone_for_as_long_as_it_asks_within_reason(
    asked: str, pause: int, place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    pauses: list[float] = []
    monkeypatch.setattr("fetcher.__main__.time.sleep", pauses.append)
    with serving(Answer(status=503, headers={"Retry-After": asked}), Answer(ARCHIVE)) as origin:
        assert place.run(origin) == 0
    assert pauses == [pause]


@pytest.mark.parametrize("failing", [Answer(status=500), Answer(ARCHIVE, cut=True)], ids=["500", "short body"])
def test_attempts_are_bounded(failing: Answer, place: Place) -> None:
    with serving(failing) as origin:
        assert place.run(origin, "--attempts", "3") == 10
    assert (len(origin.requests), place.visible(), place.said()["reason"]) == (3, [], "ArtifactDownloadFailed")


def test_a_server_that_is_not_there_is_named(place: Place) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    with serving(Answer()) as origin:
        origin.url = f"http://127.0.0.1:{port}"
        assert place.run(origin, "--attempts", "2") == 10
    assert (
        f"http://127.0.0.1:{port}/model.tar.gz could not be fetched: failed to connect to 127.0.0.1:{port}"
        in place.said()["message"]
    )


def test_a_server_that_falls_silent_is_given_up(place: Place) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent, serving(Answer()) as origin:
        origin.url = f"http://127.0.0.1:{silent.getsockname()[1]}"
        assert place.run(origin, "--attempts", "1", "--read-seconds", "0.1") == 10
    assert "the server sent nothing for 0.1 s" in place.said()["message"]


def test_redirects_are_followed(place: Place) -> None:
    with serving(Answer(status=302, headers={"Location": "/elsewhere"}), Answer(ARCHIVE)) as origin:
        assert place.run(origin) == 0
    assert [request["path"] for request in origin.requests] == ["/model.tar.gz", "/elsewhere"]


def test_redirects_in_a_circle_are_not_followed_for_ever(place: Place) -> None:
    with serving(Answer(status=302, headers={"Location": "/model.tar.gz"})) as origin:
        assert place.run(origin) == 10
    assert len(origin.requests) == 6


def test_the_asked_digest_is_verified(place: Place) -> None:
    with serving(Answer(ARCHIVE)) as origin:
        assert place.run(origin, "--digest", DIGEST) == 0
    assert place.files() == {"model.bin": b"weights" * 1000}


@pytest.mark.parametrize("body", [ARCHIVE, b"no archive at all"], ids=["an archive", "no archive"])
def test_another_digest_leaves_no_trace_and_names_both(body: bytes, place: Place) -> None:
    with serving(Answer(body)) as origin:
        assert place.run(origin, "--digest", OTHER) == 11
    assert (len(origin.requests), place.visible(), place.said()["reason"]) == (1, [], "ArtifactDigestMismatch")
    assert OTHER in place.said()["message"]
    assert hashlib.sha256(body).hexdigest() in place.said()["message"]


def test_a_download_beyond_the_limit_ends_there(place: Place) -> None:
    with serving(Answer(bytes(10_000_000))) as origin:
        assert place.run(origin, "--limit-bytes", "1000000", name="weights.bin") == 13
    assert "larger than the 1000000 bytes allowed" in place.said()["message"]
    assert place.visible() == []


def test_what_a_url_may_hide_reaches_the_server_and_nobody_else(
    place: Place, capsys: pytest.CaptureFixture[str]
) -> None:
    with serving(Answer(status=404)) as origin:
        origin.url = origin.url.replace("//", "//robot:secret1@")
        assert place.run(origin, name="model.tar.gz?signature=secret2") == 10
    assert origin.requests[0]["authorization"].startswith("Basic ")
    assert origin.requests[0]["path"] == "/model.tar.gz?signature=secret2"
    output = capsys.readouterr()
    assert "secret" not in output.out + output.err + place.termination_log.read_text()
    assert "127.0.0.1" in place.said()["message"]


@pytest.mark.parametrize("url", ["file:///etc/passwd", "http://", "model.tar.gz", "http://[::1"])
def test_only_urls_of_known_schemes_are_fetched(url: str, place: Place) -> None:
    assert main(place.arguments(url)) == 10
    assert place.said()["reason"] == "ArtifactDownloadFailed"


@pytest.mark.parametrize("digest", ["sha256:abc", "md5:d41d8cd98f00b204e9800998ecf8427e", DIGEST.upper()])
def test_a_malformed_digest_is_a_usage_error(digest: str, place: Place) -> None:
    with pytest.raises(SystemExit) as ending:
        main(place.arguments("http://127.0.0.1/x", "--digest", digest))
    assert ending.value.code == 2
