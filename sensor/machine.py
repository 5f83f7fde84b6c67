"""What the machine tells of itself: processor, supply, memory and card, from the kernel's files.

Everything is None where the system does not tell, never zero. The firmware's own program,
``vcgencmd``, is not asked: it needs a device that the node's service has no business with, and
the kernel shows the same bits as a file.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Final

# Bits of the firmware's word of throttling: now, and 16 higher since the start
# (raspberrypi.com/documentation/computers/os.html#get_throttled).
_UNDER_VOLTAGE: Final = 0x1
_SLOWED: Final = 0x2 | 0x4 | 0x8
_SINCE_BOOT: Final = 16

_SECTOR_BYTES: Final = 512
_WRITTEN_FIELD: Final = 6
# eMMC 5.1 (JESD84-B51) EXT_CSD 268, 269: steps of 10 % of the device's life, 0x0B is past it.
_LIFE_STEP: Final = 0.1


@dataclass(frozen=True, slots=True)
class Power:
    """How the supply holds; None: not told."""

    under_voltage: bool | None = None
    under_voltage_since_boot: bool | None = None
    throttled: bool | None = None
    throttled_since_boot: bool | None = None


@dataclass(frozen=True, slots=True)
class Disk:
    """The card or disk that a folder is on; None: not told.

    Attributes
    ----------
    written_bytes : int, optional
        Since the machine was started.
    worn_share : float, optional
        Used part of its life at most, by the device's own account.
    errors : int, optional
        Counted by the file system in all its life.
    read_only : bool, optional
        Whether the file system takes nothing any more.
    """

    written_bytes: int | None = None
    worn_share: float | None = None
    errors: int | None = None
    read_only: bool | None = None


def cpu_temperature_c(sys: Path = Path("/sys")) -> float | None:
    """Temperature of the processor."""
    milli = _number(sys / "class/thermal/thermal_zone0/temp")
    return None if milli is None else round(milli / 1000, 1)


def memory_available_bytes(proc: Path = Path("/proc")) -> int | None:
    """Memory that programs can have without swapping."""
    for line in (_text(proc / "meminfo") or "").splitlines():
        name, _, value = line.partition(":")
        if name == "MemAvailable" and value.split()[:1] and value.split()[0].isdigit():
            return 1024 * int(value.split()[0])
    return None


def power(sys: Path = Path("/sys")) -> Power:
    """Whether the supply is and was strong enough, by the firmware or its voltage sensor."""
    for file in sorted((sys / "devices/platform").glob("soc*/soc*:firmware/get_throttled")):
        if (bits := _number(file, 16)) is not None:
            ever = bits >> _SINCE_BOOT
            return Power(
                under_voltage=bool(bits & _UNDER_VOLTAGE),
                under_voltage_since_boot=bool(ever & _UNDER_VOLTAGE),
                throttled=bool(bits & _SLOWED),
                throttled_since_boot=bool(ever & _SLOWED),
            )
    for sensor in sorted((sys / "class/hwmon").glob("hwmon*")):
        if _text(sensor / "name") == "rpi_volt":
            alarm = _number(sensor / "in0_lcrit_alarm")
            return Power(under_voltage=None if alarm is None else bool(alarm))
    return Power()


def disk(folder: Path, sys: Path = Path("/sys")) -> Disk:
    """How the device below `folder` wears."""
    try:
        number = folder.stat().st_dev
        read_only = bool(os.statvfs(folder).f_flag & os.ST_RDONLY)
    except OSError:
        return Disk()
    part = (sys / f"dev/block/{os.major(number)}:{os.minor(number)}").resolve()
    device = part.parent if (part / "partition").exists() else part
    return Disk(
        written_bytes=_written_bytes(device),
        worn_share=_worn_share(device),
        errors=_number(sys / "fs/ext4" / part.name / "errors_count"),
        read_only=read_only,
    )


def _written_bytes(device: Path) -> int | None:
    # Documentation/block/stat.rst: the seventh number counts sectors of 512 bytes.
    fields = (_text(device / "stat") or "").split()
    if len(fields) <= _WRITTEN_FIELD or not fields[_WRITTEN_FIELD].isdigit():
        return None
    return _SECTOR_BYTES * int(fields[_WRITTEN_FIELD])


def _worn_share(device: Path) -> float | None:
    try:
        steps = [int(word, 16) for word in (_text(device / "device/life_time") or "").split()]
    except ValueError:
        return None
    # 0 stands for not defined.
    worst = max(steps, default=0)
    return round(min(1.0, _LIFE_STEP * worst), 1) if worst > 0 else None


def _number(file: Path, base: int = 10) -> int | None:
    try:
        return int(_text(file) or "", base)
    except ValueError:
        return None


def _text(file: Path) -> str | None:
    try:
        return file.read_text(encoding="ascii").strip()
    except (OSError, UnicodeDecodeError):
        return None
