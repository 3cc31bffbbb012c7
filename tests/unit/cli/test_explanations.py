"""Why something is not ready: the first line for each failure, as the operator words it; and the history."""

import msgspec
import pytest

from mlendpoints.cli.explanations import explanation_lines, history_lines
from mlendpoints.core.reasons.pods import pod_finding
from mlendpoints.core.times import seconds
from mlendpoints.core.world import ContainerFacts, PodFacts
from tests.kit.builders import BORN, an_endpoint
from tests.unit.client.objects import a_condition, an_endpoint_with, with_status

NOW = seconds(BORN) + 90


def crashed(**facts: object) -> PodFacts:
    fields = {"name": "model", "restarts": 3, "waitingReason": "CrashLoopBackOff", "exitCode": 1} | facts
    known = {"waiting_reason": fields.pop("waitingReason"), "exit_code": fields.pop("exitCode")}
    return PodFacts(name="p", instance="i", containers=(msgspec.convert(fields | known, ContainerFacts),))


FAILURES = {
    "exit code 1": crashed(termination_message="no module named x"),
    "OOMKilled": crashed(exitCode=137, exit_reason="OOMKilled"),
    "not found": crashed(waitingReason="ImagePullBackOff", waiting_message="image x:1 not found", exitCode=None),
    "cannot be scheduled": PodFacts(
        name="p", instance="i", unschedulable="0/1 nodes are available: 1 Insufficient cpu."
    ),
}


@pytest.mark.parametrize("said", FAILURES)
def test_the_first_line_leads_down_to_the_pod(said: str) -> None:
    finding = pod_finding(FAILURES[said])
    assert finding is not None
    condition = a_condition("Ready", "False", message=f"ModelsReady: {finding.message}", reason=finding.reason)
    lines = explanation_lines(an_endpoint_with(condition))
    assert lines[0].startswith("ModelsReady: ")
    assert said in lines[0]
    assert any(line.startswith("To do:") for line in lines)


def test_the_termination_message_is_shown() -> None:
    finding = pod_finding(FAILURES["exit code 1"])
    assert finding is not None
    endpoint = an_endpoint_with(a_condition("Ready", "False", message=finding.message))
    assert any(line.startswith("Message:") and "no module named x" in line for line in explanation_lines(endpoint))


def test_what_is_ready_is_one_line() -> None:
    assert explanation_lines(an_endpoint_with(a_condition("Ready", "True", message="It is."))) == ["It is."]


def test_what_nothing_reports_on_says_so() -> None:
    assert explanation_lines(an_endpoint())[0] == "The operator has not yet reported on generation 1."


def test_the_running_update_comes_before_those_that_ended() -> None:
    entry = {"target": "old", "outcome": "Failed", "reason": "Crashing", "startTime": BORN, "endTime": BORN}
    update = {"target": "new", "phase": "StartingInstances", "startTime": BORN}
    endpoint = an_endpoint()
    status = msgspec.convert({"update": update, "history": [entry | {"message": "x"}]}, type(endpoint.status))
    lines = history_lines(with_status(endpoint, update=status.update, history=status.history), NOW)
    assert lines[1].split() == ["new", "Running", "90s", "StartingInstances"]
    assert lines[2].split() == ["90s", "ago", "old", "Failed", "0s", "Crashing", "x"]
