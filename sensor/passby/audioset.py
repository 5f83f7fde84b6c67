"""Groups of AudioSet's classes, by their index in YAMNet's output.

AudioSet: Gemmeke et al., ICASSP 2017. What no group holds (silence, rooms, mechanisms) decides
nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import chain

from sensor.contract.messages import SourceKind


def _classes(*parts: int | range, without: tuple[int, ...] = ()) -> tuple[int, ...]:
    numbers = chain.from_iterable(p if isinstance(p, range) else (p,) for p in parts)
    return tuple(sorted(set(numbers) - set(without)))


def _to(first: int, last: int) -> range:
    return range(first, last + 1)


SUBTYPES: Mapping[SourceKind, tuple[int, ...]] = {
    "moped_motorcycle": _classes(320),
    "car": _classes(301, 308),
    "heavy_vehicle": _classes(310, 311, 315),
    "revving": _classes(306, 307, 309, 345, 347),
    "horn": _classes(_to(302, 304), 312),
    "siren": _classes(_to(316, 319), 390),
}
"""Traffic, told apart."""

VEHICLE = _classes(294, 300, 321, 337, 338, _to(342, 344), 346)
"""Traffic, not told apart: vehicles, engines and traffic noise in general."""

OTHERS: Mapping[SourceKind, tuple[int, ...]] = {
    "music": _classes(_to(24, 32), _to(132, 194), _to(203, 276)),
    "voices": _classes(_to(0, 23), _to(33, 45), 58, _to(61, 66)),
    "bell": _classes(_to(195, 202), 349, 350, _to(382, 385), 389, _to(391, 397)),
    "wind_rain": _classes(_to(277, 293)),
    "animal": _classes(_to(67, 131)),
    "tool": _classes(_to(339, 341), 363, 367, 371, 376, _to(412, 419)),
    "aircraft_train_boat": _classes(_to(295, 299), _to(322, 334)),
    "impulse": _classes(_to(420, 430), _to(460, 464)),
}
"""What is no traffic."""

CONFUSERS: tuple[SourceKind, ...] = ("tool", "aircraft_train_boat")
"""Machines that sound like engines because they have one."""
