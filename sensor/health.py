"""The node's own state, read from the system."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from importlib.metadata import version
from pathlib import Path
from typing import TypeVar

from msgspec import UNSET, UnsetType

from sensor import machine
from sensor.acoustics.watch import MicrophoneState
from sensor.contract.messages import Health, UpdateReport, draft
from sensor.inputs import Input
from sensor.system_root import system_root
from sensor.time_service import clock_state


def memory_rss_bytes() -> int | None:
    """Resident memory of this process, or None where the system does not tell."""
    try:
        pages = int(Path("/proc/self/statm").read_text().split()[1])
    except (OSError, ValueError, IndexError):
        return None
    return pages * os.sysconf("SC_PAGE_SIZE")


class CpuShare:
    """Of one core's time, what this process took since it was last asked, or since its making."""

    def __init__(self) -> None:
        self._wall_s, self._own_s = time.monotonic(), time.process_time()

    def since_last(self) -> float | None:
        """The share; None where no time has passed."""
        wall_s, own_s = time.monotonic(), time.process_time()
        passed_s, used_s = wall_s - self._wall_s, own_s - self._own_s
        self._wall_s, self._own_s = wall_s, own_s
        return round(used_s / passed_s, 3) if passed_s > 0 else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What the pipeline says of itself.

    Attributes
    ----------
    microphone : str
        What its sound says of it.
    lowest_laeq_db : float, optional
        Lowest LAeq of a second since this was last asked.
    outbox_oldest_s : float, optional
        Age of the oldest message that waits.
    """

    microphone: MicrophoneState
    outbox_depth: int
    events_dropped: int
    lowest_laeq_db: float | None = None
    outbox_oldest_s: float | None = None


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
    update : callable, optional
        What became of the server's wishes.
    """

    def __init__(
        self,
        node: str,
        data_dir: Path,
        source: Input,
        calibrated_at: datetime | None,
        update: Callable[[], UpdateReport | UnsetType] = lambda: UNSET,
    ) -> None:
        self._update = update
        self._node = node
        self._data_dir = data_dir
        self._source = source
        self._calibrated_at = calibrated_at
        self._started = time.monotonic()
        self._cpu = CpuShare()

    def calibrated(self, at: datetime | None) -> None:
        """Take note that a calibrator was on the microphone."""
        self._calibrated_at = at

    def report(self, found: Found) -> Health:
        """Return the state right now; `found` is what the pipeline says of itself."""
        clock = clock_state()
        power, disk, root = machine.power(), machine.disk(self._data_dir), system_root()
        return Health(
            **draft(self._node),
            version=version("skolro"),
            uptime_s=round(time.monotonic() - self._started, 1),
            input=self._source.description[:200],
            microphone="lost" if self._source.state == "lost" else found.microphone,
            outbox_depth=found.outbox_depth,
            disk_free_bytes=shutil.disk_usage(self._data_dir).free,
            memory_rss_bytes=memory_rss_bytes(),
            cpu_load=round(os.getloadavg()[0], 2),
            cpu_temperature_c=machine.cpu_temperature_c(),
            clock_offset_s=clock.offset_s,
            clock_synchronised=clock.synchronised,
            time_source=clock.source,
            overflows=self._source.overflows,
            events_dropped=found.events_dropped,
            calibrated_at=self._calibrated_at,
            cpu_own_share=_told(self._cpu.since_last()),
            memory_available_bytes=_told(machine.memory_available_bytes()),
            under_voltage=_told(power.under_voltage),
            under_voltage_since_boot=_told(power.under_voltage_since_boot),
            throttled=_told(power.throttled),
            throttled_since_boot=_told(power.throttled_since_boot),
            disk_written_bytes=_told(disk.written_bytes),
            disk_worn_share=_told(disk.worn_share),
            disk_errors=_told(disk.errors),
            disk_read_only=_told(disk.read_only),
            root=_told(root.state),
            root_used_share=_told(root.used_share),
            system_current_at=_told(root.current_at),
            microphone_lowest_db=_told(found.lowest_laeq_db),
            microphone_replugged=_told(self._source.replugged),
            outbox_oldest_s=_told(found.outbox_oldest_s),
            update=self._update(),
            flags=("simulated",) if self._source.simulated else (),
        )


_T = TypeVar("_T")


def _told(value: _T | None) -> _T | UnsetType:
    return UNSET if value is None else value
