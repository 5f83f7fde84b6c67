"""One function a panel. Titles are Swedish / English; descriptions say it in both."""

from __future__ import annotations

from typing import Final, TypeAlias, get_args

from collector.outputs.measurements import (
    EVENT,
    NODE_HEALTH,
    SIMULATED,
    SOUND_LEVEL,
    SOUND_LEVEL_1H,
    SOUND_LEVEL_1M,
)
from dashboards.grafana.influxql import (
    CHOSEN,
    CHOSEN_EVENTS,
    InfluxQuery,
    aggregate,
    mean_level,
    select,
)
from dashboards.grafana.look import (
    GREY,
    ORANGE,
    bar_panel,
    by_thresholds,
    name_columns,
    say_origin,
    say_values,
    stat_panel,
    table_panel,
    thresholds,
    time_panel,
    with_source_names,
)
from dashboards.grafana.sdk import (
    bargauge,
    common,
    common_models,
    stat,
    table,
    timeseries,
)
from sensor.contract.messages import SourceKind, SpeedRefusal, Trigger

AnyPanel: TypeAlias = stat.Panel | timeseries.Panel | table.Panel | bargauge.Panel

DECIBEL: Final = "dB"
_SERIES: Final = '"node", "origin"'
_NAME: Final = "$tag_node ($tag_origin)"
_BY_TIME: Final = f"time($__interval), {_SERIES}"


def event_count() -> stat.Panel:
    """How many events there were."""
    panel = stat_panel(
        "Händelser / Events",
        "Antal händelser i perioden, med vald källa. / Events in the period, of the chosen source.",
    )
    query = aggregate('count("lafmax_db")', EVENT, _SERIES, where=CHOSEN_EVENTS)
    return panel.with_target(InfluxQuery(query, alias=_NAME)).unit("none").no_value("0")


def highest_level() -> stat.Panel:
    """The highest LAFmax of each node."""
    panel = stat_panel(
        "Högsta ljudnivå (LAFmax) / Highest level",
        "Högsta maximala ljudnivå, tidsvägning Fast. / Highest A-weighted level, Fast.",
    )
    query = aggregate('max("lafmax_db")', SOUND_LEVEL_1M, _SERIES)
    return panel.with_target(InfluxQuery(query, alias=_NAME)).unit(DECIBEL).decimals(1)


def mean_of_period() -> stat.Panel:
    """LAeq of each node over the whole period."""
    panel = stat_panel(
        "Ekvivalent ljudnivå (LAeq) / Equivalent level",
        "Energimedelvärde över den mätta tiden. / Energy mean over the time measured.",
    )
    query = mean_level(SOUND_LEVEL_1M, _SERIES)
    return panel.with_target(InfluxQuery(query, alias=_NAME)).unit(DECIBEL).decimals(1)


def measured_time() -> stat.Panel:
    """How long each node measured."""
    panel = stat_panel(
        "Mättid / Time measured",
        "Tid med giltig mätning. / Time with valid measurement.",
    )
    query = aggregate('sum("valid_s")', SOUND_LEVEL_1M, _SERIES)
    return panel.with_target(InfluxQuery(query, alias=_NAME)).unit("s").decimals(1)


def simulated_time() -> stat.Panel:
    """How much of what is shown never happened."""
    panel = stat_panel(
        "Simulerad tid / Simulated time",
        "Mer än noll: något av det som visas är simulerat, inte uppmätt. "
        "/ More than zero: some of what is shown is simulated, not measured.",
    )
    where = f"{CHOSEN} AND \"origin\" = '{SIMULATED}'"
    query = select('sum("valid_s")', SOUND_LEVEL_1M, where)
    steps = thresholds((None, GREY), (1, ORANGE))
    return (
        panel.with_target(InfluxQuery(query, alias="simulerad / simulated"))
        .unit("s")
        .no_value("0")
        .thresholds(steps)
        .color_scheme(by_thresholds())
        .color_mode(common_models.BigValueColorMode.BACKGROUND)
    )


