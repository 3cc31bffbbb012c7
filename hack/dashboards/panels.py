"""What a panel shows, as values, and how Grafana's library builds it. It must not know any metric."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from grafana_foundation_sdk.builders import common, dashboard, prometheus, stat, statetimeline, timeseries
from grafana_foundation_sdk.models import common as options
from grafana_foundation_sdk.models import dashboard as models

SOURCE: Final = models.DataSourceRef("prometheus", "${datasource}")
WIDTH: Final = 24  # of a dashboard
_HEIGHT: Final = 8
_GREEN, _ORANGE, _RED = "green", "orange", "red"

AnyPanel = dashboard.Panel | timeseries.Panel | stat.Panel | statetimeline.Panel


@dataclass(frozen=True, kw_only=True)
class Panel:
    """One panel. `queries` are pairs of PromQL and legend; `limit` is where an alert fires by default."""

    title: str
    help: str
    queries: Sequence[tuple[str, str]]
    unit: str = "short"
    limit: float | None = None
    maximum: float | None = None
    stacked: bool = False
    width: int = 8
    link: tuple[str, str] | None = None  # of each series: title and URL


@dataclass(frozen=True, kw_only=True)
class Stat(Panel):
    """One number, the current one."""

    width: int = 4


@dataclass(frozen=True, kw_only=True)
class Timeline(Panel):
    """When something had which state: a row for each series, which exists while it is the state."""


@dataclass(frozen=True)
class Section:
    """Panels below a heading."""

    title: str
    panels: Sequence[Panel] = field(default_factory=tuple)


def build(panel: Panel, number: int) -> AnyPanel:
    """The panel of Grafana's library."""
    match panel:
        case Stat():
            made: AnyPanel = _stat(panel)
        case Timeline():
            made = _timeline()
        case _:
            made = _graph(panel)
    made.id(number).title(panel.title).description(panel.help).datasource(SOURCE).unit(panel.unit)
    made.span(panel.width).height(_HEIGHT // 2 if isinstance(panel, Stat) else _HEIGHT)
    for name, (expression, legend) in zip("ABCDEFGH", panel.queries, strict=False):
        made.with_target(_query(expression, legend, name, instant=isinstance(panel, Stat)))
    if panel.link:
        made.data_links([dashboard.DashboardLink(panel.link[0]).url(panel.link[1])])
    if panel.maximum is not None:
        made.max(panel.maximum)
    return made.min(0).thresholds(_thresholds(panel.limit))


def _query(expression: str, legend: str, name: str, *, instant: bool) -> prometheus.Dataquery:
    query = prometheus.Dataquery().expr(expression).legend_format(legend).ref_id(name).datasource(SOURCE)
    return query.instant() if instant else query.range()


def _graph(panel: Panel) -> timeseries.Panel:
    legend = common.VizLegendOptions().show_legend(True).placement(options.LegendPlacement.BOTTOM)
    legend.display_mode(options.LegendDisplayMode.TABLE).calcs(["lastNotNull", "max"])
    tooltip = common.VizTooltipOptions().mode(options.TooltipDisplayMode.MULTI).sort(options.SortOrder.DESCENDING)
    graph = (
        timeseries.Panel().legend(legend).tooltip(tooltip).fill_opacity(10).show_points(options.VisibilityMode.NEVER)
    )
    if panel.stacked:
        graph.stacking(common.StackingConfig().mode(options.StackingMode.NORMAL)).fill_opacity(40)
    if panel.limit is not None:
        graph.thresholds_style(common.GraphThresholdsStyleConfig().mode(options.GraphThresholdsStyleMode.DASHED))
    return graph


def _stat(panel: Panel) -> stat.Panel:
    colored = options.BigValueColorMode.VALUE if panel.limit is not None else options.BigValueColorMode.NONE
    reduced = common.ReduceDataOptions().calcs(["lastNotNull"])
    return stat.Panel().reduce_options(reduced).color_mode(colored).graph_mode(options.BigValueGraphMode.NONE)


def _timeline() -> statetimeline.Panel:
    legend = common.VizLegendOptions().show_legend(False)
    legend.display_mode(options.LegendDisplayMode.LIST).placement(options.LegendPlacement.BOTTOM)
    return statetimeline.Panel().legend(legend).show_value(options.VisibilityMode.NEVER).row_height(0.8)


def _thresholds(limit: float | None) -> dashboard.ThresholdsConfig:
    steps = [models.Threshold(value=None, color=_GREEN)]
    if limit is not None:
        steps += [models.Threshold(limit / 2, _ORANGE), models.Threshold(limit, _RED)]
    return dashboard.ThresholdsConfig().mode(models.ThresholdsMode.ABSOLUTE).steps(steps)
