"""Every recording rule and alert, evaluated by Prometheus' own promtool on series that are written for it."""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
import yaml

from hack import rules
from mlendpoints.edge.metrics import Metrics
from tests.kit.promtool import promtool, run_promtool

HERE = Path(__file__).parent
RULES = rules.ROOT / "deploy" / "monitoring" / "rules.yaml"
SCENARIOS = sorted(HERE.glob("*.yaml"))
KUBELET = {"container_cpu_usage_seconds_total", "container_memory_working_set_bytes"}


@pytest.fixture(scope="session")
def tool() -> Sequence[str]:
    return promtool()


def test_prometheus_accepts_its_configuration(tool: Sequence[str]) -> None:
    """But for files that exist in pods only."""
    code, said = run_promtool(tool, "check", "config", "--syntax-only", RULES.with_name("prometheus.yaml"))
    assert code == 0, said


def test_prometheus_accepts_the_rules(tool: Sequence[str]) -> None:
    assert run_promtool(tool, "check", "rules", RULES)[0] == 0, run_promtool(tool, "check", "rules", RULES)[1]


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda path: path.stem)
def test_rules_give_what_is_written_beside_their_series(tool: Sequence[str], scenario: Path, tmp_path: Path) -> None:
    """Annotations are left out, except in scenarios of their own: alerts are compared with all of them."""
    groups = loaded(RULES)
    if scenario.stem != "annotations":
        for alert in alerts(groups):
            del alert["annotations"]
    (tmp_path / "rules.yaml").write_text(yaml.safe_dump(groups))
    (tmp_path / scenario.name).write_text(scenario.read_text())
    code, output = run_promtool(tool, "test", "rules", tmp_path / scenario.name)
    assert code == 0, output


def test_a_wrong_expectation_is_noticed(tool: Sequence[str], tmp_path: Path) -> None:
    (tmp_path / "rules.yaml").write_text(RULES.read_text())
    wrong = (HERE / "no_traffic.yaml").read_text().replace("value: 0", "value: 1")
    (tmp_path / "wrong.yaml").write_text(wrong)
    assert run_promtool(tool, "test", "rules", tmp_path / "wrong.yaml")[0] == 1


def test_each_recording_rule_has_a_value_in_a_scenario() -> None:
    expected = {
        name
        for check in checks("promql_expr_test")
        if check["exp_samples"]
        for name in re.findall(r"mlendpoints:[\w:]+", check["expr"])
    }
    assert expected == {rule["record"] for rule in rules.declaration()["recordings"]}


def test_each_alert_fires_in_a_scenario_and_is_silent_before_and_after() -> None:
    for alert in rules.declaration()["alerts"]:
        name = alert["alert"]
        course = [bool(check.get("exp_alerts")) for check in checks("alert_rule_test") if check["alertname"] == name]
        assert re.search(r"-\++-", "".join("+" if firing else "-" for firing in course)), name


def test_rules_use_no_metric_that_does_not_exist() -> None:
    used = {name for rule in all_rules(loaded(RULES)) for name in metrics_in(rule["expr"])}
    assert used - declared_metrics() - KUBELET == set()


def test_every_page_that_an_alert_names_exists() -> None:
    missing = [each["page"] for each in rules.declaration()["alerts"] if not (rules.ROOT / each["page"]).is_file()]
    assert missing == []


def test_each_threshold_of_the_chart_is_used_and_no_other() -> None:
    used = set(re.findall(r"@(\w+)@", (rules.CHART / "files" / "rules.yaml").read_text()))
    assert used == set(rules.thresholds())


def declared_metrics() -> set[str]:
    """Of the pods and of the operator."""
    declared = json.loads((rules.ROOT / "images" / "nginx" / "metrics.json").read_text())["metrics"]
    pods = {name for each in declared for name in samples(each["name"], each["type"])}
    operator = {
        name for family in Metrics().registry.collect() for name in samples(family.name, family.type, total="_total")
    }
    return pods | operator


def metrics_in(expression: str) -> set[str]:
    return set(re.findall(r"\b(?:mlendpoints|container|nginx)_\w+", expression))


def samples(name: str, kind: str, *, total: str = "") -> set[str]:
    if kind == "histogram":
        return {f"{name}_{part}" for part in ("bucket", "sum", "count")}
    return {f"{name}{total}" if kind == "counter" else name}


def checks(kind: str) -> Iterator[Mapping[str, Any]]:
    """All checks of this kind, in the order of time within each scenario."""
    for scenario in SCENARIOS:
        for test in loaded(scenario)["tests"]:
            yield from test.get(kind, [])


def all_rules(groups: Any) -> Iterator[dict[str, Any]]:  # noqa: ANN401 - YAML
    for group in groups["groups"]:
        yield from group["rules"]


def alerts(groups: Any) -> Iterator[dict[str, Any]]:  # noqa: ANN401 - YAML
    return (rule for rule in all_rules(groups) if "alert" in rule)


def loaded(path: Path) -> Any:  # noqa: ANN401 - YAML
    return yaml.safe_load(path.read_text())
