"""What is counted around events that come and go is what counting everything would give."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from random import Random
from unittest.mock import patch

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection, Engine, select

from collector.analysis import crowds
from collector.analysis.episodes import Episode, Heard, episodes, passes
from collector.database.tables import episode, event, site_day
from collector.ledger import rollups
from collector.ledger import surroundings as around
from collector.ledger.days import DAY, SiteDay, day_of
from collector.ledger.surroundings import Place
from collector.registry.registry import Registry

BEGINS = datetime(2026, 11, 6, 3, 0, tzinfo=UTC)
SITES = {"a": "ekskolan", "b": "ekskolan", "c": "askolan"}
"""The sites of the nodes."""

LONGEST = timedelta(minutes=15)
"""Of an event, at most: less than in truth, so that some reach out of what is read at first."""

HOUR = timedelta(hours=1)
Hours = dict[tuple[SiteDay, str, int], int]


@dataclass(frozen=True)
class Told:
    """An event, as it stands in the list."""

    simulated: bool
    heard: Heard

    @property
    def day(self) -> SiteDay:
        return SiteDay(SITES[self.heard.node], day_of(self.heard.start), self.simulated)


@st.composite
def arrivals(draw: st.DrawFn) -> list[list[Told]]:
    """Batches of events: some minutes or some days of them, in order or not, some of them twice."""
    chance = Random(draw(st.integers(0, 2**32)))  # noqa: S311 - nothing secret is made of it
    pause_s = draw(st.sampled_from([3, 40, 150, 400, 3000]))
    count = draw(st.integers(1, 90))
    at = BEGINS + timedelta(seconds=chance.choice([-600, 0, 3600, 43_200 - 900, 86_400 - 600]))
    events = []
    for _ in range(count):
        at += timedelta(seconds=round(chance.expovariate(1 / pause_s), chance.choice([0, 3])))
        events.append(_told(chance, at))
    events += chance.sample(events, k=min(3, count))
    if draw(st.booleans()):
        chance.shuffle(events)
    batches = []
    while events:
        size = chance.choice([1, 1, 3, 20, 50])
        batches.append(events[:size])
        del events[:size]
    return batches


def _told(chance: Random, start: datetime) -> Told:
    heard = Heard(
        node=chance.choice("aaaabc"),
        id=f"{chance.randrange(3):016x}",
        start=start,
        duration_s=chance.choice([2.0] * 9 + [12.0] * 9 + [400.0, LONGEST.total_seconds()]),
        lafmax_db=float(chance.randrange(70, 95)),
        source=chance.choice(["car"] * 6 + ["heavy_vehicle", "unconfirmed", "revving", "voices"]),
        direction=chance.choice([None, 1, -1]),
        speed_refused=chance.choice([None, None, "two_vehicles", "stationary"]),
    )
    return Told(chance.random() < 0.1, heard)


@dataclass
class Everything:
    """The list of events, and all that is made of it, counted as a whole each time."""

    listed: dict[int, Told] = field(default_factory=dict)
    pruned: defaultdict[tuple[SiteDay, str, int], int] = field(
        default_factory=lambda: defaultdict(int)
    )

    def counted(self) -> tuple[Hours, dict[SiteDay, list[Episode]]]:
        """What the events come to that are there."""
        hours: defaultdict[tuple[SiteDay, str, int], int] = defaultdict(int)
        made: dict[SiteDay, list[Episode]] = {}
        for day in {one.day for one in self.listed.values()}:
            its = [one.heard for _, one in sorted(self.listed.items()) if one.day == day]
            found, made[day] = _whole(its, day.begins, day.begins + DAY)
            for name, at in found:
                hours[day, name, (at - day.begins) // HOUR] += 1
        return hours, made

    def remove(self, positions: Iterable[int]) -> None:
        """Prune them."""
        before, _ = self.counted()
        for position in positions:
            del self.listed[position]
        after, _ = self.counted()
        for key in before.keys() | after.keys():
            self.pruned[key] += before.get(key, 0) - after.get(key, 0)


def _whole(
    heard: list[Heard], begin: datetime, end: datetime
) -> tuple[list[tuple[str, datetime]], list[Episode]]:
    """What a day comes to, or a part of it that cuts left."""
    if len(heard) <= crowds.MOST:
        found = passes(heard)
        made = episodes(found)
        starts = [("events" if one.confirmed else "unconfirmed", one.start) for one in found]
        return [*starts, *(("episodes", one.start) for one in made)], made
    if end - begin < timedelta(seconds=11):
        return [], []
    middle = begin + (end - begin) / 2
    first = _whole([one for one in heard if one.start < middle], begin, middle)
    second = _whole([one for one in heard if one.start >= middle], middle, end)
    return first[0] + second[0], first[1] + second[1]


def _list(connection: Connection, number: int, batch: list[Told]) -> dict[int, Told]:
    new = dict(enumerate(batch, start=number))
    columns = {
        "trigger": "level", "lae_db": 80.0, "laeq_db": 70.0, "flags": [],
    }  # fmt: skip
    rows = [
        {
            **one.heard._asdict(), **columns, "position": position, "site": one.day.site,
            "simulated": one.simulated,
        }
        for position, one in new.items()
    ]  # fmt: skip
    connection.execute(event.insert(), rows)
    places = [Place(at, one.day.site, one.heard.start, one.simulated) for at, one in new.items()]
    rollups.add_events(connection, places)
    return new


def _hours(connection: Connection) -> Hours:
    found = {}
    for row in connection.execute(select(site_day)).mappings():
        day = SiteDay(row["site"], row["begins"], row["simulated"])
        for name in ("events", "unconfirmed", "episodes"):
            for hour, number in enumerate(rollups.PACKED.unpack(row[name])):
                if number:
                    found[day, name, hour] = number
    return found


def _episodes(connection: Connection) -> list[tuple[str, bool, datetime, datetime, int, int]]:
    names = ("site", "simulated", "start", "end", "passes", "unconfirmed")
    return sorted(tuple(row) for row in connection.execute(select(*(episode.c[n] for n in names))))


def _agree(connection: Connection, everything: Everything) -> None:
    hours, made = everything.counted()
    expected = {
        key: number
        for key in hours.keys() | everything.pruned.keys()
        if (number := hours.get(key, 0) + everything.pruned.get(key, 0))
    }
    assert _hours(connection) == expected
    assert _episodes(connection) == sorted(
        (day.site, day.simulated, one.start, one.end, one.passes, one.unconfirmed)
        for day, there in made.items()
        for one in there
    )


@settings(
    deadline=None,
    max_examples=80,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(arrivals(), st.sampled_from([2, 5, 12, 40, 1000]), st.sampled_from([5, 30, 120]), st.data())
def test_whatever_comes_in_whatever_order_and_whatever_is_pruned(
    engine: Engine,
    registry: Registry,
    came: list[list[Told]],
    most: int,
    read_min: int,
    data: st.DataObject,
) -> None:
    everything = Everything()
    number = 1
    # Not even committed: the next example begins with an empty ledger.
    with (
        patch.object(crowds, "MOST", most),
        patch.multiple(around, _LONGEST=LONGEST, _AROUND=timedelta(minutes=read_min)),
        engine.connect() as connection,
    ):
        for batch in came:
            everything.listed |= _list(connection, number, batch)
            number += len(batch)
            _agree(connection, everything)
            if everything.listed and data.draw(st.integers(0, 3)) == 0:
                gone = data.draw(st.sets(st.sampled_from(sorted(everything.listed))))
                rollups.keep_counts(connection, sorted(gone))
                connection.execute(event.delete().where(event.c.position.in_(gone)))
                everything.remove(gone)
                _agree(connection, everything)
        rollups.refill(connection)
        _agree(connection, everything)


def _laps(first_s: int, end_s: int, every_s: int = 100) -> list[Told]:
    return [_car(at_s) for at_s in range(first_s, end_s, every_s)]


def _car(at_s: float, duration_s: float = 4.0, node: str = "a") -> Told:
    start = BEGINS + 6 * HOUR + timedelta(seconds=at_s)
    ident = f"{round(at_s * 1000) % 2**63:016x}"
    return Told(False, Heard(node, ident, start, duration_s, 80.0, "car"))


@pytest.mark.parametrize("there", [
    pytest.param(_laps(100, 4 * 3600), id="goes on for long afterwards"),
    pytest.param(_laps(-4 * 3600, -50), id="went on for long before"),
    pytest.param([_car(-9000, 3600.0), *_laps(-5300, -50)], id="began with something long"),
])  # fmt: skip
def test_an_episode_is_seen_to_its_ends(
    engine: Engine, registry: Registry, there: list[Told]
) -> None:
    everything = Everything()
    with engine.connect() as connection:
        everything.listed |= _list(connection, 1, there)
        everything.listed |= _list(connection, 1 + len(there), [_car(0)])
        _agree(connection, everything)
        assert len(_episodes(connection)) == 1


def test_an_event_costs_what_is_near_whatever_its_day_holds(
    engine: Engine, registry: Registry
) -> None:
    def looked_at(told: Told) -> int:
        place = Place(number, told.day.site, told.heard.start, told.simulated)
        _list(connection, number, [told])
        return sum(len(one.listed) for one in around.surroundings(connection, [place]))

    everything = Everything()
    with engine.connect() as connection:
        everything.listed |= _list(connection, 1, _laps(0, 1000) + _laps(7200, 9000))
        number = 1000
        assert looked_at(_car(550)) == 11
        everything.listed |= {number: _car(550)}
        everything.listed |= _list(connection, 2000, _laps(20_000, 30_000, every_s=2))
        number = 9000
        assert 500 < looked_at(_car(25_001)) <= crowds.MOST
        everything.listed |= {number: _car(25_001)}
        _agree(connection, everything)


def test_more_than_any_street_can_make_is_no_pass(engine: Engine, registry: Registry) -> None:
    everything = Everything()
    flood = [_car(0.001 * i, node=node) for i in range(300) for node in "ab"]
    with engine.connect() as connection:
        everything.listed |= _list(connection, 1, [*_laps(-1000, 0), *flood])
        _agree(connection, everything)
        before = _hours(connection)
        more = [_car(0.001 * i + 1, node=node) for i in range(300) for node in "ab"]
        everything.listed |= _list(connection, 2000, more)
        _agree(connection, everything)
        assert sum(_hours(connection).values()) < sum(before.values())
