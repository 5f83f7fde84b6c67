"""How panels look: colours, legends, names in both languages."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Final, TypeVar, get_args

from collector.outputs.measurements import MEASURED, SIMULATED
from dashboards.briefing.language import Language
from dashboards.grafana.influxql import DATASOURCE
from dashboards.grafana.sdk import (
    bargauge,
    common,
    common_models,
    dashboard,
    dashboard_models,
    stat,
    table,
    timeseries,
)
from sensor.contract.messages import SourceKind

# Of Okabe and Ito's palette, which the colour-blind can tell apart.
ORANGE: Final = "#E69F00"
BLUE: Final = "#0072B2"
GREY: Final = "#8E8E8E"

_language = cache(Language)
_PanelT = TypeVar("_PanelT", timeseries.Panel, bargauge.Panel, table.Panel)


def stat_panel(title: str, description: str) -> stat.Panel:
    """A panel of one large number a series."""
    last = common.ReduceDataOptions().calcs(["lastNotNull"]).values(False)
    return (
        stat.Panel()
        .title(title)
        .description(description)
        .datasource(DATASOURCE)
        .reduce_options(last)
        .color_scheme(_fixed(BLUE))
        .transformations(_origin_names())
    )


def bar_panel(title: str, description: str) -> bargauge.Panel:
    """A panel of one bar a series."""
    last = common.ReduceDataOptions().calcs(["lastNotNull"]).values(False)
    return (
        bargauge.Panel()
        .title(title)
        .description(description)
        .datasource(DATASOURCE)
        .reduce_options(last)
        .color_scheme(_fixed(BLUE))
        .show_unfilled(False)
    )


def time_panel(title: str, description: str, unit: str) -> timeseries.Panel:
    """A panel of values over time."""
    legend = common.VizLegendOptions().display_mode(common_models.LegendDisplayMode.LIST)
    tooltip = common.VizTooltipOptions().mode(common_models.TooltipDisplayMode.MULTI)
    return (
        timeseries.Panel()
        .title(title)
        .description(description)
        .datasource(DATASOURCE)
        .unit(unit)
        .legend(legend.placement(common_models.LegendPlacement.BOTTOM).show_legend(True))
        .tooltip(tooltip)
        .span_nulls(False)
        .transformations(_origin_names())
    )


def table_panel(title: str, description: str) -> table.Panel:
    """A panel of rows."""
    return (
        table.Panel().title(title).description(description).datasource(DATASOURCE).show_header(True)
    )


def thresholds(*steps: tuple[float | None, str]) -> dashboard.ThresholdsConfig:
    """Colours from given values on; None is the lowest."""
    absolute = dashboard.ThresholdsConfig().mode(dashboard_models.ThresholdsMode.ABSOLUTE)
    return absolute.steps([dashboard_models.Threshold(value, colour) for value, colour in steps])


def by_thresholds() -> dashboard.FieldColor:
    """Take the colour from the thresholds."""
    return dashboard.FieldColor().mode(dashboard_models.FieldColorModeId.THRESHOLDS)


def with_source_names(panel: _PanelT) -> _PanelT:
    """Name series that are called after a kind of source."""
    for kind in get_args(SourceKind):
        panel.override_by_name(kind, [_property("displayName", _both(f"source.{kind}"))])
    return panel


def name_columns(panel: table.Panel, columns: Mapping[str, tuple[str, str | None]]) -> None:
    """Give each column a name for people, and its unit."""
    for name, (title, unit) in columns.items():
        properties = [_property("displayName", title)]
        if unit is not None:
            properties.append(_property("unit", unit))
        panel.override_by_name(name, properties)


def say_values(panel: table.Panel, column: str, group: str, values: Sequence[str]) -> None:
    """Show the values of a column in words."""
    words = {value: _both(f"{group}.{value}") for value in values}
    panel.override_by_name(column, [_property("mappings", [_words(words)])])


def say_origin(panel: table.Panel) -> table.Panel:
    """Show in words what was measured and what is simulated."""
    words = {MEASURED: "uppmätt / measured", SIMULATED: "simulerad / simulated"}
    return panel.override_by_name("origin", [_property("mappings", [_words(words)])])


def _words(words: Mapping[str, str]) -> dashboard_models.ValueMap:
    results = {
        value: dashboard_models.ValueMappingResult(text=text, index=index)
        for index, (value, text) in enumerate(words.items())
    }
    return dashboard_models.ValueMap(options=results)


def _both(key: str) -> str:
    """A text of the pages in both languages."""
    return f"{_language('sv').text(key)} / {_language('en').text(key)}"


def _property(name: str, value: object) -> dashboard_models.DynamicConfigValue:
    return dashboard_models.DynamicConfigValue(id_val=name, value=value)


def _fixed(colour: str) -> dashboard.FieldColor:
    return dashboard.FieldColor().mode(dashboard_models.FieldColorModeId.FIXED).fixed_color(colour)


def _origin_names() -> list[dashboard_models.DataTransformerConfig]:
    """Name series after the node alone, and say where one is simulated."""
    return [
        dashboard_models.DataTransformerConfig(
            id_val="renameByRegex", options={"regex": pattern, "renamePattern": name}
        )
        for pattern, name in (
            (r"(.*) \(measured\)", "$1"),
            (r"(.*) \(simulated\)", "$1 (simulerad / simulated)"),
        )
    ]
