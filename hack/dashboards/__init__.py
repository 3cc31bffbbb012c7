"""Grafana dashboards: one for an endpoint, one for the operator; `make generate` writes them.

They read the recording rules of ``deploy/monitoring/declaration.yaml`` where these have what a panel shows.
"""

from collections.abc import Mapping
from typing import Final

from hack.dashboards.boards import render
from hack.dashboards.endpoint import ENDPOINT
from hack.dashboards.operator import OPERATOR

BOARDS: Final = (ENDPOINT, OPERATOR)
FOLDERS: Final = ("deploy/monitoring/dashboards", "deploy/chart/mlendpoints/files/dashboards")  # the chart's is a copy


def make_dashboards() -> Mapping[str, str]:
    """Every generated file: path below the root -> content."""
    return {f"{folder}/{board.uid}.json": render(board) for folder in FOLDERS for board in BOARDS}
