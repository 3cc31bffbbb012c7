"""How a download tells how far it is."""

import json
from itertools import count

import pytest

from fetcher.report import Progress, set_up_logs


@pytest.mark.parametrize(("length", "percent"), [(400, [50.0, 100.0]), (None, [None, None])])
def test_progress_is_told_every_five_seconds_with_percent_where_the_length_is_known(
    length: int | None, percent: list[float | None], capsys: pytest.CaptureFixture[str]
) -> None:
    set_up_logs()
    ticks = count(step=2.5)
    progress = Progress(clock=lambda: next(ticks))
    progress.begin(length)
    assert b"".join(progress.counted(iter([b"x" * 100] * 4))) == b"x" * 400
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert {line["event"] for line in lines} == {"Fetched a part"}
    assert [line["percent"] for line in lines][-1:] == percent[-1:]
