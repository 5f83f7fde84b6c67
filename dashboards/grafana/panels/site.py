"""*Site*: levels beside guideline values, events, speeds and spectrum of one site."""

from __future__ import annotations

from typing import Final

from collector.outputs.derived import (
    GUIDELINE,
    GUIDELINE_COMPARISON,
    SITE_WEEK,
    SPECTRUM_1H,
    SPEED_FIGURES,
)
from collector.outputs.measurements import EVENT, SOUND_LEVEL, SOUND_LEVEL_1H, SOUND_LEVEL_1M
from dashboards.grafana.influxql import (
    AS_THEY_STAND,
    BY_DAY,
    BY_TIME,
    NODES,
    ORIGIN,
    PERIOD,
    SITES,
    SOURCES,
    WEEKS,
    InfluxQuery,
    mean_level,
    quoted,
    rows,
    select,
)
from dashboards.grafana.look import (
    BLUE,
    COUNT,
    DECIBEL,
    GREY,
    KMH,
    ORANGE,
    SECONDS,
    SHARE,
    SKY,
    VERMILION,
    Column,
    as_interval,
    as_points,
    bar_panel,
    hidden,
    named,
    said,
    say,
    shaded,
    stat_panel,
    table_panel,
    time_panel,
)
from dashboards.grafana.panels.patterns import events
from dashboards.grafana.sdk import (
    bargauge,
    common_models,
    dashboard_models,
    stat,
    table,
    timeseries,
)
from dashboards.grafana.words import Words

_CHOSEN: Final = (SITES, NODES, ORIGIN, PERIOD)
_QUANTITIES: Final = ("laeq_24h", "lden", "lafmax_5_an_hour")
_VERDICTS: Final = {"above": VERMILION, "not_above": SKY, "unknown": GREY}


def mean_of_period(words: Words) -> stat.Panel:
    """LAeq of each node over the whole period."""
    query = mean_level(SOUND_LEVEL_1H, *_CHOSEN, group_by='"node"')
    panel = stat_panel(words, "mean_of_period", DECIBEL).decimals(1)
    return panel.with_target(InfluxQuery(query, alias="$tag_node"))


def highest_level(words: Words) -> stat.Panel:
    """The highest LAFmax of each node."""
    query = select('max("lafmax_db")', SOUND_LEVEL_1H, *_CHOSEN, group_by='"node"')
    panel = stat_panel(words, "highest_level", DECIBEL).decimals(1)
    return panel.with_target(InfluxQuery(query, alias="$tag_node"))


def event_count(words: Words) -> stat.Panel:
    """How many events there were."""
    query = select('count("lafmax_db")', EVENT, *_CHOSEN, SOURCES, group_by='"node"')
    panel = stat_panel(words, "event_count", COUNT).no_value("0")
    return panel.with_target(InfluxQuery(query, alias="$tag_node"))


def measured_time(words: Words) -> stat.Panel:
    """How long each node measured."""
    query = select('sum("valid_s")', SOUND_LEVEL_1H, *_CHOSEN, group_by='"node"')
    panel = stat_panel(words, "measured_time", SECONDS).decimals(1)
    return panel.with_target(InfluxQuery(query, alias="$tag_node"))


def levels_by_minute(words: Words) -> timeseries.Panel:
    """LAeq, LAFmax and the background over time."""
    panel = time_panel(words, "levels_by_minute", DECIBEL).interval("1m").decimals(1)
    by_node = f'{BY_TIME}, "node"'
    mean = mean_level(SOUND_LEVEL_1M, *_CHOSEN, group_by=by_node, fill="null")
    loudest = select('max("lafmax_db")', SOUND_LEVEL_1M, *_CHOSEN, group_by=by_node, fill="null")
    quietest = select('min("laf90_db")', SOUND_LEVEL_1M, *_CHOSEN, group_by=by_node, fill="null")
    for ref_id, query, name, colour in (
        ("A", mean, "LAeq", BLUE), ("B", loudest, "LAFmax", ORANGE), ("C", quietest, "LAF90", GREY),
    ):  # fmt: skip
        panel.with_target(InfluxQuery(query, ref_id, alias=f"{name} $tag_node"))
        shaded(panel, ref_id, colour)
    return panel


