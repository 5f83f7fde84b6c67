"""How far the clock can be trusted: by chrony, the time service, or else by the kernel."""

from __future__ import annotations

import ctypes
import subprocess
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from msgspec import UNSET, UnsetType

from sensor.contract.messages import TimeSource

CHRONYC: Final = ("chronyc", "-n", "-c", "tracking")
"""Prints what chrony follows on one line, values separated by commas, names not looked up."""

_PATIENCE_S: Final = 5.0
_FIELDS: Final = 14
_UNSYNCHRONISED: Final = "Not synchronised"
_STA_UNSYNC: Final = 0x0040
_STA_NANO: Final = 0x2000


@dataclass(frozen=True, slots=True)
class ClockState:
    """What is known of the wall clock.

    Attributes
    ----------
    synchronised : bool or None
        Whether it is led by others; None: unknown.
    offset_s : float or None
        What is still to be added to it: positive when it is slow.
    source : TimeSource or UNSET
        Whom it follows.
    """

    synchronised: bool | None = None
    offset_s: float | None = None
    source: TimeSource | UnsetType = UNSET


class _Timex(ctypes.Structure):
    # The head of struct timex (adjtimex(2)); the rest is only room for the kernel to write.
    _fields_ = (
        ("modes", ctypes.c_uint),
        ("offset", ctypes.c_long),
        ("freq", ctypes.c_long),
        ("maxerror", ctypes.c_long),
        ("esterror", ctypes.c_long),
        ("status", ctypes.c_int),
        ("rest", ctypes.c_byte * 256),
    )


def kernel_clock() -> ClockState:
    """What the kernel knows, which costs nothing to ask."""
    try:
        state = _Timex()
        if ctypes.CDLL(None, use_errno=True).adjtimex(ctypes.byref(state)) < 0:
            return ClockState()
    except (OSError, AttributeError):
        return ClockState()
    scale = 1e-9 if state.status & _STA_NANO else 1e-6
    return ClockState(not state.status & _STA_UNSYNC, round(state.offset * scale, 6))


def clock_state(command: Sequence[str] = CHRONYC) -> ClockState:
    """What chrony says; where it does not answer, what the kernel knows.

    chrony leads the clock by its rate, so that the kernel knows of no offset then.
    """
    try:
        ended = subprocess.run(
            command, capture_output=True, text=True, timeout=_PATIENCE_S, check=True
        )
        return tracked(ended.stdout, time.time())
    except (OSError, subprocess.SubprocessError, ValueError):
        return kernel_clock()


def tracked(line: str, now_s: float) -> ClockState:
    """Read what ``chronyc -c tracking`` has printed.

    Parameters
    ----------
    line : str
        Reference id, server, stratum, when it last led the clock, offset, last and RMS offset,
        frequency, residual frequency, skew, root delay, root dispersion, interval, leap status.
    now_s : float
        Seconds since 1970.

    Raises
    ------
    ValueError
        It is something else.
    """
    fields = line.strip().split(",")
    if len(fields) != _FIELDS:
        raise ValueError(f"no tracking of chrony: {line[:80]!r}")
    _, server, stratum, followed_s, offset, *_, delay, dispersion, _, leap = fields
    # Without a server it follows nobody but itself.
    if leap == _UNSYNCHRONISED or not server:
        return ClockState(synchronised=False)
    offset_s = float(offset)
    source = TimeSource(
        server=server[:200],
        stratum=int(stratum),
        # RFC 5905, 11.1: true time is not farther off than this.
        error_s=round(abs(offset_s) + float(dispersion) + float(delay) / 2, 6),
        age_s=round(max(0.0, now_s - float(followed_s)), 1),
    )
    return ClockState(synchronised=True, offset_s=round(offset_s, 6), source=source)
