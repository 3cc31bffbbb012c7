"""The generated dashboards, as tests ask Prometheus what Grafana would."""

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from msgspec import Struct

FOLDER: Final = Path(__file__).parents[2] / "deploy" / "monitoring" / "dashboards"
_GRAFANA: Final = {"__rate_interval": "1m", "datasource": "prometheus"}


class Query(Struct, frozen=True):
    """PromQL with Grafana's variables."""

    expr: str
    legend: str


class Panel(Struct, frozen=True, kw_only=True):
    """One panel of the dashboard `board`."""

    board: str
    section: str
    title: str
    type: str
    description: str
    unit: str
    queries: tuple[Query, ...]
    thresholds: tuple[float | None, ...]


def panels(uid: str) -> list[Panel]:
    """All panels, in their order."""
    found, section = [], ""
    for panel in _loaded(uid)["panels"]:
        if panel["type"] == "row":
            section = panel["title"]
        else:
            found.append(_panel(uid, section, panel))
    return found


def label_queries(uid: str) -> Mapping[str, str]:
    """The label of each variable that Grafana looks up -> the selector of its series, with variables."""
    queries = [variable["query"] for variable in _loaded(uid)["templating"]["list"] if variable["type"] == "query"]
    found = (re.fullmatch(r"label_values\((.+), (\w+)\)", query) for query in queries)
    return {match[2]: match[1] for match in found if match}


def substituted(expression: str, values: Mapping[str, str]) -> str:
    """The expression with values of its variables, and `.*` for the others."""
    known = _GRAFANA | dict(values)
    return re.sub(r"\$(\w+)", lambda name: known.get(name[1], ".*"), expression)


def _panel(uid: str, section: str, panel: Mapping[str, Any]) -> Panel:
    defaults = panel["fieldConfig"]["defaults"]
    return Panel(
        board=uid,
        section=section,
        title=panel["title"],
        type=panel["type"],
        description=panel.get("description", ""),
        unit=defaults.get("unit", ""),
        queries=tuple(Query(target["expr"], target["legendFormat"]) for target in panel["targets"]),
        thresholds=tuple(step["value"] for step in defaults["thresholds"]["steps"]),
    )


def _loaded(uid: str) -> Any:  # noqa: ANN401 - JSON
    return json.loads((FOLDER / f"{uid}.json").read_text())
