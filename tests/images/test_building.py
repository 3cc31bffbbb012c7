"""What makes an image be built again, where images are taken, and what every Containerfile promises.

The programs that only a laptop has (docker, kind, k3d, minikube) are stood in for by
scripts that note what they were asked; the real build is the cluster tests' first step.
"""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from images.catalogue import host_platform
from tests.images.processes import ROOT

OTHER_PLATFORM = "linux/amd64" if host_platform() == "linux/arm64" else "linux/arm64"
USERS = {
    "operator": "1000:1000",
    "model": "1000:1000",
    "model-init": "65533:1000",
    "nginx": "65532:65532",
    "recorder": "0:0",
    "replay": "1000:1000",
    "shipper": "65531:65531",
}
STAND_IN = """#!/bin/sh
echo "$(basename "$0") $*" >>{journal}
case "$(basename "$0") $*" in
    "docker info"*) echo 28 ;;
    "docker image inspect"*) cat {scratch}/label 2>/dev/null || exit 1 ;;
    "docker build"*) echo "$*" | grep -o 'inputs=[0-9a-f]*' | cut -d= -f2 >{scratch}/label ;;
    "docker save"*) touch "$3" ;;
    "kubectl config"*) echo {context} ;;
    "kubectl get"*) echo uid-of-the-cluster ;;
esac
"""


