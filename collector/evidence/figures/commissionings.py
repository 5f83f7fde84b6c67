"""Records of how nodes were commissioned, beside what the registry says of the same places."""

from __future__ import annotations

from collections.abc import Iterator
from statistics import fmean
from typing import Final

from collector.evidence import excerpt
from collector.evidence.figures.readings import Readings
from collector.evidence.figures.report import (
    CommissioningFigures,
    Difference,
    DriveFigures,
    Interval,
)
from collector.evidence.request import Request
from sensor.contract.commissioning import STEPS, Drive, Findings, PlaceFindings, TwiceMeasured
from sensor.contract.conclusions import mean_error_percent
from sensor.contract.messages import Commissioning

_APART: Final = {
    "mic_height_m": 0.05,
    "distance_m": 0.05,
    "distance_back_m": 0.05,
    "spacing_m": 0.005,
    "facade_m": 0.25,
    "bearing_deg": 5.0,
}
"""Values that differ by more are told; less is rounding and a tape that sags."""


_ROUNDING: Final = 1e-6


def commissioning_figures(
    readings: Readings, request: Request, *, simulated: bool
) -> tuple[CommissioningFigures, ...]:
    """Return the records of one node up to the period's end, in order of number.

    A simulated record says nothing of what was measured.
    """
    return tuple(
        _figures(one, readings)
        for one in readings.commissionings
        if one.time < request.end and (simulated or "simulated" not in one.flags)
    )


def _figures(record: Commissioning, readings: Readings) -> CommissioningFigures:
    findings = record.findings
    place = findings.place
    there = [one for one in readings.node.placements if one.site == readings.site]
    at_time = [one for one in there if one.holds_at(record.time)]
    measured = excerpt.Mounting() if place is None else _measured(place)
    # What is registered of the place then, else what holds now.
    registered = (at_time or there)[-1:]
    return CommissioningFigures(
        node=record.node,
        seq=record.seq,
        begun_at=record.begun_at,
        signed_at=record.time,
        technician=record.technician,
        organisation=record.organisation,
        here=bool(at_time),
        checked=tuple(step for step in STEPS if findings.is_done(step)),
        left_out=findings.left_out,
        open_points=record.open_points,
        drives=_drives(findings.drives),
        radar_angle_deg=None if findings.radar is None else findings.radar.angle_deg,
        position=None if place is None else place.position,
        measured=measured,
        differences=tuple(
            difference
            for one in registered
            for difference in _differences(one.mounting, measured, findings)
        ),
        remarks=record.remarks,
    )


def _drives(drives: tuple[Drive, ...]) -> DriveFigures | None:
    if not drives:
        return None
    found = mean_error_percent(drives)
    if found is None:
        return DriveFigures(count=len(drives), error_percent=None)
    low, high = (None if end is None else round(end, 2) for end in (found.low, found.high))
    error = Interval(value=round(found.value, 2), low=low, high=high)
    return DriveFigures(count=len(drives), error_percent=error)


def _measured(place: PlaceFindings) -> excerpt.Mounting:
    return excerpt.Mounting(
        mic_height_m=place.mic_height_m,
        distance_m=_mean(place.distance_m),
        distance_back_m=_mean(place.distance_back_m),
        spacing_m=place.spacing_m,
        facade_m=place.facade_m,
        bearing_deg=place.bearing_deg,
    )


def _mean(twice: TwiceMeasured | None) -> float | None:
    return None if twice is None else round(fmean(twice), 3)


def _differences(
    registry: excerpt.Mounting, measured: excerpt.Mounting, findings: Findings
) -> Iterator[Difference]:
    configured = findings.equipment.mounting
    for field, apart in _APART.items():
        three = (
            getattr(registry, field),
            getattr(measured, field),
            getattr(configured, field, None),
        )
        known = [value for value in three if value is not None]
        if len(known) > 1 and _spread(field, known) > apart + _ROUNDING:
            yield Difference(field=field, registry=three[0], record=three[1], node=three[2])


def _spread(field: str, values: list[float]) -> float:
    spread = max(values) - min(values)
    # Round the compass.
    return min(spread, 360.0 - spread) if field == "bearing_deg" else spread
