from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from sensor.clock import boot_time
from sensor.contract import codec
from sensor.contract.messages import GENESIS, draft
from sensor.contract.signature import payload_hash, verify
from sensor.errors import OutboxError
from sensor.outbox import Outbox, Retention
from tests.sensor.contract.samples import KEY, NODE, samples

HEALTH = samples()["health"]


def open_outbox(tmp_path: Path, node: str = NODE) -> Outbox:
    return Outbox(tmp_path / "outbox.sqlite", node, KEY)


def test_messages_are_numbered_chained_and_signed_from_one_on(tmp_path: Path) -> None:
    with open_outbox(tmp_path) as outbox:
        assert [outbox.append(HEALTH) for _ in range(3)] == [1, 2, 3]
        prev = GENESIS
        for pending in outbox.pending():
            message = codec.decode(pending.payload)
            assert (message.seq, message.prev) == (pending.seq, prev)
            verify(pending.payload, pending.signature, KEY.public_key())
            prev = payload_hash(pending.payload)


def test_several_are_appended_all_or_none(tmp_path: Path) -> None:
    broken = replace(HEALTH, uptime_s=float("nan"))
    with open_outbox(tmp_path) as outbox:
        with pytest.raises(ValueError, match="uptime_s"):
            outbox.append_all([HEALTH, broken])
        assert outbox.depth == 0
        assert outbox.append_all([HEALTH, HEALTH]) == [1, 2]


def test_the_chain_goes_on_after_reopening_even_when_all_was_acknowledged(tmp_path: Path) -> None:
    with open_outbox(tmp_path) as outbox:
        outbox.append_all([HEALTH] * 3)
        third = payload_hash(outbox.pending()[-1].payload)
        assert outbox.acknowledged(3) == 3
    with open_outbox(tmp_path) as outbox:
        assert (outbox.depth, outbox.acked_seq, outbox.last_seq) == (0, 3, 3)
        assert outbox.append(HEALTH) == 4
        assert codec.decode(outbox.pending()[0].payload).prev == third


def kept(outbox: Outbox) -> list[int]:
    return [
        seq for (seq,) in outbox._file._database.execute("SELECT seq FROM message ORDER BY seq")
    ]


def stock_bytes(outbox: Outbox) -> int:
    (counted,) = outbox._file._database.execute("SELECT bytes FROM stock").fetchone()
    (there,) = outbox._file._database.execute(
        "SELECT coalesce(sum(length(payload) + length(signature)), 0) FROM message"
    ).fetchone()
    assert counted == there
    return int(counted)


def test_what_an_ack_covers_waits_no_longer(tmp_path: Path) -> None:
    with open_outbox(tmp_path) as outbox:
        outbox.append_all([HEALTH] * 5)
        assert outbox.acknowledged(2) == 2
        assert outbox.acknowledged(2) == 0
        assert [pending.seq for pending in outbox.pending()] == [3, 4, 5]
        assert (outbox.depth, outbox.held_seq, outbox.acked_seq) == (3, 2, 2)
        assert kept(outbox) == [1, 2, 3, 4, 5]


def test_what_a_lower_ack_no_longer_covers_waits_again_byte_for_byte(tmp_path: Path) -> None:
    with open_outbox(tmp_path) as outbox:
        outbox.append_all([HEALTH] * 5)
        before = outbox.pending()
        outbox.acknowledged(5)
        assert outbox.acknowledged(2) == -3
    with open_outbox(tmp_path) as outbox:
        assert outbox.pending() == before[2:]
        assert (outbox.depth, outbox.held_seq, outbox.acked_seq) == (3, 2, 5)
        assert outbox.acknowledged(5) == 3
        assert outbox.depth == 0


def test_an_empty_ledger_gets_all_that_is_kept(tmp_path: Path) -> None:
    with open_outbox(tmp_path) as outbox:
        outbox.append_all([HEALTH] * 3)
        outbox.acknowledged(3)
        assert outbox.acknowledged(0) == -3
        assert [pending.seq for pending in outbox.pending()] == [1, 2, 3]
        # It was confirmed once: the node may go on measuring without its broker.
        assert outbox.acked_seq == 3


