"""The clock that nobody sets, beside the wall clock that somebody may set at any time."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Final

from msgspec import UNSET, UnsetType

from sensor.blocks import CLOCK_STEP_S
from sensor.contract.messages import Boot

NEVER_SET_BEFORE: Final = datetime(2025, 1, 1, tzinfo=UTC)
"""A wall clock that shows an earlier time has not been set since the node was started."""

_BOOT_ID: Final = Path("/proc/sys/kernel/random/boot_id")


def boot_s() -> float:
    """Seconds since the node was started, by a clock that no setting moves."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)


def boot_time() -> Boot | UnsetType:
    """Return the moment by that clock, or UNSET where the system does not tell its starts apart."""
    boot_id = _boot_id()
    return UNSET if boot_id is None else Boot(id=boot_id, s=round(boot_s(), 3))


@dataclass(frozen=True, slots=True)
class Clocks:
    """What a node knows of the time.

    Attributes
    ----------
    now : callable
        The wall clock.
    boot_s : callable
        Seconds since the node was started.
    synchronised : callable
        Whether the wall clock is led by others; None: unknown.
    """

    now: Callable[[], datetime] = lambda: datetime.now(UTC)
    boot_s: Callable[[], float] = boot_s
    synchronised: Callable[[], bool | None] = lambda: None


class ClockWatch:
    """Sees at once when the wall clock is set, forward or back, by the one that nobody sets.

    Parameters
    ----------
    now : datetime
        The wall clock at first.
    boot : float
        The other one at the same moment, in seconds.
    """

    def __init__(self, now: datetime, boot: float) -> None:
        self._now = now
        self._boot = boot

    def set_by(self, now: datetime, boot: float) -> float:
        """By how many seconds the wall clock was set since the last look; 0: it was not.

        The two are led apart a little all the time, as the wall clock is disciplined by the
        network; what is less than :data:`~sensor.blocks.CLOCK_STEP_S` at once is no setting.
        """
        expected = self._now + timedelta(seconds=boot - self._boot)
        self._now, self._boot = now, boot
        step_s = (now - expected).total_seconds()
        return step_s if abs(step_s) > CLOCK_STEP_S else 0.0


@cache
def _boot_id() -> str | None:
    try:
        return _BOOT_ID.read_text(encoding="ascii")[:8]
    except OSError:
        return None
