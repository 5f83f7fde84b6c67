"""What people told is kept as they told it, within limits; and answered from the ledger anew."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Engine

from collector.disturbance_answers import answered, site_recall
from collector.ledger.ledger import Ledger
from collector.registry.disturbances import (
    MOST_AN_HOUR,
    MOST_NOTE,
    Disturbance,
    DisturbanceError,
    Disturbances,
)
from collector.registry.registry import Registry
from tests.collector.conftest import ONLY_SQLITE
from tests.peers import FakeNode, event, levels

NOW = datetime(2026, 11, 20, 20, 0, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


@pytest.fixture
def log(engine: Engine, registry: Registry) -> Disturbances:
    """Nothing was told yet; two sites are known."""
    assert registry.sites()
    return Disturbances(engine)


def tell(log: Disturbances, minutes: float = 0.0, **changes: Any) -> Disturbance:
    """Tell that there is speeding right now, so long after NOW."""
    values: dict[str, Any] = {
        "site": "ekskolan",
        "what": "speeding",
        "told_by": "link 1",
        "when": "now",
    }
    return log.add(at=None, now=NOW + minutes * MINUTE, **{**values, **changes})


def test_what_was_told_is_there(log: Disturbances) -> None:
    first = tell(log, note="  svart\n moped ")
    picked = log.add("ekskolan", "other", NOW - timedelta(days=2), "rektor", when="picked", now=NOW)
    assert (first.note, first.at, first.told_at) == ("svart moped", NOW, NOW)
    assert picked.at == NOW - timedelta(days=2)
    assert log.get(first.id) == first
    assert log.get(99) is None
    assert log.of_site("ekskolan") == [first, picked]
    assert log.of_site("ekskolan", NOW - timedelta(days=1)) == [first]
    assert log.of_site("askolan") == []


def test_a_button_that_is_tapped_twice_is_one(log: Disturbances) -> None:
    first = tell(log)
    assert tell(log, 1.9) == first
    others = [tell(log, 1.9, what="revving"), tell(log, 1.9, told_by="link 2"), tell(log, 4)]
    assert len({one.id for one in [first, *others]}) == 4


def test_one_who_tells_very_many_has_to_wait(log: Disturbances) -> None:
    for number in range(MOST_AN_HOUR):
        tell(log, 3 * number)
    with pytest.raises(DisturbanceError, match="wait a while") as refused:
        tell(log, 3 * MOST_AN_HOUR)
    assert refused.value.part == "many"
    tell(log, 3 * MOST_AN_HOUR, told_by="link 2")
    tell(log, 61)


@pytest.mark.parametrize(
    ("part", "changes"),
    [
        ("what", {"what": "murder"}),
        ("when", {"when": "tomorrow"}),
        ("at", {"when": "picked"}),
        ("note", {"note": "x" * (MOST_NOTE + 1)}),
    ],
)
@ONLY_SQLITE
def test_what_cannot_be_told_is_refused(
    log: Disturbances, part: str, changes: dict[str, Any]
) -> None:
    with pytest.raises(DisturbanceError) as refused:
        tell(log, **changes)
    assert refused.value.part == part


@ONLY_SQLITE
@pytest.mark.parametrize("days", [-0.01, 14.01])
def test_only_the_last_two_weeks_can_be_picked(log: Disturbances, days: float) -> None:
    with pytest.raises(DisturbanceError, match="within the last 14 days"):
        log.add("ekskolan", "other", NOW - timedelta(days=days), "x", now=NOW)


def test_old_ones_are_removed(log: Disturbances) -> None:
    tell(log)
    assert log.prune(NOW, dry_run=True) == 0
    assert log.prune(NOW + MINUTE, dry_run=True) == 1
    assert log.prune(NOW + MINUTE) == 1
    assert log.of_site("ekskolan") == []


@pytest.fixture
def node(ledger: Ledger) -> FakeNode:
    """A node at Ekskolan."""
    made = FakeNode("ekskolan-1")
    made.register(ledger.registry, "ekskolan", NOW - timedelta(days=100))
    return made


def measure(ledger: Ledger, node: FakeNode, at: datetime, minutes: int = 60) -> None:
    """Let the node measure until `at`."""
    start = at - minutes * MINUTE
    ledger.append(
        [node.signed(levels(node.name, start + n * MINUTE, 50.0)) for n in range(minutes)]
    )


def test_an_answer_changes_with_what_comes_in_late(
    log: Disturbances, ledger: Ledger, node: FakeNode
) -> None:
    inventory = ledger.registry.inventory()
    told, later = tell(log), NOW + timedelta(hours=1)
    assert answered(ledger, inventory, told, NOW).state == "waiting"
    assert answered(ledger, inventory, told, later).state == "not_measured"
    measure(ledger, node, NOW + 2 * MINUTE)
    silent = answered(ledger, inventory, told, later)
    assert (silent.state, silent.measured_s) == ("not_matched", 360.0)
    ledger.append([node.signed(event(node.name, NOW - 2 * MINUTE))])
    found = answered(ledger, inventory, told, later)
    assert (found.state, len(found.events)) == ("matched", 1)


@ONLY_SQLITE
def test_a_sites_reports_are_counted_beside_chance(
    log: Disturbances, ledger: Ledger, node: FakeNode
) -> None:
    week = timedelta(weeks=1)
    told = [tell(log), tell(log, 30, what="loud_music"), tell(log, 50)]
    measure(ledger, node, NOW + 40 * MINUTE, 60)
    # A week before, whole hours were measured, with a moped at one of the three times.
    measure(ledger, node, NOW - week + 60 * MINUTE, 120)
    ledger.append([node.signed(event(node.name, at)) for at in (NOW, NOW - week)])
    found = site_recall(ledger, ledger.registry.inventory(), told, NOW + timedelta(hours=2))
    states = [answer.state for _, answer in found.answers]
    assert states == ["matched", "not_matched", "not_measured"]
    assert (found.recall.heard.count, found.recall.heard.of, found.recall.unmeasured) == (1, 2, 1)
    assert (found.by_chance.heard.count, found.by_chance.heard.of) == (1, 3)
