"""What is left out of every number, and why."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Collection, Iterable, Sequence
from datetime import UTC, datetime
from itertools import pairwise
from typing import Final, Literal, TypeAlias

from sensor.contract.messages import CalibrationCheck

Reason: TypeAlias = Literal[
    "simulated",  # never happened, beside what did
    "elsewhere",  # the node hung at another place
    "superseded",  # another message tells of the same event later
    "microphone_fault",
    "commissioning",  # somebody was at work at the node
    "calibration_invalid",  # before a check that found the meter more than 1 dB off
    "overload",
    "clock_unsure",
    "clock_step",
    "wind_suspected",
    "rain_suspected",
]

_BY_FLAG: Final[tuple[Reason, ...]] = (
    "microphone_fault",
    "commissioning",
    "calibration_invalid",
    "overload",
    "clock_unsure",
    "clock_step",
    "wind_suspected",
    "rain_suspected",
)
"""The first that is there counts."""

_EVER: Final = datetime(1900, 1, 1, tzinfo=UTC)


def by_flags(flags: Collection[str]) -> Reason | None:
    """Why what carries these flags is left out; None: it is not."""
    return next((reason for reason in _BY_FLAG if reason in flags), None) if flags else None


class InvalidSpans:
    """The times between a check that held and the one after it that found more than 1 dB."""

    def __init__(self, checks: Iterable[CalibrationCheck]) -> None:
        ordered: Sequence[CalibrationCheck] = sorted(checks, key=lambda one: (one.time, one.seq))
        self._begin: list[datetime] = []
        self._end: list[datetime] = []
        for before, check in pairwise([None, *ordered]):
            if check is not None and check.result == "invalid":
                self._begin.append(_EVER if before is None else before.time)
                self._end.append(check.time)

    def __contains__(self, at: datetime) -> bool:
        index = bisect_right(self._begin, at) - 1
        return index >= 0 and at < self._end[index]

    def __bool__(self) -> bool:
        return bool(self._begin)
