"""The control plane alone: quick, side by side, and gone afterwards."""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from cluster.binaries import program
from cluster.settings import settings_from_environment
from tests.cluster.sandbox import ROOT

pytestmark = pytest.mark.cluster


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, Path]]:
    """Two control planes: a bare one, and one with Istio's kinds and controllers."""
    bare, full = tmp_path_factory.mktemp("bare"), tmp_path_factory.mktemp("full")
    try:
        assert _control_plane("up", bare).splitlines()[-1] == str(bare / "kubeconfig")
        _control_plane("up", full, "--istio-crds", "--controllers")
        yield bare, full
    finally:
        _control_plane("down", bare)
        _control_plane("down", full)


def test_two_live_side_by_side(folders: tuple[Path, Path]) -> None:
    servers = {
        json.loads((folder / "kubeconfig").read_text())["clusters"][0]["cluster"]["server"] for folder in folders
    }
    assert len(servers) == 2
    assert all("kube-system" in _kubectl(folder, "get", "namespaces") for folder in folders)


def test_istio_kinds_are_there_on_request(folders: tuple[Path, Path]) -> None:
    bare, full = folders
    kinds = _kubectl(full, "api-resources", "--api-group=networking.istio.io", "--output=name")
    assert {"virtualservices", "gateways", "destinationrules"} <= {line.split(".")[0] for line in kinds.splitlines()}
    assert _kubectl(bare, "api-resources", "--api-group=networking.istio.io", "--output=name") == ""


def test_controllers_collect_what_lost_its_owner(folders: tuple[Path, Path]) -> None:
    _, full = folders
    _kubectl(full, "create", "configmap", "owner")
    uid = _kubectl(full, "get", "configmap", "owner", "--output=jsonpath={.metadata.uid}")
    owner = {"apiVersion": "v1", "kind": "ConfigMap", "name": "owner", "uid": uid}
    child = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "child", "ownerReferences": [owner]}}
    _kubectl(full, "create", "--filename=-", stdin=json.dumps(child))
    _kubectl(full, "delete", "configmap", "owner")
    _kubectl(full, "wait", "--for=delete", "configmap/child", "--timeout=30s")
    assert "child" not in _kubectl(full, "get", "configmaps", "--output=name")


def test_up_again_keeps_the_same_server(folders: tuple[Path, Path]) -> None:
    bare, _ = folders
    pid = (bare / "logs" / "kube-apiserver.pid").read_text()
    _control_plane("up", bare)
    assert (bare / "logs" / "kube-apiserver.pid").read_text() == pid


def test_the_audit_log_is_in_its_folder(folders: tuple[Path, Path]) -> None:
    events = [json.loads(line) for line in (folders[0] / "audit.log").read_text().splitlines()]
    assert {event["level"] for event in events} == {"Metadata"}


def test_down_ends_its_processes_and_removes_its_folder(tmp_path: Path) -> None:
    folder = tmp_path / "plane"
    _control_plane("up", folder)
    pids = [int(path.read_text()) for path in folder.glob("logs/*.pid")]
    assert len(pids) == 2
    _control_plane("down", folder)
    assert not folder.exists()
    assert not [pid for pid in pids if _lives(pid)]


def test_down_refuses_a_folder_that_is_none(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("years of work")
    command = [sys.executable, "-m", "cluster", "control-plane", "down", "--dir", str(tmp_path)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "contains no control plane" in done.stderr
    assert (tmp_path / "thesis.txt").exists()


def _control_plane(verb: str, folder: Path, *options: str) -> str:
    command = [sys.executable, "-m", "cluster", "control-plane", verb, "--dir", str(folder), *options]
    return subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True).stdout


def _kubectl(folder: Path, *arguments: str, stdin: str = "") -> str:
    kubectl = program("kubectl", settings_from_environment())
    command = [kubectl, f"--kubeconfig={folder / 'kubeconfig'}", *arguments]
    return subprocess.run(command, input=stdin, check=True, stdout=subprocess.PIPE, text=True).stdout


def _lives(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes() != b""
    except OSError:
        return False
