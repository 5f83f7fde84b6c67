from __future__ import annotations

import os
import signal
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest
from msgspec.structs import replace

from sensor.contract import codec
from sensor.contract.messages import GENESIS, draft
from sensor.contract.signature import payload_hash, verify
from sensor.errors import OutboxError
from sensor.outbox import Outbox
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


def test_an_ack_frees_what_it_covers_and_nothing_else(tmp_path: Path) -> None:
    with open_outbox(tmp_path) as outbox:
        outbox.append_all([HEALTH] * 5)
        assert outbox.acknowledged(2) == 2
        assert outbox.acknowledged(1) == 0
        assert [pending.seq for pending in outbox.pending()] == [3, 4, 5]
        assert outbox.acked_seq == 2


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
        pages = outbox._database.execute("PRAGMA page_count").fetchone()[0]
        outbox._database.execute(f"PRAGMA max_page_count = {pages}")
        with pytest.raises(OutboxError, match=r"full.*free space"):
            outbox.append_all([HEALTH] * 200)
        assert [pending.seq for pending in outbox.pending()] == [1]
        outbox._database.execute("PRAGMA max_page_count = 100000")
        assert outbox.append(HEALTH) == 2


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
        assert outbox._database.execute("PRAGMA synchronous").fetchone() == (2,)
        assert outbox._database.execute("PRAGMA journal_mode").fetchone() == ("wal",)


def test_a_draft_is_dated_now() -> None:
    assert (datetime.now(UTC) - draft(NODE)["time"]).total_seconds() < 5
