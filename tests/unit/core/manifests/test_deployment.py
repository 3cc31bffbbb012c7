from typing import Any

import pytest
from msgspec.structs import replace

from mlendpoints.api.endpointconfig import ProductionVariant
from mlendpoints.api.model import FETCHER_USER_ID, PROXY_USER_ID, Model
from mlendpoints.core.canonical import Manifest
from mlendpoints.core.manifests.deployment import make_deployment, make_pod
from mlendpoints.core.manifests.instances import make_model_instance
from mlendpoints.core.world import Settings
from tests.kit.builders import a_config, a_model, a_variant, an_endpoint
from tests.unit.core.manifests.made import SETTINGS, existing


def an_instance(model: Model | None = None, *, settings: Settings = SETTINGS, **variant: Any) -> Model:  # noqa: ANN401 - any field of a variant
    spec: ProductionVariant = a_config(a_variant(**variant)).spec.models[0]
    template = model or a_model()
    return existing(
        make_model_instance(
            an_endpoint(), template, spec, config_name="titanic", version="abcdefgh", replicas=1, settings=settings
        )
    )


def pod(instance: Model, **marks: int) -> Manifest:
    assert instance.spec.instance is not None
    spec = replace(instance.spec, instance=replace(instance.spec.instance, **marks))
    return make_pod(replace(instance, spec=spec))


def container(spec: Manifest, name: str) -> Manifest:
    return next(each for each in containers(spec) if each["name"] == name)


def containers(spec: Manifest) -> list[Manifest]:
    return list(spec.get("initContainers", []) + spec["containers"])


def volume(spec: Manifest, name: str) -> Manifest:
    return next(each for each in spec["volumes"] if each["name"] == name)


def test_the_model_and_its_proxy_start_at_the_same_time_once_the_artifact_is_fetched() -> None:
    spec = pod(an_instance())
    assert [c["name"] for c in spec["initContainers"]] == ["model-init"]
    assert [c["name"] for c in spec["containers"]] == ["model", "nginx"]


@pytest.mark.parametrize("seconds", [0, 15])
def test_the_proxy_drains_before_it_is_stopped_and_the_model_outlives_it(seconds: int) -> None:
    spec = pod(an_instance(), drain_seconds=seconds)
    hooks = {name: container(spec, name)["lifecycle"]["preStop"]["httpGet"] for name in ("nginx", "model")}
    assert hooks == {
        "nginx": {"path": f"/drain?seconds={seconds}", "port": 9090},
        "model": {"path": f"/drained?seconds={seconds}", "port": 9090},
    }
    assert spec["terminationGracePeriodSeconds"] > seconds + 60


def test_a_slow_invocation_does_not_get_its_server_killed() -> None:
    probe = container(pod(an_instance()), "model")["livenessProbe"]
    assert probe["periodSeconds"] * probe["failureThreshold"] > 60


@pytest.mark.parametrize("seconds", [1, 300, 86400])
def test_the_startup_budget_is_the_models_own(seconds: int) -> None:
    probe = container(pod(an_instance(a_model(startupTimeoutSeconds=seconds))), "model")["startupProbe"]
    assert seconds == probe["periodSeconds"] * probe["failureThreshold"]


def test_readiness_and_liveness_ask_the_proxy_s_monitoring_port_which_knows_the_health_path() -> None:
    spec = pod(an_instance(a_model(healthPath="/live")))
    nginx, model = container(spec, "nginx"), container(spec, "model")
    requested = {"path": "/ready", "port": 9090}
    assert (nginx["readinessProbe"]["httpGet"], model["livenessProbe"]["httpGet"]) == (requested, requested)
    assert {"name": "HEALTH_PATH", "value": "/live"} in nginx["env"]
    assert nginx["ports"] == [{"name": "http", "containerPort": 8088}, {"name": "metrics", "containerPort": 9090}]


def test_startup_probes_the_model_itself() -> None:
    model = container(pod(an_instance(a_model(healthPath="/live"))), "model")
    assert model["startupProbe"]["httpGet"] == {"path": "/live", "port": "model"}


def test_the_proxy_has_memory_for_all_bodies_that_its_volume_takes() -> None:
    """A volume in memory that is full rejects the next body; one on disk would have the pod evicted."""
    spec = pod(an_instance())
    nginx = container(spec, "nginx")
    settings = {variable["name"]: variable["value"] for variable in nginx["env"]}
    (volume,) = [volume for volume in spec["volumes"] if volume["name"] == "bodies"]
    assert volume["emptyDir"] == {"medium": "Memory", "sizeLimit": "192Mi"}
    assert {"name": "bodies", "mountPath": "/tmp/client_body"} in nginx["volumeMounts"]  # noqa: S108 - a volume
    assert (settings["BODY_ROOM"], settings["MAX_BODY_SIZE"]) == ("192m", "6m")
    assert nginx["resources"]["limits"] == {"memory": "704Mi"}


