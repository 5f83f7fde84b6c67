"""The tables load in what people use, without a hand."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import duckdb
import pandas as pd
import pytest

from collector.evidence.export import Exported
from collector.evidence.figures.csv_files import csv_bytes
from collector.evidence.figures.tables import Column, Table
from collector.evidence.manifest import TABLES

_DUCKDB = {"string": "VARCHAR", "number": "DOUBLE", "integer": "BIGINT", "boolean": "BOOLEAN",
           "datetime": "TIMESTAMP WITH TIME ZONE", "date": "DATE", "time": "TIME"}  # fmt: skip


def schema(summary: Exported, name: str) -> dict[str, Any]:
    """What the schema beside a table says."""
    found: dict[str, Any] = json.loads((summary.folder / f"{name}.schema.json").read_text())
    return found


def rows(summary: Exported, name: str) -> int:
    """How many there are."""
    return len((summary.folder / f"{name}.csv").read_bytes().splitlines()) - 1


@pytest.mark.parametrize("name", TABLES)
def test_pandas_reads_it_by_its_schema(name: str, summary: Exported) -> None:
    told = schema(summary, name)
    fields = told["schema"]["fields"]
    frame = pd.read_csv(
        summary.folder / told["path"],
        sep=told["dialect"]["delimiter"],
        encoding=told["encoding"],
        decimal=next((f["decimalChar"] for f in fields if "decimalChar" in f), "."),
    )
    assert list(frame.columns) == [field["name"] for field in fields]
    assert len(frame) == rows(summary, name)
    for field in fields:
        column = frame[field["name"]]
        if field["type"] in {"number", "integer"} and column.notna().any():
            assert pd.api.types.is_numeric_dtype(column), field
        if field["type"] == "datetime":
            times = pd.to_datetime(column, format="ISO8601", utc=True)
            assert times.notna().all()


@pytest.mark.parametrize("name", TABLES)
def test_duckdb_reads_it_by_its_schema(name: str, summary: Exported) -> None:
    told = schema(summary, name)
    fields = told["schema"]["fields"]
    columns = {field["name"]: _DUCKDB[field["type"]] for field in fields}
    with duckdb.connect() as database:
        table = database.read_csv(
            str(summary.folder / told["path"]),
            delimiter=told["dialect"]["delimiter"],
            decimal=",",
            header=True,
            columns=columns,
        )
        found = table.fetchall()
        assert table.columns == [field["name"] for field in fields]
    assert len(found) == rows(summary, name)


def test_what_duckdb_sums_is_what_the_report_says(summary: Exported) -> None:
    report = json.loads((summary.folder / "report.json").read_text())
    with duckdb.connect() as database:
        path = str(summary.folder / "coverage.csv")
        table = database.read_csv(path, delimiter=";", decimal=",")
        found = table.aggregate("node, sum(measured_s)", "node").fetchall()
    assert dict(found) == {node["node"]: node["measured_s"] for node in report["coverage"]["nodes"]}


@pytest.mark.parametrize("name", ["events", "levels"])
def test_libreoffice_reads_it_with_swedish_settings(
    name: str, summary: Exported, tmp_path: Path
) -> None:
    program = shutil.which("soffice")
    if program is None and os.environ.get("SKOLRO_LIBREOFFICE") != "true":
        pytest.skip("LibreOffice is not installed: the tables are NOT tried in it")
    assert program is not None, "SKOLRO_LIBREOFFICE=true, but there is no soffice"
    # Separator ;, UTF-8, from line 1, Swedish, numbers recognised; out: comma, UTF-8, en-US.
    read = "CSV:59,34,76,1,,1053,false,true"
    write = "csv:Text - txt - csv (StarCalc):44,34,76,1,,1033,false,true"
    profile = f"-env:UserInstallation=file://{tmp_path / 'profile'}"
    subprocess.run(
        [program, profile, "--headless", f"--infilter={read}", "--convert-to", write,
         "--outdir", tmp_path / "out", summary.folder / f"{name}.csv"],
        check=True, capture_output=True, timeout=300,
    )  # fmt: skip
    read_back = pd.read_csv(tmp_path / "out" / f"{name}.csv")
    assert len(read_back) == rows(summary, name)
    assert pd.api.types.is_numeric_dtype(read_back["lafmax_db"])
    assert read_back["laeq_db"].dropna().between(20, 120).all()


def test_the_form_is_that_of_excel_with_swedish_settings(summary: Exported) -> None:
    raw = (summary.folder / "events.csv").read_bytes()
    assert raw.startswith(b"\xef\xbb\xbfstart;local_date;local_time;")
    assert raw.endswith(b"\r\n")
    assert raw.count(b"\n") == raw.count(b"\r\n")
    assert b";2026-11-10;15:00:00;ekskolan-1;" in raw
    assert b";83,0;" in raw


@pytest.mark.parametrize(
    ("text", "cell"),
    [
        ("=1+1", "'=1+1"),
        ("-x", "'-x"),
        ('a;"b"', '"a;""b"""'),
        ("a\nb", '"a\nb"'),
        ("åäö", "åäö"),
    ],
)
def test_a_text_is_never_a_formula_and_never_ends_its_cell(text: str, cell: str) -> None:
    table = Table("t", (Column("a", "string"),), ((text,),))
    assert csv_bytes(table).decode("utf-8-sig") == f"a\r\n{cell}\r\n"


def test_every_column_has_a_title_in_the_documents_language(summary: Exported) -> None:
    titles = {
        field["title"] for name in TABLES for field in schema(summary, name)["schema"]["fields"]
    }
    assert "Maximal ljudnivå (LAFmax)" in titles
    assert all(title and not title.startswith("columns.") for title in titles)
