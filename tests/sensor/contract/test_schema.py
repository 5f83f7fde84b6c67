from __future__ import annotations

from pathlib import Path

import pytest

from sensor.contract import schema

COMMITTED = Path(__file__).parents[3] / "docs" / "contract.schema.json"


def test_the_committed_schema_is_that_of_the_structs() -> None:
    assert schema.main(["--check", str(COMMITTED)]) == 0


def test_drift_is_found(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    copy = tmp_path / "schema.json"
    copy.write_text(COMMITTED.read_text().replace("lafmax_db", "lafmax"))
    assert schema.main(["--check", str(copy)]) == 1
    assert "out of date" in capsys.readouterr().err
