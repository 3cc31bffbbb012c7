from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from mlendpoints.api.endpointconfig import ProductionVariant
from mlendpoints.core.versions import config_version, mlmodel_version, model_version
from tests.kit import builders
from tests.simulation import Cluster


def version_of(variant: dict[str, Any], **template: Any) -> str:  # noqa: ANN401 - any field
    config = builders.a_config(variant)
    return model_version(endpoint_uid="uid", variant=config.spec.models[0], template=builders.a_model(**template))


def test_equal_quantities_give_equal_versions() -> None:
    assert version_of(builders.a_variant(cpus="1000m", memory="1024Mi")) == version_of(
        builders.a_variant(cpus="1", memory="1Gi")
    )


def test_defaults_written_out_give_the_same_version() -> None:
    assert version_of(builders.a_variant()) == version_of(
        builders.a_variant(cpus="1", size="1Gi"), args=["serve"], port=8080, ownProcessNamespace=False
    )


@given(weight=st.integers(0, 1000), instances=st.integers(1, 9))
def test_weight_and_count_replace_no_pods(weight: int, instances: int) -> None:
    assert version_of(builders.a_variant()) == version_of(builders.a_variant(weight=weight, instances=instances))


def test_everything_that_makes_pods_makes_a_new_version() -> None:
    changes: list[str] = [
        version_of(builders.a_variant()),
        version_of(builders.a_variant(name="green")),
        version_of(builders.a_variant(cpus="2")),
        version_of(builders.a_variant(memory="2Gi")),
        version_of(builders.a_variant(size="2Gi")),
        version_of(builders.a_variant(path="/mnt/models")),
        version_of(builders.a_variant(storageClass="fast")),
        version_of(builders.a_variant(storageClass="fast", accessMode="ReadWriteMany")),
        version_of(builders.a_variant(resources={"nvidia.com/gpu": "1"})),
        version_of(builders.a_variant(nodeSelector={"disk": "ssd"})),
        version_of(builders.a_variant(), image="other"),
        version_of(builders.a_variant(), imagePullPolicy="Always"),
        version_of(builders.a_variant(), imagePullPolicy="IfNotPresent"),
        version_of(builders.a_variant(), artifactDigest="sha256:" + 64 * "0"),
        version_of(builders.a_variant(), artifactSecret="reader"),
        version_of(builders.a_variant(), args=["train"]),
        version_of(builders.a_variant(), env=[{"name": "A", "value": "1"}]),
        version_of(builders.a_variant(), env=[{"name": "A", "valueFrom": {"secretKeyRef": {"name": "a", "key": "b"}}}]),
        version_of(
            builders.a_variant(), env=[{"name": "A", "valueFrom": {"configMapKeyRef": {"name": "a", "key": "b"}}}]
        ),
        version_of(builders.a_variant(), healthPath="/health"),
        version_of(builders.a_variant(), startupTimeoutSeconds=10),
        version_of(builders.a_variant(), ownProcessNamespace=True),
    ]
    assert len(set(changes)) == len(changes)


def test_a_changed_setting_of_the_operator_is_written_nowhere_until_the_next_version() -> None:
    cluster = Cluster(builders.an_endpoint(), builders.a_config(), builders.a_model()).settle()
    writes = len(cluster.writes)
    cluster.settings = builders.some_settings(fetch_https_proxy="http://proxy:3128")

    assert cluster.settle().writes[writes:] == []
    cluster.models["titanic-rfc"] = builders.a_model(image="next")
    assert "http://proxy:3128" in str(cluster.settle().writes[writes:])


def test_the_order_of_variants_is_no_new_target() -> None:
    config = builders.a_config(builders.a_variant("blue"), builders.a_variant("green"))
    versions = {"blue": "1", "green": "2"}

    def version(*variants: ProductionVariant) -> str:
        return config_version(
            endpoint_uid="uid",
            config="titanic",
            attempt="",
            variants=variants,
            model_versions=versions,
        )

    assert version(*config.spec.models) == version(*reversed(config.spec.models))


def test_an_mlmodels_version_is_of_all_but_its_count_of_pods() -> None:
    plain = mlmodel_version(builders.an_mlmodel())

    assert mlmodel_version(builders.an_mlmodel(replicas=3)) == plain
    assert mlmodel_version(builders.an_mlmodel(cpus="1000m", memory="1024Mi", port=8080)) == plain
    assert len({plain, *(mlmodel_version(builders.an_mlmodel(**edit)) for edit in EDITS)}) == 1 + len(EDITS)


EDITS: list[dict[str, Any]] = [
    {"image": "i"},
    {"artifact": "http://a"},
    {"artifactDigest": f"sha256:{'0' * 64}"},
    {"artifactSecret": "reader"},
    {"command": ["c"]},
    {"args": []},
    {"env": [{"name": "A"}]},
    {"port": 8501},
    {"healthPath": "/"},
    {"cpus": 2},
    {"memory": "2Gi"},
    {"size": "2Gi"},
    {"resources": {"nvidia.com/gpu": 1}},
    {"nodeSelector": {"a": "b"}},
    {"storageClass": "fast"},
    {"accessMode": "ReadWriteMany"},
    {"downloadTimeoutSeconds": 1},
    {"meta": {"uid": "another"}},
]
