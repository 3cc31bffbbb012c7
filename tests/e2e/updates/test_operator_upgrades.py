"""Another operator restarts no pods, whatever it would build otherwise; the next version is built its way."""

import subprocess

import pytest

from bench.zero_loss.objects import image
from mlendpoints.core.manifests.deployment import BUILDER
from mlendpoints.edge.kinds import DEPLOYMENT
from tests.apiserver.server import Object
from tests.e2e.place import Place
from tests.e2e.updates.rig import Rig
from tests.e2e.updates.trial import Trial

PROXY = image("nginx")
OTHER = f"{PROXY}-another"


@pytest.mark.side_by_side
def test_an_upgrade_restarts_no_pod_and_the_next_version_is_built_anew(rig: Rig) -> None:
    name_again(rig, PROXY, OTHER)
    trial = Trial(rig.make_place(), "upgraded")
    with rig.desk(trial.place) as old:
        old.start()
        trial.make({"blue": (1, 1), "green": (1, 1)})
        before, pods = builds(trial.place), trial.restarts()
    with rig.desk(trial.place, "-m", "tests.e2e.seeded", "build_otherwise") as new:
        new.start(nginx_image=OTHER, drain_seconds="2")
        trial.set_config({"blue": (1, 1), "green": (3, 1)})
        trial.until_ready()
        assert builds(trial.place) == before
        assert trial.restarts() == pods
        trial.swap("blue", answer="new")
        after = builds(trial.place)
        trial.leave()
    assert {builder for _, builder, _ in before.values()} == {BUILDER}
    kept = before.keys() & after.keys()
    assert {name: after[name] for name in kept} == {name: before[name] for name in kept}
    ((name, made),) = ((name, build) for name, build in after.items() if name not in before)
    assert made == (OTHER, "otherwise", 2)
    assert name.startswith(trial.model("blue"))


def name_again(rig: Rig, known: str, new: str) -> None:
    """Gives an image of the local cluster another name."""
    socket = rig.kubeconfig.parent / "run" / "containerd.sock"
    command = ["ctr", f"--address={socket}", "--namespace=k8s.io", "images", "tag", "--force", known, new]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)


Build = tuple[str, str, int]


def builds(place: Place) -> dict[str, Build]:
    """Of each Deployment: image of the proxy, builder, seconds of draining."""
    return {deployment["metadata"]["name"]: build_of(deployment) for deployment in place.all(DEPLOYMENT)}


def build_of(deployment: Object) -> Build:
    proxy = deployment["spec"]["template"]["spec"]["containers"][0]
    seconds = proxy["lifecycle"]["preStop"]["sleep"]["seconds"]
    return proxy["image"], deployment["metadata"]["annotations"]["mlendpoints.dev/builder"], seconds
