"""Artifacts from an S3 server that gives nothing to strangers, on a whole cluster."""

import base64
from collections.abc import Iterator

import pytest

from tests.e2e.gateway import Gateway
from tests.e2e.mlmodels import PASSENGERS, a_titanic_mlmodel, invoke, until_phase
from tests.e2e.namespace import Namespace
from tests.e2e.node import node_address
from tests.e2e.objects import EXAMPLE, a_config, a_titanic_model, a_variant, an_endpoint
from tests.fetcher.s3_server import BUCKET, S3Server, s3_server
from tests.kit.sync_client import Object, SyncClient

LR = "titanic-lr.tar.gz"
SECRET = "s3-reader"


@pytest.fixture(scope="module")
def s3(server: SyncClient, is_local: bool, tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3Server]:  # noqa: FBT001 (a fixture)
    """On the node, with the example's artifact for those who sign their requests."""
    if not is_local:
        pytest.skip("pods may be unable to reach this machine")
    with s3_server(tmp_path_factory.mktemp("s3"), node_address(server)) as s3:
        s3.put(LR, (EXAMPLE / "artifacts" / LR).read_bytes())
        yield s3


def a_secret(s3: S3Server) -> Object:
    data = {key: base64.b64encode(value.encode()).decode() for key, value in s3.secret.items()}
    return {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": SECRET}, "data": data}


def from_s3(manifest: Object, **spec: str) -> Object:
    """The same with its artifact in the bucket."""
    return manifest | {"spec": manifest["spec"] | {"artifact": f"s3://{BUCKET}/{LR}"} | spec}


def test_an_endpoint_serves_an_artifact_from_s3(namespace: Namespace, s3: S3Server, both: list[Gateway]) -> None:
    model = a_titanic_model("titanic", LR, artifacts="unused")
    host = namespace.host("titanic")
    namespace.apply(
        a_secret(s3),
        from_s3(model, artifactSecret=SECRET),
        a_config("titanic", a_variant("blue", "titanic")),
        an_endpoint("titanic", config="titanic", host=host),
    )
    namespace.until_ready("titanic")

    for gateway in both:
        answer = gateway.invoke(host, body=PASSENGERS)
        assert (answer.status_code, "probability" in answer.text) == (200, True), answer.text


def test_an_mlmodel_serves_an_artifact_from_s3(namespace: Namespace, s3: S3Server, storage: str) -> None:
    model = a_titanic_mlmodel("titanic", LR, artifacts="unused", storageClass=storage)
    namespace.apply(a_secret(s3), from_s3(model, artifactSecret=SECRET))

    until_phase(namespace, "titanic", "Ready")

    answer = invoke(namespace, "titanic")
    assert (answer.status_code, "probability" in answer.text) == (200, True), answer.text


def test_without_its_secret_an_artifact_is_refused_in_words_that_say_so(
    namespace: Namespace, s3: S3Server, storage: str
) -> None:
    anonymous = a_secret(s3)
    anonymous["data"] = {
        "AWS_ENDPOINT_URL": base64.b64encode(s3.url.encode()).decode(),
        "AWS_SKIP_SIGNATURE": base64.b64encode(b"true").decode(),
    }
    model = a_titanic_mlmodel("titanic", LR, artifacts="unused", storageClass=storage)
    namespace.apply(anonymous, from_s3(model, artifactSecret=SECRET))

    failed = until_phase(namespace, "titanic", "Failed")

    assert "artifactSecret" in failed["message"]
