"""``kubectl describe`` tells what became of an endpoint, from its first day to now."""

import re

import pytest

from mlendpoints.edge.kinds import ENDPOINT
from tests.e2e.place import kubectl
from tests.e2e.updates.rig import Rig
from tests.e2e.updates.trial import Trial, a_trial
from tests.e2e.waiting import until

DEADLINE = 25  # seconds


@pytest.mark.side_by_side
def test_a_description_reads_like_a_story(rig: Rig) -> None:
    with a_trial(rig.place, "told") as trial:
        trial.make({"blue": (1, 1)})
        succeed_fail_and_be_superseded(trial)
        story = kubectl("--namespace", rig.place.name, "describe", "mle", trial.name)
        history = [line for line in lines(story) if re.match(r"(Outcome|Reason|Message): ", line)]
        assert history
        (rig.folder / "story.txt").write_text(story)


def succeed_fail_and_be_superseded(trial: Trial) -> None:
    trial.swap("blue", answer="second")
    trial.set_deadline(DEADLINE)
    trial.set_model("blue", first="sys.exit('the weights are gone')")
    trial.place.until_condition(trial.name, "UpdateSucceeded", "False", reason="CrashLooping")
    trial.set_deadline(600)
    trial.set_model("blue", answer="third", first="time.sleep(600)")
    trial.until_phase("StartingInstances")
    trial.swap("blue", answer="fourth")
    outcomes = ["Succeeded", "Superseded", "Failed", "Succeeded", "Succeeded"]
    until(lambda: outcomes_of(trial) == outcomes, "all is history", last=lambda: outcomes_of(trial))


def outcomes_of(trial: Trial) -> list[str]:
    return [entry["outcome"] for entry in trial.place.get(ENDPOINT, trial.name)["status"]["history"]]


def lines(text: str) -> list[str]:
    """Without indentation, one blank between words."""
    return [" ".join(line.split()) for line in text.splitlines()]
