"""What a check with a calibrator leads to, and that it is kept."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from sensor.acoustics.calibration import CalibrationRecord, CalibrationStore, Calibrator, judge
from sensor.acoustics.tone import CalibrationError, CalibratorTone

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
CALIBRATOR = Calibrator("12345", "C-2026-7", 94.0)


def _record(measured_db: float, newest: CalibrationRecord | None = None) -> CalibrationRecord:
    return judge(CalibratorTone(measured_db, 0.01, 1000.0), CALIBRATOR, newest, NOW)


def test_the_first_check_sets_the_sensitivity() -> None:
    record = _record(74.0)
    assert record.result == "initial"
    assert record.deviation_db == pytest.approx(-20)
    assert record.sensitivity == pytest.approx(10)


@pytest.mark.parametrize(
    ("deviation_db", "result"),
    [
        (0.0, "ok"), (0.49, "ok"), (-0.5, "ok"), (0.51, "drift"), (-0.9, "drift"), (1.0, "drift"),
        (1.02, "invalid"), (-3.0, "invalid"),
    ],
)  # fmt: skip
def test_a_later_check_judges_the_drift(deviation_db: float, result: str) -> None:
    first = _record(90.0)
    later = _record(94.0 + deviation_db, first)
    assert later.result == result
    if result == "ok":
        assert later.sensitivity == first.sensitivity
    else:
        correction = first.sensitivity * 10 ** (-deviation_db / 20)
        assert later.sensitivity == pytest.approx(correction)


def test_a_slow_drift_adds_up_until_it_is_seen() -> None:
    record, meter_db = _record(94.0), 94.0
    results = []
    for _ in range(4):
        meter_db += 0.2
        record = _record(meter_db, record)
        results.append(record.result)
    assert results == ["ok", "ok", "drift", "drift"]


@pytest.mark.parametrize(("measured_db", "level_db"), [(92.0, 94.0), (114.4, 114.0), (103.0, 94.0)])
def test_the_level_is_told_by_ear(measured_db: float, level_db: float) -> None:
    unknown = Calibrator("1", "2")
    record = judge(CalibratorTone(measured_db, 0.01, 1000.0), unknown, None, NOW)
    assert record.calibrator_level_db == level_db


def test_a_level_that_cannot_be_is_refused() -> None:
    with pytest.raises(CalibrationError, match="neither 94 nor 114"):
        judge(CalibratorTone(60.0, 0.01, 1000.0), Calibrator("1", "2"), None, NOW)
    with pytest.raises(CalibrationError, match=r"114\.0 dB"):
        judge(CalibratorTone(114.0, 0.01, 1000.0), CALIBRATOR, _record(94.0), NOW)


def test_checks_are_kept(tmp_path: Path) -> None:
    path = tmp_path / "data" / "calibration.json"
    store = CalibrationStore(path)
    assert store.sensitivity == 1.0
    assert store.newest is None
    first = _record(74.0)
    store.append(first)
    store.append(_record(94.7, first))
    again = CalibrationStore(path)
    assert again.records == store.records
    assert again.newest is not None
    assert again.newest.result == "drift"
    assert again.sensitivity == pytest.approx(10 * 10 ** (-0.7 / 20))


@pytest.mark.parametrize("content", ["", "{}", '[{"sensitivity": 0}]', "[1]", "not JSON"])
def test_a_damaged_store_is_said(tmp_path: Path, content: str) -> None:
    path = tmp_path / "calibration.json"
    path.write_text(content)
    with pytest.raises(CalibrationError, match=r"calibration\.json"):
        CalibrationStore(path)


def test_a_store_that_cannot_be_written_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(CalibrationError, match="cannot write"):
        CalibrationStore(tmp_path / "file" / "calibration.json").append(_record(94.0))