def levels_by_second(words: Words) -> timeseries.Panel:
    """The same, as fine as it is measured."""
    panel = time_panel(words, "levels_by_second", DECIBEL).interval("1s").decimals(1)
    by_node = f'{BY_TIME}, "node"'
    mean = select('10 * log10(mean("energy")) AS "LAeq"', SOUND_LEVEL, *_CHOSEN,
                  group_by=by_node, fill="null")  # fmt: skip
    loudest = select('max("lafmax_db")', SOUND_LEVEL, *_CHOSEN, group_by=by_node, fill="null")
    panel.with_target(InfluxQuery(mean, alias="LAeq $tag_node"))
    panel.with_target(InfluxQuery(loudest, "B", alias="LAFmax $tag_node"))
    return shaded(shaded(panel, "A", BLUE), "B", ORANGE)


def levels_by_day(words: Words) -> timeseries.Panel:
    """LAeq of each day beside the guideline values for LAeq and Lden."""
    panel = time_panel(words, "levels_by_day", DECIBEL).interval("1d").decimals(1)
    mean = mean_level(SOUND_LEVEL_1H, *_CHOSEN, group_by=f'{BY_DAY}, "node"', fill="null")
    panel.with_target(InfluxQuery(mean, alias="LAeq $tag_node"))
    shaded(panel, "A", BLUE)
    return _with_guidelines(panel, words, "laeq_24h|lden")


def loudest_by_hour(words: Words) -> timeseries.Panel:
    """The highest LAFmax of each hour beside its guideline value."""
    panel = as_points(time_panel(words, "loudest_by_hour", DECIBEL)).interval("1h").decimals(1)
    loudest = select('max("lafmax_db")', SOUND_LEVEL_1H, *_CHOSEN,
                     group_by=f'{BY_TIME}, "node"', fill="none")  # fmt: skip
    panel.with_target(InfluxQuery(loudest, alias="LAFmax $tag_node"))
    shaded(panel, "A", ORANGE)
    return _with_guidelines(panel, words, "lafmax_5_an_hour")


def _with_guidelines(panel: timeseries.Panel, words: Words, quantities: str) -> timeseries.Panel:
    """Add guideline values as dashed lines; they stand there a point a day."""
    query = select(
        'mean("value_db")', GUIDELINE, SITES, f'"quantity" =~ /^({quantities})$/', PERIOD,
        group_by=f'{AS_THEY_STAND}, "quantity"', fill="none",
    )  # fmt: skip
    panel.with_target(InfluxQuery(query, "G", alias="$tag_quantity"))
    for quantity in quantities.split("|"):
        named(panel, quantity, words(f"quantity.{quantity}"), VERMILION)
    dashed = [
        dashboard_models.DynamicConfigValue("custom.lineStyle", {"fill": "dash", "dash": [10, 6]}),
        dashboard_models.DynamicConfigValue("custom.drawStyle", "line"),
        dashboard_models.DynamicConfigValue("custom.spanNulls", True),
    ]
    return panel.override_by_query("G", dashed)


def guideline_table(words: Words) -> table.Panel:
    """What was measured beside each guideline value, counted as it counts."""
    panel = table_panel(
        words,
        "guideline_table",
        (
            Column("node"),
            Column("quantity"),
            Column("value_db", DECIBEL, "guideline", 0),
            Column("found", COUNT, decimals=1),
            Column("allowed", COUNT, decimals=0),
            Column("verdict"),
            Column("exceedances", COUNT),
            Column("of", COUNT),
            Column("coverage", SHARE, decimals=0),
            Column("source", text="guideline_source"),
        ),
    )
    columns = quoted("node", "quantity", "value_db", "found", "allowed", "verdict", "exceedances",
                     "of", "coverage", "source")  # fmt: skip
    panel.with_target(rows(select(columns, GUIDELINE_COMPARISON, SITES, NODES, ORIGIN, WEEKS)))
    say(panel, "quantity", said(words, "quantity", _QUANTITIES))
    say(panel, "verdict", said(words, "guideline_verdict", _VERDICTS), _VERDICTS)
    return hidden(panel, "Time")


def levels_by_hour_of_day(words: Words) -> bargauge.Panel:
    """LAeq by the hour of the day."""
    query = mean_level(SOUND_LEVEL_1H, *_CHOSEN, group_by='"hour"')
    panel = bar_panel(words, "levels_by_hour_of_day", DECIBEL).decimals(1).min(30)
    panel.with_target(InfluxQuery(query, alias="$tag_hour"))
    return panel.orientation(common_models.VizOrientation.VERTICAL)


