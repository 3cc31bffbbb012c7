"""What the operator's own metrics say of updates that it has carried out."""

from pathlib import Path

from prometheus_client.parser import text_string_to_metric_families

from tests.sweep.life import run
from tests.sweep.scenarios import BY_NAME
from tests.sweep.stage import Point, stage


def samples_of(point: Point) -> dict[str, float]:
    """The values of the living operator, by name and the values of its labels."""
    assert point.life is not None
    body = point.life.operator.pages()["/metrics"]().body
    text = (body if isinstance(body, bytes) else body()).decode()
    samples = (sample for family in text_string_to_metric_families(text) for sample in family.samples)
    return {" ".join((sample.name, *sample.labels.values())): sample.value for sample in samples}


async def play(kubeconfig: Path, name: str) -> tuple[dict[str, float], dict[str, float]]:
    """The samples before and after the act of a scenario."""
    scenario = BY_NAME[name]
    async with stage(kubeconfig) as shared, shared.point(name) as point, point.operating():
        await scenario.prepare(point.user)
        await point.settled()
        before = samples_of(point)
        await scenario.act(point.user)
        await point.settled()
        return before, samples_of(point)


def test_an_update_is_counted_once_and_timed_and_its_probes_are_counted(collecting_kubeconfig: Path) -> None:
    before, after = run(play(collecting_kubeconfig, "swap"))
    grown = {name: value - before.get(name, 0.0) for name, value in after.items()}
    assert grown["mlendpoints_updates_total Succeeded"] == 1
    assert grown["mlendpoints_update_seconds_count"] == 1
    assert grown["mlendpoints_update_seconds_sum"] > 0
    assert grown["mlendpoints_probes_total expected"] >= 2


def test_an_update_that_fails_is_counted_as_such(collecting_kubeconfig: Path) -> None:
    before, after = run(play(collecting_kubeconfig, "failure"))
    failed = "mlendpoints_updates_total Failed"
    assert after[failed] - before.get(failed, 0.0) >= 1
