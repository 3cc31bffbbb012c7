"""Rounds become shares of the lowest ceiling, ratios within a round, and lines that say whether aims are met."""

from pathlib import Path

import pytest

from bench.fetch.artifact import Artifact
from bench.fetch.contestants import CURL, KSERVE, OURS, TIGHT
from bench.fetch.figures import Round, Spread, Work, spread, usual_lowest
from bench.fetch.kills import Loss
from bench.fetch.origin import Link
from bench.fetch.steal import Processors, processors
from bench.fetch.table import OPENING, extra_disk, link_lines, loss_lines, peak_lines, percent, shown
from bench.fetch.watch import Peaks
from fetcher.artifact import PIECE


def a_round(
    *, ours: float = 2.0, kserve: float = 4.0, network: float = 1.9, disk: float = 1.0, stolen: float = 0.0
) -> Round:
    ceilings = {"network": Work(network, 0.2), "inflate": Work(0.8, 0.8), "disk": Work(disk, 0.4)}
    fetches = {OURS: Work(ours, 2.5), KSERVE: Work(kserve, 3.5), CURL: Work(3.0, 4.0)}
    return Round(ceilings, Work(0.6, 0.6), Work(1.1, 2.0), fetches, stolen)


def an_artifact(unpacked: int) -> Artifact:
    return Artifact(Path("model.tar.gz"), unpacked // 2, unpacked, "sha256:0", "0")


def words(line: str) -> str:
    return " ".join(line.split())


def test_the_lowest_ceiling_is_what_takes_longest_alone() -> None:
    assert a_round().lowest == "network"
    assert a_round(disk=2.5).lowest == "disk"
    assert usual_lowest([a_round(), a_round(disk=2.5), a_round()]) == "network"


def test_a_share_is_of_the_lowest_ceiling_of_the_same_round() -> None:
    assert a_round().share(OURS) == pytest.approx(0.95)
    assert a_round(disk=2.5).share(OURS) == pytest.approx(1.25)


def test_a_ratio_says_how_many_times_as_fast_the_first_is() -> None:
    assert a_round().faster() == pytest.approx(2.0)
    assert a_round().faster(CURL) == pytest.approx(4 / 3)


def test_all_parts_together_need_their_processors_or_the_slowest_of_them() -> None:
    assert a_round().together(cores=2) == pytest.approx(1.9)
    assert a_round().together(cores=1) == pytest.approx(2.0)


def test_ratios_are_taken_within_rounds_so_that_a_slow_moment_cancels_out() -> None:
    rounds = [a_round(), a_round(ours=20.0, kserve=40.0)]
    assert spread(rounds, Round.faster) == Spread((2.0, 2.0))


def test_what_the_hypervisor_took_is_a_part_of_all_time_that_passed(tmp_path: Path) -> None:
    stat = tmp_path / "stat"
    stat.write_text("cpu  50 1 20 900 10 3 6 10 40 0\ncpu0 1 2 3 4 5 6 7 8 9 10\n")
    before = processors(stat)
    assert before == Processors(stolen=10, all=1000)
    stat.write_text("cpu  90 1 40 920 10 3 6 30 60 0\n")
    assert processors(stat).share_since(before) == pytest.approx(0.2)
    assert before.share_since(before) == 0


def test_this_machine_tells_what_was_stolen() -> None:
    assert 0 <= processors().stolen <= processors().all


def test_a_spread_shows_its_median_and_its_ends() -> None:
    assert Spread((3.0, 1.0, 2.0)).shown() == "2.00 (1.00-3.00)"
    assert percent(Spread((0.9, 0.955, 0.93))) == "93 % (90-96)"


def test_a_link_is_told_in_the_units_of_its_options() -> None:
    assert shown(Link(200e6, 0.01)) == "200 MB/s, 10 ms"
    assert shown(Link()) == "no limit, 0 ms"


def test_the_table_judges_ours_alone_and_by_medians() -> None:
    rounds = [a_round(), a_round(stolen=0.01), a_round(ours=9.0, stolen=0.3)]
    _, together, beside, stolen, _, ours, kserve, curl = link_lines(Link(50e6, 0.001), rounds, 2)
    assert together.endswith("2.00 processor seconds, and 2 cores at least 1.90 (1.90-1.90)")
    assert beside.endswith(
        "1.10 (1.10-1.10) seconds at the same time, 2.00 processor seconds for 1.40 one after the other"
    )
    assert words(stolen) == "the hypervisor took 1 % (0-30) of the processors for others"
    assert words(ours) == "ours 2.00 (2.00-9.00) 2.50 95 % (21-95) met 2.00 (0.44-2.00) met"
    assert words(kserve) == "kserve-storage 4.00 (4.00-4.00) 3.50 48 % (48-48)"
    assert "met" not in curl


def test_the_lowest_ceiling_is_named_beside_all_of_them() -> None:
    line = next(link_lines(Link(50e6, 0.001), [a_round()], 2))
    assert "inflate 0.80 (0.80-0.80), disk 1.00" in line
    assert line.endswith("the lowest is network")


def test_a_share_below_the_aim_is_called_missed() -> None:
    ours = next(line for line in link_lines(Link(), [a_round(ours=3.0)], 2) if words(line).startswith(OURS))
    assert ours.split().count("missed") == 2


def test_extra_disk_is_what_the_model_itself_does_not_take() -> None:
    assert extra_disk(an_artifact(1000), Peaks(0, 1500)) == pytest.approx(0.5)
    assert extra_disk(an_artifact(1000), Peaks(0, 900)) == 0


def test_memory_and_disk_stand_beside_their_aims() -> None:
    peaks = {OURS: Peaks(60 * 2**20, 1500), KSERVE: Peaks(90 * 2**20, 2000), TIGHT: Peaks(65 * 2**20, 1010)}
    _, ours, kserve, tight = peak_lines(an_artifact(1000), peaks, {OURS: [0.3, 0.2, 0.1], KSERVE: [0.5]})
    assert words(ours) == "ours 60.0 50.0 % 0.20 met, missed"
    assert words(kserve) == "kserve-storage 90.0 100.0 % 0.50"
    assert words(tight) == "ours, no room 65.0 1.0 % missed, met"


@pytest.mark.parametrize(("most", "word"), [(4, "met"), (5, "missed by 1")])
def test_no_kill_may_cost_more_than_a_piece_of_each_stream(most: int, word: str) -> None:
    losses = [Loss(PIECE, 0), Loss(most * PIECE + OPENING, 0), Loss(OPENING, 0)]
    _, line = loss_lines(losses, streams=4)
    assert f"median 1.0, most {most:.1f}" in line
    assert line.endswith(word)
