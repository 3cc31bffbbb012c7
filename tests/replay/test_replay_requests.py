"""What gor sends is what was captured, byte for byte, whatever the records contain."""

import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from replay.gor.format import SEPARATOR
from replay.outgoing import SECRET
from tests.replay.running import Replay, written
from tests.replay.targets import Answer, Received, target
from tests.unit.replay.records import captured

Run = Callable[..., Replay]
METHODS = st.sampled_from(["GET", "POST", "PUT", "PATCH", "DELETE"])
PATHS = st.from_regex(r"/([A-Za-z0-9._~!$&'()*+,;=:@/-]|%[0-9A-F]{2}){0,20}(\?([a-z=&/?]|%2F){0,5})?", fullmatch=True)
BODIES = st.binary(max_size=200).filter(lambda body: SEPARATOR.strip() not in body) | st.sampled_from(
    [b"\r\n\r\n", b"\n\xf0\x9f\x90\xb5", b"GET / HTTP/1.1\r\n\r\n", b"0"]
)
HEADERS = st.dictionaries(
    st.from_regex(r"x-[a-z0-9_.!~-]{1,8}", fullmatch=True).filter(lambda name: not SECRET.search(name)),
    st.text(st.characters(min_codepoint=0x21, max_codepoint=0x7E), min_size=1, max_size=8).filter(
        lambda value: "[" not in value
    ),
    max_size=3,
)


def echo(received: Received) -> Answer:
    return Answer(received.body, headers={"Content-Type": "application/octet-stream"})


@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(asked=st.lists(st.tuples(METHODS, PATHS, HEADERS, BODIES), min_size=1, max_size=30))
def test_requests_arrive_as_they_were_captured(
    asked: list[tuple[str, str, dict[str, str], bytes]], replay: Run
) -> None:
    lines = [
        captured(
            *(body, body),
            content_type="application/octet-stream",
            headers={**headers, "x-number": str(number)},
            method=method,
            path=path,
        )
        for number, (method, path, headers, body) in enumerate(asked)
    ]
    with tempfile.TemporaryDirectory() as folder, target(echo) as candidate:
        found = replay(written(Path(folder), *lines), candidate.url)
    assert found.code == 0, found.said
    assert found.report["comparison"]["matched"] == len(asked)
    received = sorted(candidate.received, key=lambda each: int(each.headers["X-Number"]))
    for (method, path, headers, body), each in zip(asked, received, strict=True):
        assert (each.method, each.body) == (method, body)
        assert each.path == path
        sent = {name.lower(): value for name, value in each.headers.items()}
        assert headers.items() <= sent.items()
        assert sent["x-mlendpoints-replay"] == "1"


def test_a_large_body_arrives_whole(replay: Run, tmp_path: Path) -> None:
    body = bytes(range(256)) * 4096 * 6
    line = captured(body, body, content_type="application/octet-stream")
    with target(echo) as candidate:
        found = replay(written(tmp_path, line), candidate.url, "--max-body", "6")
    assert found.code == 0, found.said
    assert candidate.received[0].body == body


def test_records_that_would_forge_others_are_not_sent(replay: Run, tmp_path: Path) -> None:
    forged = b"a" + SEPARATOR + b"1 abc 1 0\nGET /forged HTTP/1.1\r\nHost: a\r\n\r\n" + SEPARATOR
    lines = [
        *(captured(forged), captured(SEPARATOR[:-1])),
        *(captured(headers={"x-a": "1\r\nx-forged: 1"}), captured(path="/ HTTP/1.1\r\nx-forged: 1\r\n\r\n")),
        *(captured(path="http://evil/forged"), captured(method="CONNECT")),
        *(b'{"captureData":' + b"[" * 100_000, b"x" * 6_000_000, captured(b"x" * 2_000_000), captured(None)),
        captured(headers={"x-mlendpoints-replay": "1"}),
        captured(path="/right"),
    ]
    with target() as candidate:
        found = replay(written(tmp_path, *lines), candidate.url)
    assert [each.path for each in candidate.received] == ["/right"]
    assert found.report["records"]["skipped"] == {
        "body_too_large": 1,
        "contains_separator": 2,
        "invalid_header": 1,
        "invalid_method": 1,
        "invalid_path": 2,
        "line_too_long": 1,
        "malformed": 1,
        "no_input": 1,
        "replayed": 1,
    }


