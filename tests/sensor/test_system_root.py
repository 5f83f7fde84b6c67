"""Whether the root is read-only, how full its memory is, and how old the system is."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from sensor.system_root import SystemRoot, system_root

PLAIN = "/dev/mmcblk0p2 / ext4 rw,noatime 0 0\n"
OVERLAY = (
    "/dev/mmcblk0p2 /media/root-ro ext4 ro,relatime 0 0\n"
    "overlayroot / overlay rw,relatime,lowerdir=/media/root-ro 0 0\n"
    "/dev/mmcblk0p3 /data ext4 rw,noatime 0 0\n"
)
AT = datetime(2026, 11, 20, 2, 30, tzinfo=UTC)


def top(folder: Path, **files: str) -> Path:
    """A system whose files are these, with ``_`` for ``/`` in their names."""
    for name, text in files.items():
        path = folder / name.replace("__", ".").replace("_", "/")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return folder


def test_where_nothing_is_told_nothing_is_known(tmp_path: Path) -> None:
    assert system_root(tmp_path) == SystemRoot()


def test_an_ordinary_root_is_writable(tmp_path: Path) -> None:
    assert system_root(top(tmp_path, proc_self_mounts=PLAIN)) == SystemRoot("writable")


def test_a_read_only_root_tells_how_full_its_memory_is(tmp_path: Path) -> None:
    system = top(tmp_path, proc_self_mounts=OVERLAY, data_upgrade__last=f"current {AT:%FT%TZ}\n")
    found = system_root(system)
    assert (found.state, found.current_at) == ("read_only", AT)
    assert found.used_share is not None
    assert 0 <= found.used_share <= 1


def test_what_was_prepared_and_is_no_overlay_is_open(tmp_path: Path) -> None:
    system = top(tmp_path, proc_self_mounts=PLAIN)
    (system / "data").mkdir()
    (system / "data/read-only").touch()
    assert system_root(system) == SystemRoot("opened")


def test_what_was_wished_for_and_refused_is_told(tmp_path: Path) -> None:
    system = top(tmp_path, proc_self_mounts=PLAIN, etc_skolro_root__problem="no room\n")
    assert system_root(system) == SystemRoot("refused")


def test_an_overlay_of_something_else_is_none_of_the_root(tmp_path: Path) -> None:
    mounts = PLAIN + "overlay /var/lib/docker overlay rw 0 0\nodd\n"
    assert system_root(top(tmp_path, proc_self_mounts=mounts)).state == "writable"


@pytest.mark.parametrize(
    ("told", "at"),
    [
        (f"current {AT:%FT%TZ}; an upgrade failed 2026-11-27T02:00:00Z\n", AT),
        ("current ; the lists could not be fetched 2026-11-27T02:00:00Z\n", None),
        ("current soon\n", None),
        ("current 2026-11-20T02:30:00\n", None),
        ("", None),
    ],
)
def test_the_last_time_without_anything_to_upgrade_is_read(
    tmp_path: Path, told: str, at: datetime | None
) -> None:
    system = top(tmp_path, proc_self_mounts=OVERLAY, data_upgrade__last=told)
    assert system_root(system).current_at == at


def test_this_very_machine_is_read() -> None:
    assert system_root().state is not None
