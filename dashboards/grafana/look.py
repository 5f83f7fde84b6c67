"""How panels look: colours, legends, columns, and links from one dashboard to another."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Final, NamedTuple, TypeAlias, TypeVar, get_args

from dashboards.grafana.influxql import DATASOURCE
from dashboards.grafana.sdk import (
    bargauge,
    common,
    common_models,
    dashboard,
    dashboard_models,
    geomap,
    stat,
    table,
    timeseries,
)
from dashboards.grafana.words import Words
from sensor.contract.messages import SourceKind

# Okabe and Ito's palette, which the colour-blind can tell apart.
ORANGE: Final = "#E69F00"
SKY: Final = "#56B4E9"
GREEN: Final = "#009E73"
YELLOW: Final = "#F0E442"
BLUE: Final = "#0072B2"
VERMILION: Final = "#D55E00"
PURPLE: Final = "#CC79A7"
GREY: Final = "#8E8E8E"

DECIBEL: Final = "dB"
KMH: Final = "velocitykmh"
SECONDS: Final = "s"
HOURS: Final = "h"
COUNT: Final = "none"
SHARE: Final = "percentunit"
MOMENT: Final = "dateTimeAsLocal"

_SOURCE_COLOURS: Final[dict[SourceKind, str]] = {
    "moped_motorcycle": VERMILION,
    "car": BLUE,
    "heavy_vehicle": GREEN,
    "vehicle": SKY,
    "revving": PURPLE,
    "unconfirmed": ORANGE,
    "unsure": YELLOW,
}
"""Of the others, which are no vehicles, all are grey."""

AnyPanel: TypeAlias = stat.Panel | timeseries.Panel | table.Panel | bargauge.Panel | geomap.Panel
_PanelT = TypeVar(
    "_PanelT", stat.Panel, timeseries.Panel, bargauge.Panel, table.Panel, geomap.Panel
)


class Column(NamedTuple):
    """A column of a table.

    Attributes
    ----------
    name : str
        As the query names it.
    unit : str, optional
        None: it is no number.
    text : str, optional
        Key of its heading among the words for columns, where that is not its name.
    decimals : int, optional
    """

    name: str
    unit: str | None = None
    text: str | None = None
    decimals: int | None = None


def stat_panel(words: Words, name: str, unit: str) -> stat.Panel:
    """A panel of one large number a series."""
    last = common.ReduceDataOptions().calcs(["lastNotNull"]).values(False)
    panel = stat.Panel().reduce_options(last).color_scheme(fixed(BLUE))
    return titled(panel, words, name).unit(unit)


def bar_panel(words: Words, name: str, unit: str) -> bargauge.Panel:
    """A panel of one bar a series."""
    last = common.ReduceDataOptions().calcs(["lastNotNull"]).values(False)
    panel = bargauge.Panel().reduce_options(last).color_scheme(fixed(BLUE)).show_unfilled(False)
    return titled(panel, words, name).unit(unit)


def time_panel(words: Words, name: str, unit: str) -> timeseries.Panel:
    """A panel of values over time."""
    legend = common.VizLegendOptions().display_mode(common_models.LegendDisplayMode.LIST)
    tooltip = common.VizTooltipOptions().mode(common_models.TooltipDisplayMode.MULTI)
    panel = (
        timeseries.Panel()
        .legend(legend.placement(common_models.LegendPlacement.BOTTOM).show_legend(True))
        .tooltip(tooltip)
        .span_nulls(False)
    )
    return titled(panel, words, name).unit(unit)


def bars_over_time(words: Words, name: str, unit: str) -> timeseries.Panel:
    """A panel of stacked bars over time."""
    stacked = common.StackingConfig().mode(common_models.StackingMode.NORMAL).group("A")
    return (
        time_panel(words, name, unit)
        .draw_style(common_models.GraphDrawStyle.BARS)
        .fill_opacity(80)
        .stacking(stacked)
        .min(0)
    )


def table_panel(words: Words, name: str, columns: Sequence[Column]) -> table.Panel:
    """A panel of rows, with a heading and unit for each column; others are hidden."""
    panel = titled(table.Panel().show_header(True), words, name)
    for column in columns:
        heading = words(f"column.{column.text or column.name}")
        properties = [property_of("displayName", heading)]
        if column.unit is not None:
            properties.append(property_of("unit", column.unit))
        if column.decimals is not None:
            properties.append(property_of("decimals", column.decimals))
        panel.override_by_name(column.name, properties)
    return panel


def titled(panel: _PanelT, words: Words, name: str) -> _PanelT:
    """Give a panel its title, what it answers, and its data source."""
    return (
        panel.title(words(f"panel.{name}.title"))
        .description(words(f"panel.{name}.description"))
        .datasource(DATASOURCE)
    )


def hidden(panel: table.Panel, *columns: str) -> table.Panel:
    """Hide columns that only links and maps need."""
    for column in columns:
        panel.override_by_name(column, [property_of("custom.hidden", value=True)])
    return panel


def say(
    panel: _PanelT,
    column: str,
    texts: Mapping[str, str],
    colours: Mapping[str, str] | None = None,
) -> _PanelT:
    """Show the values of a column in words, on a coloured ground where `colours` names any."""
    results = {
        value: dashboard_models.ValueMappingResult(
            text=text, index=index, color=(colours or {}).get(value)
        )
        for index, (value, text) in enumerate(texts.items())
    }
    properties = [property_of("mappings", [dashboard_models.ValueMap(options=results)])]
    if colours:
        properties.append(property_of("custom.cellOptions", {"type": "color-background"}))
    return panel.override_by_name(column, properties)


def coloured(panel: table.Panel, column: str, *steps: tuple[float | None, str]) -> table.Panel:
    """Colour the ground of a column from given values on."""
    return panel.override_by_name(
        column,
        [
            property_of("thresholds", thresholds(*steps).build()),
            property_of("color", by_thresholds().build()),
            property_of("custom.cellOptions", {"type": "color-background", "mode": "basic"}),
        ],
    )


def linked(panel: _PanelT, column: str, title: str, url: str) -> _PanelT:
    """Let each cell of a column lead somewhere."""
    link = {"title": title, "url": url, "targetBlank": False}
    return panel.override_by_name(column, [property_of("links", [link])])


def named(panel: _PanelT, column: str, text: str, colour: str | None = None) -> _PanelT:
    """Name a series or column, and give it a colour."""
    properties = [property_of("displayName", text)]
    if colour is not None:
        properties.append(property_of("color", fixed(colour).build()))
    return panel.override_by_name(column, properties)


def headed(panel: _PanelT, words: Words, column: str) -> _PanelT:
    """Head a column, or call a series, as the words for columns do."""
    return named(panel, column, words(f"column.{column}"))


def said(words: Words, group: str, values: Iterable[str]) -> dict[str, str]:
    """What the values of a column are called."""
    return {value: words(f"{group}.{value}") for value in values}


def with_source_names(panel: _PanelT, words: Words) -> _PanelT:
    """Name and colour series that are called after a kind of source."""
    for kind in get_args(SourceKind):
        named(panel, kind, words.page(f"source.{kind}"), _SOURCE_COLOURS.get(kind, GREY))
    return panel


def as_interval(panel: timeseries.Panel, low: str, high: str, colour: str) -> timeseries.Panel:
    """Draw two series as the limits of a band."""
    shared = [
        property_of("color", fixed(colour).build()),
        property_of("custom.lineWidth", 0),
        property_of("custom.hideFrom", {"legend": True, "tooltip": False, "viz": False}),
    ]
    panel.override_by_name(low, shared)
    fill = [property_of("custom.fillBelowTo", low), property_of("custom.fillOpacity", 20)]
    return panel.override_by_name(high, [*shared, *fill])


def shaded(panel: timeseries.Panel, ref_id: str, colour: str) -> timeseries.Panel:
    """Give all series of a query shades of one colour."""
    mode = dashboard.FieldColor().mode(dashboard_models.FieldColorModeId.SHADES)
    return panel.override_by_query(ref_id, [property_of("color", mode.fixed_color(colour).build())])


def as_points(panel: timeseries.Panel) -> timeseries.Panel:
    """Draw values as points that nothing joins."""
    return (
        panel.draw_style(common_models.GraphDrawStyle.POINTS)
        .show_points(common_models.VisibilityMode.ALWAYS)
        .point_size(6)
    )


def thresholds(*steps: tuple[float | None, str]) -> dashboard.ThresholdsConfig:
    """Colours from given values on; None is the lowest."""
    absolute = dashboard.ThresholdsConfig().mode(dashboard_models.ThresholdsMode.ABSOLUTE)
    return absolute.steps([dashboard_models.Threshold(value, colour) for value, colour in steps])


def by_thresholds() -> dashboard.FieldColor:
    """Take the colour from the thresholds."""
    return dashboard.FieldColor().mode(dashboard_models.FieldColorModeId.THRESHOLDS)


def threshold_lines(panel: timeseries.Panel) -> timeseries.Panel:
    """Draw the thresholds as dashed lines."""
    style = common.GraphThresholdsStyleConfig()
    return panel.thresholds_style(style.mode(common_models.GraphThresholdsStyleMode.DASHED))


def fixed(colour: str) -> dashboard.FieldColor:
    """One colour for all."""
    return dashboard.FieldColor().mode(dashboard_models.FieldColorModeId.FIXED).fixed_color(colour)


def property_of(name: str, value: object) -> dashboard_models.DynamicConfigValue:
    """One setting of an override."""
    return dashboard_models.DynamicConfigValue(id_val=name, value=value)
