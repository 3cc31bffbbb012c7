from mlendpoints.api.labels import VOLUME_FINALIZER
from mlendpoints.core.canonical import Manifest
from mlendpoints.core.manifests.instances import make_config_instance, make_model_instance
from mlendpoints.core.manifests.storage import make_claim, make_volume, volume_name
from tests.kit.builders import a_config, a_model, a_variant, an_endpoint
from tests.unit.core.manifests.made import SETTINGS, existing


def model_instance(**variant: str) -> Manifest:
    return make_model_instance(
        an_endpoint(),
        a_model(),
        a_config(a_variant(**variant)).spec.models[0],
        config_name="titanic",
        version="abcdefgh",
        replicas=1,
        settings=SETTINGS,
    )


def config_instance(*variants: dict[str, object]) -> Manifest:
    return make_config_instance(
        an_endpoint(),
        config_name="titanic",
        version="abcdefgh",
        variants=a_config(*variants).spec.models,
        model_versions={"blue": "bbbbbbbb", "green": "gggggggg"},
    )


def test_the_same_quantities_written_differently_give_the_same_instance() -> None:
    assert model_instance(cpus="1000m", memory="1024Mi") == model_instance(cpus="1", memory="1Gi")


def test_the_order_of_variants_does_not_change_the_record() -> None:
    blue, green = a_variant("blue", weight=90), a_variant("green", weight=10)
    assert config_instance(blue, green) == config_instance(green, blue)


def test_only_what_differs_from_a_default_is_written() -> None:
    assert config_instance(a_variant("blue", weight=1, instances=1))["spec"]["models"] == [
        {"name": "blue", "model": "titanic-rfc"}
    ]


def test_an_instance_with_a_volume_waits_for_it_when_it_is_deleted() -> None:
    assert model_instance(path="/mnt/models")["metadata"]["finalizers"] == [VOLUME_FINALIZER]


def test_an_instance_without_a_volume_waits_for_nothing() -> None:
    assert "finalizers" not in model_instance()["metadata"]


def test_volume_and_claim_find_each_other_and_no_other() -> None:
    instance = existing(model_instance(path="/mnt/models"))
    volume, claim = make_volume(instance), make_claim(instance)
    assert claim["spec"]["volumeName"] == volume["metadata"]["name"]
    assert volume["spec"]["claimRef"]["name"] == claim["metadata"]["name"]
    assert volume["spec"]["claimRef"]["namespace"] == claim["metadata"]["namespace"]
    assert claim["spec"]["storageClassName"] == volume["spec"]["storageClassName"]


def test_a_claim_that_pods_share_is_of_the_class_that_is_asked_for() -> None:
    claim = make_claim(existing(model_instance(storageClass="files", accessMode="ReadWriteMany", size="2048Mi")))
    assert claim["spec"] == {
        "storageClassName": "files",
        "accessModes": ["ReadWriteMany"],
        "resources": {"requests": {"storage": "2Gi"}},
    }


def test_two_instances_never_share_a_volumes_name() -> None:
    assert volume_name("a-b", "c") != volume_name("a", "b-c")
