"""Whatever goes wrong between the operator and the API server, an endpoint comes to where it comes undisturbed."""

from collections.abc import Mapping
from functools import partial
from pathlib import Path

import pytest

from mlendpoints.edge.observe.reflector import Timeouts
from tests.apiserver.faults.answers import Late, Unreliable
from tests.apiserver.faults.clock import FastLoop
from tests.apiserver.faults.playing import Faults, Played, is_ready_or_gone, measure, play
from tests.apiserver.faults.watches import STRIKES, Struck
from tests.sweep.life import run

CALLS = 1.2  # in parts of the normal ones
LATENCY = 5.0  # seconds
FASTER = 5  # times; the API server's bookmarks come no faster, so that a watch has to be borne for so much longer

EACH = ("create", "swap", "blue-green", "delete")
WATCHES = {
    strike.__name__: (partial(Struck, strike, "deployments", is_ready_or_gone), ("swap", "delete"))
    for strike in STRIKES
}
FAULTS: Faults = {
    **WATCHES,
    "unreliable": (partial(Unreliable, share=0.3, seed=1), EACH),
}
LATE: Faults = {"late": (partial(Late, LATENCY, silence=FASTER * Timeouts().silence), EACH)}


@pytest.fixture(scope="module")
def found(collecting_kubeconfig: Path) -> Mapping[str, Played]:
    """By fault."""
    measures = run(measure(collecting_kubeconfig, *EACH))
    others = run(play(collecting_kubeconfig, measures, FAULTS))
    late = run(play(collecting_kubeconfig, measures, LATE), loop=partial(FastLoop, FASTER))
    print(late.table(), others.table(), sep="\n")  # noqa: T201 - what a failure is judged by
    return dict.fromkeys(LATE, late) | dict.fromkeys(FAULTS, others)


@pytest.mark.parametrize("fault", [*LATE, *FAULTS])
def test_the_end_is_the_undisturbed_one_and_the_invariants_hold_on_the_way(
    found: Mapping[str, Played], fault: str
) -> None:
    assert "\n".join(str(result) for result in found[fault].results[fault] if not result.is_well) == ""


@pytest.mark.parametrize("fault", [*LATE, *FAULTS])
def test_there_are_no_more_than_a_fifth_more_calls(found: Mapping[str, Played], fault: str) -> None:
    assert found[fault].share(fault) <= CALLS, found[fault].table()
