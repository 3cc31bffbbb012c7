"""The chart's PrometheusRule: off by default, the same rules as the plain file, with the values' thresholds."""

from typing import Any

import pytest
import yaml

from hack import rules
from tests.chart.rendering import helm_template, of_kind, rendered

PLAIN: Any = yaml.safe_load((rules.ROOT / "deploy" / "monitoring" / "rules.yaml").read_text())


def groups(**values: Any) -> Any:  # noqa: ANN401 - YAML
    manifests = rendered(monitoring={"prometheusRules": {"enabled": True, **values}})
    (found,) = of_kind(manifests, "PrometheusRule")
    return found["spec"]["groups"]


def alerts(found: Any) -> dict[str, Any]:  # noqa: ANN401 - YAML
    return {rule["alert"]: rule for group in found for rule in group["rules"] if "alert" in rule}


def test_without_the_value_there_is_no_kind_of_the_prometheus_operator() -> None:
    assert {manifest["apiVersion"] for manifest in rendered()}.isdisjoint({"monitoring.coreos.com/v1"})


def test_the_rules_are_those_of_the_plain_file() -> None:
    assert groups() == PLAIN["groups"]


def test_thresholds_are_values() -> None:
    found = alerts(groups(thresholds={"errorRatio": 0.25, "updateMinutes": 1440}))
    assert found["MLEndpointErrors"]["expr"] == "mlendpoints:invocation_5xx_errors:ratio_rate5m > 0.25"
    assert found["MLEndpointUpdateStuck"]["for"] == "1440m"
    assert found["MLEndpointLatency"] == alerts(PLAIN["groups"])["MLEndpointLatency"]


def test_alerts_can_be_left_out() -> None:
    left_out = {"MLEndpointLatency", "MLNamespaceThrottled"}
    assert alerts(groups(disabledAlerts=sorted(left_out))).keys() == alerts(PLAIN["groups"]).keys() - left_out


def test_an_unknown_alert_cannot_be_left_out() -> None:
    chosen = {"enabled": True, "disabledAlerts": ["MLEndpointLatency", "MLEndpointSlow"]}
    done = helm_template({"images": {"registry": "x"}, "monitoring": {"prometheusRules": chosen}})
    assert done.returncode != 0
    assert "disabledAlerts: no alert is named MLEndpointSlow; there are: MLEndpointErrors, MLEndpoint" in done.stderr


@pytest.mark.parametrize(
    "thresholds", [{"errorRatio": 5}, {"errorRatio": "a lot"}, {"updateMinutes": 0}, {"unknown": 1}]
)
def test_invalid_thresholds_are_rejected(thresholds: dict[str, Any]) -> None:
    values = {"images": {"registry": "x"}, "monitoring": {"prometheusRules": {"thresholds": thresholds}}}
    assert helm_template(values).returncode != 0


def test_labels_select_the_rules_and_scrapes_keep_the_labels_that_rules_group_by() -> None:
    values: Any = {"monitoring": {"prometheusRules": {"enabled": True, "labels": {"release": "prometheus"}}}}
    manifests = rendered(**values, metrics={"serviceMonitor": {"enabled": True}})
    (rule,), (monitor,) = of_kind(manifests, "PrometheusRule"), of_kind(manifests, "ServiceMonitor")
    assert rule["metadata"]["labels"]["release"] == "prometheus"
    assert all(endpoint["honorLabels"] for endpoint in monitor["spec"]["endpoints"])
