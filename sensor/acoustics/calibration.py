"""Calibration: the tone of a sound calibrator, and what follows from it.

A check never judges itself: what the meter read before is compared with what the calibrator
delivers (IEC 60942), and only a meter that has drifted is adjusted. One that reads within 0.5 dB
keeps its sensitivity, so that a slow drift adds up until it is seen.
"""

from __future__ import annotations

import math
import os
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Annotated, Final, Literal

import msgspec
from msgspec import Meta

from sensor.acoustics.tone import CalibrationError, CalibratorTone
from sensor.contract.messages import CalibrationCheck, draft

CALIBRATION_FILE: Final = "calibration.json"

CALIBRATOR_LEVELS_DB: Final = (94.0, 114.0)
# Without being told the level: how far off the meter may be to tell 94 from 114 dB.
LEVEL_GUESS_DB: Final = 9.0
# A meter that was calibrated before cannot be this far off, but the level may be a wrong one.
LARGEST_DEVIATION_DB: Final = 10.0
DRIFT_DB: Final = 0.5
INVALID_DB: Final = 1.0
REPEATED_DB: Final = 0.2
"""A second check right after another must agree with it within this."""

REPEATED_WITHIN: Final = timedelta(hours=1)

Result = Literal["initial", "ok", "drift", "invalid"]


class CalibrationRecord(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One check with a calibrator, as it is kept on the node.

    Attributes
    ----------
    deviation_db : float
        What the meter read minus the calibrator's level, before any adjustment.
    sensitivity : float
        Factor from the input's nominal to true pressure that holds from this check on.
    result : {"initial", "ok", "drift", "invalid"}
        First check; within 0.5 dB; beyond 0.5 dB; beyond 1 dB: what was measured since the check
        before is not valid.
    """

    time: datetime
    calibrator_level_db: float
    calibrator_serial: str
    calibrator_certificate: str
    measured_db: float
    deviation_db: float
    standard_deviation_db: float
    frequency_hz: float
    sensitivity: Annotated[float, Meta(gt=0, le=1e6)]
    result: Result


class CalibrationStore:
    """A node's checks, oldest first, in a JSON file; the newest sets the sensitivity.

    Parameters
    ----------
    path : Path
        The file; it need not be there yet.

    Raises
    ------
    CalibrationError
        If the file cannot be read, or holds something else.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.records: list[CalibrationRecord] = []
        try:
            if path.exists():
                self.records = msgspec.json.decode(path.read_bytes(), type=list[CalibrationRecord])
        except OSError as error:
            raise CalibrationError(f"cannot read {path}: {error.strerror}") from error
        except msgspec.DecodeError as error:
            raise CalibrationError(
                f"{path} is no list of calibrations ({error}): restore it from a backup"
            ) from error

    @property
    def newest(self) -> CalibrationRecord | None:
        """The last check, if there ever was one."""
        return self.records[-1] if self.records else None

    @property
    def sensitivity(self) -> float:
        """Factor from the input's nominal to true pressure; 1 before the first check."""
        return self.records[-1].sensitivity if self.records else 1.0

    def append(self, record: CalibrationRecord) -> None:
        """Add a check and write the file, whole or not at all.

        Raises
        ------
        CalibrationError
            If it cannot be written.
        """
        content = msgspec.json.format(msgspec.json.encode([*self.records, record]), indent=2)
        part = self.path.with_suffix(".part")
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            with part.open("wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            part.replace(self.path)
        except OSError as error:
            raise CalibrationError(
                f"cannot write {self.path}: {error.strerror}; free space or set data_dir"
            ) from error
        self.records.append(record)


@dataclass(frozen=True, slots=True)
class Calibrator:
    """The instrument whose tone is listened to; without a level, 94 or 114 dB is told by ear."""

    serial: str
    certificate: str
    level_db: float | None = None


def judge(
    tone: CalibratorTone,
    calibrator: Calibrator,
    newest: CalibrationRecord | None,
    now: datetime,
) -> CalibrationRecord:
    """What a calibrator's tone says about the meter.

    Parameters
    ----------
    tone : CalibratorTone
        As the meter reads it with the sensitivity of `newest`.
    calibrator : Calibrator
    newest : CalibrationRecord or None
        The check before this one.
    now : datetime
        Time of the check.

    Raises
    ------
    CalibrationError
        If the level cannot be that of the calibrator.
    """
    level_db = calibrator.level_db or _nearest_level_db(tone.level_db)
    deviation_db = tone.level_db - level_db
    if newest is not None and abs(deviation_db) > LARGEST_DEVIATION_DB:
        raise CalibrationError(
            f"the meter reads {tone.level_db:.1f} dB where the calibrator is said to give "
            f"{level_db:g} dB: check its level, the coupling and the microphone"
        )
    before = 1.0 if newest is None else newest.sensitivity
    result = _result(deviation_db, first=newest is None)
    adjusted = before if result == "ok" else before * 10 ** (-deviation_db / 20)
    return CalibrationRecord(
        time=now,
        calibrator_level_db=level_db,
        calibrator_serial=calibrator.serial,
        calibrator_certificate=calibrator.certificate,
        measured_db=tone.level_db,
        deviation_db=deviation_db,
        standard_deviation_db=tone.standard_deviation_db,
        frequency_hz=tone.frequency_hz,
        sensitivity=adjusted,
        result=result,
    )


def check_message(node: str, record: CalibrationRecord) -> CalibrationCheck:
    """Return a check as it travels."""
    return CalibrationCheck(
        **draft(node, record.time),
        calibrator_level_db=record.calibrator_level_db,
        calibrator_serial=record.calibrator_serial,
        calibrator_certificate=record.calibrator_certificate,
        measured_db=round(record.measured_db, 2),
        deviation_db=round(record.deviation_db, 2),
        standard_deviation_db=round(record.standard_deviation_db, 3),
        frequency_hz=round(record.frequency_hz, 2),
        sensitivity=record.sensitivity,
        result=record.result,
    )


def repeats(record: CalibrationRecord, before: CalibrationRecord | None) -> bool:
    """Whether a check confirms the one right before it."""
    if before is None or not timedelta(0) <= record.time - before.time <= REPEATED_WITHIN:
        return False
    return abs(record.deviation_db) <= REPEATED_DB


def _nearest_level_db(measured_db: float) -> float:
    nearest = min(CALIBRATOR_LEVELS_DB, key=lambda level: abs(level - measured_db))
    if abs(nearest - measured_db) > LEVEL_GUESS_DB:
        raise CalibrationError(
            f"the tone reads {measured_db:.1f} dB, which is near neither 94 nor 114 dB: "
            "say what the calibrator gives with --calibrator-level"
        )
    return nearest


def _result(deviation_db: float, *, first: bool) -> Result:
    if first:
        return "initial"
    # A hair of rounding is no drift.
    deviation = math.floor(abs(deviation_db) * 1000) / 1000
    if deviation > INVALID_DB:
        return "invalid"
    return "drift" if deviation > DRIFT_DB else "ok"
