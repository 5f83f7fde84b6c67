"""Tables as CSV for Excel with Swedish settings, each with a schema that says so to others.

UTF-8 with a byte order mark, semicolons, decimal commas, CR LF; an empty cell is a missing value.
The schema beside it follows Frictionless Data (Tabular Data Resource, Table Schema 1).
"""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final

import msgspec

from collector.evidence.figures.tables import Cell, Column, Table
from collector.evidence.language import Language

BOM: Final = "\N{ZERO WIDTH NO-BREAK SPACE}"
_SPECIAL: Final = frozenset(';"\r\n')


def csv_bytes(table: Table) -> bytes:
    """Return the table as CSV."""
    lines = [";".join(column.name for column in table.columns)]
    lines += (";".join(map(_cell, table.columns, row)) for row in table.rows)
    return (BOM + "\r\n".join(lines) + "\r\n").encode()


def _cell(column: Column, value: Cell) -> str:
    if value is None:
        return ""
    match column.kind:
        case "number":
            return f"{float(value) + 0.0:.{column.decimals}f}".replace(".", ",")  # type: ignore[arg-type]  # of its kind
        case "boolean":
            return "true" if value else "false"
        case "integer":
            return str(value)
        case "string":
            return _quoted(str(value))
        case _:
            return _time(column, value)


def _time(column: Column, value: Cell) -> str:
    if not isinstance(value, datetime):
        raise TypeError(f"{column.name} holds times, not {value!r}")
    if column.kind == "date":
        return f"{value:%Y-%m-%d}"
    if column.kind == "time":
        return f"{value:%H:%M:%S}"
    return value.isoformat(timespec="milliseconds")


def _quoted(text: str) -> str:
    if text[:1] in {"=", "+", "-", "@", "\t"}:
        # A spreadsheet would take it for a formula.
        text = f"'{text}"
    if _SPECIAL.isdisjoint(text):
        return text
    return '"' + text.replace('"', '""') + '"'


def schema_bytes(table: Table, language: Language) -> bytes:
    """Return what the columns of a table are, for programs and people."""
    fields = [_field(column, language) for column in table.columns]
    resource = {
        "profile": "tabular-data-resource",
        "name": table.name,
        "title": language.text(f"tables.{table.name}"),
        "path": f"{table.name}.csv",
        "mediatype": "text/csv",
        "encoding": "utf-8-sig",
        "dialect": {
            "delimiter": ";",
            "lineTerminator": "\r\n",
            "quoteChar": '"',
            "doubleQuote": True,
            "header": True,
        },
        "schema": {"fields": fields, "missingValues": [""]},
    }
    return msgspec.json.format(msgspec.json.encode(resource), indent=2) + b"\n"


def _field(column: Column, language: Language) -> dict[str, Any]:
    field: dict[str, Any] = {
        "name": column.name,
        "type": column.kind,
        "title": language.text(f"columns.{column.name}"),
    }
    if (unit := _unit(column.name)) is not None:
        field["unit"] = unit
    match column.kind:
        case "number":
            field |= {"decimalChar": ",", "groupChar": ""}
        case "boolean":
            field |= {"trueValues": ["true"], "falseValues": ["false"]}
        case "datetime":
            field["format"] = "%Y-%m-%dT%H:%M:%S.%f%z"
        case _:
            pass
    return field


def _unit(name: str) -> str | None:
    for suffix, unit in (("_db", "dB"), ("_kmh", "km/h"), ("_s", "s")):
        if name.endswith(suffix):
            return unit
    return None
