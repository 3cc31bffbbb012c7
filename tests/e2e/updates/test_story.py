"""``kubectl describe`` tells what became of an endpoint, from its first day to now."""

import re

import pytest

from mlendpoints.edge.kube.kinds import ENDPOINT
from tests.e2e.namespace import kubectl
from tests.e2e.updates.rig import Rig
from tests.e2e.updates.trial import OVER, Trial, a_trial
from tests.kit.waiting import wait_until


@pytest.mark.side_by_side
def test_a_description_reads_like_a_story(rig: Rig) -> None:
    with a_trial(rig.namespace, "told") as trial:
        trial.make({"blue": (1, 1)})
        succeed_fail_and_be_superseded(trial)
        first, second, broken, slow, last = versions_of(trial)
        chapters = [
            f"Normal Updating .*: Rolling out {first}",
            f"Normal Succeeded .*: Version {first} is rolled out",
            f"Normal Updating .*: Rolling out {second}",
            f"Normal Succeeded .*: Version {second} is rolled out",
            f"Normal Updating .*: Rolling out {broken}",
            f"Warning CrashLooping .*: Not ready within {OVER} s. Pod .* exit code 1 .* the weights are gone",
            f"Normal Updating .*: Rolling out {slow}",
            f"Normal Superseded .*{slow}: A newer edit requested {last} instead",
            f"Normal Succeeded .*: Version {last} is rolled out",
        ]
        wait_until(lambda: told(chapters, description(trial)), "every chapter is told", last=lambda: description(trial))
        story = description(trial)
    assert told(["State: InService", "Traffic: blue=1", "URL: http://told", "Events:"], story)
    for outcome in ("Succeeded", "Failed", "Superseded"):
        assert f"Outcome: {outcome}" in story.splitlines()
    assert f"Message: A newer edit requested {last} instead." in story


def description(trial: Trial) -> str:
    """What ``kubectl describe`` prints, without indentation, one blank between words."""
    printed = kubectl("--namespace", trial.namespace.name, "describe", "mle", trial.name)
    return "\n".join(" ".join(line.split()) for line in printed.splitlines())


def told(patterns: list[str], story: str) -> bool:
    """Whether there is a line for each pattern, in this order."""
    lines = iter(story.splitlines())
    return all(any(re.search(pattern, line) for line in lines) for pattern in patterns)


def succeed_fail_and_be_superseded(trial: Trial) -> None:
    trial.swap("blue", answer="second")
    trial.set_model("blue", first="sys.exit('the weights are gone')")
    trial.until_failed("CrashLooping")
    trial.set_deadline(600)
    trial.set_model("blue", answer="third", first="time.sleep(600)")
    trial.until_phase("StartingInstances")
    trial.swap("blue", answer="fourth")
    outcomes = ["Succeeded", "Superseded", "Failed", "Succeeded", "Succeeded"]
    wait_until(lambda: trial.outcomes() == outcomes, "all is history", last=trial.outcomes)


def versions_of(trial: Trial) -> list[str]:
    """The targets, oldest first."""
    return [entry["target"] for entry in reversed(trial.namespace.get(ENDPOINT, trial.name)["status"]["history"])]
