"""What follows from what was found at a commissioning: errors of speeds, and open points.

The same on the node, on the server and where evidence is checked; pure functions.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from statistics import fmean, stdev
from typing import Final

from msgspec import Struct

from sensor.contract.commissioning import (
    LEAST_DRIVES,
    MOST_CHANNEL_DIFFERENCE_DB,
    MOST_CLOCK_OFFSET_S,
    MOST_DISTANCE_DIFFERENCE_M,
    MOST_DRIVE_ERROR_PERCENT,
    MOST_RADAR_ANGLE_DEG,
    STEPS,
    WEAK_QUALITY_PERCENT,
    WEAK_SIGNAL_DBM,
    CalibratorFindings,
    ClockFindings,
    Drive,
    Findings,
    KnownBy,
    LevelFindings,
    NetworkFindings,
    OpenPoint,
    PlaceFindings,
    Step,
    TwiceMeasured,
)

GPS_U95_KMH: Final = 1.0
"""A GPS receiver at even speed, as its makers tell."""

# Student's t, two-sided 95 %, for 1 to 30 degrees of freedom; beyond, the normal's.
_T_95: Final = (
    12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228, 2.201, 2.179, 2.160,
    2.145, 2.131, 2.120, 2.110, 2.101, 2.093, 2.086, 2.080, 2.074, 2.069, 2.064, 2.060, 2.056,
    2.052, 2.048, 2.045, 2.042,
)  # fmt: skip

_NOT_DONE: Final[dict[Step, OpenPoint]] = {
    "levels": "levels_not_done",
    "order": "order_not_done",
    "calibrator": "calibrator_not_done",
    "drives": "drives_not_done",
    "radar": "radar_not_done",
    "network": "network_not_done",
    "clock": "clock_not_done",
    "delivery": "delivery_not_done",
    "place": "place_not_done",
}


class Interval(Struct, frozen=True):
    """A value with its 95 % interval; None: not enough to tell one."""

    value: float
    low: float | None
    high: float | None


def known_interval_kmh(known_kmh: float, known_by: KnownBy) -> tuple[float, float]:
    """Return between which speeds a vehicle was driven whose driver read `known_kmh`.

    A speedometer never shows less than the speed, and at most a tenth of it and 4 km/h more
    (UN Regulation No. 39, 5.3).
    """
    if known_by == "speedometer":
        return max(0.0, (known_kmh - 4.0) / 1.1), known_kmh
    return known_kmh - GPS_U95_KMH, known_kmh + GPS_U95_KMH


def drive_error_percent(drive: Drive) -> float | None:
    """By how much the node's speed is off the middle of the known one; None: it told none."""
    speed_kmh = drive.passed.combined.speed_kmh
    if speed_kmh is None:
        return None
    middle_kmh = fmean(known_interval_kmh(drive.known_kmh, drive.known_by))
    return 100.0 * (speed_kmh / middle_kmh - 1.0)


def drive_agrees(drive: Drive) -> bool | None:
    """Whether the node's interval and the known one have a speed in common; None: it told none."""
    measured = drive.passed.combined
    if measured.low_kmh is None or measured.high_kmh is None:
        return None
    low_kmh, high_kmh = known_interval_kmh(drive.known_kmh, drive.known_by)
    return measured.low_kmh <= high_kmh and low_kmh <= measured.high_kmh


def mean_error_percent(drives: Sequence[Drive]) -> Interval | None:
    """Mean error over drives with its 95 % interval (Student's t); None: no speed at all."""
    errors = [e for e in map(drive_error_percent, drives) if e is not None]
    return mean_interval(errors) if errors else None


def mean_interval(values: Sequence[float]) -> Interval:
    """Mean of at least one value, and its 95 % interval where there are two or more."""
    mean = fmean(values)
    if len(values) < 2:
        return Interval(mean, None, None)
    t = _T_95[len(values) - 2] if len(values) <= len(_T_95) + 1 else 1.960
    half = t * stdev(values) / len(values) ** 0.5
    return Interval(mean, mean - half, mean + half)


