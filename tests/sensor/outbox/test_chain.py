"""What an outbox says of itself in the chain: what it has lost, and its next key."""

from __future__ import annotations

from pathlib import Path

import pytest

from sensor.commands.rotate_key import rotate_key
from sensor.contract import codec
from sensor.contract.messages import Absence, KeyChange
from sensor.contract.signature import (
    SignatureError,
    payload_hash,
    public_key_from_text,
    public_key_text,
    verify,
)
from sensor.errors import IdentityError, OutboxError
from sensor.identity import (
    KEY_FILE,
    NEXT_KEY_FILE,
    announced_key,
    load_or_make_key,
    make_next_key,
)
from sensor.outbox import Outbox, Retention
from tests.sensor.contract.samples import KEY, NODE, samples

HEALTH = samples()["health"]


def told(outbox: Outbox) -> list[tuple[int, int]]:
    messages = [codec.decode(one.payload) for one in outbox.pending(limit=1000)]
    return [
        (part.first, part.last)
        for message in messages
        if isinstance(message, Absence)
        for part in message.absent
    ]


def test_what_is_gone_is_told_once(tmp_path: Path) -> None:
    with Outbox(tmp_path / "o.sqlite", NODE, KEY, Retention(max_bytes=0)) as outbox:
        outbox.append_all([HEALTH] * 10)
        outbox.acknowledged(10)
        outbox.append_all([HEALTH] * 2)
        outbox.acknowledged(4)
        assert outbox.tell_lost(5, 999) == 6
        assert outbox.tell_lost(5, 12) == 0
        assert told(outbox) == [(5, 10)]
        # It goes first, since the collector waits for just that.
        assert [one.seq for one in outbox.pending()] == [13, 11, 12]
        assert outbox.acknowledged(13) == 9
        assert outbox.tell_lost(1, 13) == 13


def test_what_a_collector_needs_although_its_turn_is_over_comes_first(tmp_path: Path) -> None:
    with Outbox(tmp_path / "o.sqlite", NODE, KEY, Retention(max_bytes=0)) as outbox:
        outbox.append_all([HEALTH] * 10)
        outbox.acknowledged(10)
        outbox.acknowledged(4)
        outbox.tell_lost(5, 10)
        # Somebody accepted at the collector that 5 to 7 are missing.
        outbox.acknowledged(7)
        assert outbox.pending() == []
        assert [one.seq for one in outbox.needed_first()] == [11]
        outbox.acknowledged(10)
        assert [one.seq for one in outbox.needed_first()] == [11]
        outbox.acknowledged(11)
        assert outbox.needed_first() == []


def test_an_empty_outbox_goes_on_where_the_collector_stands(tmp_path: Path) -> None:
    with Outbox(tmp_path / "o.sqlite", NODE, KEY) as outbox:
        outbox.append_all([HEALTH] * 3)
        assert outbox.continue_after(40, "ab" * 32)
        pending = outbox.pending()
        assert [one.seq for one in pending] == [41, 42, 43]
        assert codec.decode(pending[0].payload).prev == "ab" * 32
        for one in pending:
            verify(one.payload, one.signature, KEY.public_key())
        # Once is enough, whatever somebody says.
        assert not outbox.continue_after(99, "cd" * 32)
        assert outbox.append(HEALTH) == 44


def test_an_outbox_that_knows_what_the_collector_has_stays_as_it_is(tmp_path: Path) -> None:
    with Outbox(tmp_path / "o.sqlite", NODE, KEY) as outbox:
        outbox.append_all([HEALTH] * 3)
        second = payload_hash(outbox.pending()[1].payload)
        assert not outbox.continue_after(2, second)
        assert not outbox.continue_after(0, "0" * 64)
        assert outbox.last_seq == 3


def rotated(folder: Path) -> Outbox:
    """An outbox with two messages by the old key, its announcement, and one by the new."""
    outbox = Outbox(folder / "outbox.sqlite", NODE, load_or_make_key(folder))
    outbox.append_all([HEALTH] * 2)
    outbox.rotate(make_next_key(folder))
    announced_key(folder, outbox.public_key)
    outbox.append(HEALTH)
    return outbox


def test_the_next_key_is_announced_by_the_old_one_and_signs_what_follows(tmp_path: Path) -> None:
    old = load_or_make_key(tmp_path).public_key()
    with rotated(tmp_path) as outbox:
        pending = outbox.pending()
        change = codec.decode(pending[2].payload)
        assert isinstance(change, KeyChange)
        new = public_key_from_text(change.public_key)
        for one, key in zip(pending, (old, old, old, new), strict=True):
            verify(one.payload, one.signature, key)
        with pytest.raises(SignatureError):
            verify(pending[3].payload, pending[3].signature, old)
    assert public_key_text(load_or_make_key(tmp_path).public_key()) == change.public_key
    assert (tmp_path / KEY_FILE).stat().st_mode & 0o777 == 0o600
    assert not (tmp_path / NEXT_KEY_FILE).exists()


def test_a_change_that_was_interrupted_is_made_or_not_made(tmp_path: Path) -> None:
    first = load_or_make_key(tmp_path)
    # Before it was announced: as though it had never been.
    make_next_key(tmp_path)
    with Outbox(tmp_path / "outbox.sqlite", NODE, first) as outbox:
        assert outbox.public_key == public_key_text(first.public_key())
        following = make_next_key(tmp_path)
        outbox.rotate(following)
    # After that: the key file is still the old one, and is replaced when the outbox is opened.
    assert (tmp_path / NEXT_KEY_FILE).exists()
    with Outbox(tmp_path / "outbox.sqlite", NODE, load_or_make_key(tmp_path)) as outbox:
        outbox.append(HEALTH)
        verify(*payload_and_signature(outbox), following.public_key())
    assert not (tmp_path / NEXT_KEY_FILE).exists()


def payload_and_signature(outbox: Outbox) -> tuple[bytes, str]:
    newest = outbox.pending()[-1]
    return newest.payload, newest.signature


def test_a_node_that_runs_follows_the_key_that_another_process_announced(tmp_path: Path) -> None:
    config = tmp_path / "node.toml"
    config.write_text(f'node = "{NODE}"\ndata_dir = "."\n[input]\nkind = "street"\n')
    with Outbox(tmp_path / "outbox.sqlite", NODE, load_or_make_key(tmp_path)) as running:
        running.append(HEALTH)
        rotate_key(config)
        running.append(HEALTH)
        verify(*payload_and_signature(running), load_or_make_key(tmp_path).public_key())


def test_a_key_that_was_announced_and_lost_is_said(tmp_path: Path) -> None:
    with Outbox(tmp_path / "outbox.sqlite", NODE, load_or_make_key(tmp_path)) as running:
        other = Outbox(tmp_path / "outbox.sqlite", NODE, load_or_make_key(tmp_path))
        other.rotate(make_next_key(tmp_path))
        other.close()
        (tmp_path / NEXT_KEY_FILE).unlink()
        with pytest.raises(IdentityError, match="not the one announced last"):
            running.append(HEALTH)


def test_a_key_is_not_changed_while_much_waits(tmp_path: Path) -> None:
    with Outbox(tmp_path / "outbox.sqlite", NODE, load_or_make_key(tmp_path)) as outbox:
        outbox.append_all([HEALTH] * 501)
        with pytest.raises(OutboxError, match="501 messages wait"):
            outbox.rotate(make_next_key(tmp_path))