def spectrum(words: Words) -> bargauge.Panel:
    """The mean spectrum in third octaves."""
    query = mean_level(SPECTRUM_1H, *_CHOSEN, group_by='"band"')
    panel = bar_panel(words, "spectrum", DECIBEL).decimals(0).min(0)
    panel.with_target(InfluxQuery(query, alias="$tag_band"))
    # The zeros before a frequency are for sorting alone.
    plain = dashboard_models.DataTransformerConfig(
        id_val="renameByRegex", options={"regex": "^0*(.*)$", "renamePattern": "$1"}
    )
    return panel.with_transformation(plain).orientation(common_models.VizOrientation.VERTICAL)


def event_table(words: Words) -> table.Panel:
    """The events themselves."""
    return events(words, "event_table", NODES)


def speeds(words: Words) -> timeseries.Panel:
    """Speed of each pass-by where it could be measured."""
    query = select('"speed_kmh"', EVENT, SITES, NODES, SOURCES, ORIGIN, PERIOD,
                   group_by='"node"')  # fmt: skip
    panel = as_points(time_panel(words, "speeds", KMH)).min(0)
    panel.with_target(InfluxQuery(query, alias="$tag_node"))
    return shaded(panel, "A", BLUE)


def v85_by_week(words: Words) -> timeseries.Panel:
    """V85 week by week, with its interval, and V50."""
    panel = time_panel(words, "v85_by_week", KMH).interval("7d").decimals(0)
    columns = ", ".join(
        f'mean("{name}_kmh") AS "{name}"' for name in ("v85", "v85_low", "v85_high", "v50")
    )
    query = select(columns, SITE_WEEK, SITES, ORIGIN, PERIOD, group_by=AS_THEY_STAND, fill="none")
    panel.with_target(InfluxQuery(query, alias="$col"))
    named(panel, "v85", words("column.v85"), BLUE)
    named(panel, "v50", words("column.v50"), GREY)
    return as_interval(_limits_named(panel, words, "v85"), "v85_low", "v85_high", BLUE)


def speed_table(words: Words) -> table.Panel:
    """V85 and who was too fast, over the chosen weeks."""
    panel = table_panel(
        words,
        "speed_table",
        (
            Column("v85_kmh", KMH, "v85", 0),
            Column("v85_low_kmh", KMH, "low", 0),
            Column("v85_high_kmh", KMH, "high", 0),
            Column("v50_kmh", KMH, "v50", 0),
            Column("uncertainty_kmh", KMH, "uncertainty", 1),
            Column("passes", COUNT),
            Column("speeds", COUNT),
            Column("speeds_refused", COUNT),
            Column("over_limit", COUNT),
            Column("over_limit_of", COUNT, "of"),
            Column("over_limit_share", SHARE, decimals=0),
            Column("over_limit_low", SHARE, "low", 0),
            Column("over_limit_high", SHARE, "high", 0),
            Column("over_30_share", SHARE, decimals=0),
        ),
    )
    columns = quoted(
        "v85_kmh", "v85_low_kmh", "v85_high_kmh", "v50_kmh", "uncertainty_kmh", "passes", "speeds",
        "speeds_refused", "over_limit", "over_limit_of", "over_limit_share", "over_limit_low",
        "over_limit_high", "over_30_share",
    )  # fmt: skip
    panel.with_target(rows(select(columns, SPEED_FIGURES, SITES, ORIGIN, WEEKS)))
    return hidden(panel, "Time")


def week_rate(words: Words) -> timeseries.Panel:
    """Episodes a week of measuring, with its interval."""
    panel = time_panel(words, "week_rate", COUNT).interval("7d").decimals(1).min(0)
    columns = ", ".join(
        f'mean("episodes_a_week{end}") AS "rate{end}"' for end in ("", "_low", "_high")
    )
    query = select(columns, SITE_WEEK, SITES, ORIGIN, PERIOD, group_by=AS_THEY_STAND, fill="none")
    panel.with_target(InfluxQuery(query, alias="$col"))
    named(panel, "rate", words("column.episodes_a_week"), BLUE)
    return as_interval(_limits_named(panel, words, "rate"), "rate_low", "rate_high", BLUE)


def _limits_named(panel: timeseries.Panel, words: Words, name: str) -> timeseries.Panel:
    for end in ("low", "high"):
        named(panel, f"{name}_{end}", words(f"column.{end}"))
    return panel
