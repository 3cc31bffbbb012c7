"""The Python client with a whole cluster: the cookbook, waiting for what fails, predictions through the gateway."""

import re
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from mlendpoints.client import (
    FailedError,
    InvocationError,
    MLOpsClient,
    NotFoundError,
)
from tests.e2e.gateway import Gateway
from tests.e2e.namespace import ROOT, Namespace
from tests.e2e.objects import a_config, a_variant, an_echo, an_endpoint
from tests.kit import notebooks
from tests.kit.images import image

COOKBOOK = ROOT / "docs" / "how-to" / "python-client.md"
NOTEBOOK = ROOT / "examples" / "notebook.ipynb"
BLOCKS = re.compile(r"^```python\n(.*?)^```", re.MULTILINE | re.DOTALL)


@pytest.fixture
def client(kubeconfig: Path, namespace: Namespace, both: list[Gateway]) -> Iterator[MLOpsClient]:
    gateway = f"http://{both[0].address}"
    with MLOpsClient(kubeconfig=kubeconfig, namespace=namespace.name, gateway=gateway) as client:
        yield client


def cookbook(namespace: Namespace, artifacts: str, gateway: str) -> str:
    """The blocks, for this cluster: its images and addresses, a namespace of the test's own."""
    text = "\n".join(BLOCKS.findall(COOKBOOK.read_text()))
    replacements = {
        "registry.example.com/team/model:1": image("model"),
        "http://artifacts.example.com": f"http://artifacts.{artifacts}.svc",
        'host="titanic.example.com"': f'host="{namespace.host("titanic")}"',
        'namespace="titanic"': f'namespace="{namespace.name}", gateway="{gateway}"',
    }
    for old, new in replacements.items():
        assert old in text, old
        text = text.replace(old, new)
    return text


@pytest.fixture
def program(
    namespace: Namespace, artifacts: str, both: list[Gateway], kubeconfig: Path, monkeypatch: pytest.MonkeyPatch
) -> str:
    monkeypatch.setenv("KUBECONFIG", str(kubeconfig))
    return cookbook(namespace, artifacts, f"http://{both[0].address}")


def test_the_cookbook_is_right(program: str, capsys: pytest.CaptureFixture[str]) -> None:
    exec(compile(program, str(COOKBOOK), "exec"), {})  # noqa: S102 - the docs' own blocks
    printed = capsys.readouterr().out
    assert "spec.models[blue].weight: 90 -> 50" in printed
    assert "The endpoint matches its spec." in printed
    assert "Did you mean titanic?" in printed
    assert "Succeeded" in printed
    assert "(['titanic'], 'ADDED')" in printed


def test_the_notebook_is_right(
    namespace: Namespace,
    artifacts: str,
    kubeconfig: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    text = notebooks.program(NOTEBOOK)
    settings = {
        'NAMESPACE = "titanic"': f'NAMESPACE = "{namespace.name}"',
        'HOST = "titanic-notebook.example.com"': f'HOST = "{namespace.host("titanic")}"',
        "registry.example.com/team/model:1": image("model"),
        "http://artifacts.example.com": f"http://artifacts.{artifacts}.svc",
    }
    for old, new in settings.items():
        assert text.count(old) == 1, old
        text = text.replace(old, new)
    monkeypatch.setenv("KUBECONFIG", str(kubeconfig))
    exec(compile(text, str(NOTEBOOK), "exec"), {})  # noqa: S102 - the example's own cells
    printed = capsys.readouterr().out
    assert "spec.models[forest].weight: 90 -> 50" in printed
    assert "spec.models[regression].model: titanic-notebook-lr -> titanic-notebook-rfc" in printed
    assert "spec.models[regression].model: titanic-notebook-rfc -> titanic-notebook-lr" in printed
    assert "The endpoint matches its spec." in printed
    assert re.search("restored  forest      [▁▂▃▄▅▆▇█]{10} ", printed)


def test_a_failed_swap_ends_the_wait_and_is_explained(client: MLOpsClient, namespace: Namespace) -> None:
    namespace.apply(
        an_echo("echo"),
        a_config("echo", a_variant("blue", "echo")),
        an_endpoint("echo", config="echo", host=namespace.host("echo"), deadline=10),
    )
    echo = client.endpoint("echo")
    echo.wait()
    before = client.V1Alpha1Model.get("echo").spec
    with pytest.raises(FailedError, match="no-such-image"):
        echo.swap("blue", image=image("no-such-image"), image_pull_policy="Never")
    explained = echo.explain()
    assert not explained.is_ready
    assert "no-such-image" in explained.message
    assert echo.invoke({}).content == b"echo"
    echo.swap("blue", image=before.image, image_pull_policy=before.image_pull_policy)
    echo.wait()
    assert echo.explain().is_ready


def test_answers_come_as_they_are_sent(client: MLOpsClient, titanic: Namespace) -> None:
    endpoint = client.endpoint("titanic", namespace=titanic.name)
    rows = [{"class": "1st", "sex": "female", "age": "adult"}]
    answer = endpoint.invoke(rows, variant="green")
    assert (answer.variant, answer.content_type) == ("green", "application/json")
    assert isinstance(answer.data, list)
    assert isinstance(endpoint.invoke("class,sex,age\n1st,female,adult\n").data, str)
    streamed = b"".join(endpoint.stream(msgspec.json.encode(rows), content_type="application/json", variant="green"))
    assert msgspec.json.decode(streamed) == answer.data


def test_what_an_endpoint_rejects_is_an_error_with_its_response(client: MLOpsClient, titanic: Namespace) -> None:
    endpoint = client.endpoint("titanic", namespace=titanic.name)
    with pytest.raises(InvocationError, match="responded with 400") as caught:
        endpoint.invoke({}, variant="pink")
    assert b"blue, green" in caught.value.content
    with pytest.raises(NotFoundError):
        client.endpoint("titanic").invoke({})


def test_predictions_go_through_the_api_server_where_nothing_else_reaches_the_gateway(
    kubeconfig: Path, titanic: Namespace
) -> None:
    row = {"class": "1st", "sex": "female", "age": "adult"}
    with MLOpsClient(kubeconfig=kubeconfig, namespace=titanic.name, port_forward=True) as client:
        endpoint = client.endpoint("titanic")
        answers = [endpoint.invoke([row], variant=variant) for variant in ("blue", "green")]
        assert [answer.variant for answer in answers] == ["blue", "green"]
        many = endpoint.invoke([row] * 5000, variant="green")  # more than a frame in both directions
        assert many.data == answers[1].data * 5000
        streamed = endpoint.stream(msgspec.json.encode([row] * 5000), content_type="application/json", variant="green")
        assert b"".join(streamed) == many.content
        with pytest.raises(InvocationError, match="responded with 400"):
            endpoint.invoke([row], variant="pink")


def test_the_gateway_is_found_by_its_service(kubeconfig: Path, titanic: Namespace, is_local: bool) -> None:  # noqa: FBT001 (a fixture)
    if not is_local:
        pytest.skip("the gateway's cluster IP is reachable from nodes only")
    with MLOpsClient(kubeconfig=kubeconfig, namespace=titanic.name) as client:
        rows = [{"class": "1st", "sex": "female", "age": "adult"}]
        assert client.endpoint("titanic").invoke(rows).variant in {"blue", "green"}