def levels_by_minute() -> timeseries.Panel:
    """LAeq and LAFmax over time."""
    panel = time_panel(
        "Ljudnivå / Sound level",
        "Ekvivalent (LAeq) och maximal (LAFmax) ljudnivå ur minutvärden. "
        "/ Equivalent and maximum level from values by the minute.",
        DECIBEL,
    ).interval("1m")
    loudest = aggregate('max("lafmax_db")', SOUND_LEVEL_1M, _BY_TIME, fill="null")
    mean = mean_level(SOUND_LEVEL_1M, _BY_TIME, fill="null")
    return panel.with_target(InfluxQuery(mean, alias=f"LAeq {_NAME}")).with_target(
        InfluxQuery(loudest, "B", alias=f"LAFmax {_NAME}")
    )


def levels_by_second() -> timeseries.Panel:
    """The same, as fine as it is measured."""
    panel = time_panel(
        "Ljudnivå, sekundvärden / Sound level by the second",
        "Sekundvärden sparas i 30 dagar. Zooma in för att se dem. "
        "/ Values by the second are kept for 30 days. Zoom in to see them.",
        DECIBEL,
    ).interval("1s")
    mean = aggregate('10 * log10(mean("energy"))', SOUND_LEVEL, _BY_TIME, fill="null")
    loudest = aggregate('max("lafmax_db")', SOUND_LEVEL, _BY_TIME, fill="null")
    return panel.with_target(InfluxQuery(mean, alias=f"LAeq {_NAME}")).with_target(
        InfluxQuery(loudest, "B", alias=f"LAFmax {_NAME}")
    )


def levels_by_hour() -> timeseries.Panel:
    """LAeq hour by hour."""
    panel = time_panel(
        "Ekvivalent ljudnivå per timme / Equivalent level by the hour",
        "LAeq ur timvärden. / LAeq from values by the hour.",
        DECIBEL,
    ).interval("1h")
    query = mean_level(SOUND_LEVEL_1H, _BY_TIME, fill="null")
    return panel.with_target(InfluxQuery(query, alias=f"LAeq {_NAME}"))


def levels_by_hour_of_day() -> bargauge.Panel:
    """LAeq by the hour of the day."""
    panel = bar_panel(
        "Ljudnivå över dygnet / Level by hour of day",
        "LAeq per timme på dygnet, lokal tid. / LAeq by the hour of the day, local time.",
    )
    query = mean_level(SOUND_LEVEL_1H, '"hour"')
    return (
        panel.with_target(InfluxQuery(query, alias="$tag_hour"))
        .unit(DECIBEL)
        .decimals(1)
        .min(30)
        .orientation(common_models.VizOrientation.VERTICAL)
    )


def events_over_time() -> timeseries.Panel:
    """Events an hour or longer, by source."""
    panel = time_panel(
        "Händelser över tid / Events over time",
        "Antal händelser, uppdelat på källa. / Number of events by source.",
        "none",
    ).interval("1h")
    query = aggregate(
        'count("lafmax_db")', EVENT, 'time($__interval), "source"', where=CHOSEN_EVENTS, fill="0"
    )
    panel = (
        panel.with_target(InfluxQuery(query, alias="$tag_source"))
        .draw_style(common_models.GraphDrawStyle.BARS)
        .fill_opacity(70)
        .stacking(common.StackingConfig().mode(common_models.StackingMode.NORMAL).group("A"))
    )
    return with_source_names(panel)


def events_by_source() -> bargauge.Panel:
    """What made the noise."""
    panel = bar_panel(
        "Källor / Sources",
        "Antal händelser per källa. / Number of events by source.",
    )
    query = aggregate('count("lafmax_db")', EVENT, '"source"', where=CHOSEN_EVENTS)
    panel = (
        panel.with_target(InfluxQuery(query, alias="$tag_source"))
        .unit("none")
        .orientation(common_models.VizOrientation.HORIZONTAL)
    )
    return with_source_names(panel)


def speeds() -> timeseries.Panel:
    """Speed of each pass-by where it could be measured."""
    panel = time_panel(
        "Hastighet (indikativ) / Speed (indicative)",
        "Uppskattad hastighet för varje passage där den kunde mätas. "
        "/ Estimated speed of each pass-by where it could be measured.",
        "velocitykmh",
    )
    query = select('"speed_kmh"', EVENT, CHOSEN_EVENTS, f"GROUP BY {_SERIES}")
    return (
        panel.with_target(InfluxQuery(query, alias=_NAME))
        .draw_style(common_models.GraphDrawStyle.POINTS)
        .show_points(common_models.VisibilityMode.ALWAYS)
        .point_size(6)
        .min(0)
    )


