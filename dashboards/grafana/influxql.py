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

CHOSEN: Final = (
    '"site" =~ /^${site:regex}$/ AND "node" =~ /^${node:regex}$/ AND $timeFilter'  # Grafana's
)
"""Condition for what the dashboard's variables and its period choose."""

CHOSEN_EVENTS: Final = f'{CHOSEN} AND "source" =~ /^${{source:regex}}$/'


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


def table_of(measurement: Measurement) -> str:
    """Return `measurement` as it stands after FROM."""
    policy = policy_of(measurement)
    return f'"{measurement.name}"' if policy is None else f'"{policy}"."{measurement.name}"'


def select(columns: str, measurement: Measurement, where: str = CHOSEN, *rest: str) -> str:
    """Return a query of `columns` of `measurement`; `rest` comes after the condition."""
    return " ".join(("SELECT", columns, "FROM", table_of(measurement), "WHERE", where, *rest))


def aggregate(
    expression: str,
    measurement: Measurement,
    group_by: str,
    *,
    where: str = CHOSEN,
    fill: str = "",
) -> str:
    """Return a query of an aggregate.

    `group_by` names tags, and ``time($__interval)`` where a course over time is wanted.
    """
    return select(expression, measurement, where, *_grouped(group_by, fill))


def mean_level(measurement: Measurement, group_by: str, *, fill: str = "") -> str:
    """Return a query of the energy-mean level, each period weighted by how much was measured."""
    columns = '"energy" * "valid_s" AS "weighted", "valid_s" AS "weight"'
    level = '10 * log10(sum("weighted") / sum("weight")) AS "LAeq"'
    inner = f"({select(columns, measurement)})"
    return " ".join(
        ("SELECT", level, "FROM", inner, "WHERE $timeFilter", *_grouped(group_by, fill))
    )


def _grouped(group_by: str, fill: str) -> tuple[str, ...]:
    grouped = f"GROUP BY {group_by}"
    if "time(" not in group_by:
        return (grouped,)
    # Days begin at local midnight; the server knows of UTC only.
    return (grouped, *([f"fill({fill})"] if fill else []), f"tz('{TIME_ZONE}')")
