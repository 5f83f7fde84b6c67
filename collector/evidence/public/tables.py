"""The tables of the public form."""

from __future__ import annotations

from typing import Final

from collector.evidence import excerpt
from collector.evidence.figures.evaluation import Evaluated
from collector.evidence.figures.tables import Cell, Column, Table, tables
from collector.evidence.public.report import Report
from collector.evidence.public.suppression import Shown

_KEPT: Final = {
    # The highest level of a quarter-hour is a single event's.
    "levels": ("start", "end", "node", "laeq_db", "measured_s", "excluded_s"),
    "coverage": ("start", "node", "asked_s", "measured_s", "excluded_s", "missing_s"),
}
_COUNTS: Final = (
    Column("passes", "integer"),
    Column("passes_hidden", "boolean"),
    Column("episodes", "integer"),
    Column("episodes_hidden", "boolean"),
)
_HOURS: Final = (Column("hour", "integer"), Column("measured_s", "number", 3), *_COUNTS)
_DAYS: Final = (
    Column("day", "string"),
    Column("asked_s", "number", 3),
    Column("measured_s", "number", 3),
    Column("laeq_db", "number", 2),
    *_COUNTS,
)
_EXCLUDED: Final = (
    Column("node", "string"),
    Column("reason", "string"),
    Column("excluded_s", "number", 3),
)


def public_tables(
    report: Report, evaluated: Evaluated, registry: excerpt.Excerpt
) -> tuple[Table, ...]:
    """Return all tables of the public form."""
    full = {table.name: table for table in tables(evaluated, registry)}
    return (
        *(_only(full[name], columns) for name, columns in _KEPT.items()),
        Table(
            "excluded",
            _EXCLUDED,
            tuple((one.node, one.reason, one.excluded_s) for one in report.excluded),
        ),
        Table(
            "hours",
            _HOURS,
            tuple(
                (one.hour, one.measured_s, *_cells(one.passes), *_cells(one.episodes))
                for one in report.by_hour
            ),
        ),
        Table(
            "days",
            _DAYS,
            tuple(
                (
                    one.date,
                    one.asked_s,
                    one.measured_s,
                    one.laeq_db,
                    *_cells(one.passes),
                    *_cells(one.episodes),
                )
                for one in report.by_day
            ),
        ),
    )


def _cells(one: Shown) -> tuple[Cell, Cell]:
    return one.count, one.hidden


def _only(table: Table, names: tuple[str, ...]) -> Table:
    kept = [[column.name for column in table.columns].index(name) for name in names]
    return Table(
        table.name,
        tuple(table.columns[index] for index in kept),
        tuple(tuple(row[index] for index in kept) for row in table.rows),
    )
