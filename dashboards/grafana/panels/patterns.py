"""*Joyriding patterns*: when it happens, whether it grows, which episodes, and by what."""

from __future__ import annotations

from typing import Final, get_args

from collector.outputs.derived import EPISODE, HOUR_OF_WEEK, SITE_WEEK, SOURCE_WEEK
from collector.outputs.measurements import EVENT
from dashboards.grafana.influxql import (
    AS_THEY_STAND,
    LOCAL_HOUR,
    ORIGIN,
    PERIOD,
    SITES,
    SOURCES,
    WEEKS,
    InfluxQuery,
    quoted,
    rows,
    select,
    table_of,
)
from dashboards.grafana.links import to_hour, to_stretch
from dashboards.grafana.look import (
    BLUE,
    COUNT,
    DECIBEL,
    GREY,
    HOURS,
    KMH,
    SECONDS,
    Column,
    bar_panel,
    bars_over_time,
    fixed,
    hidden,
    linked,
    named,
    property_of,
    said,
    say,
    table_panel,
    titled,
    with_source_names,
)
from dashboards.grafana.sdk import (
    bargauge,
    common_models,
    dashboard,
    dashboard_models,
    table,
    timeseries,
)
from dashboards.grafana.words import Words
from sensor.contract.messages import SourceKind, Trigger
from sensor.contract.quantities import SpeedRefusal

WEEKDAYS: Final = range(1, 8)
_MOST_ROWS: Final = 500


def week_heat_map(words: Words) -> table.Panel:
    """Expected episodes by weekday and hour; each cell leads to the events behind it."""
    panel = titled(table.Panel().show_header(True), words, "week_heat_map")
    panel.unit(COUNT).decimals(2).min(0)
    panel.color_scheme(
        dashboard.FieldColor().mode(dashboard_models.FieldColorModeId.CONTINUOUS_BLUES)
    )
    background = {"type": "color-background", "mode": "basic"}
    for day in WEEKDAYS:
        link = {
            "title": words("link.events"),
            "url": to_hour(words, day, "${__data.fields.hour}"),
            "targetBlank": False,
        }
        panel.override_by_name(
            str(day),
            [
                property_of("displayName", words(f"weekday.{day}")),
                property_of("custom.cellOptions", background),
                property_of("links", [link]),
            ],
        )
    named(panel, "hour", words("column.hour"))
    panel.with_target(rows(heat_map_query()))
    return hidden(panel, "Time").align(common_models.FieldTextAlignment.CENTER)


def heat_map_query() -> str:
    """One row an hour, one column a weekday: sums over the chosen sites, which expectations may.

    Each weekday is a source of its own, so that no panel has to turn rows into columns.
    """
    days = (
        select(
            f'"rate" AS "day{day}"', HOUR_OF_WEEK, SITES, ORIGIN, WEEKS, f"\"weekday\" = '{day}'"
        )
        for day in WEEKDAYS
    )
    columns = ", ".join(f'sum("day{day}") AS "{day}"' for day in WEEKDAYS)
    return select(columns, ", ".join(f"({day})" for day in days), group_by='"hour"')


def top_hours(words: Words) -> table.Panel:
    """The hours with the highest rates, with how sure they are."""
    panel = table_panel(
        words,
        "top_hours",
        (
            Column("site"),
            Column("weekday"),
            Column("hour"),
            Column("top", COUNT, "rate", 2),
            Column("rate_low", COUNT, "low", 2),
            Column("rate_high", COUNT, "high", 2),
            Column("count", COUNT, "episodes"),
            Column("measured_h", HOURS, "measured"),
        ),
    )
    columns = 'top("rate", "site", "weekday", "hour", 20), ' + quoted(
        "rate_low", "rate_high", "count", "measured_h"
    )
    panel.with_target(rows(select(columns, HOUR_OF_WEEK, SITES, ORIGIN, WEEKS)))
    say(panel, "weekday", said(words, "weekday", map(str, WEEKDAYS)))
    return hidden(panel, "Time")


def episodes_by_week(words: Words) -> timeseries.Panel:
    """Episodes week by week, all chosen sites together."""
    query = select(
        'sum("episodes")', SITE_WEEK, SITES, ORIGIN, PERIOD, group_by=AS_THEY_STAND, fill="none"
    )
    panel = bars_over_time(words, "episodes_by_week", COUNT).interval("7d")
    panel.with_target(InfluxQuery(query, alias=words("column.episodes")))
    return panel.color_scheme(fixed(BLUE))