@pytest.mark.parametrize(
    ("cpus", "memory", "cores", "limit"), [("500m", "1Gi", "0.5", "1073741824"), ("2", "1500M", "2.0", "1500000000")]
)
def test_the_proxy_knows_by_which_names_and_sizes_its_pod_is_measured(
    cpus: str, memory: str, cores: str, limit: str
) -> None:
    nginx = container(pod(an_instance(cpus=cpus, memory=memory)), "nginx")
    environment = {variable["name"]: variable["value"] for variable in nginx["env"]}
    named = {name: environment[name] for name in ("ENDPOINT", "VARIANT", "MODEL", "VERSION", "INSTANCE")}
    assert named == {
        "ENDPOINT": "titanic",
        "VARIANT": "blue",
        "MODEL": "titanic-rfc",
        "VERSION": "abcdefgh",
        "INSTANCE": "titanic-rfc-abcdefgh",
    }
    assert (environment["CPU_REQUESTED"], environment["MEMORY_LIMIT"]) == (cores, limit)


def test_the_operator_s_own_containers_have_users_of_their_own() -> None:
    spec = pod(an_instance())
    users = {c["name"]: c["securityContext"]["runAsUser"] for c in containers(spec)}
    assert users == {"model-init": FETCHER_USER_ID, "model": 1000, "nginx": PROXY_USER_ID}
    assert "shareProcessNamespace" not in spec


@pytest.mark.parametrize(
    ("said", "group"), [({}, 1000), ({"runAsUser": 5000}, 5000), ({"runAsGroup": 0}, 0), ({"runAsGroup": 7}, 7)]
)
def test_the_model_is_in_group_0_only_where_it_is_asked_for(said: dict[str, Any], group: int) -> None:
    model = container(pod(an_instance(a_model(**said))), "model")
    assert model["securityContext"]["runAsGroup"] == group


@pytest.mark.parametrize("part", ["$(KUBERNETES_SERVICE_HOST)", "$$", "a$b", "$"])
def test_dollars_of_an_artifact_reach_the_fetcher(part: str) -> None:
    """The kubelet replaces $(NAME) and $$ in arguments."""
    args = container(pod(an_instance(a_model(artifact=f"s3://models/{part}.tar"))), "model-init")["args"]
    assert args[1].replace("$$", "$") == f"s3://models/{part}.tar"
    assert "$" not in args[1].replace("$$", "")


def test_resources_of_the_operator_s_own_containers_are_settings_frozen_with_the_version() -> None:
    resources = {"requests": {"cpu": "0.05", "memory": "64Mi"}, "limits": {"memory": "1024Mi"}}
    settings = replace(SETTINGS, nginx_resources=resources, model_init_resources={"limits": {"memory": "1Gi"}})
    spec = pod(an_instance(settings=settings))
    assert container(spec, "nginx")["resources"] == {
        "requests": {"cpu": "50m", "memory": "64Mi"},
        "limits": {"memory": "1Gi"},
    }
    assert container(spec, "model-init")["resources"] == {"limits": {"memory": "1Gi"}}


def test_memory_is_bounded_by_what_is_asked_and_cpu_is_not() -> None:
    resources = container(pod(an_instance(cpus="0.5", memory="1024Mi")), "model")["resources"]
    assert resources == {"requests": {"cpu": "500m", "memory": "1Gi"}, "limits": {"memory": "1Gi"}}


def test_further_resources_are_requested_and_limited_alike() -> None:
    resources = container(pod(an_instance(resources={"nvidia.com/gpu": "1"})), "model")["resources"]
    assert (resources["requests"]["nvidia.com/gpu"], resources["limits"]["nvidia.com/gpu"]) == ("1", "1")


def test_without_an_artifact_nothing_is_fetched_and_nothing_mounted() -> None:
    spec = pod(an_instance(a_model(artifact="")))
    assert [c["name"] for c in containers(spec)] == ["model", "nginx"]
    assert "volumeMounts" not in container(spec, "model")
    assert [v["name"] for v in spec["volumes"]] == ["nginx-tmp", "bodies"]


def test_the_fetcher_is_told_what_to_fetch_and_how_much_room_there_is() -> None:
    digest = f"sha256:{'0' * 64}"
    model = a_model(artifact="http://example.com/m.tar.gz", artifactDigest=digest)
    assert container(pod(an_instance(model, size="0.5Gi")), "model-init")["args"] == [
        *("--artifact", "http://example.com/m.tar.gz"),
        *("--volume", "/artifact"),
        *("--digest", digest),
        *("--limit-bytes", "536870912"),
    ]


