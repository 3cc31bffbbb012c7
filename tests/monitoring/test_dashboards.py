"""The dashboards as Grafana gets them: what each panel asks is valid PromQL about metrics that exist."""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
import yaml

from hack import rules
from hack.dashboards import BOARDS
from tests.kit.dashboards import FOLDER, Panel, panels, substituted
from tests.kit.promtool import promtool, run_promtool
from tests.monitoring.test_rules import all_rules, declared_metrics, loaded, metrics_in

ALL = [panel for board in BOARDS for panel in panels(board.uid)]
PROCESS = {"process_cpu_seconds_total", "process_resident_memory_bytes", "ALERTS"}


def dashboard(uid: str) -> Mapping[str, Any]:
    found: Mapping[str, Any] = json.loads((FOLDER / f"{uid}.json").read_text())
    return found


def test_prometheus_accepts_what_every_panel_asks(tmp_path: Path) -> None:
    expressions = [substituted(query.expr, {}) for panel in ALL for query in panel.queries]
    recordings = [{"record": f"panel:{number}", "expr": expr} for number, expr in enumerate(expressions)]
    file = tmp_path / "panels.yaml"
    file.write_text(yaml.safe_dump({"groups": [{"name": "panels", "rules": recordings}]}))
    code, output = run_promtool(promtool(), "check", "rules", "--lint=none", file)
    assert code == 0, output


def test_every_metric_and_rule_of_a_panel_exists() -> None:
    known = declared_metrics() | {
        rule.get("record") for rule in all_rules(loaded(rules.DECLARATION.with_name("rules.yaml")))
    }
    used = {name for panel in ALL for query in panel.queries for name in names_in(query.expr)}
    assert used - known - PROCESS == set()


def names_in(expression: str) -> set[str]:
    recorded = set(re.findall(r"\bmlendpoints:[\w:]+", expression))
    return recorded | metrics_in(expression) | set(re.findall(r"\b(?:process_\w+|ALERTS)\b", expression))


@pytest.mark.parametrize("panel", ALL, ids=lambda panel: f"{panel.board}: {panel.title}")
def test_a_panel_has_a_description_a_unit_and_legends_that_tell_its_series_apart(panel: Panel) -> None:
    assert panel.description.endswith(".")
    assert panel.unit
    legends = [query.legend for query in panel.queries]
    assert len(set(legends)) == len(legends)
    if panel.type != "stat":
        assert all(legends)


@pytest.mark.parametrize("board", BOARDS, ids=lambda board: board.uid)
def test_panels_fit_into_the_grid_and_have_ids_of_their_own(board: Any) -> None:  # noqa: ANN401
    found: Sequence[Any] = dashboard(board.uid)["panels"]
    assert len({panel["id"] for panel in found}) == len(found)
    cells = [cell for panel in found for cell in cells_of(panel["gridPos"])]
    assert len(set(cells)) == len(cells)
    assert all(x < 24 for x, _ in cells)


def cells_of(position: Mapping[str, int]) -> Iterator[tuple[int, int]]:
    for x in range(position["x"], position["x"] + position["w"]):
        for y in range(position["y"], position["y"] + position["h"]):
            yield x, y


def test_dashboards_are_found_by_their_uids_and_link_to_each_other() -> None:
    assert [board.uid for board in BOARDS] == ["mlendpoints-endpoint", "mlendpoints-operator"]
    for board, other in zip(BOARDS, reversed(BOARDS), strict=True):
        found = dashboard(board.uid)
        assert found["uid"] == board.uid
        assert [link["url"] for link in found["links"]] == [f"/d/{other.uid}"]


def test_the_endpoint_is_chosen_by_variables() -> None:
    variables = dashboard("mlendpoints-endpoint")["templating"]["list"]
    assert [variable["name"] for variable in variables] == ["datasource", "namespace", "endpoint", "variant"]
    assert [variable["type"] for variable in variables] == ["datasource", "query", "query", "query"]


def test_thresholds_are_those_at_which_alerts_fire_by_default() -> None:
    by_title = {panel.title: panel.thresholds for panel in panels("mlendpoints-endpoint")}
    assert by_title["Server errors (5xx)"][-1] == rules.thresholds()["errorRatio"]
    assert by_title["Model latency"][-1] == rules.thresholds()["modelLatencySeconds"]
