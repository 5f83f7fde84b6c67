"""What the machine tells is read from the kernel's files, and what it does not tell stays away."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from sensor import machine
from sensor.machine import Disk, Power

STAT = "  12 3 456 7 89 1 20480 5 0 11 12\n"


def write(folder: Path, **files: str) -> Path:
    """Files below `folder`, which is made."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in files.items():
        (folder / name).write_text(text)
    return folder


def card(sys: Path, folder: Path, *, life: str | None = None, errors: str | None = None) -> Path:
    """A card with two parts, the second of which holds `folder`."""
    whole = write(sys / "devices/platform/emmc/mmcblk0", stat=STAT)
    part = write(whole / "mmcblk0p2", stat="1 1 1 1 1 1 8 1 1 1 1", partition="2")
    if life is not None:
        write(whole / "device", life_time=life)
    if errors is not None:
        write(sys / "fs/ext4/mmcblk0p2", errors_count=errors)
    number = folder.stat().st_dev
    links = write(sys / "dev/block")
    (links / f"{os.major(number)}:{os.minor(number)}").symlink_to(part)
    return sys


def test_where_nothing_is_told_nothing_is_known(tmp_path: Path) -> None:
    assert machine.power(tmp_path) == Power(None, None, None, None)
    assert machine.disk(tmp_path, tmp_path) == Disk(read_only=False)
    assert machine.disk(tmp_path / "gone", tmp_path) == Disk()
    assert machine.cpu_temperature_c(tmp_path) is None
    assert machine.memory_available_bytes(tmp_path) is None


@pytest.mark.parametrize("soc", ["soc/soc:firmware", "soc@107c000000/soc@107c000000:firmware"])
@pytest.mark.parametrize(
    ("bits", "power"),
    [
        ("0", Power(False, False, False, False)),
        ("50005", Power(True, True, True, True)),
        ("50000", Power(False, True, False, True)),
        ("80008\n", Power(False, False, True, True)),
        ("1", Power(True, False, False, False)),
    ],
)
def test_the_firmware_tells_of_the_supply_now_and_since_the_start(
    tmp_path: Path, soc: str, bits: str, power: Power
) -> None:
    write(tmp_path / "devices/platform" / soc, get_throttled=bits)
    assert machine.power(tmp_path) == power


def test_the_voltage_sensor_tells_of_now_only(tmp_path: Path) -> None:
    write(tmp_path / "class/hwmon/hwmon0", name="cpu_thermal\n")
    sensor = write(tmp_path / "class/hwmon/hwmon1", name="rpi_volt\n", in0_lcrit_alarm="1\n")
    assert machine.power(tmp_path) == Power(under_voltage=True)
    write(sensor, in0_lcrit_alarm="0\n")
    assert machine.power(tmp_path) == Power(under_voltage=False)
    write(sensor, in0_lcrit_alarm="?")
    assert machine.power(tmp_path) == Power()


def test_what_is_written_counts_for_the_whole_card(tmp_path: Path) -> None:
    sys = card(tmp_path / "sys", tmp_path, errors="3\n")
    found = machine.disk(tmp_path, sys)
    assert found == Disk(written_bytes=20480 * 512, worn_share=None, errors=3, read_only=False)


@pytest.mark.parametrize(
    ("life", "worn_share"),
    [("0x01 0x02\n", 0.2), ("0x0b 0x01\n", 1.0), ("0x00 0x00\n", None), ("?", None), ("", None)],
)
def test_a_card_tells_its_life_in_tenths(
    tmp_path: Path, life: str, worn_share: float | None
) -> None:
    assert machine.disk(tmp_path, card(tmp_path / "sys", tmp_path, life=life)).worn_share == (
        worn_share
    )


def test_this_very_machine_is_read(tmp_path: Path) -> None:
    available = machine.memory_available_bytes()
    assert available is not None
    assert 0 < available < 2**53
    assert machine.disk(tmp_path).read_only is False


def test_temperature_and_memory_have_their_units(tmp_path: Path) -> None:
    write(tmp_path / "class/thermal/thermal_zone0", temp="48312\n")
    assert machine.cpu_temperature_c(tmp_path) == 48.3
    write(tmp_path, meminfo="MemTotal: 9 kB\nMemAvailable:     2048 kB\n")
    assert machine.memory_available_bytes(tmp_path) == 2048 * 1024
