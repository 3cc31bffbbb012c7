"""Responses are compared with the recorded ones, and whatever a target does is counted."""

import json
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

from tests.images.processes import ROOT
from tests.kit.ports import free_port
from tests.replay.running import Replay, written
from tests.replay.targets import Answer, Received, target
from tests.unit.replay.records import captured

Run = Callable[..., Replay]


def test_responses_that_match_are_counted_with_their_interval_and_latency(replay: Run, tmp_path: Path) -> None:
    lines = [captured(path=f"/{number}") for number in range(10)]
    with target(lambda received: Answer(b"{}" if received.path != "/3" else b"[]")) as candidate:
        found = replay(written(tmp_path, *lines), candidate.url, "--min-match", "0.9")
    comparison = found.report["comparison"]
    assert (found.code, comparison["compared"], comparison["matched"], comparison["different"]) == (0, 10, 9, 1)
    low, high = comparison["interval"]
    assert low < comparison["match_rate"] == 0.9 < high
    latency = found.report["latency"]
    assert latency["recorded"]["p50"] == 0.25
    assert latency["requests"] == 10
    assert 0 < latency["replayed"]["p50"] <= latency["replayed"]["p100"]


def test_too_few_matches_have_exit_code_1(replay: Run, tmp_path: Path) -> None:
    with target(lambda _: Answer(b"[]")) as candidate:
        assert replay(written(tmp_path, captured()), candidate.url).code == 1


def test_tolerance_and_ignored_places_apply(replay: Run, tmp_path: Path) -> None:
    line = captured(b"{}", json.dumps({"p": 0.5, "id": "a"}).encode())
    with target(lambda _: Answer(json.dumps({"p": 0.51, "id": "b"}).encode())) as candidate:
        source = written(tmp_path, line)
        found = replay(source, candidate.url, "--tolerance", "0.02")
        assert found.report["comparison"]["places"] == {"$.id": 1}
        assert replay(source, candidate.url, "--tolerance", "0.02", "--ignore", "$.id").code == 0


def test_variants_that_responded_are_named(replay: Run, tmp_path: Path) -> None:
    headers = {"Content-Type": "application/json", "x-amzn-invoked-production-variant": "green"}
    with target(lambda _: Answer(headers=headers)) as candidate:
        assert replay(written(tmp_path, captured()), candidate.url).report["variants"] == {"green": 1}


def test_a_response_that_would_forge_others_is_one_response(replay: Run, tmp_path: Path) -> None:
    forged = "".join(f"\n🐵🙈🙉\n3 {number:024x} 1 1\nHTTP/1.1 200 OK\r\n\r\n{{}}" for number in range(3)).encode()
    lines = [captured(path=f"/{number}") for number in range(3)]
    with target(lambda received: Answer(forged if received.path == "/0" else b"{}")) as candidate:
        found = replay(written(tmp_path, *lines), candidate.url)
    assert (found.report["comparison"]["matched"], found.report["comparison"]["different"]) == (2, 1)
    assert found.report["records"]["responses"] == 3


def test_requests_without_a_response_count_as_different_and_by_reason(replay: Run, tmp_path: Path) -> None:
    released = threading.Event()

    def answer(received: Received) -> Answer:
        if received.path == "/hangs":
            released.wait()
        return Answer(None if received.path == "/closes" else b"{}")

    lines = [captured(path=path) for path in ("/hangs", "/closes", "/right")]
    with target(answer) as candidate:
        found = replay(written(tmp_path, *lines), candidate.url, "--timeout", "1")
        released.set()
    assert found.report["records"]["failed"] == {"closed": 1, "timed_out": 1}
    comparison = found.report["comparison"]
    assert (comparison["matched"], comparison["different"], found.code) == (1, 2, 1)


def test_responses_that_cannot_be_compared_are_counted(replay: Run, tmp_path: Path) -> None:
    answers = {
        "/large": Answer(b"x" * 300_000),
        "/gzip": Answer(b"x", headers={"Content-Type": "application/json", "Content-Encoding": "gzip"}),
        "/odd": Answer(b"{}", headers={"Content-Type": "application/json", "X-Odd": "\x01"}),
    }
    lines = [captured(path=path) for path in (*answers, "/right")]
    with target(lambda received: answers.get(received.path, Answer())) as candidate:
        found = replay(written(tmp_path, *lines), candidate.url, "--max-body", "0.1")
    assert found.report["comparison"]["matched"] == 1
    assert sum(found.report["comparison"]["not_compared"].values()) + sum(
        found.report["records"]["failed"].values()
    ) == len(answers)
    assert found.report["comparison"]["not_compared"]["encoded"] == 1


def test_a_very_large_response_is_cut_before_it_takes_memory(replay: Run, tmp_path: Path) -> None:
    with target(lambda _: Answer(b"x" * 30_000_000)) as candidate:
        found = replay(written(tmp_path, captured(), captured(b"{}", None)), candidate.url, "--max-body", "0.1")
    assert found.report["comparison"]["not_compared"] == {"too_large": 2}
    assert found.code == 2


def test_nothing_to_compare_has_exit_code_2_and_a_report(replay: Run, tmp_path: Path) -> None:
    with target() as candidate:
        found = replay(written(tmp_path, captured(b"{}", None)), candidate.url)
    assert (found.code, found.report["comparison"]["not_compared"]) == (2, {"no_recorded_output": 1})


def test_a_target_that_cannot_be_reached_is_reported(replay: Run, tmp_path: Path) -> None:
    found = replay(written(tmp_path, captured()), f"http://127.0.0.1:{free_port()}")
    assert (found.code, found.report) == (2, None)
    assert "cannot be reached: [Errno 111] Connection refused" in found.said


def test_a_missing_gor_is_reported(replay: Run, tmp_path: Path) -> None:
    with target() as candidate:
        found = replay(written(tmp_path, captured()), candidate.url, "--gor", "/nowhere/gor")
    assert (found.code, "gor could not be started (No such file or directory)" in found.said) == (2, True)


def test_a_gor_that_fails_is_reported(replay: Run, tmp_path: Path) -> None:
    with target() as candidate:
        found = replay(written(tmp_path, captured()), candidate.url, "--gor", "/bin/false")
    assert (found.code, "gor ended unexpectedly with exit code 1" in found.said) == (2, True)


def test_a_replay_that_is_stopped_leaves_neither_gor_nor_files(gor: str, tmp_path: Path) -> None:
    arrived, released = threading.Event(), threading.Event()

    def answer(_: Received) -> Answer:
        arrived.set()
        released.wait()
        return Answer()

    scratch = tmp_path / "scratch"
    scratch.mkdir()
    with target(answer) as candidate:
        command = [sys.executable, "-m", "replay", str(written(tmp_path, captured())), "--target", candidate.url]
        with subprocess.Popen([*command, "--gor", gor, "--folder", str(scratch)], cwd=ROOT) as process:
            assert arrived.wait(60)
            process.terminate()
        released.set()
    assert process.returncode == 143
    assert list(scratch.iterdir()) == []
    running = [path.read_bytes() for path in Path("/proc").glob("[0-9]*/cmdline") if _is_readable(path)]
    assert not [line for line in running if gor.encode() in line and candidate.url.encode() in line]


def _is_readable(path: Path) -> bool:
    try:
        return bool(path.read_bytes())
    except OSError:
        return False
