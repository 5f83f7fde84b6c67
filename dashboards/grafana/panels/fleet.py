"""*Fleet*: which nodes are there, hear, know the time, were calibrated, and deliver."""

from __future__ import annotations

from typing import Final

from collector.outputs.derived import NODE_STATUS
from collector.outputs.measurements import (
    MEASURED,
    MEASURED_1H,
    NODE_HEALTH,
    SIMULATED,
    UNPLACED,
)
from dashboards.grafana.influxql import (
    BY_TIME,
    JUST_NOW,
    NODES,
    PERIOD,
    InfluxQuery,
    quoted,
    rows,
    select,
)
from dashboards.grafana.look import (
    COUNT,
    DECIBEL,
    ORANGE,
    SECONDS,
    SHARE,
    SKY,
    VERMILION,
    Column,
    coloured,
    headed,
    hidden,
    said,
    say,
    stat_panel,
    table_panel,
    threshold_lines,
    thresholds,
    time_panel,
)
from dashboards.grafana.sdk import stat, table, timeseries
from dashboards.grafana.words import Words

_SITES: Final = f'("site" =~ /^${{site:regex}}$/ OR "site" = \'{UNPLACED}\')'
"""Nodes that hang nowhere known are somebody's, too."""

_CHOSEN: Final = (_SITES, NODES)
_BY_NODE: Final = f'{BY_TIME}, "node"'
_DAY_S: Final = 86_400


def state_counts(words: Words) -> stat.Panel:
    """How many nodes are online, how many of them hear, and how many there are."""
    panel = stat_panel(words, "state_counts", COUNT).no_value("0")
    last = ", ".join(
        f'last("{field}") AS "{name}"'
        for field, name in (("online", "on"), ("microphone_ok", "ok"), ("missing", "all"))
    )
    inner = select(last, NODE_STATUS, *_CHOSEN, JUST_NOW, group_by=quoted("site", "node", "origin"))
    columns = 'sum("on") AS "online", sum("ok") AS "microphone_ok", count("all") AS "nodes"'
    panel.with_target(InfluxQuery(select(columns, f"({inner})", JUST_NOW), alias="$col"))
    for name in ("online", "microphone_ok", "nodes"):
        headed(panel, words, name)
    return panel


def fleet_table(words: Words) -> table.Panel:
    """How each node does at this moment."""
    panel = table_panel(
        words,
        "fleet_table",
        (
            Column("site"),
            Column("node"),
            Column("online"),
            Column("silent_s", SECONDS, "silent"),
            Column("reported_s", SECONDS, "reported"),
            Column("microphone"),
            Column("outbox_depth", COUNT, "outbox"),
            Column("missing", COUNT),
            Column("chain_breaks", COUNT),
            Column("calibration_age_s", SECONDS, "calibration_age"),
            Column("clock_offset_s", SECONDS, "clock_offset", 3),
            Column("clock_synchronised"),
            Column("disk_free_bytes", "bytes", "disk_free"),
            Column("cpu_temperature_c", "celsius", "temperature", 0),
            Column("uptime_s", SECONDS, "uptime"),
            Column("version"),
            Column("origin"),
        ),
    )
    columns = 'last("missing") AS "missing", ' + quoted(
        "online", "silent_s", "reported_s", "microphone", "outbox_depth", "chain_breaks",
        "calibration_age_s", "clock_offset_s", "clock_synchronised", "disk_free_bytes",
        "cpu_temperature_c", "uptime_s", "version",
    )  # fmt: skip
    query = select(columns, NODE_STATUS, *_CHOSEN, JUST_NOW,
                   group_by=quoted("site", "node", "origin"))  # fmt: skip
    panel.with_target(rows(query))
    yes_no = {"1": words("value.yes"), "0": words("value.no")}
    say(panel, "online", yes_no, {"1": SKY, "0": VERMILION})
    say(panel, "clock_synchronised", yes_no, {"1": SKY, "0": ORANGE})
    say(panel, "origin", said(words, "origin", (MEASURED, SIMULATED)))
    coloured(panel, "silent_s", (None, SKY), (900, ORANGE), (3600, VERMILION))
    coloured(panel, "outbox_depth", (None, SKY), (100, ORANGE), (5000, VERMILION))
    coloured(panel, "calibration_age_s", (None, SKY), (335 * _DAY_S, ORANGE),
             (365 * _DAY_S, VERMILION))  # fmt: skip
    return hidden(panel, "Time")