def step_of(point: OpenPoint) -> Step:
    """Which step an open point is about."""
    begin = point.partition("_")[0]
    return next((step for step in STEPS if step == begin), "place")


def open_points(findings: Findings) -> tuple[OpenPoint, ...]:
    """What was not done or did not hold, sorted by name."""
    missing = (
        _NOT_DONE[step] for step in STEPS if findings.applies(step) and not findings.is_done(step)
    )
    return tuple(sorted({*missing, *_faults(findings)}))


def _faults(findings: Findings) -> Iterator[OpenPoint]:
    if findings.levels is not None:
        yield from _level_faults(findings.levels)
    if findings.order is not None and not findings.order.right:
        yield "order_wrong"
    if findings.calibrator is not None:
        yield from _calibrator_faults(findings.calibrator)
    if findings.drives:
        yield from _drive_faults(findings.drives)
    if findings.radar is not None and findings.radar.angle_deg > MOST_RADAR_ANGLE_DEG:
        yield "radar_angle"
    yield from _connection_faults(findings)
    if findings.place is not None:
        yield from _place_faults(findings.place, findings)


def _calibrator_faults(check: CalibratorFindings) -> Iterator[OpenPoint]:
    if check.result == "invalid":
        yield "calibrator_invalid"
    if not check.repeated:
        yield "calibrator_unrepeated"


def _connection_faults(findings: Findings) -> Iterator[OpenPoint]:
    if findings.network is not None:
        if not findings.network.broker_reached:
            yield "network_away"
        if _is_weak(findings.network):
            yield "network_weak"
    if findings.clock is not None and _is_unsure(findings.clock):
        yield "clock_unsure"
    if findings.delivery is not None and findings.delivery.seconds is None:
        yield "delivery_open"


def _level_faults(levels: LevelFindings) -> Iterator[OpenPoint]:
    if any(channel.state != "ok" for channel in levels.channels):
        yield "levels_unlike_sound"
    if any(channel.overload for channel in levels.channels):
        yield "levels_overload"
    difference = levels.difference_db
    if difference is not None and abs(difference) > MOST_CHANNEL_DIFFERENCE_DB:
        yield "levels_unequal"


def _drive_faults(drives: Sequence[Drive]) -> Iterator[OpenPoint]:
    if len(drives) < LEAST_DRIVES:
        yield "drives_few"
    if not {1, -1} <= {drive.direction for drive in drives}:
        yield "drives_one_way"
    told = [d for d in drives if d.direction is not None]
    if any(drive.passed.combined.direction != drive.direction for drive in told):
        yield "drives_direction"
    error = mean_error_percent(drives)
    if error is None or abs(error.value) > MOST_DRIVE_ERROR_PERCENT:
        yield "drives_off"


def _is_weak(network: NetworkFindings) -> bool:
    if network.signal_dbm is not None:
        return network.signal_dbm < WEAK_SIGNAL_DBM
    return network.quality_percent is not None and network.quality_percent < WEAK_QUALITY_PERCENT


def _is_unsure(clock: ClockFindings) -> bool:
    # All that is uncertain, where the time service tells it.
    off_s = abs(clock.offset_s or 0.0) if clock.error_s is None else clock.error_s
    return clock.synchronised is not True or off_s > MOST_CLOCK_OFFSET_S


def _place_faults(place: PlaceFindings, findings: Findings) -> Iterator[OpenPoint]:
    if place.position is None:
        yield "position_not_told"
    lanes = [lane for lane in (place.distance_m, place.distance_back_m) if lane is not None]
    if any(abs(first - second) > MOST_DISTANCE_DIFFERENCE_M for first, second in lanes):
        yield "distance_unsure"
    configured = findings.equipment.mounting
    if configured is None:
        return
    pairs = (
        (place.distance_m, configured.distance_m),
        (place.distance_back_m, configured.distance_back_m),
    )
    if any(_differ(twice, told) for twice, told in pairs):
        yield "distance_unlike_configured"


def _differ(twice: TwiceMeasured | None, told: float | None) -> bool:
    if twice is None or told is None:
        return False
    return abs(fmean(twice) - told) > MOST_DISTANCE_DIFFERENCE_M
