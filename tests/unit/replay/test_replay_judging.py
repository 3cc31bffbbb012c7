"""What a replay amounts to: rates, percentiles, counts and differences, in bounded memory."""

import io
import json
from statistics import NormalDist

import pytest
from hypothesis import given
from hypothesis import strategies as st

from replay.compare.values import Rules
from replay.exchange import Exchange, NotCompared, Request, Response
from replay.figures import percentiles, wilson
from replay.gor.responses import arrived, name_of
from replay.gor.tap import copy
from replay.options import parse
from replay.own_source import Target
from replay.report import Account, Report, as_json, as_text, make_report, without_values
from replay.tally import MOST_PLACES, MOST_VARIANTS, OTHER_PLACES, Tally

TARGET = Target("http://titanic", "titanic")


def exchange(response: Response | None, name: str = "event") -> Exchange:
    return Exchange(name, 0, Request("POST", "/invocations", (), b'[{"class":"1st"}]'), response, 0.25)


def json_response(value: object, **changes: object) -> Response:
    return Response(200, "application/json", json.dumps(value).encode(), **changes)  # type: ignore[arg-type]


def report_of(tally: Tally, account: Account | None = None, min_match: float = 1.0) -> Report:
    return make_report(tally, account or Account(), target=TARGET, min_match=min_match)


@pytest.mark.parametrize(
    ("hits", "total", "low", "high"),
    [(0, 10, 0.0, 0.2775), (10, 10, 0.7225, 1.0), (5, 10, 0.2366, 0.7634), (950, 1000, 0.9347, 0.9619)],
)
def test_the_interval_is_wilson_s(hits: int, total: int, low: float, high: float) -> None:
    assert wilson(hits, total) == pytest.approx((low, high), abs=5e-5)


@given(total=st.integers(1, 10**6), data=st.data())
def test_the_interval_is_where_the_score_test_accepts(total: int, data: st.DataObject) -> None:
    hits = data.draw(st.integers(0, total))
    z = NormalDist().inv_cdf(0.975)
    for bound in wilson(hits, total):
        if 0 < bound < 1:
            assert abs(hits / total - bound) == pytest.approx(z * (bound * (1 - bound) / total) ** 0.5, rel=1e-6)


def test_nothing_is_known_without_observations() -> None:
    assert wilson(0, 0) == (0.0, 1.0)
    assert percentiles([]) == {}


@given(values=st.lists(st.floats(0, 100), min_size=1))
def test_percentiles_are_observed_values(values: list[float]) -> None:
    found = percentiles(values)
    for percent, value in zip((50, 90, 99, 100), found.values(), strict=True):
        assert value in values
        assert sum(each <= value for each in values) >= percent / 100 * len(values) - 1e-9
    assert found["p100"] == max(values)


def test_a_rate_counts_requests_without_a_response_as_different() -> None:
    tally = Tally(Rules(), 10)
    tally.compare(0, exchange(json_response(1)), json_response(1))
    tally.unanswered(1, exchange(json_response(1), "gone"))
    report = report_of(tally, min_match=0.5)
    assert (report.comparison.match_rate, report.passed) == (0.5, True)
    assert [(each.name, each.differences[0].replayed) for each in report.differences] == [("gone", "no response")]
    assert not report_of(tally, min_match=0.51).passed


def test_what_cannot_be_compared_counts_by_reason_and_not_in_the_rate() -> None:
    tally = Tally(Rules(), 10)
    tally.compare(0, exchange(None), json_response(1))
    tally.compare(1, exchange(Response(200, "", None)), json_response(1))
    tally.compare(2, exchange(json_response(1, encoding="gzip")), json_response(1))
    tally.unanswered(3, exchange(None))
    tally.skip(NotCompared.TOO_LARGE)
    report = report_of(tally)
    assert report.comparison.not_compared == {"encoded": 1, "no_recorded_output": 3, "too_large": 1}
    assert (report.comparison.match_rate, report.passed, report.comparison.interval) == (None, False, (0.0, 1.0))


def test_the_first_differences_are_those_of_the_first_requests_in_whatever_order_they_arrive() -> None:
    tally = Tally(Rules(), 2)
    for number in (5, 3, 4, 1):
        tally.compare(number, exchange(json_response(1), f"event-{number}"), json_response(number + 1))
    report = report_of(tally)
    assert [each.name for each in report.differences] == ["event-1", "event-3"]
    assert report.comparison.different == 4
    assert "and 2 more requests" in as_text(report)


