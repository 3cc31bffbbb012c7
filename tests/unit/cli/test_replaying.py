"""The Job of a replay is that of the documented template."""

from pathlib import Path

import pytest
import yaml

from mlendpoints.api.capture import Capture
from mlendpoints.api.endpoint import Endpoint
from mlendpoints.api.endpointconfig import EndpointConfig, EndpointConfigSpec, ProductionVariant
from mlendpoints.api.meta import ObjectMeta
from mlendpoints.cli.errors import UsageError
from mlendpoints.cli.replaying import (
    Replay,
    captured_of,
    host_of,
    image_of,
    job_name,
    make_job,
    make_options,
    source_of,
    target_of,
)
from mlendpoints.client.objects import with_spec
from replay.options import parse
from tests.kit.builders import a_model, an_endpoint

TEMPLATE = Path(__file__).parents[3] / "examples" / "replay" / "job.yaml"
SINK = Capture(sink="s3://captured/data/", sink_secret="writer")  # noqa: S106 - a name
GATEWAY = "istio-ingress/istio-ingressgateway"


def a_config(**variants: Capture | None) -> EndpointConfig:
    models = tuple(ProductionVariant(name=name, model="rfc", capture=found) for name, found in variants.items())
    return EndpointConfig(metadata=ObjectMeta(name="titanic"), spec=EndpointConfigSpec(models=models))


def test_the_job_is_that_of_the_template() -> None:
    template = yaml.safe_load(TEMPLATE.read_text())
    options = make_options(
        target="http://istio-ingressgateway.istio-ingress",
        host="titanic.example.com",
        variant="green",
        rest={"speed": "2", "min-match": 0.99, "rate": None, "limit": None},
        ignored=(),
    )
    job = make_job(
        Replay(
            name=template["metadata"]["name"],
            namespace=template["metadata"]["namespace"],
            image=template["spec"]["template"]["spec"]["containers"][0]["image"],
            sources=("s3://captured/titanic/blue/2026/11/26/",),
            secret="capture-reader",  # noqa: S106 - a name
            options=options,
        )
    )
    assert job == template


def test_the_program_takes_the_options() -> None:
    rest = {"speed": "max", "min-match": 0.5, "limit": 7, "rate": None}
    options = make_options(target="http://a.b", host="x.example.com", variant="green", rest=rest, ignored=("$[*].id",))
    found = parse(["s3://captured/titanic/blue/", *options])
    assert (found.target.variant, found.limit, found.min_match, found.speed) == ("green", 7, 0.5, None)


def test_claims_are_mounted_and_without_a_secret_there_are_no_credentials() -> None:
    sources = ("pvc://captured/titanic/blue/", "pvc://captured/titanic/green/")
    spec = make_job(Replay(name="x", namespace="y", image="z", sources=sources, secret="", options=()))["spec"]
    pod = spec["template"]["spec"]
    (container,) = pod["containers"]
    assert container["args"] == list(sources)
    assert [mount["mountPath"] for mount in container["volumeMounts"]] == ["/tmp", "/claims/captured"]  # noqa: S108
    assert [volume["name"] for volume in pod["volumes"]] == ["scratch", "claim-captured"]


def test_the_source_is_what_a_variant_has_captured() -> None:
    config = a_config(blue=SINK, green=None)
    assert captured_of(an_endpoint(), config, "") == ("blue", SINK)
    assert source_of(an_endpoint(), "blue", SINK, "/2026/11/26/") == "s3://captured/data/titanic/blue/2026/11/26/"
    assert source_of(an_endpoint(), "blue", SINK, "") == "s3://captured/data/titanic/blue/"


@pytest.mark.parametrize(
    ("config", "of", "said"),
    [
        (a_config(blue=None), "", "Nothing is captured there now. Name the records: --source URL."),
        (a_config(blue=SINK, green=None), "green", "Nothing is captured there now."),
        (a_config(blue=SINK, green=SINK), "", "name one of blue, green by --of"),
        (a_config(blue=SINK), "grene", "has no variant grene"),
    ],
)
def test_what_cannot_be_found_is_one_sentence(config: EndpointConfig, of: str, said: str) -> None:
    with pytest.raises(UsageError) as error:
        captured_of(an_endpoint(), config, of)
    assert said in str(error.value)


def test_records_that_were_posted_have_to_be_named() -> None:
    with pytest.raises(UsageError, match="Name where they are now: --source URL"):
        source_of(an_endpoint(), "blue", Capture(sink="https://sink.example.com"), "")


def test_requests_go_to_the_gateway_inside_the_cluster_or_to_a_url() -> None:
    assert target_of(an_endpoint(), GATEWAY) == "http://istio-ingressgateway.istio-ingress"
    assert target_of(an_endpoint(), "http://titanic-abc") == "http://titanic-abc"
    with pytest.raises(UsageError, match="Write NAMESPACE/NAME or a URL"):
        target_of(an_endpoint(), "gateway")


def test_an_endpoint_without_a_host_cannot_be_replayed_to() -> None:
    endpoint: Endpoint = with_spec(an_endpoint(), host="")
    with pytest.raises(UsageError, match="has no host yet: see `mlendpoints explain`"):
        host_of(endpoint)


def test_without_instances_the_image_is_not_known() -> None:
    assert image_of([a_model("rfc")]) == ""


@pytest.mark.parametrize("endpoint", ["titanic", "t" * 63])
def test_a_name_fits_into_a_label(endpoint: str) -> None:
    assert len(job_name("replay", endpoint, "green", "x7k2p")) <= 63
