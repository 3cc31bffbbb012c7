"""A claim that all pods of a version share: made with it, told of while it has no volume, gone with it."""

from msgspec.structs import replace

from mlendpoints.core.endpoint.plan import plan_endpoint
from mlendpoints.core.world import PodFacts, Ref
from tests.kit import builders
from tests.simulation import Cluster

SHARED = builders.a_config(builders.a_variant(instances=3, storageClass="files", accessMode="ReadWriteMany"))


def a_cluster() -> Cluster:
    return Cluster(builders.an_endpoint(), SHARED, builders.a_model())


def claims(cluster: Cluster) -> list[str]:
    return [ref.name for ref in cluster.objects if ref.kind == "PersistentVolumeClaim"]


def test_a_version_has_one_claim_however_many_pods_it_has() -> None:
    cluster = a_cluster().settle()

    assert claims(cluster) == [cluster.instance("blue")]
    assert cluster.condition("Ready")[0] == "True"


def test_a_claim_goes_with_its_version() -> None:
    cluster = a_cluster().settle()
    cluster.models["titanic-rfc"] = builders.a_model(image="next")
    cluster.settle()

    assert claims(cluster) == [cluster.instance("blue")]


def test_a_claim_that_was_deleted_is_made_anew() -> None:
    cluster = a_cluster().settle()
    name = cluster.instance("blue")
    cluster.delete(Ref("PersistentVolumeClaim", builders.NAMESPACE, name))

    assert claims(cluster.settle()) == [name]


def test_a_claim_without_a_volume_is_told() -> None:
    cluster = a_cluster().settle()
    cluster.models["titanic-rfc"] = builders.a_model(image="slow")
    cluster.starting.add("slow")
    name = cluster.settle().instance("blue")
    cluster.unbound.add(name)
    cluster.settle()

    (models,) = (c for c in cluster.status.conditions if c.type == "ModelsReady")
    assert models.message == (
        f"{name}: 0 of 3 pods are ready. Claim {name} has no volume yet; it should come from StorageClass files."
        f" If this persists, `kubectl describe pvc {name} -n titanic` says why."
    )


def test_a_pods_own_claim_without_a_volume_is_told_with_its_class() -> None:
    cluster = Cluster(
        builders.an_endpoint(), builders.a_config(builders.a_variant(storageClass="nowhere")), builders.a_model()
    ).settle()
    name, world = cluster.instance("blue"), cluster.world()
    homeless = PodFacts(
        name="p", instance=name, unschedulable="pod has unbound immediate PersistentVolumeClaims. not found"
    )
    ref = Ref("Deployment", builders.NAMESPACE, name)
    children = {**world.children, ref: replace(world.children[ref], ready_replicas=0)}
    status = plan_endpoint(replace(world, pods=(homeless,), children=children)).status

    assert status is not None
    (models,) = (c for c in status.conditions if c.type == "ModelsReady")
    assert (models.status, models.reason) == ("False", "Unschedulable")
    assert models.message == (
        "Pod p cannot be scheduled: pod has unbound immediate PersistentVolumeClaims. not found."
        " Claim p-artifact has no volume yet; it should come from StorageClass nowhere."
        " If this persists, `kubectl describe pvc p-artifact -n titanic` says why."
    )
