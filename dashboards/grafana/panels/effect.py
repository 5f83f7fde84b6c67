"""*Patrols and effect*: who was where, what followed, whether it moved, and where to go next."""

from __future__ import annotations

from typing import Final

from collector.outputs.derived import PATROL, PATROL_EFFECT, PATROL_WINDOW, SITE_WEEK
from dashboards.grafana.influxql import (
    AS_THEY_STAND,
    DATASOURCE,
    ORIGIN,
    PERIOD,
    SITES,
    AnnotationTarget,
    InfluxQuery,
    quoted,
    rows,
    select,
)
from dashboards.grafana.links import to_site
from dashboards.grafana.look import (
    COUNT,
    GREY,
    HOURS,
    MOMENT,
    PURPLE,
    SECONDS,
    SHARE,
    SKY,
    VERMILION,
    Column,
    hidden,
    linked,
    said,
    say,
    table_panel,
    time_panel,
)
from dashboards.grafana.sdk import dashboard, table, timeseries
from dashboards.grafana.words import Words

_SAYS: Final = {"fell": SKY, "rose": VERMILION, "unsure": GREY}
_COMPARED: Final = ("others", "itself", "town", "moved")


def patrols(words: Words) -> dashboard.AnnotationQuery:
    """Patrols as stretches on every panel over time."""
    query = select(quoted("note", "site", "end_ms"), PATROL, SITES, PERIOD)
    target = AnnotationTarget(query, text_column="note", tags_column="site", end_column="end_ms")
    made = dashboard.AnnotationQuery().name(words("annotation.patrols")).datasource(DATASOURCE)
    return made.enable(True).icon_color(PURPLE).target(target)


def rates_by_week(words: Words) -> timeseries.Panel:
    """Episodes a week of measuring at each site, patrols beside them."""
    query = select(
        'mean("episodes_a_week")', SITE_WEEK, SITES, ORIGIN, PERIOD,
        group_by=f'{AS_THEY_STAND}, "site"', fill="none",
    )  # fmt: skip
    panel = time_panel(words, "rates_by_week", COUNT).interval("7d").decimals(1).min(0)
    return panel.with_target(InfluxQuery(query, alias="$tag_site"))


def effect_table(words: Words) -> table.Panel:
    """After against before, with its interval, and what it rests on."""
    panel = table_panel(
        words,
        "effect_table",
        (
            Column("site"),
            Column("compared"),
            Column("ratio", COUNT, decimals=2),
            Column("ratio_low", COUNT, "low", 2),
            Column("ratio_high", COUNT, "high", 2),
            Column("says"),
            Column("count_before", COUNT),
            Column("measured_before_h", HOURS, "measured_before", 0),
            Column("count_after", COUNT),
            Column("measured_after_h", HOURS, "measured_after", 0),
            Column("before_weeks", COUNT),
            Column("after_weeks", COUNT),
            Column("power", SHARE, decimals=0),
            Column("relapse_weeks", COUNT),
        ),
    )
    columns = quoted(
        "site", "compared", "ratio", "ratio_low", "ratio_high", "says", "count_before",
        "measured_before_h", "count_after", "measured_after_h", "before_weeks", "after_weeks",
        "power", "relapse_weeks",
    )  # fmt: skip
    query = select(columns, PATROL_EFFECT, SITES, ORIGIN, "\"compared\" != 'moved'")
    return _said(panel.with_target(rows(query)), words)


def moved_table(words: Words) -> table.Panel:
    """Other sites where it rose meanwhile."""
    panel = table_panel(
        words,
        "moved_table",
        (
            Column("site"),
            Column("other"),
            Column("ratio", COUNT, decimals=2),
            Column("ratio_low", COUNT, "low", 2),
            Column("ratio_high", COUNT, "high", 2),
            Column("says"),
        ),
    )
    columns = quoted("site", "other", "ratio", "ratio_low", "ratio_high", "says")
    query = select(columns, PATROL_EFFECT, SITES, ORIGIN, "\"compared\" = 'moved'")
    return _said(panel.with_target(rows(query)), words)


def _said(panel: table.Panel, words: Words) -> table.Panel:
    say(panel, "compared", said(words, "compared", _COMPARED))
    say(panel, "says", said(words, "says", _SAYS), _SAYS)
    linked(panel, "site", words("link.site"), to_site(words, "${__value.text}"))
    return hidden(panel, "Time")


def patrol_list(words: Words) -> table.Panel:
    """The patrols that were logged."""
    panel = table_panel(
        words,
        "patrol_list",
        (
            Column("Time", text="begins"),
            Column("end_ms", MOMENT, "ends"),
            Column("duration_s", SECONDS, "length"),
            Column("site"),
            Column("note"),
            Column("id", text="number"),
        ),
    )
    columns = quoted("end_ms", "duration_s", "site", "note", "id")
    latest = "ORDER BY time DESC LIMIT 500"
    panel.with_target(rows(select(columns, PATROL, SITES, PERIOD, rest=latest)))
    return linked(panel, "site", words("link.site"), to_site(words, "${__value.text}"))


def window_table(words: Words) -> table.Panel:
    """The windows of the coming week, and those that come next to them."""
    panel = table_panel(
        words,
        "window_table",
        (
            Column("Time", text="begins"),
            Column("end_ms", MOMENT, "ends"),
            Column("site"),
            Column("chosen"),
            Column("rank", COUNT),
            Column("expected", COUNT, decimals=2),
            Column("expected_low", COUNT, "low", 2),
            Column("expected_high", COUNT, "high", 2),
            Column("seen", COUNT),
            Column("measured_h", HOURS, "least_measured"),
            Column("same_day_type"),
        ),
    )
    columns = quoted("end_ms", "site", "chosen", "rank", "expected", "expected_low",
                     "expected_high", "seen", "measured_h", "same_day_type")  # fmt: skip
    panel.with_target(rows(select(columns, PATROL_WINDOW, SITES, ORIGIN)))
    say(panel, "chosen", said(words, "value", ("yes", "no")), {"yes": SKY})
    say(panel, "same_day_type", {"1": words("value.yes"), "0": words("value.no")})
    return linked(panel, "site", words("link.site"), to_site(words, "${__value.text}"))
