"""The node's own state, read from the system."""

from __future__ import annotations

import ctypes
import os
import shutil
import time
from datetime import datetime
from importlib.metadata import version
from pathlib import Path
from typing import Final

from sensor.acoustics.watch import MicrophoneState
from sensor.contract.messages import Health, draft
from sensor.inputs import Input

_THERMAL: Final = Path("/sys/class/thermal/thermal_zone0/temp")
_STA_UNSYNC: Final = 0x0040
_STA_NANO: Final = 0x2000


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


def clock_state() -> tuple[bool, float] | None:
    """Whether the kernel's clock is synchronised, and its offset in seconds; None if unknown."""
    try:
        state = _Timex()
        if ctypes.CDLL(None, use_errno=True).adjtimex(ctypes.byref(state)) < 0:
            return None
    except (OSError, AttributeError):
        return None
    scale = 1e-9 if state.status & _STA_NANO else 1e-6
    return not state.status & _STA_UNSYNC, state.offset * scale


def cpu_temperature_c() -> float | None:
    """Temperature of the processor, or None where the system does not tell."""
    try:
        return round(int(_THERMAL.read_text()) / 1000, 1)
    except (OSError, ValueError):
        return None


def memory_rss_bytes() -> int | None:
    """Resident memory of this process, or None where the system does not tell."""
    try:
        pages = int(Path("/proc/self/statm").read_text().split()[1])
    except (OSError, ValueError, IndexError):
        return None
    return pages * os.sysconf("SC_PAGE_SIZE")


class HealthReporter:
    """Makes the health messages of one run.

    Parameters
    ----------
    node : str
        Who reports.
    data_dir : Path
        Whose disk matters.
    source : Input
        Where the sound comes from.
    calibrated_at : datetime, optional
        When a calibrator was last on the microphone.
    """

    def __init__(
        self, node: str, data_dir: Path, source: Input, calibrated_at: datetime | None
    ) -> None:
        self._node = node
        self._data_dir = data_dir
        self._source = source
        self._calibrated_at = calibrated_at
        self._started = time.monotonic()

    def report(self, microphone: MicrophoneState, outbox_depth: int, events_dropped: int) -> Health:
        """Return the state right now; `microphone` is what its sound says of it."""
        clock = clock_state()
        return Health(
            **draft(self._node),
            version=version("skolro"),
            uptime_s=round(time.monotonic() - self._started, 1),
            input=self._source.description[:200],
            microphone="lost" if self._source.state == "lost" else microphone,
            outbox_depth=outbox_depth,
            disk_free_bytes=shutil.disk_usage(self._data_dir).free,
            memory_rss_bytes=memory_rss_bytes(),
            cpu_load=round(os.getloadavg()[0], 2),
            cpu_temperature_c=cpu_temperature_c(),
            clock_offset_s=None if clock is None else round(clock[1], 6),
            clock_synchronised=None if clock is None else clock[0],
            overflows=self._source.overflows,
            events_dropped=events_dropped,
            calibrated_at=self._calibrated_at,
            flags=("simulated",) if self._source.simulated else (),
        )
