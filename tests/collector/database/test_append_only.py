"""No program can change or remove a message, on either database."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import Engine, text

from collector.database.database import reading, writing
from collector.errors import LedgerError
from collector.ledger.ledger import Ledger
from collector.registry.registry import Registry
from tests.collector.conftest import ONLY_POSTGRESQL, ONLY_SQLITE
from tests.peers import FakeNode, levels

START = datetime(2026, 11, 2, 7, 0, tzinfo=UTC)
LATER = int((datetime.now(UTC) + timedelta(days=1)).timestamp() * 1e6)
PERMIT = (
    "INSERT INTO pruning (kind, received_before, begun_at, count, at_work) "
    "VALUES ('{kind}', {before}, 0, 0, {at_work})"
)


@pytest.fixture(autouse=True)
def _three_messages(ledger: Ledger, registry: Registry) -> None:
    node = FakeNode("ekskolan-1")
    node.register(registry, "ekskolan", START)
    ledger.append([node.signed(levels(node.name, START, count=1)) for _ in range(3)])


def run(engine: Engine, *statements: str) -> None:
    """Run statements in one transaction, as any program could."""
    with writing(engine) as connection:
        for statement in statements:
            connection.execute(text(statement))


@pytest.mark.parametrize(
    "statement",
    [
        "DELETE FROM message WHERE position = 2",
        "DELETE FROM message",
        "UPDATE message SET sha256 = 'x' WHERE position = 2",
        "UPDATE message SET position = 9 WHERE position = 2",
        "UPDATE message SET signature = '' WHERE position = 2",
        "UPDATE message SET payload = 'x' WHERE position = 2",
        "UPDATE message SET payload = '' WHERE position = 2",
    ],
)
def test_what_is_there_stays_as_it_is(engine: Engine, ledger: Ledger, statement: str) -> None:
    before = ledger.after(0, 10)
    with pytest.raises(LedgerError, match="append-only"):
        run(engine, statement)
    assert ledger.after(0, 10) == before


@pytest.mark.parametrize(
    ("kind", "before", "at_work"),
    [("event", LATER, True), ("levels", 0, True), ("levels", LATER, False)],
    # The names may not tell the time, or tests that run at once would not be the same ones.
    ids=["another kind", "too young", "not at work"],
)
def test_a_permit_holds_for_its_kind_and_age_while_at_work(
    engine: Engine, kind: str, before: int, at_work: bool
) -> None:
    permit = PERMIT.format(kind=kind, before=before, at_work=at_work)
    with pytest.raises(LedgerError, match="only prune"):
        run(engine, permit, "UPDATE message SET payload = '' WHERE position = 2")


def test_a_permit_lets_nothing_else_be_changed(engine: Engine) -> None:
    permit = PERMIT.format(kind="levels", before=LATER, at_work=True)
    run(engine, permit, "UPDATE message SET payload = '' WHERE position = 2")
    for change in (
        "UPDATE message SET payload = 'x' WHERE position = 3",
        "UPDATE message SET payload = '', prev = 'x' WHERE position = 3",
    ):
        with pytest.raises(LedgerError, match="append-only"):
            run(engine, permit, change)


def test_what_was_pruned_stays_on_record(engine: Engine) -> None:
    run(engine, PERMIT.format(kind="levels", before=1, at_work=False))
    with pytest.raises(LedgerError, match="append-only"):
        run(engine, "DELETE FROM pruning")


@ONLY_SQLITE
def test_replacing_is_no_way_around(engine: Engine) -> None:
    same_place = "VALUES (2, 'ekskolan-1', 12, 'p', 's', 'levels', 0, 0, 0, 'x', 'x')"
    same_number = "VALUES (12, 'ekskolan-1', 2, 'p', 's', 'levels', 0, 0, 0, 'x', 'x')"
    for values in (same_place, same_number):
        with pytest.raises(LedgerError, match="append-only: this message is there"):
            run(engine, "INSERT OR REPLACE INTO message " + values)


@ONLY_POSTGRESQL
def test_truncating_is_no_way_around(engine: Engine) -> None:
    for table in ("message", "pruning"):
        with pytest.raises(LedgerError, match="append-only"):
            run(engine, f"TRUNCATE {table}")
    with reading(engine) as connection:
        assert connection.scalar(text("SELECT count(*) FROM message")) == 3