def coverage(words: Words) -> timeseries.Panel:
    """How much of the time was validly measured, by the hour or longer."""
    query = select('sum("valid_s") * 1000 / $__interval_ms AS "share"', MEASURED_1H, *_CHOSEN,
                   PERIOD, group_by=_BY_NODE, fill="0")  # fmt: skip
    panel = time_panel(words, "coverage", SHARE).interval("1h").min(0).max(1)
    return panel.with_target(InfluxQuery(query, alias="$tag_node"))


def outbox_depth(words: Words) -> timeseries.Panel:
    """Messages that wait in the nodes."""
    query = select('max("outbox_depth")', NODE_HEALTH, *_CHOSEN, PERIOD,
                   group_by=_BY_NODE, fill="null")  # fmt: skip
    panel = time_panel(words, "outbox_depth", COUNT).interval("5m").min(0)
    return _with_limits(panel.with_target(InfluxQuery(query, alias="$tag_node")), 100, 5000)


def calibration_age(words: Words) -> timeseries.Panel:
    """How long ago each node was checked with a calibrator."""
    query = select('max("calibration_age_s")', NODE_HEALTH, *_CHOSEN, PERIOD,
                   group_by=_BY_NODE, fill="null")  # fmt: skip
    panel = time_panel(words, "calibration_age", SECONDS).interval("5m").min(0)
    panel.with_target(InfluxQuery(query, alias="$tag_node"))
    return _with_limits(panel, 335 * _DAY_S, 365 * _DAY_S)


def clock_offset(words: Words) -> timeseries.Panel:
    """How far each node's clock is off."""
    query = select('max("clock_offset_s")', NODE_HEALTH, *_CHOSEN, PERIOD,
                   group_by=_BY_NODE, fill="null")  # fmt: skip
    panel = time_panel(words, "clock_offset", SECONDS).interval("5m").decimals(3)
    return panel.with_target(InfluxQuery(query, alias="$tag_node"))


def temperature(words: Words) -> timeseries.Panel:
    """How warm the nodes' processors are."""
    query = select('max("cpu_temperature_c")', NODE_HEALTH, *_CHOSEN, PERIOD,
                   group_by=_BY_NODE, fill="null")  # fmt: skip
    panel = time_panel(words, "temperature", "celsius").interval("5m")
    return _with_limits(panel.with_target(InfluxQuery(query, alias="$tag_node")), 70, 80)


def microphone_lowest(words: Words) -> timeseries.Panel:
    """What each microphone is left with: its own noise, when it grows deaf or wet."""
    query = select('min("microphone_lowest_db")', NODE_HEALTH, *_CHOSEN, PERIOD,
                   group_by=_BY_NODE, fill="null")  # fmt: skip
    panel = time_panel(words, "microphone_lowest", DECIBEL).interval("5m").decimals(1)
    return panel.with_target(InfluxQuery(query, alias="$tag_node"))


def outbox_oldest(words: Words) -> timeseries.Panel:
    """For how long the oldest message has waited in each node."""
    query = select('max("outbox_oldest_s")', NODE_HEALTH, *_CHOSEN, PERIOD,
                   group_by=_BY_NODE, fill="null")  # fmt: skip
    panel = time_panel(words, "outbox_oldest", SECONDS).interval("5m").min(0)
    return _with_limits(panel.with_target(InfluxQuery(query, alias="$tag_node")), 3600, 21_600)


def card_written(words: Words) -> timeseries.Panel:
    """What was written to each node's card since it was started."""
    query = select('max("disk_written_bytes")', NODE_HEALTH, *_CHOSEN, PERIOD,
                   group_by=_BY_NODE, fill="null")  # fmt: skip
    panel = time_panel(words, "card_written", "decbytes").interval("5m").min(0)
    return panel.with_target(InfluxQuery(query, alias="$tag_node"))


def _with_limits(panel: timeseries.Panel, some: float, much: float) -> timeseries.Panel:
    panel.thresholds(thresholds((None, SKY), (some, ORANGE), (much, VERMILION)))
    return threshold_lines(panel)
