"""An operator that starts with a view from before an update turns nothing back, and removes nothing that serves."""

from collections.abc import Mapping
from pathlib import Path

import pytest

from mlendpoints.edge.kube.kinds import make_watches
from tests.apiserver.faults.playing import all_of, on_stage
from tests.apiserver.faults.trial import Result
from tests.sweep.life import run
from tests.sweep.scenarios import BY_NAME

VIEWS = {
    "everything after a swap": ("swap",),
    "everything after blue-green": ("blue-green",),
    "routes after a swap": ("swap", "virtualservices"),
    "pods after a swap": ("swap", "deployments", "endpointslices", "pods"),
}
WATCHES = make_watches(namespaces=("one",), gateway_service="istio-ingress/gateway", volumes=False)
START = 2 * len(WATCHES)  # calls of a start that finds everything in order: a list and a watch each


@pytest.fixture(scope="module")
def restarted(collecting_kubeconfig: Path) -> Mapping[str, Result]:
    async def play() -> list[Result]:
        async with on_stage(collecting_kubeconfig) as trials:
            return await all_of(trials.restart(BY_NAME[name], *plurals) for name, *plurals in VIEWS.values())

    return dict(zip(VIEWS, run(play()), strict=True))


@pytest.mark.parametrize("view", VIEWS)
def test_the_end_is_as_before_and_all_that_stood_still_stands(restarted: Mapping[str, Result], view: str) -> None:
    assert restarted[view].is_well, str(restarted[view])


def test_routes_of_an_older_view_are_refused(restarted: Mapping[str, Result]) -> None:
    refused = [call.code for call in restarted["routes after a swap"].calls if call.verb == "patch"]
    assert refused
    assert set(refused) == {409}


def test_updates_and_starts_with_older_views_cost_no_more_than_a_fifth_more_calls(
    restarted: Mapping[str, Result],
) -> None:
    results = restarted.values()
    calls, normal = sum(r.before + len(r.calls) for r in results), sum(r.before + START for r in results)
    assert calls <= 1.2 * normal, "\n".join(map(str, results))
