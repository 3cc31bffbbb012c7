"""Fluent Bit in a model pod: who it is, what it may see, and a configuration of which Fluent Bit knows every word."""

from typing import Any

import pytest
from msgspec.structs import replace

from mlendpoints.api.model import Container, Model
from mlendpoints.api.rules.server import PODS_OWN_PORTS
from mlendpoints.core.canonical import Manifest
from mlendpoints.core.manifests.fluentbit import CONFIGURATION, NAME, PORT
from mlendpoints.core.manifests.mlmodel import freeze, make_mlmodel_deployment
from mlendpoints.core.manifests.sidecars import optional_sidecars
from tests.kit.builders import a_model, an_mlmodel
from tests.unit.core.manifests.made import SETTINGS
from tests.unit.core.manifests.test_deployment import an_instance, container, pod

IMAGE = "registry.example.com/fluent-bit:5"


def watched(model: Model | None = None, **frozen: Any) -> Model:  # noqa: ANN401 - any field
    """An instance that was created by an operator with an image of Fluent Bit."""
    made = an_instance(model)
    assert made.spec.instance is not None
    images = replace(made.spec.instance.images, fluent_bit=IMAGE)
    return replace(made, spec=replace(made.spec, instance=replace(made.spec.instance, images=images, **frozen)))


def environment(spec: Manifest) -> dict[str, str]:
    return {each["name"]: each["value"] for each in container(spec, "nginx")["env"]}


def test_it_is_an_optional_sidecar_of_instances_that_were_created_with_an_image_of_it() -> None:
    assert optional_sidecars(an_instance()) == frozenset()
    assert optional_sidecars(watched()) == {NAME}
    assert [each["name"] for each in pod(watched())["containers"]] == ["model", "nginx", NAME]


def test_only_with_it_do_containers_share_their_processes_and_does_nginx_read_its_port() -> None:
    without, spec = pod(an_instance()), pod(watched())
    assert "shareProcessNamespace" not in without
    assert "PROCESS_METRICS_PORT" not in environment(without)
    assert spec["shareProcessNamespace"] is True
    assert environment(spec)["PROCESS_METRICS_PORT"] == str(PORT)


def test_a_model_that_sets_it_keeps_its_own_process_namespace_and_has_no_fluent_bit() -> None:
    """Everything else is as in any pod without it."""
    assert pod(watched(a_model(ownProcessNamespace=True))) == pod(an_instance())


def test_an_mlmodel_has_it_too_and_the_same_setting() -> None:
    settings = replace(SETTINGS, fluent_bit_image=IMAGE)
    for own, expected in ((False, ["model", "nginx", NAME]), (True, ["model", "nginx"])):
        model = an_mlmodel(ownProcessNamespace=own)
        spec = make_mlmodel_deployment(model, freeze(model, settings))["spec"]["template"]["spec"]
        assert [each["name"] for each in spec["containers"]] == expected


def test_it_has_the_model_s_user_and_group_which_nginx_never_has() -> None:
    spec = pod(watched(a_model(runAsUser=7, runAsGroup=0)))
    users = {
        name: (security["runAsUser"], security["runAsGroup"])
        for name in ("model", NAME, "nginx")
        if (security := container(spec, name)["securityContext"])
    }
    assert users["model"] == users[NAME] == (7, 0)
    assert users["nginx"][0] != 7


def test_it_has_nothing_that_the_model_may_not_see() -> None:
    """Whoever is the same user in the same process namespace can read its environment and its files."""
    made = container(pod(watched()), NAME)
    assert "env" not in made
    assert [mount["name"] for mount in made["volumeMounts"]] == ["supervisor"]
    assert "ports" not in made


def test_its_program_runs_under_the_supervisor_and_its_resources_are_a_setting() -> None:
    made = container(pod(watched()), NAME)
    assert made["command"] == ["/supervise/supervise", "run", "--", "/fluent-bit/bin/fluent-bit"]
    assert (made["image"], made["args"]) == (IMAGE, list(CONFIGURATION))
    assert made["resources"] == {"requests": {"cpu": "10m", "memory": "32Mi"}, "limits": {"memory": "128Mi"}}
    own = container(pod(watched(fluent_bit=Container(limits={"memory": "1Gi"}))), NAME)
    assert own["resources"] == {"limits": {"memory": "1Gi"}}


# Fluent Bit 5's options of the command line, and the properties of these plugins, as its documentation lists them.
OPTIONS = frozenset({"flush", "input", "output", "match", "prop"})
PROPERTIES = {
    "process_exporter_metrics": frozenset(
        {"scrape_interval", "path.procfs", "process_include_pattern", "process_exclude_pattern", "metrics"}
    ),
    "prometheus_exporter": frozenset({"host", "port", "add_label", "add_timestamp", "workers"}),
}
METRICS = frozenset({"cpu", "io", "memory", "state", "context_switches", "fd", "start_time", "thread_wchan", "thread"})


def parsed() -> tuple[list[tuple[str, str]], dict[str, dict[str, str]]]:
    """The options in their order, and the properties of each plugin: they follow the plugin's name."""
    options: list[tuple[str, str]] = []
    plugins: dict[str, dict[str, str]] = {}
    for argument in CONFIGURATION:
        name, _, value = argument.removeprefix("--").partition("=")
        options.append((name, value))
        if name in {"input", "output"}:
            plugins[value] = properties = {}
        elif name == "prop":
            key, _, text = value.partition("=")
            properties[key] = text
    return options, plugins


def test_every_word_of_its_configuration_is_known_to_fluent_bit() -> None:
    options, plugins = parsed()
    assert all(argument.startswith("--") for argument in CONFIGURATION)
    assert {name for name, _ in options} <= OPTIONS
    assert plugins.keys() == PROPERTIES.keys()
    for plugin, properties in plugins.items():
        assert properties.keys() <= PROPERTIES[plugin]
    assert set(plugins["process_exporter_metrics"]["metrics"].split(",")) <= METRICS


def test_it_listens_where_only_the_pod_can_read_and_no_model_may_listen() -> None:
    _, plugins = parsed()
    assert plugins["prometheus_exporter"] == {"host": "127.0.0.1", "port": str(PORT)}
    assert PORT in PODS_OWN_PORTS


@pytest.mark.parametrize("left_out", ["thread", "thread_wchan"])
def test_nothing_is_collected_that_grows_with_the_number_of_threads(left_out: str) -> None:
    """nginx reads 256 KiB, and eight lines for each thread would soon exceed them."""
    _, plugins = parsed()
    assert left_out not in plugins["process_exporter_metrics"]["metrics"].split(",")
