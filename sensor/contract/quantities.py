"""Quantities as they travel: types with their limits, and what holds for every time."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Annotated, Literal, TypeAlias

from msgspec import Meta

Decibel: TypeAlias = Annotated[float, Meta(ge=-50, le=200)]
LevelDifference: TypeAlias = Annotated[float, Meta(ge=-250, le=250)]
Probability: TypeAlias = Annotated[float, Meta(ge=0, le=1)]
Count: TypeAlias = Annotated[int, Meta(ge=0, lt=2**53)]
Seconds: TypeAlias = Annotated[float, Meta(ge=0, le=1e10)]
SpeedKmh: TypeAlias = Annotated[float, Meta(ge=0, le=500)]
Metres: TypeAlias = Annotated[float, Meta(gt=0, le=500)]
ShortText: TypeAlias = Annotated[str, Meta(max_length=200)]

SpeedMethod: TypeAlias = Literal["stereo", "doppler", "radar", "fused"]

SpeedRefusal: TypeAlias = Literal[
    "not_configured",  # no distance, or no second microphone or radar
    "no_vehicle",  # nothing that sounds like traffic
    "too_quiet",
    "stationary",
    "tonal_machine",
    "two_vehicles",
    "no_harmonics",
    "disagreement",  # the methods contradict each other
    "too_short",
    "gap",
    "overload",
    "too_uncertain",
]

_NO_OFFSET = timedelta(0)


def require(holds: bool, text: str) -> None:
    """Return if it `holds`; raise :class:`ValueError` with the `text` if not."""
    # msgspec turns a ValueError of __post_init__ into its own ValidationError with the path.
    if not holds:
        raise ValueError(text)


def require_utc(value: datetime, name: str) -> None:
    """Return if `value` is a time that can travel; raise :class:`ValueError` if not."""
    require(value.utcoffset() == _NO_OFFSET, f"{name} must be UTC, written with a Z")
    # Beyond, time zones, databases and sums of times run out of numbers.
    require(1900 <= value.year < 2200, f"{name} must be of a year from 1900 to 2199")