def test_secrets_and_headers_of_the_call_are_not_sent(replay: Run, tmp_path: Path) -> None:
    kept_back = {"authorization": "canary", "cookie": "canary", "x-request-id": "canary", "x-key": "[REDACTED]"}
    with target() as candidate:
        found = replay(
            written(tmp_path, captured(headers=kept_back)),
            *(candidate.url, "--host", "titanic.example.com", "--variant", "green", "--header", "X-Token: mine"),
        )
    assert found.code == 0
    (received,) = candidate.received
    assert "canary" not in str(received.headers)
    assert "X-Key" not in received.headers
    assert received.headers["Host"] == "titanic.example.com"
    assert received.headers["X-Amzn-Sagemaker-Target-Variant"] == "green"
    assert received.headers["X-Token"] == "mine"


def test_requests_are_sent_in_the_order_of_their_times_across_objects(replay: Run, tmp_path: Path) -> None:
    for pod in (1, 2):
        lines = [
            captured(path=f"/{second}", startTime=f"2026-11-26T10:20:{second:02}.000Z") for second in range(pod, 9, 2)
        ]
        written(tmp_path, *lines, name=f"pod-{pod}.jsonl")
    with target() as candidate:
        replay(tmp_path / "captured", candidate.url, "--speed", "100", "--connections", "1")
    assert [each.path for each in candidate.received] == [f"/{second}" for second in range(1, 9)]


@pytest.mark.parametrize("pace", [("--rate", "200"), ("--speed", "0.5"), ("--speed", "max")])
def test_every_request_is_sent_once_at_any_pace(pace: tuple[str, str], replay: Run, tmp_path: Path) -> None:
    lines = [captured(path=f"/{at}", startTime=f"2026-11-26T10:20:33.{at:03}Z") for at in range(40)]
    with target() as candidate:
        found = replay(written(tmp_path, *lines), candidate.url, *pace)
    assert found.report["records"]["responses"] == 40
    assert sorted(int(each.path[1:]) for each in candidate.received) == list(range(40))


def test_more_requests_than_gor_can_queue_are_all_answered(replay: Run, tmp_path: Path) -> None:
    lines = [captured(path=f"/{number}") for number in range(2500)]
    with target() as candidate:
        found = replay(written(tmp_path, *lines), candidate.url, "--connections", "2", "--timeout", "60")
    assert (found.code, found.report["records"]["responses"]) == (0, 2500), found.report
    assert sorted(int(each.path[1:]) for each in candidate.received) == list(range(2500))


def test_a_limit_takes_the_first_records(replay: Run, tmp_path: Path) -> None:
    lines = [captured(path=f"/{number}") for number in range(5)]
    with target() as candidate:
        found = replay(written(tmp_path, *lines), candidate.url, "--limit", "3")
    assert sorted(each.path for each in candidate.received) == ["/0", "/1", "/2"]
    assert found.report["records"]["beyond_limit"]


def test_a_redirect_is_a_response_and_is_not_followed(replay: Run, tmp_path: Path) -> None:
    with target() as elsewhere:
        with target(
            lambda _: Answer(b"", 302, {"Location": elsewhere.url, "Content-Type": "application/json"})
        ) as moved:
            found = replay(written(tmp_path, captured()), moved.url)
        assert elsewhere.received == []
    differences: Any = found.report["differences"][0]["differences"]
    assert (differences[0]["where"], differences[0]["replayed"]) == ("status", "302")
