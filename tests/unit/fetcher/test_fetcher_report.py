"""How a download tells how far it is."""

import json
from itertools import count

import pytest

from fetcher.download import Download
from fetcher.report import progress, set_up_logs


@pytest.mark.parametrize(("length", "percent"), [(400, [50.0, 100.0]), (None, [None, None])])
def test_progress_is_told_every_five_seconds_with_percent_where_the_length_is_known(
    length: int | None, percent: list[float | None], capsys: pytest.CaptureFixture[str]
) -> None:
    set_up_logs()
    ticks = count(step=2.5)
    download = Download(iter([b"x" * 100] * 4), length)
    assert b"".join(progress(download, clock=lambda: next(ticks))) == b"x" * 400
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [(line["event"], line["percent"]) for line in lines] == [("Fetched a part", each) for each in percent]
