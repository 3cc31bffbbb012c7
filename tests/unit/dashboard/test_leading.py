"""Whether an operator leads, by this machine's clock alone."""

from msgspec.structs import replace

from mlendpoints.client.leases import LeaseFacts
from mlendpoints.dashboard.leading import Leading

HELD = LeaseFacts(name="machine-learning/mlendpoints", holder="a", renewed="2020-01-01T00:00:00Z", seconds=15)


def test_a_lease_that_is_renewed_is_held_whatever_the_leaders_clock_says() -> None:
    leading = Leading()
    for now in range(0, 100, 3):
        assert not leading.problem([replace(HELD, renewed=f"2020-01-01T00:00:{now % 60}Z")], float(now))


def test_a_lease_that_is_no_longer_renewed_is_not_held() -> None:
    leading = Leading()
    assert not leading.problem([HELD], 0.0)
    assert not leading.problem([HELD], 19.0)
    assert "machine-learning/mlendpoints" in leading.problem([HELD], 20.0)
    assert not leading.problem([replace(HELD, renewed="2020-01-01T00:00:09Z")], 21.0)


def test_a_lease_that_was_released_or_does_not_exist_is_not_held() -> None:
    assert "No operator holds the Lease" in Leading().problem([LeaseFacts(name="a/b")], 0.0)


def test_of_several_operators_those_that_do_not_lead_are_named() -> None:
    found = Leading().problem([HELD, LeaseFacts(name="team-b/mlendpoints")], 0.0)
    assert "team-b/mlendpoints" in found
    assert "machine-learning/mlendpoints" not in found
