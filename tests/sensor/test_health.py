"""A node's report tells what it knows, and leaves out what it does not."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from sensor import health, machine
from sensor.contract import codec
from sensor.contract.errors import ContractError
from sensor.health import CpuShare, Found, HealthReporter
from sensor.inputs import open_input
from sensor.inputs.street import StreetConfig
from sensor.machine import Disk, Power
from sensor.system_root import SystemRoot

FOUND = Found(microphone="ok", outbox_depth=0, events_dropped=0)
CHECKED = datetime(2026, 6, 1, 10, 0, tzinfo=UTC)


def told(tmp_path: Path, found: Found = FOUND) -> dict[str, object]:
    """A report as it travels."""
    with open_input(StreetConfig()) as source:
        report = HealthReporter("ekskolan-1", tmp_path, source, CHECKED).report(found)
    payload = codec.encode(report)
    assert codec.decode(payload) == report
    read: dict[str, object] = json.loads(payload)
    return read


def test_what_is_not_told_is_left_out_and_never_zero(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(machine, "power", Power)
    monkeypatch.setattr(machine, "disk", lambda _: Disk())
    monkeypatch.setattr(machine, "memory_available_bytes", lambda: None)
    monkeypatch.setattr(health, "system_root", SystemRoot)
    report = told(tmp_path)
    for name in (
        "under_voltage", "under_voltage_since_boot", "throttled", "throttled_since_boot",
        "disk_written_bytes", "disk_worn_share", "disk_errors", "disk_read_only",
        "root", "root_used_share", "system_current_at",
        "memory_available_bytes", "microphone_lowest_db", "microphone_replugged",
        "outbox_oldest_s",
    ):  # fmt: skip
        assert name not in report
    assert report["calibrated_at"] == "2026-06-01T10:00:00Z"


def test_what_is_told_travels(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine, "power", lambda: Power(True, True, False, True))
    monkeypatch.setattr(machine, "disk", lambda _: Disk(10**9, 0.3, 0, False))
    monkeypatch.setattr(health, "system_root", lambda: SystemRoot("read_only", 0.12, CHECKED))
    found = Found(
        microphone="dead", outbox_depth=7, events_dropped=1, lowest_laeq_db=19.4,
        outbox_oldest_s=3600.5,
    )  # fmt: skip
    report = told(tmp_path, found)
    expected = {
        "microphone": "dead", "outbox_depth": 7, "under_voltage": True, "throttled": False,
        "throttled_since_boot": True, "disk_written_bytes": 10**9, "disk_worn_share": 0.3,
        "disk_errors": 0, "disk_read_only": False, "microphone_lowest_db": 19.4,
        "outbox_oldest_s": 3600.5, "root": "read_only", "root_used_share": 0.12,
        "system_current_at": "2026-06-01T10:00:00Z",
    }  # fmt: skip
    assert expected.items() <= report.items()


def test_a_report_of_an_older_node_means_what_it_meant(tmp_path: Path) -> None:
    # The golden one has none of these fields; null in their place is another form, and refused.
    report = told(tmp_path)
    with pytest.raises(ContractError):
        codec.decode(json.dumps({**report, "disk_errors": None}, separators=(",", ":")).encode())


def test_own_share_is_of_the_time_since_it_was_last_asked() -> None:
    share = CpuShare()
    sum(n * n for n in range(200_000))
    busy = share.since_last()
    assert busy is not None
    assert busy > 0
