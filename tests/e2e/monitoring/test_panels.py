"""Every panel of both dashboards, and every recording rule, has data while an endpoint serves and is updated."""

from collections.abc import Iterator

import pytest

from hack import rules
from hack.dashboards import BOARDS
from mlendpoints.edge.kube.kinds import CONFIG
from tests.e2e.conftest import MakeNamespace, leave
from tests.e2e.gateway import Gateways
from tests.e2e.monitoring.callers import Callers
from tests.e2e.monitoring.prometheus import Prometheus
from tests.e2e.namespace import Namespace
from tests.e2e.objects import a_config, a_variant, an_echo, an_endpoint
from tests.kit.dashboards import Panel, label_queries, panels, substituted
from tests.kit.sync_client import Object
from tests.kit.waiting import wait_until

NAME = "shown"
STATUSES = [{"status": code, "seconds": 0.01} for code in (200, 200, 200, 200, 404, 500)]
OPTIONAL = {  # section: what it needs, and a series that exists then
    "Processes": ("a pod with Fluent Bit", "mlendpoints_process_memory_bytes"),
}
PANELS = [panel for board in BOARDS for panel in panels(board.uid)]
RECORDS = [rule["record"] for rule in rules.declaration()["recordings"]]


@pytest.fixture(scope="module")
def shown(make_namespace: MakeNamespace, fleet: Gateways, addon: Prometheus) -> Iterator[dict[str, str]]:  # noqa: ARG001
    """Variables of an endpoint that has been updated, under load from its callers."""
    namespace = make_namespace()
    namespace.apply(
        an_echo("one"),
        an_echo("two"),
        captured(namespace, "one"),
        an_endpoint(NAME, config=NAME, host=namespace.host(NAME)),
    )
    namespace.until_ready(NAME)
    gateways = wait_until(fleet.whole, "the gateway has all its pods")
    with Callers(gateways, namespace.host(NAME)).sending(STATUSES):
        update(namespace)
        yield {"namespace": namespace.name, "endpoint": NAME}
    leave(namespace)


def update(namespace: Namespace) -> None:
    namespace.edit(CONFIG, NAME, captured(namespace, "two")["spec"])
    namespace.until_rolled_out(NAME)


def captured(namespace: Namespace, model: str) -> Object:
    """The config with this model for blue; it captures requests for a sink that does not exist."""
    config = a_config(NAME, a_variant("blue", model, weight=3), a_variant("green", "two"))
    config["spec"]["capture"] = {"sink": f"http://nowhere.{namespace.name}.svc/"}
    return config


@pytest.mark.parametrize("panel", PANELS, ids=lambda panel: f"{panel.board}: {panel.title}")
def test_a_panel_has_data(panel: Panel, shown: dict[str, str], addon: Prometheus) -> None:
    section = panel.section.split(" (")[0]
    if section in OPTIONAL:
        what, series = OPTIONAL[section]
        if not addon.query(f'{series}{{namespace="{shown["namespace"]}"}}'):
            pytest.skip(f"needs {what}")
    for query in panel.queries:
        expression = substituted(query.expr, shown)
        wait_until(lambda: addon.query(expression), f"{expression} has data", timeout=120)  # noqa: B023


@pytest.mark.parametrize("record", RECORDS)
def test_a_recording_rule_has_series(record: str, shown: dict[str, str], addon: Prometheus) -> None:
    expression = f'{record}{{namespace="{shown["namespace"]}", endpoint="{NAME}"}}'
    found = wait_until(lambda: addon.query(expression), f"{expression} has series", timeout=120)
    assert {labels["variant"] for labels, _ in found} == {"blue", "green"}


def test_variables_offer_the_endpoint_and_its_variants(shown: dict[str, str], addon: Prometheus) -> None:
    offered = {
        label: addon.label_values(label, substituted(series, shown))
        for label, series in label_queries("mlendpoints-endpoint").items()
    }
    assert shown["namespace"] in offered["namespace"]
    assert offered["endpoint"] == {NAME}
    assert offered["variant"] == {"blue", "green"}


def test_prometheus_evaluates_every_rule(addon: Prometheus) -> None:
    declared = rules.declaration()
    names = {each["record"] for each in declared["recordings"]} | {each["alert"] for each in declared["alerts"]}
    wait_until(lambda: addon.rules() == dict.fromkeys(names, "ok"), "all rules are healthy", last=addon.rules)
