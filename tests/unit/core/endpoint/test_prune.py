"""Nothing is taken from what served before the status names what serves now.

Should the VirtualService vanish just then, routes are re-created by that record: what it names must stand.
"""

from collections.abc import Iterator

from mlendpoints.core.plan import Plan, Scale
from tests.kit import builders
from tests.simulation import Cluster


def plans(cluster: Cluster) -> Iterator[tuple[str, Plan]]:
    """The version that the status named before, and the plan, of each look until nothing is left to do."""
    while True:
        before = cluster.status.config_version
        busy = cluster.reconcile()
        yield before, cluster.plan
        if not busy:
            return


def test_pods_go_after_the_status_names_the_new_version() -> None:
    cluster = Cluster(builders.an_endpoint(), builders.a_config(), builders.a_model()).settle()
    cluster.models["titanic-rfc"] = builders.a_model(image="registry.example.com/titanic-rfc:2")
    removing = [before for before, plan in plans(cluster) if plan.prune]
    assert set(removing) == {cluster.status.target_version}


def test_pods_are_taken_after_the_status_names_the_new_version() -> None:
    cluster = Cluster(
        builders.an_endpoint(), builders.a_config(builders.a_variant(instances=3)), builders.a_model()
    ).settle()
    cluster.edit_config(builders.a_config(builders.a_variant(instances=1)))
    scaling = [before for before, plan in plans(cluster) if any(isinstance(write, Scale) for write in plan.writes)]
    assert set(scaling) == {cluster.status.target_version}
