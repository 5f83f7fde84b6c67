"""Every threshold of the event detector, with its limits; ``docs/detection.md`` explains each."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta, Struct

BUFFER_S = 30.0
"""Sound is kept in memory for at most this long, so no event may be longer."""


class DetectorConfig(Struct, frozen=True, forbid_unknown_fields=True):
    """Thresholds of :class:`~sensor.passby.detector.EventDetector`.

    The defaults suit a schoolyard with LAF90 of 45-50 dB and passes of 65-90 dB.
    """

    level_db: Annotated[float, Meta(ge=30, le=140)] = 70.0
    emergence_db: Annotated[float, Meta(ge=3, le=60)] = 15.0
    emergence_floor_db: Annotated[float, Meta(ge=20, le=140)] = 60.0
    radar_kmh: Annotated[float, Meta(ge=0, le=200)] = 10.0
    release_db: Annotated[float, Meta(ge=0, le=20)] = 3.0
    fall_db: Annotated[float, Meta(ge=6, le=60)] = 15.0
    hold_s: Annotated[float, Meta(ge=0.125, le=10)] = 1.0
    split_db: Annotated[float, Meta(ge=2, le=40)] = 5.0
    split_s: Annotated[float, Meta(ge=0.125, le=10)] = 1.0
    minimum_s: Annotated[float, Meta(ge=0, le=10)] = 0.5
    pre_roll_s: Annotated[float, Meta(ge=0, le=3)] = 0.5
    maximum_s: Annotated[float, Meta(ge=5, le=BUFFER_S - 2)] = 25.0
    maximum_per_hour: Annotated[int, Meta(ge=1, le=3600)] = 120
    background_s: Annotated[float, Meta(ge=60, le=7200)] = 600.0
    background_settle_s: Annotated[float, Meta(ge=1, le=600)] = 10.0
    wind_excess_db: Annotated[float, Meta(ge=0, le=60)] = 6.0
    wind_lc_la_db: Annotated[float, Meta(ge=0, le=60)] = 10.0
    rain_window_s: Annotated[int, Meta(ge=10, le=600)] = 30
    rain_floor_db: Annotated[float, Meta(ge=20, le=100)] = 45.0
    rain_steady_db: Annotated[float, Meta(ge=0.1, le=20)] = 3.0
    rain_tilt_db: Annotated[float, Meta(ge=-40, le=40)] = 2.0
    normalise_to_7m5: bool = False
