"""*Overview*: where something is going on, whether today is unusual, and whether all measures."""

from __future__ import annotations

from typing import Final

from collector.outputs.derived import NODE_STATUS, PATROL_WINDOW, SITE_DAY, SITE_NOW
from collector.outputs.measurements import MEASURED, MEASURED_1H, SIMULATED
from dashboards.grafana.influxql import (
    AS_THEY_STAND,
    JUST_NOW,
    ORIGIN,
    PERIOD,
    SITES,
    InfluxQuery,
    quoted,
    rows,
    select,
)
from dashboards.grafana.links import to_site
from dashboards.grafana.look import (
    BLUE,
    COUNT,
    GREY,
    HOURS,
    MOMENT,
    ORANGE,
    SECONDS,
    SKY,
    VERMILION,
    Column,
    bars_over_time,
    by_thresholds,
    coloured,
    fixed,
    headed,
    hidden,
    linked,
    said,
    say,
    stat_panel,
    table_panel,
    thresholds,
    time_panel,
    titled,
)
from dashboards.grafana.sdk import (
    common,
    common_models,
    geomap,
    geomap_models,
    stat,
    table,
    timeseries,
)
from dashboards.grafana.words import Words

_VERDICTS: Final = {"more": VERMILION, "usual": SKY, "fewer": BLUE, "unmeasured": GREY}
_NOW: Final = quoted("site", "name", "verdict", "episodes", "expected", "usual_low", "usual_high",
                     "measured_s", "unmeasured_h", "nodes_online", "nodes", "as_of_ms")  # fmt: skip


def site_map(words: Words) -> geomap.Panel:
    """Where the sites are, each coloured by whether today is unusual there."""
    panel = titled(geomap.Panel(), words, "site_map").unit(COUNT)
    markers = (
        common.MapLayerOptions()
        .type("markers")
        .name(words("panel.site_map.layer"))
        .config({
            "showLegend": True,
            "style": {
                "color": {"field": "verdict", "fixed": GREY},
                "size": {"fixed": 12, "min": 8, "max": 20},
                "opacity": 0.9,
                "symbol": {"mode": "fixed", "fixed": "img/icons/marker/circle.svg"},
                "text": {"field": "name", "fixed": "", "mode": "field"},
                "textConfig": {"fontSize": 12, "offsetX": 0, "offsetY": 18,
                               "textAlign": "center", "textBaseline": "middle"},
            },
        })
        .location(
            common.FrameGeometrySource()
            .mode(common_models.FrameGeometrySourceMode.COORDS)
            .latitude("latitude")
            .longitude("longitude")
        )
        .tooltip(True)
    )  # fmt: skip
    panel.basemap(common.MapLayerOptions().type("default").name("basemap"))
    panel.layers([markers]).view(geomap.MapViewConfig().id("fit").all_layers(True).zoom(13))
    panel.tooltip(geomap.TooltipOptions().mode(geomap_models.TooltipMode.DETAILS))
    query = select(f'"latitude", "longitude", {_NOW}', SITE_NOW, SITES, ORIGIN)
    panel.with_target(rows(query))
    for column in ("name", "episodes", "expected", "verdict"):
        headed(panel, words, column)
    say(panel, "verdict", said(words, "verdict", _VERDICTS), _VERDICTS)
    return linked(panel, "name", words("link.site"), to_site(words, "${__data.fields.site}"))


def against_usual(words: Words) -> table.Panel:
    """Today beside what is usual in as much measured time."""
    panel = table_panel(
        words,
        "against_usual",
        (
            Column("name"),
            Column("verdict"),
            Column("episodes", COUNT),
            Column("expected", COUNT, decimals=1),
            Column("usual_low", COUNT),
            Column("usual_high", COUNT),
            Column("measured_s", SECONDS),
            Column("unmeasured_h", HOURS),
            Column("nodes_online", COUNT, "online"),
            Column("nodes", COUNT),
            Column("as_of_ms", MOMENT, "as_of"),
        ),
    )
    panel.with_target(rows(select(_NOW, SITE_NOW, SITES, ORIGIN)))
    say(panel, "verdict", said(words, "verdict", _VERDICTS), _VERDICTS)
    linked(panel, "name", words("link.site"), to_site(words, "${__data.fields.site}"))
    return hidden(panel, "Time", "site")


