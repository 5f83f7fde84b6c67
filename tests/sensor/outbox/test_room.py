"""What goes when there is too much, what never does, and that the chain tells of it."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from sensor.contract import codec
from sensor.contract.messages import Absence, Event, Health, LevelBatch, Message
from sensor.contract.signature import payload_hash, verify
from sensor.errors import OutboxError
from sensor.outbox import Outbox, Pending, Retention
from tests.peers import event, health, levels
from tests.sensor.contract.samples import KEY, NODE

START = datetime(2026, 11, 2, tzinfo=UTC)


def minutes(count: int, first: int = 0) -> list[Message]:
    """A minute's levels, with an event every 20 minutes and health every 10."""
    made: list[Message] = []
    for i in range(first, first + count):
        at = START + timedelta(minutes=i)
        made.append(levels(NODE, at, 50.0 + i % 9, lcpeak_db=90.0))
        if i % 20 == 7:
            made.append(event(NODE, at))
        if i % 10 == 3:
            made.append(health(NODE, at))
    return made


def filled(outbox: Outbox, count: int) -> None:
    for message in minutes(count):
        outbox.append(message)


def waiting(outbox: Outbox) -> list[Pending]:
    return outbox.pending(limit=100_000)


def accounted(pending: list[Pending]) -> dict[int, str]:
    """The hash of each number that is there or told, each exactly once; signatures are checked."""
    known: dict[int, str] = {}
    for one in pending:
        verify(one.payload, one.signature, KEY.public_key())
        message = codec.decode(one.payload)
        found = {message.seq: payload_hash(one.payload)}
        if isinstance(message, Absence):
            for part in message.absent:
                numbers = range(part.first, part.last + 1)
                found |= dict(zip(numbers, part.sha256 or (), strict=True))
        assert not known.keys() & found.keys()
        known |= found
    return known


def test_beyond_the_bound_the_oldest_levels_become_minutes_and_nothing_else_goes(
    tmp_path: Path,
) -> None:
    made = minutes(600)
    with Outbox(tmp_path / "o.sqlite", NODE, KEY, Retention(max_bytes=300_000)) as outbox:
        filled(outbox, 600)
        pending = waiting(outbox)
        messages = [codec.decode(one.payload) for one in pending]
        (size,) = outbox._file._database.execute("SELECT bytes FROM stock").fetchone()
        last = outbox.last_seq
    assert size <= 300_000
    for kind in (Event, Health):
        there = sum(isinstance(message, kind) for message in messages)
        assert there == sum(isinstance(message, kind) for message in made)
    # Every number is there or told with its hash, and each message follows from the one before.
    known = accounted(pending)
    assert sorted(known) == list(range(1, last + 1))
    for message in messages:
        assert message.seq == 1 or message.prev == known[message.seq - 1]
    # Every second stands once, by the second or in a minute; the newest by the second.
    batches = [message for message in messages if isinstance(message, LevelBatch)]
    assert sum(batch.interval_s * len(batch.laeq_db) for batch in batches) == 600 * 60
    thinned = [batch for batch in batches if "thinned" in batch.flags]
    fine = [batch for batch in batches if "thinned" not in batch.flags]
    assert thinned
    assert max(batch.start for batch in thinned) < min(batch.start for batch in fine)
    assert {batch.interval_s for batch in thinned} == {60}


def test_what_stands_for_a_hole_is_sent_in_its_place(tmp_path: Path) -> None:
    with Outbox(tmp_path / "o.sqlite", NODE, KEY, Retention(max_bytes=200_000)) as outbox:
        filled(outbox, 300)
        turns = [one.turn for one in waiting(outbox)]
        assert turns == sorted(set(turns))
        arrived: set[int] = set()
        acked = 0
        for one in waiting(outbox):
            message = codec.decode(one.payload)
            arrived.add(one.seq)
            if isinstance(message, Absence):
                arrived |= {n for part in message.absent for n in range(part.first, part.last + 1)}
            while acked + 1 in arrived:
                acked += 1
            # Nothing waits for what comes later.
            assert acked >= one.turn
        assert acked == outbox.last_seq


def test_what_may_be_on_its_way_is_never_thinned(tmp_path: Path) -> None:
    with Outbox(tmp_path / "o.sqlite", NODE, KEY) as outbox:
        filled(outbox, 100)
        offered = waiting(outbox)[:50]
        outbox.note_offered(offered[-1].turn)
    with Outbox(tmp_path / "o.sqlite", NODE, KEY, Retention(max_bytes=1000)) as outbox:
        for message in minutes(200, first=100):
            outbox.append(message)
        pending = waiting(outbox)
        assert pending[:50] == offered
        assert any(one.kind == "absence" for one in pending)


