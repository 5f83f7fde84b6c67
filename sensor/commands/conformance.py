"""``skolro sensor conformance``: the meter against its standards."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from math import isinf
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from sensor.acoustics.checks import CheckTable
from sensor.acoustics.conformance import NOT_TESTED, conformance_tables
from sensor.acoustics.conformance_report import write_report

WIDTH = 100


def conformance(
    sample_rate: Annotated[
        int, typer.Option(help="Sample rate at which the meter is tested, 16000 to 192000.")
    ] = 48_000,
    pdf: Annotated[Path | None, typer.Option(help="Write the document to this PDF too.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object a table.")] = False,
) -> None:
    """Measure the meter against IEC 61672-1:2013 and IEC 61260-1:2014, class 1.

    Ends with status 1 if a value lies outside its limits.
    """
    console = Console(width=WIDTH)
    tables = []
    for table in conformance_tables(sample_rate):
        tables.append(table)
        if as_json:
            typer.echo(json.dumps(_as_dict(table)))
        else:
            console.print(_shown(table))
    if not as_json:
        console.print("Not tested, and not claimed:", style="bold")
        for item in NOT_TESTED:
            console.print(f"- {item}")
    if pdf is not None:
        write_report(tables, sample_rate, datetime.now(UTC), pdf)
    if not all(table.passed for table in tables):
        raise typer.Exit(1)


def _shown(table: CheckTable) -> Table:
    shown = Table(title=f"{table.title}\n{table.clause}, {table.unit}", header_style="bold")
    shown.caption = f"{table.note} Confidence in the limits: {table.confidence}.".strip()
    shown.add_column("")
    for heading in ("measured", "goal", "deviation", "lower", "upper", "margin", ""):
        shown.add_column(heading, justify="right")
    for check in table.checks:
        shown.add_row(
            check.what,
            f"{check.measured:.2f}",
            f"{check.goal:.2f}",
            f"{check.deviation:+.3f}",
            f"{check.lower:+.1f}",
            f"{check.upper:+.1f}",
            f"{check.margin:.2f}",
            "ok" if check.passed else "OUTSIDE",
        )
    return shown


def _as_dict(table: CheckTable) -> dict[str, object]:
    return {
        "clause": table.clause,
        "title": table.title,
        "unit": table.unit,
        "confidence": table.confidence,
        "passed": table.passed,
        "checks": [
            {
                "what": check.what,
                "measured": round(check.measured, 4),
                "goal": round(check.goal, 4),
                "deviation": round(check.deviation, 4),
                "lower": None if isinf(check.lower) else check.lower,
                "upper": None if isinf(check.upper) else check.upper,
                "margin": None if isinf(check.margin) else round(check.margin, 4),
                "passed": check.passed,
            }
            for check in table.checks
        ],
    }