class Laptop:
    """A PATH on which docker answers and the current context is the given one."""

    def __init__(self, scratch: Path, context: str) -> None:
        self.scratch, self.journal = scratch, scratch / "journal"
        for program in ("docker", "kubectl", "kind", "k3d", "minikube"):
            path = scratch / program
            path.write_text(STAND_IN.format(journal=self.journal, scratch=scratch, context=context))
            path.chmod(0o755)

    def images(self, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
        """Runs ``python3 -m images``; nothing is noted but what this run asks for."""
        self.journal.write_text("")
        path = f"{self.scratch}:{os.environ['PATH']}"
        settings = {"PATH": path, "HOME": str(self.scratch), "KUBECONFIG": "/elsewhere/kubeconfig", **environment}
        command = [sys.executable, "-m", "images", *arguments]
        return subprocess.run(command, cwd=ROOT, env=settings, capture_output=True, text=True, check=False)

    def asked(self, program: str) -> list[str]:
        """What a program was asked, without the names of scratch files."""
        lines = re.sub(r"/\S+/", "", self.journal.read_text()).splitlines()
        return [line for line in lines if line.startswith(f"{program} ")]


@pytest.fixture
def laptop(tmp_path: Path) -> Laptop:
    return Laptop(tmp_path, "kind-dev")


def built(laptop: Laptop, *arguments: str, **environment: str) -> bool:
    done = laptop.images("build", "nginx", *arguments, **environment)
    assert done.returncode == 0, done.stderr
    assert re.search(r"nginx:\w+: (built|unchanged) ", done.stdout)
    return any(line.startswith("docker build") for line in laptop.asked("docker"))


def test_an_image_is_built_once_for_the_same_inputs(laptop: Laptop) -> None:
    assert [built(laptop), built(laptop)] == [True, False]


@pytest.mark.parametrize(
    ("arguments", "environment"),
    [(["--platform", OTHER_PLATFORM], {}), ([], {"BASE_NGINX": "registry.example.com/nginx:1"})],
    ids=["platform", "base"],
)
def test_another_platform_or_base_is_another_image(
    arguments: list[str], environment: Mapping[str, str], laptop: Laptop
) -> None:
    built(laptop)
    assert built(laptop, *arguments, **environment)


@pytest.mark.parametrize("base", ["", "registry.example.com/nginx:1"], ids=["the Containerfile's", "the setting's"])
def test_a_base_named_by_a_tag_is_told_with_the_setting_that_pins_it(base: str, laptop: Laptop) -> None:
    done = laptop.images("build", "nginx", BASE_NGINX=base)

    assert "is referenced by a tag, which can move. To pin it, set BASE_NGINX to" in done.stderr
    assert f"{base}@sha256:" in done.stderr


@pytest.mark.parametrize("base", [f"registry.example.com/nginx@sha256:{'0' * 64}", "localhost/nginx:1"])
def test_nothing_is_told_of_a_base_that_is_pinned_or_made_here(base: str, laptop: Laptop) -> None:
    assert laptop.images("build", "nginx", BASE_NGINX=base).stderr == ""


def test_a_changed_file_is_another_image_and_a_touched_one_is_not(tmp_path: Path) -> None:
    checkout = tmp_path / "checkout"
    shutil.copytree(ROOT / "images", checkout / "images", ignore=shutil.ignore_patterns("__pycache__"))
    template = checkout / "images" / "nginx" / "nginx.conf.template"

    def digest() -> str:
        program = "from images import catalogue, context; print(context.digest(catalogue.IMAGES['nginx']))"
        return subprocess.run(
            [sys.executable, "-c", program], cwd=checkout, capture_output=True, check=True
        ).stdout.decode()

    before = digest()
    template.touch()
    assert digest() == before
    template.write_text(template.read_text() + "#\n")
    assert digest() != before


def test_fluent_bit_is_built_from_a_program_of_one_s_own_and_not_without(tmp_path: Path, laptop: Laptop) -> None:
    assert "unknown image fluent-bit" in laptop.images("build", "fluent-bit").stderr
    program = tmp_path / "a program"
    for content in ("one", "another"):
        program.write_text(content)
        for expected in ("built", "unchanged"):
            done = laptop.images("build", "fluent-bit", FLUENT_BIT=str(program), BASE_FLUENT_BIT="localhost/base:1")
            assert f"fluent-bit:dev: {expected}" in done.stdout, done.stderr


@pytest.mark.parametrize(
    ("context", "program", "asked"),
    [
        ("kind-dev", "kind", "kind load image-archive nginx.tar --name dev"),
        ("k3d-dev", "k3d", "k3d image import nginx.tar --cluster dev"),
        ("minikube", "minikube", "minikube image load nginx.tar"),
    ],
)
def test_images_are_loaded_once_as_the_context_asks_for(context: str, program: str, asked: str, tmp_path: Path) -> None:
    laptop = Laptop(tmp_path, context)
    built(laptop, "--load")
    assert laptop.asked(program) == [asked]
    built(laptop, "--load")
    assert laptop.asked(program) == []


def test_other_clusters_pull_from_a_registry_and_the_user_is_told(tmp_path: Path) -> None:
    done = Laptop(tmp_path, "production").images("build", "nginx", "--load")
    assert (done.returncode, done.stderr.splitlines()[-1]) == (
        1,
        "context production pulls from a registry: set REGISTRY, such as registry.example.com/team",
    )


def test_with_a_registry_images_are_named_after_it_and_pushed(tmp_path: Path) -> None:
    laptop = Laptop(tmp_path, "production")
    built(laptop, "--load", REGISTRY="registry.example.com/team", TAG="v1")
    assert laptop.journal.read_text().splitlines()[-1] == "docker push registry.example.com/team/nginx:v1"


def test_a_name_that_is_no_image_s_is_refused_with_those_that_are(laptop: Laptop) -> None:
    done = laptop.images("build", "ngins")
    assert done.returncode == 2
    assert "unknown image ngins; known: operator, model, model-init, shipper, recorder, nginx, replay" in done.stderr


@pytest.mark.parametrize(("name", "user"), USERS.items())
def test_every_image_takes_its_base_as_an_argument_pins_it_and_runs_as_nobody_special(name: str, user: str) -> None:
    lines = (ROOT / "images" / name / "Containerfile").read_text().splitlines()
    (base,) = [line for line in lines if line.startswith("ARG BASE=")]
    assert re.search(r":\d+\.\d+\.\d+", base)
    assert "FROM ${BASE}" in lines
    assert [line for line in lines if line.startswith("USER")] == [f"USER {user}"]
    assert not [line for line in lines if line.startswith(("RUN", "ENTRYPOINT", "CMD")) and "[" not in line]


@pytest.mark.parametrize("lock", sorted(ROOT.glob("images/*/requirements.lock")), ids=lambda path: path.parent.name)
def test_every_dependency_is_pinned_by_hash(lock: Path) -> None:
    blocks = re.split(r"\n(?=[a-z0-9])", re.sub(r"^ *#.*\n", "", lock.read_text(), flags=re.MULTILINE))
    asked = [line for line in lock.with_suffix(".in").read_text().splitlines() if re.match(r"\w", line)]
    assert len(blocks) >= len(asked) > 0
    assert not [block for block in blocks if "==" not in block or "--hash=sha256:" not in block]