def test_what_was_acknowledged_goes_first(tmp_path: Path) -> None:
    with Outbox(tmp_path / "o.sqlite", NODE, KEY, Retention(max_bytes=100_000)) as outbox:
        filled(outbox, 60)
        outbox.acknowledged(outbox.last_seq)
        for message in minutes(40, first=60):
            outbox.append(message)
        assert outbox.oldest_seq > 1
        assert all(one.kind != "absence" for one in waiting(outbox))


def test_a_full_database_thins_before_it_refuses(tmp_path: Path) -> None:
    with Outbox(tmp_path / "o.sqlite", NODE, KEY, Retention(reserve_bytes=0)) as outbox:
        filled(outbox, 200)
        pages = outbox._file._database.execute("PRAGMA page_count").fetchone()[0]
        outbox._file._database.execute(f"PRAGMA max_page_count = {pages}")
        before = sum(one.kind == "event" for one in waiting(outbox))
        for i in range(100):
            outbox.append(event(NODE, START + timedelta(days=1, seconds=i)))
        pending = waiting(outbox)
        assert sum(one.kind == "event" for one in pending) == before + 100
        assert sorted(accounted(pending)) == list(range(1, outbox.last_seq + 1))


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A real file system of 4 MB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=4m", "tmpfs", str(folder)]
    if os.geteuid() or subprocess.run(command, check=False, capture_output=True).returncode:
        pytest.skip("only root may mount a small disk")
    yield folder
    subprocess.run(["umount", "--lazy", str(folder)], check=True)


def fill(path: Path) -> None:
    """Take what room the disk has left."""
    with suppress(OSError), path.open("wb", buffering=0) as file:
        while file.write(bytes(4096)):
            pass


def append_for_ever(outbox: Outbox) -> None:
    while True:
        outbox.append(event(NODE, START))


def test_a_disk_that_is_really_full_costs_seconds_and_no_event(small_disk: Path) -> None:
    retention = Retention(reserve_bytes=1_500_000)
    path = small_disk / "outbox.sqlite"
    with Outbox(path, NODE, KEY, retention) as outbox:
        filled(outbox, 60)
        # Another program takes the rest of the disk.
        fill(small_disk / "other")
        stored = minutes(600, first=60)
        for message in stored:
            outbox.append(message)
    # Opened again on the full disk, it goes on.
    with Outbox(path, NODE, KEY, retention) as outbox:
        outbox.append(event(NODE, START + timedelta(days=2)))
        pending = waiting(outbox)
        assert sorted(accounted(pending)) == list(range(1, outbox.last_seq + 1))
        events = sum(isinstance(one, Event) for one in [*minutes(60), *stored]) + 1
        assert sum(one.kind == "event" for one in pending) == events
        assert sum(one.kind == "absence" for one in pending) > 0
        # When nothing is left to be thinned it is said, and what is there stays.
        with pytest.raises(OutboxError, match=r"full.*free space"):
            append_for_ever(outbox)
        assert sorted(accounted(waiting(outbox))) == list(range(1, outbox.last_seq + 1))


def test_a_month_without_a_network_fits_its_bound_with_every_event(tmp_path: Path) -> None:
    # Ten minutes a message in place of one, and a bound as much smaller: the same in a tenth.
    days, bound = 30, 3_000_000
    made: list[Message] = []
    for i in range(days * 144):
        at = START + timedelta(minutes=10 * i)
        made.append(levels(NODE, at, 50.0 + i % 9, interval_s=10, count=60))
        if i % 6 == 0:
            made.append(health(NODE, at))
        if i % 12 == 5:
            made.append(event(NODE, at))
    with Outbox(tmp_path / "o.sqlite", NODE, KEY, Retention(max_bytes=bound)) as outbox:
        for first in range(0, len(made), 50):
            outbox.append_all(made[first : first + 50])
        pending = waiting(outbox)
        (size,) = outbox._file._database.execute("SELECT bytes FROM stock").fetchone()
        assert sorted(accounted(pending)) == list(range(1, outbox.last_seq + 1))
    assert size <= bound
    assert sum(one.kind == "event" for one in pending) == days * 12
    batches = [codec.decode(one.payload) for one in pending if one.kind == "levels"]
    seconds = sum(b.interval_s * len(b.laeq_db) for b in batches if isinstance(b, LevelBatch))
    assert seconds == days * 86_400
