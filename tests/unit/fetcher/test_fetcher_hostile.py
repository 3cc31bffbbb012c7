"""Hostile archives: nothing outside of the volume, limits kept, an end, and the reason for it."""

import stat

import pytest

from fetcher.__main__ import main
from tests.unit.fetcher.fuzz import round_of
from tests.unit.fetcher.hostile import HOSTILE, MOST_BYTES, MOST_ENTRIES
from tests.unit.fetcher.running import Place

LIMITS = ["--limit-bytes", str(MOST_BYTES), "--limit-entries", str(MOST_ENTRIES)]


def install(place: Place, name: str, content: bytes) -> int:
    """The exit code of installing it from a claim."""
    claim = place.scratch / "claims" / "models"
    claim.mkdir(parents=True)
    (claim / name).write_bytes(content)
    return main(place.arguments(f"pvc://models/{name}", "--claims", str(claim.parent), *LIMITS))


def test_the_corpus_is_large() -> None:
    assert len(HOSTILE) >= 120


@pytest.mark.parametrize("what", HOSTILE)
def test_a_hostile_archive_ends_as_it_deserves_and_harms_nothing(what: str, place: Place) -> None:
    case = HOSTILE[what]
    assert install(place, case.name, case.content) == case.code
    assert sorted(path.name for path in place.scratch.iterdir()) == ["claims", "termination-log", "volume"]
    assert [path.name for path in (place.scratch / "claims" / "models").iterdir()] == [case.name]
    assert place.visible() == ([".complete", "model"] if case.code == 0 else [])
    if case.code:
        assert place.said()["reason"] in {"ArtifactUnsafe", "ArtifactTooLarge"}
        return
    found = [path.lstat() for path in place.model.rglob("*")]
    assert {stat.S_IMODE(each.st_mode) for each in found} <= {0o755, 0o644}
    assert all(stat.S_ISDIR(each.st_mode) or (stat.S_ISREG(each.st_mode) and each.st_nlink == 1) for each in found)
    assert sum(each.st_size for each in found if stat.S_ISREG(each.st_mode)) <= MOST_BYTES


@pytest.mark.parametrize("seed", range(0, 300, 50))
def test_archives_mutated_at_random_break_no_law(seed: int) -> None:
    assert {seed + number: broken for number in range(50) if (broken := round_of(seed + number))} == {}
