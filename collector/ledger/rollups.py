"""Hours of each site in rows of a day: what rates are made of, however much raw history there is.

A day has 24 hours from :data:`~collector.ledger.days.DAY_BEGINS` UTC on, early in the morning where
this is used, and no pass or episode reaches from one into the next. What comes in late therefore
changes no other day, and what stands here does not depend on the order in which messages came in.
What comes in changes the counts by what its surroundings come to with it and without it.

Two nodes at a site may have measured the same seconds. What a site measured in an hour is what the
node did that measured most of it: never more than is true, and exact unless one node took over
from another within the hour.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from itertools import groupby, islice
from struct import Struct
from typing import Any, Final, TypeAlias, TypeVar

from sqlalchemy import ColumnElement, Connection, Table, and_, bindparam, func, select

from collector.analysis.crowds import Span, pieces
from collector.analysis.episodes import Episode, Heard, episodes, passes
from collector.database.database import upsert
from collector.database.tables import UtcTime, episode, event, level_hour, site_day, site_day_pruned
from collector.ledger.days import HOURS, SiteDay, day_of
from collector.ledger.surroundings import HEARD, Place, surroundings

PACKED: Final = Struct(f"<{HOURS}i")
"""The form of a column: 24 little-endian integers of 32 bits."""

_HOUR: Final = timedelta(hours=1)
_NONE: Final = PACKED.pack(*[0] * HOURS)
_COUNTS: Final = ("events", "unconfirmed", "episodes")
_KEYS_A_QUERY: Final = 500
_PLACE: Final = tuple(event.c[name] for name in Place._fields)

Counts: TypeAlias = dict[str, list[int]]
_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class Counted:
    """What was heard comes to: numbers by the hour of the day, and the episodes."""

    counts: Counts
    episodes: list[Episode]


@dataclass(frozen=True, slots=True)
class _Change:
    """What a part of a day comes to with some events, and without them."""

    day: SiteDay
    span: Span
    having: Counted
    lacking: Counted


def add_events(connection: Connection, places: Collection[Place]) -> None:
    """Carry counts and episodes on over events that were just listed."""
    changes = _changes(connection, places)
    _add_counts(connection, site_day, _brought(changes))
    _write_episodes(connection, [(one, one.having.episodes) for one in changes])


def keep_counts(connection: Connection, positions: Sequence[int]) -> None:
    """Keep in the counts what listed events brought that will be removed now, but no episodes."""
    rows = connection.execute(select(*_PLACE).where(event.c.position.in_(positions)))
    changes = _changes(connection, [Place(*row) for row in rows])
    _add_counts(connection, site_day_pruned, _brought(changes))
    _write_episodes(connection, [(one, one.lacking.episodes) for one in changes])


def add_measured(connection: Connection, hours: Iterable[tuple[str, datetime, bool]]) -> None:
    """Carry on what was measured over hours of ``level_hour`` that changed.

    Each is given by site, hour and whether it is simulated.
    """
    for chosen in _batches(sorted(set(hours))):
        where = _among(level_hour.c.site, level_hour.c.hour, chosen)
        _write_measured(connection, _measured(connection, where))


def refill(connection: Connection) -> None:
    """Make all rows anew from the events and hours of levels that there are."""
    for table in (episode, site_day):
        connection.execute(table.delete())
    pruned = [dict(row) for row in connection.execute(select(site_day_pruned)).mappings()]
    if pruned:
        connection.execute(site_day.insert(), [{**row, "measured_s": _NONE} for row in pruned])
    for site in connection.scalars(select(level_hour.c.site).distinct()).all():
        _write_measured(connection, _measured(connection, level_hour.c.site == site))
    for site in connection.scalars(select(event.c.site).distinct()).all():
        if site is not None:
            _refill_events(connection, site)


def count(heard: Sequence[Heard], day: SiteDay, span: Span) -> Counted:
    """Return what all that was heard within a part of a day, in order of time, comes to."""
    counts = _nothing()
    made: list[Episode] = []
    for piece in pieces(heard, span):
        found = passes(piece)
        for one in found:
            name = "events" if one.confirmed else "unconfirmed"
            counts[name][(one.start - day.begins) // _HOUR] += 1
        made += episodes(found)
    for another in made:
        counts["episodes"][(another.start - day.begins) // _HOUR] += 1
    return Counted(counts, made)


def _refill_events(connection: Connection, site: str) -> None:
    query = select(*HEARD, event.c.simulated).where(event.c.site == site)
    rows = connection.execute(
        query.order_by(event.c.simulated, event.c.start, event.c.position),
        execution_options={"yield_per": 10_000},
    )
    by_day = groupby(rows, key=lambda row: SiteDay(site, day_of(row.start), row.simulated))
    counted = (
        (day, count([Heard(*row[:-1]) for row in its], day, day.span)) for day, its in by_day
    )
    for days in _batches(counted):
        _add_counts(connection, site_day, {day: one.counts for day, one in days})
        _insert_episodes(connection, ((day, one.episodes) for day, one in days))


def _changes(connection: Connection, places: Collection[Place]) -> list[_Change]:
    coming_or_going = {place.position for place in places}
    return [
        _Change(
            day,
            span,
            count([one.heard for one in listed], day, span),
            count([one.heard for one in listed if one.position not in coming_or_going], day, span),
        )
        for day, span, listed in surroundings(connection, places)
    ]


def _brought(changes: Iterable[_Change]) -> dict[SiteDay, Counts]:
    """What the events brought to each day that come or go; less than nothing where they join."""
    found: defaultdict[SiteDay, Counts] = defaultdict(_nothing)
    for one in changes:
        less = {name: [-n for n in numbers] for name, numbers in one.lacking.counts.items()}
        found[one.day] = _sum(found[one.day], _sum(one.having.counts, less))
    return found


def _nothing() -> Counts:
    return {name: [0] * HOURS for name in _COUNTS}


def _add_counts(connection: Connection, table: Table, brought: Mapping[SiteDay, Counts]) -> None:
    """Add to the rows of days in either table."""
    for days in _batches(sorted(brought)):
        there = _counts(connection, table, days)
        rows = [_row(day, _sum(there[day], brought[day])) for day in days]
        if table is site_day:
            rows = [{**row, "measured_s": _NONE} for row in rows]
        _put(connection, table, rows, _COUNTS)


def _counts(
    connection: Connection, table: Table, days: Sequence[SiteDay]
) -> defaultdict[SiteDay, Counts]:
    found: defaultdict[SiteDay, Counts] = defaultdict(_nothing)
    columns = [table.c[name] for name in (*SiteDay._fields, *_COUNTS)]
    chosen = _among(columns[0], columns[1], days)
    for site, begins, simulated, *packed in connection.execute(select(*columns).where(chosen)):
        numbers = (list(PACKED.unpack(one)) for one in packed)
        found[SiteDay(site, begins, simulated)] = dict(zip(_COUNTS, numbers, strict=True))
    return found


def _sum(one: Counts, other: Counts) -> Counts:
    return {name: [a + b for a, b in zip(one[name], other[name], strict=True)] for name in _COUNTS}


def _row(day: SiteDay, counts: Counts) -> dict[str, Any]:
    return {**day._asdict(), **{name: PACKED.pack(*counts[name]) for name in _COUNTS}}


def _write_episodes(
    connection: Connection, episodes_now: Iterable[tuple[_Change, list[Episode]]]
) -> None:
    """Write those of parts of days in the place of those that were there."""
    changed = [(c, now) for c, now in episodes_now if c.having.episodes != c.lacking.episodes]
    if not changed:
        return
    chosen = (
        episode.c.site == bindparam("of_site"),
        episode.c.simulated == bindparam("of_simulated"),
        episode.c.start >= bindparam("of_begin", type_=UtcTime),
        episode.c.start < bindparam("of_end", type_=UtcTime),
    )
    spans = [
        {
            "of_site": change.day.site,
            "of_simulated": change.day.simulated,
            "of_begin": change.span.begin,
            "of_end": change.span.end,
        }
        for change, _ in changed
    ]
    connection.execute(episode.delete().where(*chosen), spans)
    _insert_episodes(connection, ((change.day, now) for change, now in changed))


def _insert_episodes(
    connection: Connection, found: Iterable[tuple[SiteDay, list[Episode]]]
) -> None:
    rows = [
        {"site": day.site, "simulated": day.simulated, **_episode_row(one)}
        for day, made in found
        for one in made
    ]
    if rows:
        connection.execute(episode.insert(), rows)


def _episode_row(one: Episode) -> dict[str, Any]:
    row = {name: getattr(one, name) for name in Episode.__slots__}
    return {**row, "reasons": [asdict(reason) for reason in one.reasons]}


def _measured(connection: Connection, where: ColumnElement[bool]) -> dict[SiteDay, dict[int, int]]:
    """Seconds by hour of the day, of the chosen hours of levels."""
    columns = (level_hour.c.site, level_hour.c.hour, level_hour.c.simulated)
    query = select(*columns, func.max(level_hour.c.valid_s)).where(where)
    found: defaultdict[SiteDay, dict[int, int]] = defaultdict(dict)
    for site, hour, simulated, valid_s in connection.execute(query.group_by(*columns)):
        begins = day_of(hour)
        found[SiteDay(site, begins, simulated)][(hour - begins) // _HOUR] = min(valid_s, 3600)
    return found


def _among(
    site: ColumnElement[str], time: ColumnElement[datetime], keys: Iterable[Sequence[Any]]
) -> ColumnElement[bool]:
    """Those of any of the sites at any of the times of `keys`: more, but found by an index.

    SQLite would read a whole table to compare it with a list of pairs.
    """
    sites, times = {key[0] for key in keys}, {key[1] for key in keys}
    return and_(site.in_(sorted(sites)), time.in_(sorted(times)))


def _write_measured(connection: Connection, found: Mapping[SiteDay, Mapping[int, int]]) -> None:
    columns = (site_day.c.site, site_day.c.begins, site_day.c.simulated)
    there: dict[SiteDay, bytes] = {}
    for days in _batches(found):
        query = select(*columns, site_day.c.measured_s).where(_among(*columns[:2], days))
        there.update({SiteDay(*row[:3]): row[3] for row in connection.execute(query)})
    rows = []
    for day, seconds in found.items():
        values = list(PACKED.unpack(there.get(day, _NONE)))
        for hour, measured_s in seconds.items():
            values[hour] = measured_s
        none = dict.fromkeys(_COUNTS, _NONE)
        rows.append({**day._asdict(), **none, "measured_s": PACKED.pack(*values)})
    if rows:
        _put(connection, site_day, rows, ["measured_s"])


def _put(
    connection: Connection, table: Table, rows: Sequence[Mapping[str, Any]], names: Sequence[str]
) -> None:
    """Write rows; of those that are there, only the columns `names`."""
    insert = upsert(connection, table)
    changed = {name: insert.excluded[name] for name in names}
    key = [column.name for column in table.primary_key]
    put = insert.on_conflict_do_update(index_elements=key, set_=changed)
    connection.execute(put, [dict(row) for row in rows])


def _batches(things: Iterable[_T]) -> Iterator[list[_T]]:
    rest = iter(things)
    while batch := list(islice(rest, _KEYS_A_QUERY)):
        yield batch
