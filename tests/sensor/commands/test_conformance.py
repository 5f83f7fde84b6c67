"""``skolro sensor conformance``: the document says what was measured."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from sensor.acoustics.checks import Check, CheckTable
from sensor.acoustics.conformance_report import report_source, write_report
from sensor.commands.conformance import conformance
from sensor.errors import MeterError

app = typer.Typer()
app.command()(conformance)


def test_all_tables_at_a_low_rate(tmp_path: Path) -> None:
    pdf = tmp_path / "conformance.pdf"
    words = ["--sample-rate", "16000", "--json", "--pdf", str(pdf)]
    result = CliRunner().invoke(app, words, catch_exceptions=False)
    assert result.exit_code == 0
    tables = [json.loads(line) for line in result.stdout.splitlines()]
    assert len(tables) == 17
    assert all(table["passed"] for table in tables)
    clauses = {table["clause"].split(":")[0] for table in tables}
    assert clauses == {"IEC 61672-1", "IEC 61260-1"}
    attenuation = next(table for table in tables if "attenuation" in table["title"])
    assert len(attenuation["checks"]) == 25
    assert pdf.read_bytes().startswith(b"%PDF")


def test_a_value_outside_its_limits_is_shown() -> None:
    good, bad = Check("here", 1.2, 1.0, -0.5, 0.5), Check("there #1", 2.0, 1.0, -0.5, 0.5)
    assert good.passed
    assert good.margin == pytest.approx(0.3)
    assert not bad.passed
    assert bad.margin == pytest.approx(-0.5)
    table = CheckTable("5.0", "A test", "dB", (good, bad), "none")
    source = report_source([table], 48_000, datetime(2026, 11, 22, tzinfo=UTC))
    assert "1 of 1 tables have values outside" in source
    assert "*−0.50*" in source
    assert r"there \#1" in source


def test_a_rate_that_carries_less_says_so() -> None:
    table = CheckTable("5.0", "A test", "dB", (Check("here", 0, 0, -1, 1),), "none")
    now = datetime(2026, 11, 22, tzinfo=UTC)
    assert "up to 7200 Hz only" in report_source([table], 16_000, now)
    assert "in full" in report_source([table], 48_000, now)


def test_a_rate_that_cannot_be_is_refused() -> None:
    with pytest.raises(MeterError, match="8000"):
        CliRunner().invoke(app, ["--sample-rate", "8000"], catch_exceptions=False)


def test_a_place_that_cannot_be_written_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    table = CheckTable("5.0", "A test", "dB", (Check("here", 0, 0, -1, 1),), "none")
    with pytest.raises(MeterError, match="cannot write"):
        write_report([table], 48_000, datetime.now(UTC), tmp_path / "file" / "x.pdf")
