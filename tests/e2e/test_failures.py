"""What cannot become ready never takes traffic, says why, and what serves goes on."""

import pytest

from mlendpoints.edge.kube.kinds import MODEL, POD, VIRTUAL_SERVICE
from tests.e2e.gateway import Gateway
from tests.e2e.namespace import Namespace, condition_of
from tests.e2e.objects import a_config, a_titanic_model, a_variant, an_echo, an_endpoint, digest_of
from tests.kit.images import image
from tests.kit.sync_client import Object
from tests.kit.waiting import wait_until

DEADLINE = 8  # seconds
LOCAL = an_echo("local")["spec"]["command"][2].replace("0.0.0.0", "127.0.0.1")


def test_an_image_that_cannot_be_pulled_fails_the_update_and_leaves_the_routes(
    namespace: Namespace, both: list[Gateway]
) -> None:
    namespace.apply(
        an_echo("echo"),
        a_config("cfg", a_variant("blue", "echo")),
        an_endpoint("live", config="cfg", host=namespace.host("live"), deadline=DEADLINE),
    )
    serving = namespace.until_ready("live")
    routes, instance = (
        namespace.get(VIRTUAL_SERVICE, "live")["spec"],
        namespace.instances("live")[0]["metadata"]["name"],
    )
    namespace.edit(MODEL, "echo", {"image": image("absent")})
    failed = namespace.until_condition("live", "UpdateSucceeded", "False", reason="ImagePullFailed")
    assert condition_of(failed, "Available")["status"] == "True"
    assert failed["status"]["configVersion"] == serving["status"]["configVersion"]
    assert failed["status"]["history"][0]["outcome"] == "Failed"
    assert namespace.get(VIRTUAL_SERVICE, "live")["spec"] == routes
    assert all(gateway.invoke(namespace.host("live")).text == "echo" for gateway in both)
    wait_until(
        lambda: [i["metadata"]["name"] for i in namespace.instances("live")] == [instance], "the failed one is removed"
    )


def test_an_artifact_of_another_digest_is_refused_until_the_digest_is_mended(
    namespace: Namespace, artifacts: str
) -> None:
    wrong = f"sha256:{'0' * 64}"
    namespace.apply(
        a_titanic_model("lr", "titanic-lr.tar.gz", artifacts=artifacts, digest=wrong),
        a_config("cfg", a_variant("blue", "lr")),
        an_endpoint("mended", config="cfg", host=namespace.host("mended")),
    )
    told = namespace.until_condition("mended", "ModelsReady", "False", reason="ArtifactDigestMismatch")
    assert wrong.removeprefix("sha256:")[:12] in condition_of(told, "ModelsReady")["message"]
    assert condition_of(told, "Available")["status"] == "False"
    namespace.edit(MODEL, "lr", {"artifactDigest": digest_of("titanic-lr.tar.gz")})
    namespace.until_ready("mended")


@pytest.mark.parametrize(
    ("name", "spec", "said"),
    [
        ("wrong-port", {"port": 9999}, "its startup probe (/ping on port 9999) fails: connection refused"),
        ("wrong-path", {"env": [{"name": "PING", "value": "404"}]}, "fails: it returns HTTP 404"),
        ("local-only", {"command": ["python3", "-c", LOCAL]}, "listens on 0.0.0.0, not on 127.0.0.1 only"),
    ],
)
def test_a_probe_that_fails_is_told_before_the_kubelet_stops_the_container(
    namespace: Namespace, name: str, spec: Object, said: str
) -> None:
    namespace.apply(
        an_echo(name, **spec),
        a_config(name, a_variant("blue", name)),
        an_endpoint(name, config=name, host=namespace.host(name)),
    )
    told = namespace.until_condition(name, "ModelsReady", "Unknown", reason="ProbeFailed")
    assert said in condition_of(told, "ModelsReady")["message"]


def test_a_container_that_the_kubelet_stopped_for_its_probe_is_not_called_a_crash(namespace: Namespace) -> None:
    namespace.apply(
        an_echo("stopped", port=9999, startupTimeoutSeconds=10),
        a_config("stopped", a_variant("blue", "stopped")),
        an_endpoint("stopped", config="stopped", host=namespace.host("stopped")),
    )
    told = namespace.until_condition("stopped", "ModelsReady", "False", reason="ProbeFailed")
    assert "was stopped by the kubelet (exit code 0" in condition_of(told, "ModelsReady")["message"]


def test_pods_that_a_limit_range_or_quota_rejects_tell_whose_container_it_is_and_the_way_out(
    namespace: Namespace,
) -> None:
    limits = {"limits": [{"type": "Container", "min": {"cpu": "15m"}}]}
    namespace.create("limitranges", {"kind": "LimitRange", "metadata": {"name": "limits"}, "spec": limits})
    namespace.apply(
        an_echo("limited"),
        a_config("limited", a_variant("blue", "limited")),
        an_endpoint("limited", config="limited", host=namespace.host("limited")),
    )
    told = namespace.until_condition("limited", "ModelsReady", "False", reason="InvalidSpec")
    assert "That is container nginx" in condition_of(told, "ModelsReady")["message"]
    namespace.remove("limitranges", "limits")
    quota = {"hard": {"limits.cpu": "2"}}
    namespace.create("resourcequotas", {"kind": "ResourceQuota", "metadata": {"name": "quota"}, "spec": quota})
    namespace.edit(MODEL, "limited", {"env": [{"name": "ANSWER", "value": "again"}]})
    told = namespace.until_condition("limited", "ModelsReady", "False", reason="QuotaExceeded")
    assert "Create a LimitRange" in condition_of(told, "ModelsReady")["message"]
    default = {"limits": [{"type": "Container", "default": {"cpu": "100m"}}]}
    namespace.create("limitranges", {"kind": "LimitRange", "metadata": {"name": "defaults"}, "spec": default})
    namespace.until_ready("limited")
    namespace.remove("resourcequotas", "quota")
    namespace.remove("limitranges", "defaults")


def test_an_evicted_pod_fails_nothing(namespace: Namespace) -> None:
    namespace.apply(
        an_echo("evicted"),
        a_config("evicted", a_variant("blue", "evicted")),
        an_endpoint("evicted", config="evicted", host=namespace.host("evicted")),
    )
    namespace.until_ready("evicted")
    pods = {pod["metadata"]["name"] for pod in namespace.all(POD) if pod["metadata"]["name"].startswith("evicted-")}
    status = {"phase": "Failed", "reason": "Evicted", "message": "The node was low on resource: memory."}
    for name in pods:
        namespace.set_status(POD, name, status)
    wait_until(lambda: {p["metadata"]["name"] for p in namespace.all(POD)} - pods, "another pod takes its place")
    namespace.until_ready("evicted")