def latest_events() -> table.Panel:
    """The events themselves."""
    panel = table_panel(
        "Senaste händelser / Latest events",
        "Högst 500 händelser, de senaste först. / At most 500 events, latest first.",
    )
    columns = (
        '"site", "node", "source", "lafmax_db", "emergence_db", "duration_s", "speed_kmh", '
        '"speed_low_kmh", "speed_high_kmh", "speed_refused", "trigger", "flags", "origin", "id"'
    )
    query = select(columns, EVENT, CHOSEN_EVENTS, "ORDER BY time DESC LIMIT 500")
    panel = panel.with_target(InfluxQuery(query, result_format="table"))
    name_columns(
        panel,
        {
            "Time": ("Tid / Time", None),
            "site": ("Mätplats / Site", None),
            "node": ("Mätnod / Node", None),
            "source": ("Källa / Source", None),
            "lafmax_db": ("LAFmax", DECIBEL),
            "emergence_db": ("Över bakgrund / Above background", DECIBEL),
            "duration_s": ("Längd / Length", "s"),
            "speed_kmh": ("Hastighet / Speed", "velocitykmh"),
            "speed_low_kmh": ("från / from", "velocitykmh"),
            "speed_high_kmh": ("till / to", "velocitykmh"),
            "speed_refused": ("Varför ingen hastighet / Why no speed", None),
            "trigger": ("Utlöst av / Triggered by", None),
            "flags": ("Anmärkningar / Flags", None),
            "origin": ("Ursprung / Origin", None),
            "id": ("Id", None),
        },
    )
    say_values(panel, "source", "source", get_args(SourceKind))
    say_values(panel, "speed_refused", "refused", get_args(SpeedRefusal))
    say_values(panel, "trigger", "trigger", get_args(Trigger))
    return say_origin(panel)


def nodes() -> table.Panel:
    """What each node last said of itself."""
    panel = table_panel(
        "Mätnoder / Nodes",
        "Senaste tillståndsrapport från varje nod i perioden. "
        "/ Latest report of each node in the period.",
    )
    columns = (
        'last("uptime_s") AS "uptime_s", "microphone", "outbox_depth", "disk_free_bytes", '
        '"cpu_temperature_c", "clock_offset_s", "calibration_age_s", "overflows", "version"'
    )
    query = aggregate(columns, NODE_HEALTH, '"site", "node", "origin"')
    panel = panel.with_target(InfluxQuery(query, result_format="table"))
    name_columns(
        panel,
        {
            "Time": ("Senast / Last report", None),
            "site": ("Mätplats / Site", None),
            "node": ("Mätnod / Node", None),
            "origin": ("Ursprung / Origin", None),
            "uptime_s": ("Drifttid / Uptime", "s"),
            "microphone": ("Mikrofon / Microphone", None),
            "outbox_depth": ("Kö i noden / Outbox", "none"),
            "disk_free_bytes": ("Ledig disk / Free disk", "bytes"),
            "cpu_temperature_c": ("Temperatur / Temperature", "celsius"),
            "clock_offset_s": ("Klockfel / Clock offset", "s"),
            "calibration_age_s": ("Sedan kalibrering / Since calibration", "s"),
            "overflows": ("Förlorade block / Overflows", "none"),
            "version": ("Version", None),
        },
    )
    return say_origin(panel)


def outbox_depth() -> timeseries.Panel:
    """Messages that wait in the nodes."""
    panel = time_panel(
        "Kö i noderna / Outbox of the nodes",
        "Meddelanden som väntar i noden på att servern ska ta emot dem. "
        "/ Messages that wait in the node for the server.",
        "none",
    ).interval("5m")
    query = aggregate('max("outbox_depth")', NODE_HEALTH, _BY_TIME, fill="null")
    return panel.with_target(InfluxQuery(query, alias=_NAME)).min(0)


def coverage() -> timeseries.Panel:
    """Part of the time that was measured."""
    panel = time_panel(
        "Täckning / Coverage",
        "Uppmätt tid per timme; luckor är avbrott. / Time measured each hour; gaps are outages.",
        "s",
    ).interval("1h")
    query = aggregate('sum("valid_s")', SOUND_LEVEL_1H, 'time(1h), "node", "origin"', fill="0")
    return panel.with_target(InfluxQuery(query, alias=_NAME)).min(0)
