"""The command line with a whole cluster: the how-to's blocks, and a failed swap."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from tests.e2e.gateway import Gateway
from tests.e2e.namespace import ROOT, Namespace
from tests.e2e.objects import a_config, a_variant, an_echo, an_endpoint
from tests.kit.images import image

HOW_TO = ROOT / "docs" / "how-to" / "command-line.md"
BLOCKS = re.compile(r"^```console\n(.*?)^```", re.MULTILINE | re.DOTALL)
Shell = Callable[[str], subprocess.CompletedProcess[str]]


def commands() -> list[str]:
    """The commands of the page."""
    lines = "".join(BLOCKS.findall(HOW_TO.read_text())).splitlines()
    return [line.removeprefix("$ ") for line in lines]


@pytest.fixture
def shell(kubeconfig: Path, namespace: Namespace, both: list[Gateway], tmp_path: Path) -> Shell:
    """Runs a command of bash; the namespace is that of the kubeconfig's context."""
    config = yaml.safe_load(kubeconfig.read_text())
    for context in config["contexts"]:
        context["context"]["namespace"] = namespace.name
    path = tmp_path / "kubeconfig"
    path.write_text(yaml.safe_dump(config))
    environment = os.environ | {
        "KUBECONFIG": str(path),
        "MLENDPOINTS_GATEWAY": f"http://{both[0].address}",
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
    }

    def run(command: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(["bash", "-c", command], check=False, capture_output=True, text=True, env=environment)

    return run


def test_the_commands_of_the_how_to_are_right(shell: Shell, namespace: Namespace, artifacts: str) -> None:
    replacements = {
        "registry.example.com/team/model:1": image("model"),
        "http://artifacts.example.com": f"http://artifacts.{artifacts}.svc",
        "titanic.example.com": namespace.host("titanic"),
    }
    printed: dict[str, str] = {}
    for command in commands():
        text = command
        for old, new in replacements.items():
            text = text.replace(old, new)
        found = shell(text)
        assert found.returncode == 0, f"{command}: {found.stderr}"
        printed[" ".join(command.split()[:3])] = found.stdout
    assert "✔ endpoint titanic  InService" in printed["mlendpoints status titanic"]
    assert "survived" in printed["mlendpoints invoke titanic"]
    assert "spec.models[blue].weight: 1 -> 10" in printed["mlendpoints weights titanic"]
    assert "-> 2" in printed["mlendpoints scale titanic"] or "2 -> 1" in printed["mlendpoints scale titanic"]
    assert "titanic-lr.tar.gz" in printed["mlendpoints swap titanic"]
    assert "Succeeded" in printed["mlendpoints history titanic"]
    assert "titanic-rfc.tar.gz" in printed["mlendpoints rollback titanic"]
    assert printed["mlendpoints delete titanic"].count(" deleted\n") == 3


def test_a_failed_swap_ends_with_1_and_is_explained_down_to_the_pod(shell: Shell, namespace: Namespace) -> None:
    namespace.apply(
        an_echo("echo"),
        a_config("echo", a_variant("blue", "echo")),
        an_endpoint("echo", config="echo", host=namespace.host("echo"), deadline=10),
    )
    namespace.until_ready("echo")
    failed = shell(f"mlendpoints swap echo blue --image {image('no-such-image')}")
    assert failed.returncode == 1, failed.stderr
    assert "no-such-image" in failed.stderr
    explained = shell("mlendpoints explain echo").stdout
    assert "no-such-image" in explained
    assert "To do:" in explained
    assert shell("mlendpoints invoke echo -d {}").stdout == "echo"
    assert shell(f"mlendpoints swap echo blue --image {image('model')}").returncode == 0
    history = json.loads(shell("mlendpoints history echo -o json").stdout)
    assert "Failed" in {entry["outcome"] for entry in history}
