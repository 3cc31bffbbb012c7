"""How a download tells how far it is."""

import json
from datetime import UTC, datetime
from itertools import count
from pathlib import Path

import pytest

from fetcher.failures import DownloadFailed
from fetcher.report import Progress, write_failure
from outbound import log


@pytest.mark.parametrize(("length", "percent"), [(400, [50.0, 100.0]), (None, [None, None])])
def test_progress_is_told_every_five_seconds_with_percent_where_the_length_is_known(
    length: int | None, percent: list[float | None], capsys: pytest.CaptureFixture[str]
) -> None:
    ticks = count(step=2.5)
    progress = Progress(clock=lambda: next(ticks))
    progress.begin(length)
    assert b"".join(progress.counted(iter([b"x" * 100] * 4))) == b"x" * 400
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert {line["event"] for line in lines} == {"Download in progress"}
    assert [line["percent"] for line in lines][-1:] == percent[-1:]


def test_a_log_line_is_one_json_object_that_tells_when_and_how_grave(capsys: pytest.CaptureFixture[str]) -> None:
    log.info("Began", path="a\nb")
    log.warning("Attempt failed; retrying", attempt=1)
    log.error("Ended")
    began, lost, ended = (json.loads(line) for line in capsys.readouterr().out.splitlines())
    assert (began["event"], began["level"], began["path"]) == ("Began", "info", "a\nb")
    assert (lost["level"], lost["attempt"], ended["level"]) == ("warning", 1, "error")
    assert datetime.fromisoformat(began["timestamp"]).tzinfo == UTC


@pytest.mark.parametrize("letter", ["a", "ü", "\U0001f6a2"])
def test_a_long_message_keeps_its_end_and_fits_into_what_kubernetes_keeps(letter: str, tmp_path: Path) -> None:
    log = tmp_path / "termination-log"
    log.touch()

    write_failure(log, DownloadFailed(f"https://{letter * 2000} is not there; check it"), Progress())

    said = json.loads(log.read_text())["message"]
    assert said.startswith(f"https://{letter}")
    assert said.endswith(" is not there; check it")
    assert log.stat().st_size <= 4096
