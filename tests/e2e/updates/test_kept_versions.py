"""A kept version is gone back to by moving the traffic: no pod starts, none leaves, no request is lost."""

import time

import pytest

from mlendpoints.edge.kube.kinds import ENDPOINT
from tests.e2e.updates.rig import Rig
from tests.e2e.updates.trial import a_trial
from tests.kit.waiting import wait_until

RATE = 50.0  # requests a second


@pytest.mark.side_by_side
def test_going_back_to_a_kept_version_starts_and_stops_no_pod(rig: Rig) -> None:
    with a_trial(rig.namespace, "kept") as trial:
        trial.make({"blue": (1, 1)})
        trial.namespace.edit(ENDPOINT, trial.name, {"update": {"keepVersions": 1, "keepInstances": 1}})
        first = trial.restarts()
        with rig.load(trial.host, rate=RATE) as load:
            trial.swap("blue", answer="new")
            both = trial.restarts()
            trial.set_model("blue")
            wait_until(lambda: trial.outcomes() == ["Succeeded"] * 3, "it has gone back", last=trial.outcomes)
            back = time.monotonic()
            load.until_more(int(RATE))
        after = trial.restarts()
    assert len(first) == 1
    assert first.items() < both.items()
    assert after == both
    assert load.lost == []
    assert load.records[0].text == "blue"
    assert {record.text for record in load.records} == {"blue", "new"}
    assert {record.text for record in load.records if record.sent >= back} == {"blue"}
