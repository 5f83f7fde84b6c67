"""Hours of each site in rows of a day: what rates are made of, however much raw history there is.

A day has 24 hours from :data:`DAY_BEGINS` UTC on, early in the morning where this is used, and no
pass or episode reaches from one into the next. What comes in late therefore changes no other day,
and what stands here does not depend on the order in which messages came in.

Two nodes at a site may have measured the same seconds. What a site measured in an hour is what the
node did that measured most of it: never more than is true, and exact unless one node took over
from another within the hour.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from itertools import islice
from struct import Struct
from typing import Any, Final, NamedTuple, TypeAlias, TypeVar

from sqlalchemy import ColumnElement, Connection, Table, and_, bindparam, func, select

from collector.analysis.episodes import Episode, Heard, Pass, episodes, passes
from collector.database.database import upsert
from collector.database.tables import UtcTime, episode, event, level_hour, site_day, site_day_pruned

HOURS: Final = 24
DAY: Final = timedelta(hours=HOURS)
DAY_BEGINS: Final = timedelta(hours=3)
PACKED: Final = Struct(f"<{HOURS}i")
"""The form of a column: 24 little-endian integers of 32 bits."""

_HOUR: Final = timedelta(hours=1)
_FIRST_DAY: Final = datetime(1970, 1, 1, tzinfo=UTC) + DAY_BEGINS
_NONE: Final = PACKED.pack(*[0] * HOURS)
_COUNTS: Final = ("events", "unconfirmed", "episodes")
_KEYS_A_QUERY: Final = 500
_HEARD: Final = tuple(event.c[name] for name in Heard._fields)


class SiteDay(NamedTuple):
    """Which row: a site, when its day begins, and whether it is of what never happened."""

    site: str
    begins: datetime
    simulated: bool


Counts: TypeAlias = dict[str, list[int]]
_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class Counted:
    """What the events of a day come to: numbers by the hour, and the episodes."""

    counts: Counts
    episodes: list[Episode]


def day_of(at: datetime) -> datetime:
    """When the day begins in which `at` lies."""
    return at - (at - _FIRST_DAY) % DAY


def days_of(places: Iterable[tuple[str | None, datetime, bool]]) -> set[SiteDay]:
    """The days in which events lie, each given by site, start and whether it is simulated."""
    return {
        SiteDay(site, day_of(start), simulated)
        for site, start, simulated in places
        if site is not None
    }


def recount(connection: Connection, days: Iterable[SiteDay]) -> None:
    """Find passes and episodes of whole days anew, and write them."""
    for chosen in _batches(sorted(days)):
        counted = count(connection, chosen)
        _write_counts(connection, counted)
        _write_episodes(connection, counted)


def count(connection: Connection, days: Iterable[SiteDay]) -> dict[SiteDay, Counted]:
    """Return what the events of each day come to that are there."""
    sites: defaultdict[tuple[datetime, bool], list[str]] = defaultdict(list)
    for day in days:
        sites[day.begins, day.simulated].append(day.site)
    counted = {}
    # What comes in is mostly of one day, so one query brings all of its sites.
    for (begins, simulated), names in sites.items():
        query = select(*_HEARD, event.c.site).where(
            event.c.site.in_(names),
            event.c.start >= begins,
            event.c.start < begins + DAY,
            event.c.simulated == simulated,
        )
        heard: defaultdict[str, list[Heard]] = defaultdict(list)
        for *row, site in connection.execute(query.order_by(event.c.position)):
            heard[site].append(Heard(*row))
        for name in names:
            found = passes(heard[name])
            made = episodes(found)
            counted[SiteDay(name, begins, simulated)] = Counted(_by_hour(begins, found, made), made)
    return counted


def keep(connection: Connection, before: Mapping[SiteDay, Counted]) -> None:
    """Keep in the counts what events brought that were just removed.

    Parameters
    ----------
    before : mapping
        What :func:`count` gave while the events were still there.
    """
    for days in _batches(sorted(before)):
        now = count(connection, days)
        kept = _pruned(connection, days)
        rows = []
        for day in days:
            stay = {name: [-n for n in now[day].counts[name]] for name in _COUNTS}
            gone = _sum(before[day].counts, stay)
            rows.append(_row(day, _sum(gone, kept[day])))
        _put(connection, site_day_pruned, rows, _COUNTS)
        _write_episodes(connection, now)


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
    there = select(event.c.site, event.c.start, event.c.simulated)
    found = connection.execute(there.execution_options(yield_per=10_000))
    recount(connection, days_of(found))


def _by_hour(begins: datetime, found: Iterable[Pass], made: Iterable[Episode]) -> Counts:
    counts = {name: [0] * HOURS for name in _COUNTS}
    for one in found:
        name = "events" if one.confirmed else "unconfirmed"
        counts[name][(one.start - begins) // _HOUR] += 1
    for another in made:
        counts["episodes"][(another.start - begins) // _HOUR] += 1
    return counts


def _pruned(connection: Connection, days: Sequence[SiteDay]) -> dict[SiteDay, Counts]:
    """What pruned events brought to each of `days`."""
    columns = [site_day_pruned.c[name] for name in (*SiteDay._fields, *_COUNTS)]
    chosen = _among(columns[0], columns[1], days)
    found = {day: {name: [0] * HOURS for name in _COUNTS} for day in days}
    for site, begins, simulated, *packed in connection.execute(select(*columns).where(chosen)):
        counts = (list(PACKED.unpack(one)) for one in packed)
        found[SiteDay(site, begins, simulated)] = dict(zip(_COUNTS, counts, strict=True))
    return found


def _sum(one: Counts, other: Counts) -> Counts:
    return {name: [a + b for a, b in zip(one[name], other[name], strict=True)] for name in _COUNTS}


def _row(day: SiteDay, counts: Counts) -> dict[str, Any]:
    return {**day._asdict(), **{name: PACKED.pack(*counts[name]) for name in _COUNTS}}


def _write_counts(connection: Connection, counted: Mapping[SiteDay, Counted]) -> None:
    pruned = _pruned(connection, list(counted))
    rows = []
    for day, one in counted.items():
        counts = _sum(one.counts, pruned[day])
        # An event that comes late may join what pruned events were once counted between.
        least = {name: [max(0, n) for n in numbers] for name, numbers in counts.items()}
        rows.append({**_row(day, least), "measured_s": _NONE})
    _put(connection, site_day, rows, _COUNTS)


def _write_episodes(connection: Connection, counted: Mapping[SiteDay, Counted]) -> None:
    chosen = (
        episode.c.site == bindparam("of_site"),
        episode.c.simulated == bindparam("of_simulated"),
        episode.c.start >= bindparam("of_begin", type_=UtcTime),
        episode.c.start < bindparam("of_end", type_=UtcTime),
    )
    days = [
        {
            "of_site": day.site,
            "of_simulated": day.simulated,
            "of_begin": day.begins,
            "of_end": day.begins + DAY,
        }
        for day in counted
    ]
    connection.execute(episode.delete().where(*chosen), days)
    rows = [
        {"site": day.site, "simulated": day.simulated, **_episode_row(one)}
        for day, found in counted.items()
        for one in found.episodes
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
