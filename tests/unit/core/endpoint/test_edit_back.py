"""An edit back to what is on record as serving is an update of its own once the weights have moved on."""

from tests.kit import builders
from tests.simulation import Cluster


def interned() -> Cluster:
    config = builders.a_config(builders.a_variant("blue", "titanic-rfc"), builders.a_variant("green", "titanic-lr"))
    return Cluster(
        builders.an_endpoint(), config, builders.a_model("titanic-rfc"), builders.a_model("titanic-lr")
    ).settle()


def test_it_is_not_called_done_before_its_destinations_are_proven_again() -> None:
    cluster = interned()
    before, config = cluster.routes(), cluster.configs["titanic"]
    cluster.edit_config(
        builders.a_config(
            builders.a_variant("blue", "titanic-rfc"), builders.a_variant("green", "titanic-lr", weight=0, instances=0)
        )
    )
    while cluster.routes() == before or not cluster.plan.probes:
        cluster.reconcile()
    cluster.edit_config(config)
    cluster.reconcile()

    assert cluster.routes() != before
    assert cluster.condition("Ready")[0] == "Unknown"
    assert cluster.status.update.target == cluster.status.config_version

    cluster.settle()

    assert cluster.routes() == before
    assert cluster.condition("Ready") == ("True", "AsAsked")
    assert [entry.outcome for entry in cluster.status.history[:2]] == ["Succeeded", "RolledBack"]
