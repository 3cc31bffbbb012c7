"""A template tells how far its last edit is rolled out, and what is in the way."""

from mlendpoints.api.reasons import Reason
from mlendpoints.core.endpoint.template_status import use_of
from mlendpoints.core.world import ContainerFacts
from tests.kit import builders
from tests.simulation import Cluster

CRASHING = ContainerFacts(name="model", exit_code=1, exit_reason="Error", restarts=3, waiting_reason="CrashLoopBackOff")


def updating() -> Cluster:
    """Version 1 serves; of an edit of the model, the pods are about to start."""
    cluster = Cluster(builders.an_endpoint(), builders.a_config(), builders.a_model()).settle()
    cluster.models["titanic-rfc"] = builders.a_model(image="new:1")
    return cluster


def test_while_pods_start_an_edit_is_just_being_rolled_out() -> None:
    cluster = updating()
    cluster.starting.add("new:1")
    finding = use_of(cluster.settle().world()).finding

    assert (finding.ok, finding.message) == (None, "Endpoint titanic is rolling it out.")


def test_while_pods_fail_the_reason_is_told_before_the_deadline() -> None:
    cluster = updating()
    cluster.broken_images["new:1"] = CRASHING
    finding = use_of(cluster.settle().world()).finding

    assert (finding.ok, finding.reason) == (None, Reason.UPDATING)
    assert finding.message.startswith(
        "Endpoint titanic is rolling it out. It is not ready (CrashLooping): ModelsReady: Pod titanic-rfc-"
    )
    assert "container model terminated with exit code 1 (Error); restart count 3." in finding.message


def test_what_was_said_of_another_version_is_not_repeated() -> None:
    cluster = updating()
    cluster.broken_images["new:1"] = CRASHING
    cluster.settle()
    cluster.models["titanic-rfc"] = builders.a_model(image="newer:1")

    assert use_of(cluster.world()).finding.message == "Endpoint titanic is rolling it out."