def nodes_online(words: Words) -> stat.Panel:
    """How many nodes are online, of how many that hang somewhere."""
    panel = stat_panel(words, "nodes_online", COUNT)
    columns = 'sum("nodes_online") AS "online", sum("nodes") AS "nodes"'
    panel.with_target(InfluxQuery(select(columns, SITE_NOW, SITES, ORIGIN), alias="$col"))
    return headed(headed(panel, words, "online"), words, "nodes")


def simulated_time(words: Words) -> stat.Panel:
    """How much of what can be shown never happened."""
    query = select('sum("valid_s")', MEASURED_1H, SITES, f"\"origin\" = '{SIMULATED}'", PERIOD)
    steps = thresholds((None, GREY), (1, ORANGE))
    return (
        stat_panel(words, "simulated_time", SECONDS)
        .with_target(InfluxQuery(query, alias=words("value.simulated")))
        .no_value("0")
        .thresholds(steps)
        .color_scheme(by_thresholds())
        .color_mode(common_models.BigValueColorMode.BACKGROUND)
    )


def episodes_by_day(words: Words) -> timeseries.Panel:
    """Episodes of all chosen sites together, day by day."""
    query = select(
        'sum("episodes")', SITE_DAY, SITES, ORIGIN, PERIOD, group_by=AS_THEY_STAND, fill="none"
    )
    return (
        bars_over_time(words, "episodes_by_day", COUNT)
        .interval("1d")
        .with_target(InfluxQuery(query, alias=words("column.episodes")))
        .color_scheme(fixed(BLUE))
    )


def measured_by_day(words: Words) -> timeseries.Panel:
    """How long each site was measured, day by day: without it no number means anything."""
    query = select(
        'sum("measured_s")', SITE_DAY, SITES, ORIGIN, PERIOD,
        group_by=f'{AS_THEY_STAND}, "site"', fill="none",
    )  # fmt: skip
    panel = time_panel(words, "measured_by_day", SECONDS).interval("1d")
    return panel.with_target(InfluxQuery(query, alias="$tag_site")).min(0).max(86_400)


def coming_windows(words: Words) -> table.Panel:
    """The plan of the coming week."""
    panel = table_panel(
        words,
        "coming_windows",
        (
            Column("Time", text="begins"),
            Column("end_ms", MOMENT, "ends"),
            Column("site"),
            Column("expected", COUNT, decimals=2),
            Column("expected_low", COUNT, decimals=2),
            Column("expected_high", COUNT, decimals=2),
            Column("seen", COUNT),
            Column("measured_h", HOURS, "least_measured"),
        ),
    )
    columns = quoted("end_ms", "site", "expected", "expected_low", "expected_high", "seen",
                     "measured_h")  # fmt: skip
    query = select(columns, PATROL_WINDOW, SITES, ORIGIN, "\"chosen\" = 'yes'")
    panel.with_target(rows(query))
    return linked(panel, "site", words("link.site"), to_site(words, "${__value.text}"))


def node_list(words: Words) -> table.Panel:
    """Whether each node is there and hears."""
    panel = table_panel(
        words,
        "node_list",
        (
            Column("site"),
            Column("node"),
            Column("online"),
            Column("silent_s", SECONDS, "silent"),
            Column("microphone"),
            Column("origin"),
        ),
    )
    columns = 'last("missing") AS "missing", "online", "silent_s", "microphone"'
    query = select(columns, NODE_STATUS, SITES, JUST_NOW, group_by=quoted("site", "node", "origin"))
    panel.with_target(rows(query))
    say(panel, "online", {"1": words("value.yes"), "0": words("value.no")},
        {"1": SKY, "0": VERMILION})  # fmt: skip
    say(panel, "origin", said(words, "origin", (MEASURED, SIMULATED)))
    coloured(panel, "silent_s", (None, SKY), (900, ORANGE), (3600, VERMILION))
    linked(panel, "site", words("link.site"), to_site(words, "${__value.text}"))
    return hidden(panel, "Time", "missing")
