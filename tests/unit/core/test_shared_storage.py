"""A claim that all pods of a version share: made with it, told of while it has no volume, gone with it."""

from mlendpoints.core.world import Ref
from tests import gen
from tests.simulation import Cluster

SHARED = gen.a_config(gen.a_variant(instances=3, storageClass="files", accessMode="ReadWriteMany"))


def a_cluster() -> Cluster:
    return Cluster(gen.an_endpoint(), SHARED, gen.a_model())


def claims(cluster: Cluster) -> list[str]:
    return [ref.name for ref in cluster.objects if ref.kind == "PersistentVolumeClaim"]


def test_a_version_has_one_claim_however_many_pods_it_has() -> None:
    cluster = a_cluster().settle()

    assert claims(cluster) == [cluster.instance("blue")]
    assert cluster.condition("Ready")[0] == "True"


def test_a_claim_goes_with_its_version() -> None:
    cluster = a_cluster().settle()
    cluster.models["titanic-rfc"] = gen.a_model(image="next")
    cluster.settle()

    assert claims(cluster) == [cluster.instance("blue")]


def test_a_claim_that_was_deleted_is_made_anew() -> None:
    cluster = a_cluster().settle()
    name = cluster.instance("blue")
    cluster.delete(Ref("PersistentVolumeClaim", gen.NAMESPACE, name))

    assert claims(cluster.settle()) == [name]


def test_a_claim_without_a_volume_is_told() -> None:
    cluster = a_cluster().settle()
    cluster.models["titanic-rfc"] = gen.a_model(image="slow")
    cluster.starting.add("slow")
    name = cluster.settle().instance("blue")
    cluster.unbound.add(name)
    cluster.settle()

    (models,) = (c for c in cluster.status.conditions if c.type == "ModelsReady")
    assert models.message == f"{name}: 0 of 3 pods are ready. Claim {name} has no volume yet."
