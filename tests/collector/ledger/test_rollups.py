"""Days of hours say what the messages say, in whatever order they came in."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Literal

import numpy as np
import pytest
from sqlalchemy import Engine, select

from collector.database.database import reading
from collector.database.tables import episode, site_day, site_day_pruned
from collector.ledger.days import DAY, day_of
from collector.ledger.ledger import Ledger, Received
from collector.ledger.rollups import PACKED
from collector.registry.registry import Registry
from sensor.contract.messages import Message, Source, Speed
from tests.peers import FakeNode, event, levels

BEGINS = datetime(2026, 11, 6, 3, 0, tzinfo=UTC)
NEVER = BEGINS + timedelta(days=1000)
HOUR = timedelta(hours=1)

Counts = dict[tuple[str, int, bool], dict[str, int]]


@pytest.fixture
def nodes(registry: Registry) -> list[FakeNode]:
    """Two nodes at one site, one at another."""
    made = [FakeNode("ekskolan-1"), FakeNode("ekskolan-2"), FakeNode("askolan-1")]
    for node, site in zip(made, ("ekskolan", "ekskolan", "askolan"), strict=True):
        node.register(registry, site, BEGINS - 400 * DAY)
    return made


def hours(engine: Engine) -> Counts:
    """What is not zero, by site and hours since the first day began."""
    names = ("measured_s", "events", "unconfirmed", "episodes")
    found: Counts = {}
    with reading(engine) as connection:
        for row in connection.execute(select(site_day)).mappings():
            for hour in range(24):
                values = {name: PACKED.unpack(row[name])[hour] for name in names}
                if any(values.values()):
                    number = (row["begins"] - BEGINS) // HOUR + hour
                    found[row["site"], number, row["simulated"]] = values
    return found


def episodes(engine: Engine) -> list[tuple[str, datetime, int]]:
    """The episodes that are listed."""
    columns = (episode.c.site, episode.c.start, episode.c.passes)
    with reading(engine) as connection:
        return sorted(tuple(row) for row in connection.execute(select(*columns)))


def laps(node: FakeNode, start: datetime, count: int, lap_s: float = 100.0) -> list[Message]:
    """The same way round, again and again."""
    return [event(node.name, start + timedelta(seconds=lap_s * lap)) for lap in range(count)]


def test_a_day_begins_at_three() -> None:
    assert day_of(BEGINS) == BEGINS
    assert day_of(BEGINS - timedelta(microseconds=1)) == BEGINS - DAY
    assert day_of(datetime(1969, 12, 31, tzinfo=UTC)) == datetime(1969, 12, 30, 3, tzinfo=UTC)


def test_hours_hold_what_was_measured_and_heard(
    ledger: Ledger, engine: Engine, nodes: list[FakeNode]
) -> None:
    one = nodes[0]
    unsure = Source(kind="unconfirmed", probability=0.6)
    messages = [
        levels(one.name, BEGINS + 15 * HOUR, count=60),
        levels(one.name, BEGINS + 15 * HOUR, interval_s=60, count=10),
        *laps(one, BEGINS + 15 * HOUR, 6),
        event(one.name, BEGINS + 16 * HOUR),
        event(
            one.name,
            BEGINS + 17 * HOUR,
            source=unsure,
            speed=None,
            speed_refused="too_quiet",
        ),
        event(one.name, BEGINS + 18 * HOUR, source=Source(kind="voices")),
    ]
    ledger.append([one.signed(message) for message in messages])
    assert hours(engine) == {
        ("ekskolan", 15, False): {
            "measured_s": 660, "events": 6, "unconfirmed": 0, "episodes": 1,
        },
        ("ekskolan", 16, False): {"measured_s": 0, "events": 1, "unconfirmed": 0, "episodes": 0},
        ("ekskolan", 17, False): {"measured_s": 0, "events": 0, "unconfirmed": 1, "episodes": 0},
    }  # fmt: skip


def test_two_nodes_measure_an_hour_once(
    ledger: Ledger, engine: Engine, nodes: list[FakeNode]
) -> None:
    batch = [node.signed(levels(node.name, BEGINS, count=1200)) for node in nodes[:2]]
    batch.append(nodes[1].signed(levels(nodes[1].name, BEGINS + HOUR / 2, count=300)))
    ledger.append(batch)
    assert hours(engine)["ekskolan", 0, False]["measured_s"] == 1500


def test_two_nodes_hear_a_pass_once(ledger: Ledger, engine: Engine, nodes: list[FakeNode]) -> None:
    lag = timedelta(seconds=4)
    ledger.append([nodes[0].signed(one) for one in laps(nodes[0], BEGINS, 6)])
    ledger.append([nodes[1].signed(one) for one in laps(nodes[1], BEGINS + lag, 6)])
    ledger.append([nodes[2].signed(one) for one in laps(nodes[2], BEGINS, 2)])
    found = hours(engine)
    assert (found["ekskolan", 0, False]["events"], found["askolan", 0, False]["events"]) == (6, 2)
    assert episodes(engine) == [("ekskolan", BEGINS, 6)]


def test_what_never_happened_is_kept_apart(
    ledger: Ledger, engine: Engine, nodes: list[FakeNode]
) -> None:
    node = nodes[0]
    ledger.append([node.signed(event(node.name, BEGINS))])
    ledger.append([node.signed(event(node.name, BEGINS + HOUR, flags=("simulated",)))])
    assert set(hours(engine)) == {("ekskolan", 0, False), ("ekskolan", 1, True)}


def test_late_events_join_two_episodes(
    ledger: Ledger, engine: Engine, nodes: list[FakeNode]
) -> None:
    node = nodes[0]
    late_at = BEGINS + timedelta(seconds=1200)
    ledger.append([node.signed(one) for one in [*laps(node, BEGINS, 6), *laps(node, late_at, 6)]])
    assert episodes(engine) == [("ekskolan", BEGINS, 6), ("ekskolan", late_at, 6)]
    # In the middle of the pause, and told apart from one side of it.
    ledger.append([node.signed(event(node.name, BEGINS + timedelta(seconds=850)))])
    assert sorted(passes for _, _, passes in episodes(engine)) == [6, 7]
    # No pause is left.
    between = [BEGINS + timedelta(seconds=at) for at in (675, 1025)]
    ledger.append([node.signed(event(node.name, at)) for at in between])
    assert episodes(engine) == [("ekskolan", BEGINS, 15)]
    assert ledger.check().holds


def _everything(nodes: list[FakeNode]) -> list[Received]:
    """Some days of passes, many near each other, with levels."""
    rng = np.random.default_rng(7)
    batch = []
    for node in nodes:
        at = BEGINS - HOUR
        for _ in range(80):
            at += timedelta(seconds=round(float(rng.exponential(rng.choice((60.0, 4000.0))))))
            way: Literal[1, -1] = 1 if rng.random() < 0.5 else -1
            speed = Speed(
                speed_kmh=40.0, low_kmh=38.0, high_kmh=42.0, direction=way, method="stereo"
            )
            batch.append(node.signed(event(node.name, at, speed=speed)))
            batch.append(node.signed(levels(node.name, at)))
    return batch


def test_the_order_does_not_matter(ledger: Ledger, engine: Engine, nodes: list[FakeNode]) -> None:
    inorder = _everything(nodes)
    batch = [inorder[i] for i in np.random.default_rng(1).permutation(len(inorder))]
    for first in range(0, len(batch), 37):
        ledger.append(batch[first : first + 37])
    before = hours(engine), episodes(engine)
    assert before[1]
    assert ledger.check().holds
    ledger.rebuild()
    assert (hours(engine), episodes(engine)) == before


def test_pruned_events_stay_in_the_counts(
    ledger: Ledger, engine: Engine, nodes: list[FakeNode]
) -> None:
    node = nodes[0]
    received = [
        node.signed(one, received_at=BEGINS + i * HOUR)
        for i, one in enumerate(laps(node, BEGINS, 12))
    ]
    ledger.append(received)
    before = hours(engine)
    for until in (3, 7, 9):
        ledger.prune("event", BEGINS + until * HOUR)
        assert hours(engine) == before
        assert ledger.check().holds
    assert episodes(engine) == []
    ledger.rebuild()
    assert hours(engine) == before
    with reading(engine) as connection:
        (kept,) = connection.execute(select(site_day_pruned.c.events)).one()
    assert PACKED.unpack(kept)[0] == 9


def test_a_changed_day_is_found(ledger: Ledger, engine: Engine, nodes: list[FakeNode]) -> None:
    ledger.append([nodes[0].signed(one) for one in laps(nodes[0], BEGINS, 6)])
    with engine.begin() as connection:
        connection.execute(site_day.update().values(events=PACKED.pack(*[9] * 24)))
        connection.execute(episode.delete())
    assert ledger.check().differences == (
        "ekskolan: episodes: 1 listed otherwise than the messages say",
        "ekskolan: days of hours: 1 listed otherwise than the messages say",
    )
    ledger.rebuild()
    assert ledger.check().holds
