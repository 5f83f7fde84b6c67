"""Checks with a sound calibrator, as they stand around a period."""

from __future__ import annotations

from collections.abc import Sequence

from collector.evidence.excerpt import Calibration
from collector.evidence.figures.readings import Readings
from collector.evidence.figures.report import CalibrationFigures, CalibrationState
from collector.evidence.request import Request
from sensor.contract.messages import CalibrationCheck


def calibration(check: CalibrationCheck) -> Calibration:
    """A check as registry and report quote it."""
    return Calibration(
        seq=check.seq,
        time=check.time,
        calibrator_level_db=check.calibrator_level_db,
        calibrator_serial=check.calibrator_serial,
        calibrator_certificate=check.calibrator_certificate,
        measured_db=check.measured_db,
        deviation_db=check.deviation_db,
        standard_deviation_db=check.standard_deviation_db,
        frequency_hz=check.frequency_hz,
        sensitivity=check.sensitivity,
        result=check.result,
        simulated="simulated" in check.flags,
    )


def calibration_figures(
    readings: Readings, request: Request, *, simulated: bool
) -> CalibrationFigures:
    """Return the last check before the period, those within it, and the first after it."""
    ordered = sorted(readings.checks, key=lambda one: (one.time, one.seq))
    checks = [calibration(one) for one in ordered]
    # A simulated check says nothing of what was measured.
    checks = [one for one in checks if simulated or not one.simulated]
    before = [one for one in checks if one.time <= request.start]
    within = [one for one in checks if request.start < one.time < request.end]
    after = [one for one in checks if one.time >= request.end]
    drifts = [abs(one.deviation_db) for one in (*within, *after[:1]) if one.result != "initial"]
    return CalibrationFigures(
        node=readings.node.id,
        before=before[-1] if before else None,
        within=tuple(within),
        after=after[0] if after else None,
        largest_drift_db=max(drifts, default=None),
        state=_state(before, within, after),
    )


def _state(
    before: Sequence[Calibration], within: Sequence[Calibration], after: Sequence[Calibration]
) -> CalibrationState:
    if any(one.result == "invalid" for one in (*within, *after[:1])):
        return "invalid"
    if not before and not within:
        return "unchecked"
    return "between_checks" if after else "checked_before"
