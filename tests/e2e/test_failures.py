"""What cannot become ready never takes traffic, says why, and what serves goes on."""

from bench.zero_loss.objects import image
from mlendpoints.edge.kinds import MODEL, VIRTUAL_SERVICE
from tests.e2e.gateway import Gateway
from tests.e2e.objects import a_config, a_titanic_model, a_variant, an_echo, an_endpoint, digest_of
from tests.e2e.place import Place, condition_of
from tests.e2e.waiting import until

DEADLINE = 8  # seconds


def test_an_image_that_cannot_be_pulled_fails_the_update_and_leaves_the_routes(
    place: Place, both: list[Gateway]
) -> None:
    place.apply(
        an_echo("echo"),
        a_config("cfg", a_variant("blue", "echo")),
        an_endpoint("live", config="cfg", host=place.host("live"), deadline=DEADLINE),
    )
    serving = place.until_ready("live")
    routes, instance = place.get(VIRTUAL_SERVICE, "live")["spec"], place.instances("live")[0]["metadata"]["name"]
    place.edit(MODEL, "echo", {"image": image("absent")})
    failed = place.until_condition("live", "UpdateSucceeded", "False", reason="ImagePullFailed")
    assert condition_of(failed, "Available")["status"] == "True"
    assert failed["status"]["configVersion"] == serving["status"]["configVersion"]
    assert failed["status"]["history"][0]["outcome"] == "Failed"
    assert place.get(VIRTUAL_SERVICE, "live")["spec"] == routes
    assert all(gateway.invoke(place.host("live")).text == "echo" for gateway in both)
    until(lambda: [i["metadata"]["name"] for i in place.instances("live")] == [instance], "the failed one is removed")


def test_an_artifact_of_another_digest_is_refused_until_the_digest_is_mended(place: Place, artifacts: str) -> None:
    wrong = f"sha256:{'0' * 64}"
    place.apply(
        a_titanic_model("lr", "titanic-lr.tar.gz", artifacts=artifacts, digest=wrong),
        a_config("cfg", a_variant("blue", "lr")),
        an_endpoint("mended", config="cfg", host=place.host("mended")),
    )
    told = place.until_condition("mended", "ModelsReady", "False", reason="ArtifactDigestMismatch")
    assert wrong.removeprefix("sha256:")[:12] in condition_of(told, "ModelsReady")["message"]
    assert condition_of(told, "Available")["status"] == "False"
    place.edit(MODEL, "lr", {"artifactDigest": digest_of("titanic-lr.tar.gz")})
    place.until_ready("mended")