def test_the_secret_of_the_artifact_is_the_fetchers_alone() -> None:
    spec = pod(an_instance(a_model(artifact="s3://models/titanic", artifactSecret="s3-reader")))
    fetcher, *others = containers(spec)
    assert fetcher["args"][-2:] == ["--credentials", "/credentials"]
    assert {"name": "credentials", "mountPath": "/credentials", "readOnly": True} in fetcher["volumeMounts"]
    assert volume(spec, "credentials")["secret"] == {"secretName": "s3-reader"}
    assert "credentials" not in str(others)


@pytest.mark.parametrize("path", ["/titanic/v2", "/", ""])
def test_a_claim_that_holds_the_artifact_is_read_by_the_fetcher_alone(path: str) -> None:
    spec = pod(an_instance(a_model(artifact=f"pvc://team.models{path}")))
    fetcher, *others = containers(spec)
    assert {"name": "source", "mountPath": "/claims/team.models", "readOnly": True} in fetcher["volumeMounts"]
    assert volume(spec, "source")["persistentVolumeClaim"] == {"claimName": "team.models", "readOnly": True}
    assert "team.models" not in str(others)


def test_the_fetcher_reaches_stores_as_the_operator_is_set_and_no_other_container_does() -> None:
    settings = replace(
        SETTINGS,
        fetch_allowed_addresses=("169.254.20.10/32", "fd00::/8"),
        fetch_https_proxy="http://proxy:3128",
        fetch_no_proxy=".svc",
        fetch_ca_config_map="authorities",
    )
    spec = pod(an_instance(settings=settings))
    fetcher, *others = containers(spec)
    assert {variable["name"]: variable["value"] for variable in fetcher["env"]} == {
        "MODEL_INIT_ALLOWED_ADDRESSES": "169.254.20.10/32,fd00::/8",
        "https_proxy": "http://proxy:3128",
        "no_proxy": ".svc",
        "SSL_CERT_FILE": "/authorities/ca.crt",
    }
    assert {"name": "authorities", "mountPath": "/authorities", "readOnly": True} in fetcher["volumeMounts"]
    assert volume(spec, "authorities")["configMap"] == {"name": "authorities"}
    assert "proxy:3128" not in str(others)
    assert "authorities" not in str(others)


def test_what_is_fetched_without_credentials_needs_no_further_volumes() -> None:
    assert [v["name"] for v in pod(an_instance())["volumes"]] == ["artifact", "model-init-tmp", "nginx-tmp", "bodies"]


def test_the_model_sees_its_artifact_read_only() -> None:
    (mount,) = container(pod(an_instance()), "model")["volumeMounts"]
    assert mount == {"name": "artifact", "mountPath": "/opt/ml/model", "subPath": "model", "readOnly": True}


def test_an_empty_directory_holds_no_more_than_the_size_asked_for() -> None:
    assert volume(pod(an_instance(size="2048Mi")), "artifact") == {"name": "artifact", "emptyDir": {"sizeLimit": "2Gi"}}


def test_a_storage_class_gives_each_pod_a_claim_of_its_own() -> None:
    claim = volume(pod(an_instance(storageClass="fast")), "artifact")["ephemeral"]
    assert claim["volumeClaimTemplate"]["spec"]["storageClassName"] == "fast"


def test_pods_that_share_a_claim_find_the_artifact_on_it() -> None:
    spec = pod(an_instance(storageClass="files", accessMode="ReadWriteMany"))
    assert volume(spec, "artifact")["persistentVolumeClaim"] == {"claimName": "titanic-rfc-abcdefgh"}
    assert container(spec, "model")["volumeMounts"][0]["subPath"] == "model"


def test_in_a_node_directory_each_instance_has_a_folder_of_its_own() -> None:
    spec = pod(an_instance(path="/mnt/models"))
    assert volume(spec, "artifact")["persistentVolumeClaim"] == {"claimName": "titanic-rfc-abcdefgh"}
    assert container(spec, "model-init")["volumeMounts"][0]["subPath"] == "titanic-rfc-abcdefgh"
    assert container(spec, "model")["volumeMounts"][0]["subPath"] == "titanic-rfc-abcdefgh/model"


def test_pods_carry_no_config_label_because_they_outlive_configs() -> None:
    one, other = (
        make_deployment(
            existing(
                make_model_instance(
                    an_endpoint(),
                    a_model(),
                    a_config().spec.models[0],
                    config_name=config,
                    version="abcdefgh",
                    replicas=1,
                    settings=SETTINGS,
                )
            ),
            replicas=1,
        )
        for config in ("titanic", "olympic")
    )
    assert one == other


def test_pods_are_selected_by_what_never_changes() -> None:
    spec = make_deployment(an_instance(), replicas=1)["spec"]
    assert spec["selector"]["matchLabels"].items() <= spec["template"]["metadata"]["labels"].items()
    assert set(spec["selector"]["matchLabels"]) == {"app.kubernetes.io/instance", "app.kubernetes.io/managed-by"}


def test_a_template_has_no_pods() -> None:
    with pytest.raises(ValueError, match="is a template"):
        make_deployment(a_model(), replicas=1)