def passes_by_week(words: Words) -> timeseries.Panel:
    """Passes week by week: of vehicles for sure, and of what may have been one."""
    columns = 'sum("passes") AS "passes", sum("unconfirmed") AS "unconfirmed"'
    query = select(columns, SITE_WEEK, SITES, ORIGIN, PERIOD, group_by=AS_THEY_STAND, fill="none")
    panel = bars_over_time(words, "passes_by_week", COUNT).interval("7d")
    panel.with_target(InfluxQuery(query, alias="$col"))
    named(panel, "passes", words("column.passes"), BLUE)
    return named(panel, "unconfirmed", words("column.unconfirmed"), GREY)


def source_mix(words: Words) -> bargauge.Panel:
    """What made the noise."""
    query = select('count("lafmax_db")', EVENT, SITES, SOURCES, ORIGIN, PERIOD, group_by='"source"')
    panel = bar_panel(words, "source_mix", COUNT)
    panel.with_target(InfluxQuery(query, alias="$tag_source"))
    panel.orientation(common_models.VizOrientation.HORIZONTAL)
    return with_source_names(panel, words)


def sources_by_week(words: Words) -> timeseries.Panel:
    """The same week by week."""
    query = select(
        'sum("events")', SOURCE_WEEK, SITES, SOURCES, ORIGIN, PERIOD,
        group_by=f'{AS_THEY_STAND}, "source"', fill="none",
    )  # fmt: skip
    panel = bars_over_time(words, "sources_by_week", COUNT).interval("7d")
    panel.with_target(InfluxQuery(query, alias="$tag_source"))
    return with_source_names(panel, words)


def episode_table(words: Words) -> table.Panel:
    """The episodes themselves, with their reasons in numbers."""
    panel = table_panel(
        words,
        "episode_table",
        (
            Column("Time", text="begins"),
            Column("site"),
            Column("duration_s", SECONDS, "length"),
            Column("passes", COUNT),
            Column("unconfirmed", COUNT),
            Column("lafmax_db", DECIBEL, "lafmax", 1),
            Column("speed_kmh", KMH, "highest_speed", 0),
            Column("visits", COUNT),
            Column("within_minutes", "m"),
            Column("turns", COUNT),
            Column("vehicles", COUNT),
            Column("revving_s", SECONDS, "revving"),
            Column("neighbours"),
        ),
    )
    columns = quoted(
        "site", "duration_s", "passes", "unconfirmed", "lafmax_db", "speed_kmh", "visits",
        "within_minutes", "turns", "vehicles", "revving_s", "neighbours", "start_ms", "end_ms",
    )  # fmt: skip
    latest = f"ORDER BY time DESC LIMIT {_MOST_ROWS}"
    panel.with_target(rows(select(columns, EPISODE, SITES, ORIGIN, PERIOD, rest=latest)))
    fields = "${__data.fields.site}", "${__data.fields.start_ms}", "${__data.fields.end_ms}"
    linked(panel, "Time", words("link.episode"), to_stretch(words, *fields))
    return hidden(panel, "start_ms", "end_ms")


def hour_events(words: Words) -> table.Panel:
    """The events of the chosen hour of the week: what stands behind a cell of the heat map."""
    return events(words, "hour_events")


def events(words: Words, name: str, *conditions: str) -> table.Panel:
    """Events that all variables and further `conditions` choose, latest first."""
    panel = table_panel(
        words,
        name,
        (
            Column("Time", text="begins"),
            Column("site"),
            Column("node"),
            Column("source"),
            Column("lafmax_db", DECIBEL, "lafmax", 1),
            Column("emergence_db", DECIBEL, "emergence", 1),
            Column("duration_s", SECONDS, "length"),
            Column("speed_kmh", KMH, "speed", 0),
            Column("speed_low_kmh", KMH, "speed_low", 0),
            Column("speed_high_kmh", KMH, "speed_high", 0),
            Column("speed_refused"),
            Column("trigger"),
            Column("flags"),
            Column("id"),
        ),
    )
    columns = quoted(
        "site", "node", "source", "lafmax_db", "emergence_db", "duration_s", "speed_kmh",
        "speed_low_kmh", "speed_high_kmh", "speed_refused", "trigger", "flags", "id",
    )  # fmt: skip
    latest = f"ORDER BY time DESC LIMIT {_MOST_ROWS}"
    chosen = (SITES, SOURCES, ORIGIN, LOCAL_HOUR, *conditions, PERIOD)
    panel.with_target(rows(select(columns, table_of(EVENT), *chosen, rest=latest)))
    for column, values, group in (
        ("source", get_args(SourceKind), "source"),
        ("speed_refused", get_args(SpeedRefusal), "refused"),
        ("trigger", get_args(Trigger), "trigger"),
    ):
        say(panel, column, {value: words.page(f"{group}.{value}") for value in values})
    return panel
