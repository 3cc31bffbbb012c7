"""The chart's ConfigMap of dashboards: off by default; Grafana's sidecar finds it, and gets the files as they are."""

from typing import Any

from hack.dashboards import BOARDS
from hack.rules import ROOT
from tests.chart.rendering import of_kind, rendered


def config_maps(**values: Any) -> list[Any]:  # noqa: ANN401 - YAML
    return list(of_kind(rendered(monitoring={"dashboards": values}), "ConfigMap"))


def test_without_the_value_there_are_no_dashboards() -> None:
    assert config_maps() == []


def test_the_dashboards_are_those_of_the_plain_files() -> None:
    (found,) = config_maps(enabled=True)
    folder = ROOT / "deploy" / "monitoring" / "dashboards"
    assert found["data"] == {f"{board.uid}.json": (folder / f"{board.uid}.json").read_text() for board in BOARDS}


def test_grafanas_sidecar_finds_them_by_a_label_and_sorts_them_into_a_folder() -> None:
    (found,) = config_maps(enabled=True)
    assert found["metadata"]["labels"]["grafana_dashboard"] == "1"
    assert found["metadata"]["annotations"] == {"grafana_folder": "ML endpoints"}


def test_labels_and_annotations_are_values() -> None:
    chosen = {"labels": {"grafana_dashboard": None, "team": "a"}, "annotations": {"grafana_folder": None}}
    (found,) = config_maps(enabled=True, **chosen)
    assert found["metadata"]["labels"].keys() & {"grafana_dashboard", "team"} == {"team"}
    assert "annotations" not in found["metadata"]
