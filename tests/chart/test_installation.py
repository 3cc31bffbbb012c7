"""What is in deploy/, shown to the API server of a real cluster; nothing is kept."""

import subprocess
from pathlib import Path

import pytest

DEPLOY = Path(__file__).parents[2] / "deploy"
DRY = ["kubectl", "apply", "--server-side", "--force-conflicts", "--field-manager=test", "--dry-run=server"]


@pytest.mark.parametrize(
    "source",
    [
        ["--filename", str(DEPLOY / "install.yaml")],
        ["--kustomize", str(DEPLOY / "kustomize" / "base")],
        ["--kustomize", str(DEPLOY / "kustomize" / "registry")],
    ],
    ids=["install.yaml", "base", "registry"],
)
def test_an_api_server_takes_every_manifest_as_it_is(source: list[str]) -> None:
    done = subprocess.run([*DRY, *source], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def test_the_registry_overlay_replaces_all_images() -> None:
    command = ["kubectl", "kustomize", str(DEPLOY / "kustomize" / "registry")]
    text = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert text.count("registry.example.com/team/") == 4
    assert "registry.example.com/mlendpoints/" not in text
