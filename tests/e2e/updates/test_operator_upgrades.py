"""Another operator restarts no pods, whatever it would build otherwise; the next version is built its way."""

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from mlendpoints.core.manifests.deployment import BUILDER
from mlendpoints.edge.kube.kinds import DEPLOYMENT, ENDPOINT
from tests.e2e.gateway import statuses
from tests.e2e.namespace import Namespace
from tests.e2e.updates.earlier import bring_earlier_proxy
from tests.e2e.updates.rig import Rig
from tests.e2e.updates.trial import Trial
from tests.kit.images import image
from tests.kit.sync_client import Object
from tests.kit.waiting import wait_until

PROXY = image("nginx")
OTHER = f"{PROXY}-another"
RATE = 50.0  # requests a second


@pytest.mark.side_by_side
def test_an_upgrade_restarts_no_pod_and_the_next_version_is_built_anew(rig: Rig) -> None:
    name_again(rig, PROXY, OTHER)
    trial = Trial(rig.make_namespace(), "upgraded")
    with rig.operator(trial.namespace) as old:
        old.start()
        trial.make({"blue": (1, 1), "green": (1, 1)})
        before, pods = builds(trial.namespace), trial.restarts()
    with rig.operator(trial.namespace, "-m", "tests.e2e.operator_without_guard", "build_otherwise") as new:
        new.start(nginx_image=OTHER, drain_seconds="2")
        trial.set_config({"blue": (1, 1), "green": (3, 1)})
        trial.until_ready()
        assert builds(trial.namespace) == before
        assert trial.restarts() == pods
        trial.swap("blue", answer="new")
        after = builds(trial.namespace)
        trial.leave()
    assert {builder for _, builder, _ in before.values()} == {BUILDER}
    kept = before.keys() & after.keys()
    assert {name: after[name] for name in kept} == {name: before[name] for name in kept}
    ((name, made),) = ((name, build) for name, build in after.items() if name not in before)
    assert made == (OTHER, "otherwise", 2)
    assert name.startswith(trial.model("blue"))


@pytest.mark.side_by_side
def test_after_an_upgrade_versions_of_the_earlier_release_come_back(rig: Rig) -> None:
    with upgraded(rig, "before", {"blue": (1, 1)}) as trial:
        first, pods = trial.instance("blue"), trial.restarts()
        built = trial.namespace.get(DEPLOYMENT, first)["spec"]["template"]
        with rig.load(trial.host, rate=RATE) as load:
            trial.swap("blue", answer="new")
            go_back(trial)
            as_built = trial.namespace.get(DEPLOYMENT, first)["spec"]["template"]
            stayed = trial.restarts()
            trial.swap("blue", answer="newer")
            trial.namespace.delete(DEPLOYMENT, first)
            until_recreated(trial, first)
            go_back(trial)
            load.until_more(int(RATE))
    assert as_built == built
    assert pods.items() <= stayed.items()
    assert load.lost == []
    assert {record.text for record in load.records} == {"blue", "new", "newer"}
    assert load.records[-1].text == "blue"


@pytest.mark.side_by_side
def test_the_deployment_of_an_earlier_releases_version_that_is_deleted_comes_back(rig: Rig) -> None:
    with upgraded(rig, "deleted", {"blue": (1, 1), "green": (1, 1)}) as trial:
        blue, green = trial.instance("blue"), trial.instance("green")
        before = {instance["metadata"]["name"]: instance["spec"] for instance in trial.namespace.instances(trial.name)}
        pods, kept = restarts_of(trial, green), builds(trial.namespace)[green]
        trial.namespace.delete(DEPLOYMENT, blue)
        until_recreated(trial, blue)
        trial.until_ready()
        wait_until(
            lambda: statuses(rig.gateways, trial.host) == {200},
            "gateways know the new pod",
            last=lambda: statuses(rig.gateways, trial.host),
        )
        after = {instance["metadata"]["name"]: instance["spec"] for instance in trial.namespace.instances(trial.name)}
        stayed = restarts_of(trial, green), builds(trial.namespace)[green]
    assert after[green] == before[green]
    assert "builder" not in before[blue]["instance"]
    images = before[blue]["instance"]["images"] | {"nginx": PROXY}
    assert after[blue] == before[blue] | {"instance": before[blue]["instance"] | {"builder": BUILDER, "images": images}}
    assert stayed == (pods, kept)


def restarts_of(trial: Trial, instance: str) -> dict[str, int]:
    uids = {pod["metadata"]["uid"] for pod in trial.pods(instance)}
    return {uid: count for uid, count in trial.restarts().items() if uid in uids}


@contextmanager
def upgraded(rig: Rig, name: str, variants: dict[str, tuple[int, int]]) -> Iterator[Trial]:
    """An endpoint that keeps versions, made by an earlier release; today's operator has come since."""
    earlier, trial = bring_earlier_proxy(), Trial(rig.make_namespace(), name)
    with rig.operator(trial.namespace, "-m", "tests.e2e.operator_without_guard", "build_as_before") as before:
        before.start(nginx_image=earlier)
        trial.make(variants)
        trial.namespace.edit(ENDPOINT, name, {"update": {"keepVersions": 2, "keepInstances": 1}})
        made = builds(trial.namespace)
    assert {(proxy, builder) for proxy, builder, _ in made.values()} == {(earlier, "1")}
    with rig.operator(trial.namespace) as today:
        today.start()
        yield trial
        trial.leave()


def go_back(trial: Trial) -> None:
    """To the version that the earlier release has made, in full."""
    updates = len(trial.outcomes())
    trial.set_model("blue")
    wait_until(lambda: len(trial.outcomes()) > updates, "it has gone back", last=trial.outcomes)
    assert set(trial.outcomes()) == {"Succeeded"}


def until_recreated(trial: Trial, instance: str) -> None:
    """Waits for the pods of a Deployment that is of today's release."""

    def is_of_today() -> bool:
        found = trial.namespace.find(DEPLOYMENT, instance)
        return found is not None and build_of(found)[:2] == (PROXY, BUILDER)

    wait_until(
        is_of_today, f"Deployment {instance} is re-created", last=lambda: trial.namespace.find(DEPLOYMENT, instance)
    )
    trial.until_pods_are_ready(instance)


def name_again(rig: Rig, known: str, new: str) -> None:
    """Gives an image of the local cluster another name."""
    socket = rig.kubeconfig.parent / "run" / "containerd.sock"
    command = ["ctr", f"--address={socket}", "--namespace=k8s.io", "images", "tag", "--force", known, new]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)


Build = tuple[str, str, int]


def builds(namespace: Namespace) -> dict[str, Build]:
    """Of each Deployment: image of the proxy, builder, seconds of draining."""
    return {deployment["metadata"]["name"]: build_of(deployment) for deployment in namespace.all(DEPLOYMENT)}


def build_of(deployment: Object) -> Build:
    containers = deployment["spec"]["template"]["spec"]["containers"]
    proxy = next(container for container in containers if container["name"] == "nginx")
    hook = proxy["lifecycle"]["preStop"]
    seconds = hook["sleep"]["seconds"] if "sleep" in hook else int(hook["httpGet"]["path"].rpartition("=")[2])
    return proxy["image"], deployment["metadata"]["annotations"]["mlendpoints.dev/builder"], seconds
