"""What a level or a speed may be off by, from what is known of the place (GUM, JCGM 100:2008).

A budget is a list of independent standard uncertainties. Its combined uncertainty is the root of
the sum of their squares, and twice that is the expanded uncertainty (coverage factor 2, some 95 %).
docs/measurement-procedure.md explains where the numbers come from.

Every single speed carries an interval of its own, made from that very pass. The budget of speeds
tells what to expect at a place before anything has driven past.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from math import hypot, sqrt
from typing import Final, Literal

from collector.evidence.excerpt import Excerpt, Mounting

COVERAGE_FACTOR: Final = 2.0

FACADE_M: Final = 3.5
"""From a wall: nearer, what it reflects is heard twice (ISO 1996-2)."""

DISTANCE_M: Final = 0.4
"""Standard uncertainty of a distance to a lane, with the vehicle's place within it."""

SOURCE_HEIGHT_M: Final = 0.4
ROAD: Final = 0.3
"""How well it is known what part of the sound came by way of the road."""

TEMPERATURE_C: Final = 3.0
FIT: Final = 0.016
"""Of the estimate itself, relative: what was left on simulated passes whose distance was known."""

RADAR: Final = 0.0025
"""Standard uncertainty of a Doppler radar, relative (±0.5 % by third parties)."""

_MICROPHONE_DB: Final = 0.7
_METER_DB: Final = 0.3
_COUPLING_DB: Final = 0.4
_USUAL_DRIFT_DB: Final = 0.5
_OPEN_DB: Final = 0.5
_NEAR_FACADE_DB: Final = 1.0
_KELVIN: Final = 281.0
"""Some 8 °C; the speed of sound goes with the root of the temperature."""


@dataclass(frozen=True, slots=True)
class Contribution:
    """One standard uncertainty.

    Attributes
    ----------
    name : str
        What it is of; a key of the texts.
    standard : float
        In the unit of its budget.
    basis : str
        Where it comes from; a key of the texts.
    values : mapping
        What that text tells of this place.
    """

    name: str
    standard: float
    basis: str
    values: tuple[tuple[str, float], ...] = ()


@dataclass(frozen=True, slots=True)
class Budget:
    """Contributions in one unit."""

    unit: Literal["dB", "%"]
    contributions: tuple[Contribution, ...]

    @property
    def combined(self) -> float:
        """Combined standard uncertainty."""
        return sqrt(sum(one.standard**2 for one in self.contributions))

    @property
    def expanded(self) -> float:
        """Expanded uncertainty, about 95 %, to one decimal."""
        return round(COVERAGE_FACTOR * self.combined, 1)


def level_budget(registry: Excerpt) -> Budget:
    """Return the budget of levels at a site as it hung and was checked there."""
    drift_db = _largest_drift_db(registry)
    facade_m = _nearest_facade_m(registry)
    near = facade_m is not None and facade_m < FACADE_M
    # A drift is known to lie between none and what the next check found.
    calibrator_db = hypot(_COUPLING_DB, max(drift_db, _USUAL_DRIFT_DB) / sqrt(3))
    return Budget(
        "dB",
        (
            Contribution("microphone", _MICROPHONE_DB, "microphone"),
            Contribution(
                "calibrator",
                round(calibrator_db, 1),
                "drifted" if drift_db > _USUAL_DRIFT_DB else "calibrator",
                (("drift", drift_db),),
            ),
            Contribution("meter", _METER_DB, "meter"),
            Contribution(
                "place",
                _NEAR_FACADE_DB if near else _OPEN_DB,
                "near_facade" if near else "open_place" if facade_m else "unknown_place",
                (("facade", facade_m or 0.0),),
            ),
        ),
    )


def speed_budget(mounting: Mounting, direction: Literal[1, -1] = 1) -> Budget | None:
    """Return the budget of speeds by two microphones in per cent; None: no distance is known.

    They measure the angle that a vehicle sweeps in a second, so that a speed is off by what the
    distance is off by, relative to itself.
    """
    lane_m = mounting.distance_m
    if direction < 0:
        lane_m = mounting.distance_back_m or lane_m
    if lane_m is None:
        return None
    height_m = mounting.mic_height_m or 0.0
    slant2_m2 = lane_m**2 + height_m**2
    by_distance = DISTANCE_M * lane_m / slant2_m2
    by_road = ROAD * height_m * SOURCE_HEIGHT_M / slant2_m2
    by_temperature = 0.5 * TEMPERATURE_C / _KELVIN
    return Budget(
        "%",
        (
            Contribution(
                "distance", 100 * by_distance, "distance", (("u", DISTANCE_M), ("d", lane_m))
            ),
            Contribution("road", 100 * by_road, "road", (("h", height_m),)),
            Contribution("temperature", 100 * by_temperature, "temperature"),
            Contribution("fit", 100 * FIT, "fit"),
        ),
    )


def _largest_drift_db(registry: Excerpt) -> float:
    checks = (check for node in registry.nodes for check in node.calibrations)
    # A first check finds what the data sheet was off by, which is no drift; one that is invalid
    # takes what lies before it out of all results.
    drifts = (abs(one.deviation_db) for one in checks if one.result in {"ok", "drift"})
    return max(drifts, default=0.0)


def _nearest_facade_m(registry: Excerpt) -> float | None:
    known: Iterable[float | None] = (
        place.mounting.facade_m
        for node in registry.nodes
        for place in node.placements
        if place.site == registry.site.id
    )
    return min((metres for metres in known if metres is not None), default=None)
