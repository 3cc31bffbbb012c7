"""A dashboard as a value, and its JSON. It must not know any metric."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from grafana_foundation_sdk.builders import dashboard
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models import dashboard as models

from hack.dashboards.panels import SOURCE, Section, build

TAG: Final = "mlendpoints"
_ALL: Final = "$__all"


@dataclass(frozen=True)
class Variable:
    """A choice at the top of a dashboard: the values of a label. With `every`, all of them, or some."""

    name: str
    metric: str
    every: bool = False


@dataclass(frozen=True, kw_only=True)
class Board:
    """A dashboard; `others` are titles and uids of those that it links to."""

    uid: str
    title: str
    help: str
    variables: Sequence[Variable] = ()
    others: Sequence[tuple[str, str]]
    sections: Sequence[Section]


def render(board: Board) -> str:
    """The JSON that Grafana imports; the same for the same board."""
    made = dashboard.Dashboard(board.title).uid(board.uid).description(board.help).tags([TAG]).readonly()
    made.time("now-1h", "now").refresh("30s").tooltip(models.DashboardCursorSync.CROSSHAIR).timezone("browser")
    made.with_variable(dashboard.DatasourceVariable("datasource").type("prometheus").label("Data source"))
    for variable in board.variables:
        made.with_variable(_variable(variable))
    for title, uid in board.others:
        made.link(_link(title, uid))
    for number, section in _numbered(board.sections):
        made.with_row(dashboard.Row(section.title).id(number))
        for index, panel in enumerate(section.panels, start=1):
            made.with_panel(build(panel, number + index))
    return json.dumps(made.build(), cls=JSONEncoder, indent=2, sort_keys=True) + "\n"


def _numbered(sections: Sequence[Section]) -> Iterator[tuple[int, Section]]:
    """Each with an id; those of its panels follow. A panel that is added moves no panel of another section."""
    return ((100 * index, section) for index, section in enumerate(sections, start=1))


def _variable(variable: Variable) -> dashboard.QueryVariable:
    made = dashboard.QueryVariable(variable.name).label(variable.name.capitalize()).datasource(SOURCE)
    made.query(f"label_values({variable.metric}, {variable.name})")
    made.refresh(models.VariableRefresh.ON_TIME_RANGE_CHANGED).sort(models.VariableSort.ALPHABETICAL_ASC)
    if variable.every:
        made.multi(True).include_all(True).all_value(".*")
        made.current(models.VariableOption(selected=True, text="All", value=_ALL))
    return made


def _link(title: str, uid: str) -> dashboard.DashboardLink:
    link = dashboard.DashboardLink(title).type(models.DashboardLinkType.LINK).url(f"/d/{uid}")
    return link.icon("dashboard").include_vars(True).keep_time(True)
