"""NetworkPolicies come, heal and go by the setting; callers notice nothing of it."""

from msgspec.structs import replace

from mlendpoints.core.plan import Apply
from mlendpoints.core.world import Ref, Rejection
from tests.kit import builders
from tests.simulation import Cluster

POLICY = Ref("NetworkPolicy", builders.NAMESPACE, "titanic-models")


def a_cluster(setting: str) -> Cluster:
    cluster = Cluster(builders.an_endpoint(), builders.a_config(), builders.a_model())
    cluster.settings = builders.some_settings(network_policies=setting)
    return cluster.settle()


def test_without_the_setting_there_is_none() -> None:
    assert POLICY not in a_cluster("ignore").objects


def test_with_it_there_is_one_before_there_are_pods() -> None:
    cluster = a_cluster("write")

    kinds = [write.ref.kind for write in cluster.writes if hasattr(write, "ref")]
    assert kinds.index("NetworkPolicy") < kinds.index("Deployment")
    assert cluster.condition("Ready") == ("True", "AsAsked")


def test_it_comes_to_an_endpoint_that_serves_and_changes_nothing_else() -> None:
    cluster = a_cluster("ignore")
    cluster.writes.clear()
    cluster.settings = replace(cluster.settings, network_policies="write")
    cluster.settle()

    assert [write.ref for write in cluster.writes if hasattr(write, "ref")] == [POLICY]
    assert cluster.condition("Ready") == ("True", "AsAsked")


def test_another_gateway_is_let_in() -> None:
    cluster = a_cluster("write")
    cluster.settings = replace(cluster.settings, gateway_selector={"app": "other"})
    cluster.settle()

    assert any(isinstance(write, Apply) and write.ref == POLICY for write in cluster.writes)
    assert "other" in str(cluster.objects[POLICY].manifest["spec"]["ingress"])


def test_a_lost_one_is_written_again() -> None:
    cluster = a_cluster("write")
    del cluster.objects[POLICY]
    cluster.settle()

    assert POLICY in cluster.objects


def test_what_was_written_is_removed_when_that_is_asked_for() -> None:
    cluster = a_cluster("write")
    cluster.settings = replace(cluster.settings, network_policies="remove")
    cluster.settle()

    assert POLICY not in cluster.objects
    assert cluster.condition("Ready") == ("True", "AsAsked")
    assert not cluster.reconcile()


def test_one_that_cannot_be_written_keeps_no_endpoint_from_serving() -> None:
    cluster = Cluster(builders.an_endpoint(), builders.a_config(), builders.a_model())
    cluster.settings = builders.some_settings(network_policies="write")
    cluster.rejecting[POLICY] = Rejection("QuotaExceeded", "exceeded quota: policies.")
    cluster.settle()

    assert cluster.condition("Ready") == ("True", "AsAsked")
    (ready,) = (each for each in cluster.status.conditions if each.type == "Ready")
    assert ready.message.endswith(" Its pods have no NetworkPolicy: exceeded quota: policies.")
    assert cluster.status.monitoring_url
