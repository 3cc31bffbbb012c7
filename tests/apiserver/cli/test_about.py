"""Verbs about the program and the cluster."""

import json

from mlendpoints.cli.diagnosis import INSTALL
from tests.apiserver.cli.conftest import Cli, run


def test_the_versions_of_program_and_cluster_are_printed(cli: Cli) -> None:
    assert cli("version").stdout.splitlines()[-1] == "api: mlendpoints.dev/v1alpha1"
    assert run("version", "--client").stdout == f"mlendpoints: {run('--version').stdout.split()[1]}\n"


def test_doctor_names_what_a_bare_control_plane_lacks(cli: Cli) -> None:
    found = cli("doctor")
    assert (found.returncode, found.stderr) == (1, "")
    lines = found.stdout.splitlines()
    assert "✔ The CRD of MLModel is installed." in lines
    assert lines[lines.index("✖ The operator is not installed.") + 1].strip() == INSTALL
    checks = json.loads(cli("doctor", "-o", "json").stdout)
    assert {check["verdict"] for check in checks} >= {"ok", "failed"}


def test_a_completion_script_is_printed() -> None:
    assert "_MLENDPOINTS_COMPLETE" in run("completion", "bash").stdout
