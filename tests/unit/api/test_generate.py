import subprocess
import sys
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[3]


def _generate(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "hack.generate", *arguments]
    return subprocess.run(command, cwd=ROOT, check=False, capture_output=True, text=True)


@pytest.fixture
def made(tmp_path: Path) -> Path:
    assert _generate("--root", str(tmp_path)).returncode == 0
    return tmp_path


def test_the_files_of_the_checkout_are_as_the_types_say() -> None:
    checked = _generate("--check")

    assert checked.stdout == ""
    assert checked.returncode == 0


def test_generated_files_are_not_stale(made: Path) -> None:
    assert _generate("--check", "--root", str(made)).returncode == 0


def test_an_edited_file_is_stale(made: Path) -> None:
    edited = made / "docs/reference/api.md"
    edited.write_text(edited.read_text() + "By hand.\n")

    checked = _generate("--check", "--root", str(made))

    assert checked.returncode == 1
    assert checked.stdout == "docs/reference/api.md is stale: run `make generate`\n"


def test_a_missing_file_is_stale_and_not_written(made: Path) -> None:
    gone = made / "deploy/policies/instances.yaml"
    gone.unlink()

    assert _generate("--check", "--root", str(made)).returncode == 1
    assert not gone.exists()


def test_the_policies_name_the_operator_that_it_is_told(made: Path) -> None:
    other = "system:serviceaccount:other:operator"
    assert _generate("--root", str(made), "--operator", other).returncode == 0

    conditions = [
        condition["expression"]
        for name in ("instances", "operator")
        for policy in yaml.safe_load_all((made / f"deploy/policies/{name}.yaml").read_text())
        for condition in policy["spec"].get("matchConditions", [])
    ]

    assert f"request.userInfo.username != '{other}'" in conditions
    assert f"request.userInfo.username == '{other}'" in conditions


def test_files_are_plain_yaml_without_anchors(made: Path) -> None:
    assert [path for path in made.rglob("*.yaml") if "&id" in path.read_text()] == []