def test_places_and_variants_are_bounded_whatever_a_target_sends() -> None:
    tally = Tally(Rules(), 0)
    for number in range(1000):
        tally.compare(number, exchange(json_response({})), json_response({f"key{number}": 1}))
        tally.answered_by(f"variant-{number}" * 10)
    assert len(tally.places) == MOST_PLACES + 1
    assert tally.places[OTHER_PLACES] == 1000 - MOST_PLACES
    assert len(tally.variants) == MOST_VARIANTS + 1
    assert max(map(len, tally.variants)) <= 63


def test_a_response_with_very_many_differences_is_shown_with_a_few() -> None:
    tally = Tally(Rules(), 1)
    tally.compare(0, exchange(json_response([0] * 10_000)), json_response([1] * 10_000))
    assert tally.places == {"$[*]": 1}
    assert len(report_of(tally).differences[0].differences) == 10


def test_a_report_shows_nothing_that_a_terminal_would_obey() -> None:
    tally = Tally(Rules(), 1)
    tally.compare(0, exchange(json_response("\x1b[2J"), "\x1b]0;name\x07"), json_response({"\n\x1b": 1}))
    assert all(line.isprintable() for line in as_text(report_of(tally)).splitlines())


def test_a_report_can_leave_out_what_was_captured() -> None:
    tally = Tally(Rules(), 1)
    tally.compare(0, exchange(json_response("canary")), json_response("other canary"))
    report = report_of(tally)
    assert "canary" in as_text(report)
    assert "1st" in as_json(report)
    for shown in (as_text(without_values(report)), as_json(without_values(report))):
        assert "canary" not in shown
        assert "1st" not in shown


def line(number: int, message: bytes, duration: int = 5_000_000) -> bytes:
    return f"3 {name_of(number)} 1 {duration}\n".encode().hex().encode() + message.hex().encode()


def test_the_tap_copies_responses_and_passes_requests_on_whatever_their_length() -> None:
    request = b"1 a 1 0\n".hex().encode() + b"00" * 200_000 + b"\n"
    long, short = line(1, b"x" * 200_000) + b"\n", line(2, b"short") + b"\n"
    requests, responses = io.BytesIO(), io.BytesIO()
    copy(io.BytesIO(request + long + b"32aa\n" + short + request), requests, responses, 1000)
    assert requests.getvalue() == request * 2
    first, second, _ = responses.getvalue().split(b"\n")
    assert first.endswith(b"!")
    assert len(first) < 1000 + 2
    assert second + b"\n" == short


def test_a_response_is_read_from_the_tap_s_line() -> None:
    found = arrived(line(7, b"HTTP/1.1 200 OK\r\n\r\n"))
    assert found
    assert (found.number, found.seconds, found.message) == (7, 0.005, b"HTTP/1.1 200 OK\r\n\r\n")
    cut = arrived(line(7, b"x" * 1000)[:500] + b"!")
    assert cut
    assert (cut.number, cut.message) == (7, None)


@given(garbage=st.binary(max_size=100))
def test_garbage_from_the_tap_is_no_response(garbage: bytes) -> None:
    assert arrived(garbage) is None
    assert arrived(garbage.hex().encode()) is None or garbage.startswith(b"3 ")


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["x"],
        ["x", "--target", "titanic"],
        ["x", "--target", "ftp://titanic"],
        ["x", "--target", "http://titanic/path"],
        ["x", "--target", "http://user@titanic"],
        ["x", "--target", "http://titanic|10%"],
        *(
            ["x", "--target", "http://titanic", *more]
            for more in (
                ["--speed", "0"],
                ["--speed", "nan"],
                ["--rate", "5", "--speed", "2"],
                ["--limit", "1.5"],
                ["--variant", "Blue"],
                ["--header", "no colon"],
                ["--header", "A: b\r\nC: d"],
                ["--header", "Content-Length: 1"],
                ["--host", "a b"],
                ["--ignore", "id"],
                ["--min-match", "1.1"],
                ["--tolerance", "inf"],
                ["--allow-address", "here"],
            )
        ),
    ],
)
def test_a_wrong_command_line_has_exit_code_2(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as exit_:
        parse(arguments)
    assert exit_.value.code == 2
    assert "usage: replay" in capsys.readouterr().err


def test_a_variant_is_forced_by_its_header_and_the_host_is_the_target_s() -> None:
    options = parse(["x", "--target", "http://titanic:8080", "--variant", "green", "--speed", "max"])
    assert options.headers == (("X-Amzn-SageMaker-Target-Variant", "green"),)
    assert (options.target.host, options.speed) == ("titanic:8080", None)
