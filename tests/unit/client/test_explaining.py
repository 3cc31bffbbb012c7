"""What is wrong and what to do, for every reason that an operator may report."""

import pytest

from mlendpoints.api.explanations import REASONS
from mlendpoints.api.reasons import Reason
from mlendpoints.client import explain
from tests.unit.client.objects import a_condition, an_endpoint_with

MESSAGE = "ModelsReady: blue: v1.2 of the image is not there: not found. It is retried.\nNothing else is wrong."


@pytest.mark.parametrize("reason", Reason)
def test_every_reason_is_explained_by_a_sentence_and_an_action(reason: Reason) -> None:
    explained = explain(an_endpoint_with(a_condition("Ready", "False", reason=reason, message=MESSAGE)))
    assert str(explained) == "ModelsReady: blue: v1.2 of the image is not there: not found."
    assert (explained.is_ready, explained.reason, explained.message) == (False, reason, MESSAGE)
    assert explained.action == REASONS[reason].action


def test_a_reason_of_a_later_release_has_no_action_but_still_its_sentence() -> None:
    explained = explain(an_endpoint_with(a_condition("Ready", "False", reason="FromTheFuture", message=MESSAGE)))
    assert (explained.reason, explained.action) == ("FromTheFuture", "")
    assert explained.sentence.startswith("ModelsReady: blue")