def test_what_was_acknowledged_goes_after_its_days(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    day_s = 86_400.0
    now_s = 1.8e9
    monkeypatch.setattr(time, "time", lambda: now_s)
    with Outbox(tmp_path / "outbox.sqlite", NODE, KEY, Retention(keep_days=2)) as outbox:
        for _ in range(4):
            outbox.append(HEALTH)
            outbox.acknowledged(outbox.last_seq)
            now_s += day_s
        # Acknowledged 3, 2, 1 and 0 days before the last acknowledgement.
        assert kept(outbox) == [3, 4]
        assert outbox.oldest_seq == 3
        outbox.append_all([HEALTH] * 2)
        now_s += 1000 * day_s
        outbox.acknowledged(5)
        # However old: what waits is not deleted.
        assert kept(outbox) == [5, 6]
        now_s += 1000 * day_s
        outbox.acknowledged(6)
        assert kept(outbox) == [6]


def test_a_fall_back_stops_the_days_of_what_waits_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    now_s = 1.8e9
    monkeypatch.setattr(time, "time", lambda: now_s)
    with Outbox(tmp_path / "outbox.sqlite", NODE, KEY, Retention(keep_days=1)) as outbox:
        outbox.append_all([HEALTH] * 6)
        outbox.acknowledged(5)
        outbox.acknowledged(2)
        now_s += 10 * 86_400.0
        outbox.acknowledged(3)
        assert kept(outbox)[-3:] == [4, 5, 6]
        assert outbox.depth == 3


def test_what_was_acknowledged_goes_when_there_is_too_much(tmp_path: Path) -> None:
    with open_outbox(tmp_path) as outbox:
        outbox.append_all([HEALTH] * 10)
        one = stock_bytes(outbox) // 10
    retention = Retention(max_bytes=4 * one + one // 2)
    with Outbox(tmp_path / "outbox.sqlite", NODE, KEY, retention) as outbox:
        outbox.acknowledged(3)
        # More than is allowed waits: it stays, and nothing is kept beside it.
        assert kept(outbox) == [4, 5, 6, 7, 8, 9, 10]
        outbox.acknowledged(10)
        assert kept(outbox) == [7, 8, 9, 10]
        assert stock_bytes(outbox) <= retention.max_bytes
        assert outbox.append(HEALTH) == 11
        outbox.acknowledged(11)
        assert kept(outbox) == [8, 9, 10, 11]
        assert outbox.acknowledged(2) == -9
        assert (outbox.oldest_seq, outbox.depth) == (8, 4)


@given(
    st.lists(
        st.one_of(
            st.tuples(st.just("append"), st.integers(1, 4)),
            st.tuples(st.just("ack"), st.integers(0, 30)),
        ),
        max_size=30,
    ),
    st.integers(0, 12),
)
@settings(deadline=None, max_examples=30)
def test_whatever_the_acks_say_nothing_goes_that_they_do_not_cover(
    steps: list[tuple[str, int]], room: int
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "outbox.sqlite"
        with Outbox(path, NODE, KEY, Retention(max_bytes=room * 800)) as outbox:
            least = 0
            for step, number in steps:
                if step == "append":
                    outbox.append_all([HEALTH] * number)
                elif number <= outbox.last_seq:
                    outbox.acknowledged(number)
                    assert outbox.held_seq == number
                    least = max(least, number)
                there = kept(outbox)
                assert there == list(range(outbox.oldest_seq, outbox.last_seq + 1))
                assert outbox.oldest_seq <= least + 1
                expected = [seq for seq in there if seq > outbox.held_seq]
                assert [one.seq for one in outbox.pending()] == expected
                assert outbox.depth == len(expected)
                stock_bytes(outbox)


def test_an_outbox_of_the_first_version_is_taken_over(tmp_path: Path) -> None:
    with open_outbox(tmp_path) as outbox:
        outbox.append_all([HEALTH] * 3)
        before = outbox.pending()
        # What that version did not have.
        for name in ("TRIGGER message_comes", "TRIGGER message_goes", "TABLE stock", "TABLE ack"):
            outbox._file._database.execute(f"DROP {name}")
        outbox._file._database.execute("UPDATE chain SET acked_seq = 1")
        outbox._file._database.execute("DELETE FROM message WHERE seq = 1")
        outbox._file._database.commit()
    with open_outbox(tmp_path) as outbox:
        assert outbox.pending() == before[1:]
        assert (outbox.held_seq, outbox.oldest_seq) == (1, 2)
        assert stock_bytes(outbox) > 0
        assert outbox.acknowledged(3) == 2


def test_an_ack_of_what_was_never_numbered_changes_nothing(tmp_path: Path) -> None:
    with open_outbox(tmp_path) as outbox:
        outbox.append(HEALTH)
        assert outbox.acknowledged(2) == 0
        assert (outbox.depth, outbox.acked_seq) == (1, 0)


def test_pending_pages_through_what_waits(tmp_path: Path) -> None:
    with open_outbox(tmp_path) as outbox:
        outbox.append_all([HEALTH] * 5)
        assert [pending.seq for pending in outbox.pending(after=1, limit=2)] == [2, 3]


def test_a_chain_begun_elsewhere_is_continued_only_by_a_fresh_outbox(tmp_path: Path) -> None:
    with open_outbox(tmp_path) as outbox:
        outbox.continue_from(8, "ab" * 32)
        assert outbox.append(HEALTH) == 8
        assert codec.decode(outbox.pending()[0].payload).prev == "ab" * 32
        with pytest.raises(OutboxError, match="chain of its own"):
            outbox.continue_from(20, "cd" * 32)


def test_an_outbox_belongs_to_one_node(tmp_path: Path) -> None:
    open_outbox(tmp_path).close()
    with pytest.raises(OutboxError, match="belongs to node ekskolan-1"):
        open_outbox(tmp_path, "askolan-1")


def test_what_is_no_outbox_says_so(tmp_path: Path) -> None:
    (tmp_path / "outbox.sqlite").write_bytes(b"no database at all, but long enough" * 100)
    with pytest.raises(OutboxError, match="cannot use the outbox"):
        open_outbox(tmp_path)
    with pytest.raises(OutboxError, match="cannot open"):
        Outbox(Path("/proc/no/outbox.sqlite"), NODE, KEY)


def test_a_full_disk_is_said_and_loses_nothing_stored(tmp_path: Path) -> None:
    with open_outbox(tmp_path) as outbox:
        outbox.append(HEALTH)
        # SQLite's own limit on pages fails in the same way as a full disk does.
        pages = outbox._file._database.execute("PRAGMA page_count").fetchone()[0]
        outbox._file._database.execute(f"PRAGMA max_page_count = {pages}")
        with pytest.raises(OutboxError, match=r"full.*free space"):
            outbox.append_all([HEALTH] * 200)
        assert [pending.seq for pending in outbox.pending()] == [1]
        outbox._file._database.execute("PRAGMA max_page_count = 100000")
        assert outbox.append(HEALTH) == 2


def test_a_full_disk_takes_what_was_acknowledged_before_anything_is_refused(
    tmp_path: Path,
) -> None:
    with open_outbox(tmp_path) as outbox:
        outbox.append_all([HEALTH] * 200)
        outbox.acknowledged(150)
        pages = outbox._file._database.execute("PRAGMA page_count").fetchone()[0]
        outbox._file._database.execute(f"PRAGMA max_page_count = {pages}")
        assert outbox.append_all([HEALTH] * 100)[-1] == 300
        assert kept(outbox) == list(range(151, 301))
        with pytest.raises(OutboxError, match=r"full.*free space"):
            outbox.append_all([HEALTH] * 200)
        assert (outbox.depth, outbox.last_seq) == (150, 300)


APPENDER = """
import sys
from pathlib import Path
from sensor.outbox import Outbox
from tests.sensor.contract.samples import KEY, NODE, samples
outbox = Outbox(Path(sys.argv[1]), NODE, KEY)
while True:
    print(outbox.append(samples()["health"]), flush=True)
"""


def test_what_was_appended_survives_kill_9(tmp_path: Path) -> None:
    path = tmp_path / "outbox.sqlite"
    printed = 0
    for _ in range(3):
        process = subprocess.Popen(
            [sys.executable, "-c", APPENDER, str(path)], stdout=subprocess.PIPE, text=True
        )
        assert process.stdout is not None
        for _ in range(20):
            printed = int(process.stdout.readline())
        os.kill(process.pid, signal.SIGKILL)
        rest = process.communicate()[0].split()
        printed = int(rest[-1]) if rest else printed
    with Outbox(path, NODE, KEY) as outbox:
        seqs = [pending.seq for pending in outbox.pending(limit=10_000)]
    # One more may have been committed before its number could be printed.
    assert seqs in (list(range(1, printed + 1)), list(range(1, printed + 2)))


def test_commits_reach_the_disk(tmp_path: Path) -> None:
    with open_outbox(tmp_path) as outbox:
        assert outbox._file._database.execute("PRAGMA synchronous").fetchone() == (2,)
        assert outbox._file._database.execute("PRAGMA journal_mode").fetchone() == ("wal",)


def test_a_draft_is_dated_now() -> None:
    assert (datetime.now(UTC) - draft(NODE)["time"]).total_seconds() < 5


def test_the_age_of_what_waits_is_told_whatever_the_wall_clock_was(tmp_path: Path) -> None:
    with open_outbox(tmp_path) as outbox:
        assert outbox.oldest_s is None
        # The wall clock has been set since; the other one has not.
        boot = boot_time()
        assert boot
        set_since = replace(HEALTH, time=datetime(1970, 1, 2, tzinfo=UTC))
        outbox.append(replace(set_since, boot=replace(boot, s=boot.s - 90.0)))
        outbox.append(HEALTH)
        assert outbox.oldest_s is not None
        assert 90.0 <= outbox.oldest_s < 90.0 + 3600
        outbox.acknowledged(1)
        # Of an earlier start only the wall clock tells; one ahead of it has no age.
        outbox.append(replace(HEALTH, time=datetime(2100, 1, 1, tzinfo=UTC)))
        outbox.acknowledged(2)
        assert outbox.oldest_s == 0.0
        outbox.acknowledged(3)
        assert outbox.oldest_s is None
