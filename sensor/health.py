"""The node's own state, read from the system."""

from __future__ import annotations

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
from sensor.time_service import clock_state

_THERMAL: Final = Path("/sys/class/thermal/thermal_zone0/temp")


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
            clock_offset_s=clock.offset_s,
            clock_synchronised=clock.synchronised,
            time_source=clock.source,
            overflows=self._source.overflows,
            events_dropped=events_dropped,
            calibrated_at=self._calibrated_at,
            flags=("simulated",) if self._source.simulated else (),
        )
