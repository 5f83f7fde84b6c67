"""Queries of panels, in InfluxQL: the one language that every InfluxDB and Grafana share."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

from collector.outputs.line_protocol import Measurement
from collector.outputs.measurements import policy_of
from dashboards.grafana.sdk import Builder, Dataquery, common_models

DATASOURCE_UID: Final = "skolro-influxdb"
DATASOURCE: Final = common_models.DataSourceRef(type_val="influxdb", uid=DATASOURCE_UID)
TIME_ZONE: Final = "Europe/Stockholm"

# What the dashboard's variables choose, as conditions; the rest of the syntax is Grafana's.
SITES: Final = '"site" =~ /^${site:regex}$/'
NODES: Final = '"node" =~ /^${node:regex}$/'
SOURCES: Final = '"source" =~ /^${source:regex}$/'
ORIGIN: Final = "\"origin\" = '${origin:raw}'"
WEEKS: Final = "\"weeks\" = '${weeks:raw}'"
LOCAL_HOUR: Final = '"weekday" =~ /^${weekday:regex}$/ AND "hour" =~ /^${hour:regex}$/'
PERIOD: Final = "$timeFilter"
JUST_NOW: Final = "time > now() - 10m"
"""Of what the collector writes each minute; older means that it no longer does."""

BY_DAY: Final = "time(1d)"

AS_THEY_STAND: Final = "time(1h)"
"""For figures of days and weeks, which stand at local midnights: it adds up those of several sites
and moves none. InfluxDB's own weeks begin an hour too early or late once clocks have changed."""

BY_TIME: Final = "time($__interval)"


@dataclass(frozen=True)
class InfluxQuery(Dataquery, Builder["InfluxQuery"]):
    """A query as Grafana's InfluxDB data source keeps it; the SDK has no builder for it.

    Attributes
    ----------
    alias : str
        Name of each series; ``$tag_node`` and the like stand for a tag's value.
    """

    query: str
    ref_id: str = "A"
    alias: str = ""
    result_format: Literal["time_series", "table"] = "time_series"

    def build(self) -> InfluxQuery:
        """Return the query, which is complete as it is."""
        return self

    def to_json(self) -> dict[str, object]:
        """Return what stands in the dashboard's JSON."""
        return {
            "refId": self.ref_id,
            "datasource": DATASOURCE,
            "rawQuery": True,
            "query": self.query,
            "alias": self.alias,
            "resultFormat": self.result_format,
        }


@dataclass(frozen=True)
class AnnotationTarget(Dataquery, Builder["AnnotationTarget"]):
    """A query for annotations: which of its columns says what, and which when each ends."""

    query: str
    text_column: str
    tags_column: str
    end_column: str

    def build(self) -> AnnotationTarget:
        """Return the query, which is complete as it is."""
        return self

    def to_json(self) -> dict[str, object]:
        """Return what stands in the dashboard's JSON."""
        return {
            "refId": "Anno",
            "datasource": DATASOURCE,
            "rawQuery": True,
            "fromAnnotations": True,
            "query": self.query,
            "textColumn": self.text_column,
            "tagsColumn": self.tags_column,
            "timeEndColumn": self.end_column,
        }


def rows(query: str, ref_id: str = "A") -> InfluxQuery:
    """A query whose answer is a table."""
    return InfluxQuery(query, ref_id, result_format="table")


def table_of(measurement: Measurement) -> str:
    """Return `measurement` as it stands after FROM."""
    policy = policy_of(measurement)
    return f'"{measurement.name}"' if policy is None else f'"{policy}"."{measurement.name}"'


def quoted(*names: str) -> str:
    """Names as columns, or as tags to group by."""
    return ", ".join(f'"{name}"' for name in names)


def select(
    columns: str,
    source: Measurement | str,
    *conditions: str,
    group_by: str = "",
    fill: str = "",
    rest: str = "",
) -> str:
    """Return a query.

    Parameters
    ----------
    source : Measurement or str
        What stands after FROM.
    group_by : str
        Tags, and one of the times above where a course over time is wanted.
    fill : str
        What stands for periods without points.
    rest : str
        What comes last.
    """
    origin = source if isinstance(source, str) else table_of(source)
    parts = ["SELECT", columns, "FROM", origin]
    if conditions:
        parts += ["WHERE", " AND ".join(conditions)]
    if group_by:
        parts += ["GROUP BY", group_by]
    if fill:
        parts.append(f"fill({fill})")
    if rest:
        parts.append(rest)
    if "time(" in group_by:
        # Days begin at local midnight; the server knows of UTC only.
        parts.append(f"tz('{TIME_ZONE}')")
    return " ".join(parts)


def mean_level(measurement: Measurement, *conditions: str, group_by: str, fill: str = "") -> str:
    """Return a query of the energy-mean level, each period weighted by how much was measured."""
    inner = select('"energy" * "valid_s" AS "weighted", "valid_s" AS "weight"', measurement,
                   *conditions)  # fmt: skip
    level = '10 * log10(sum("weighted") / sum("weight")) AS "LAeq"'
    return select(level, f"({inner})", PERIOD, group_by=group_by, fill=fill)
