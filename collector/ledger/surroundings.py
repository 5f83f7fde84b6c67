"""What must be looked at again where events come or go, and no more: the cost of an event.

Passes and episodes end where it is silent for long enough, or where a day is cut because it holds
too much (:mod:`collector.analysis.crowds`). Between two such places nothing depends on what is
outside, so only what is between them is read: mostly some minutes, never more than
:data:`~collector.analysis.crowds.MOST` events beside those that come or go.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Final, NamedTuple, TypeAlias

from sqlalchemy import ColumnElement, Connection, func, literal, select

from collector.analysis import crowds
from collector.analysis.crowds import Span
from collector.analysis.episodes import RULES, Heard, may_be_vehicle
from collector.database.tables import event, site
from collector.ledger.days import SiteDay, day_of
from sensor.contract.messages import LONGEST_EVENT_S

_GAP: Final = timedelta(seconds=RULES.gap_s)
_LONGEST: Final = timedelta(seconds=LONGEST_EVENT_S)
_AROUND: Final = timedelta(hours=2)
"""What is read at first on either side; of a site that is hardly ever silent, the day is."""

HEARD: Final = tuple(event.c[name] for name in Heard._fields)
"""The columns of what was heard."""


class Place(NamedTuple):
    """An event that comes or goes; `position` tells which."""

    position: int
    site: str | None
    start: datetime
    simulated: bool


class Listed(NamedTuple):
    """An event in the list of events."""

    position: int
    heard: Heard


class Surroundings(NamedTuple):
    """All that is listed of a site within `span`, in order of time, and nothing else matters."""

    day: SiteDay
    span: Span
    listed: list[Listed]


_Starts: TypeAlias = Mapping[SiteDay, Sequence[datetime]]


def surroundings(connection: Connection, places: Iterable[Place]) -> Iterator[Surroundings]:
    """Yield what the passes and episodes depend on that `places` may have changed.

    `places` must be listed still, or already. What is yielded holds whether or not they count.
    """
    days: defaultdict[tuple[datetime, bool], dict[SiteDay, list[datetime]]] = defaultdict(dict)
    for place in places:
        if place.site is not None:
            day = SiteDay(place.site, day_of(place.start), place.simulated)
            days[day.begins, day.simulated].setdefault(day, []).append(place.start)
    for starts in days.values():
        crowded = _crowded(connection, list(starts))
        calm = {day: at for day, at in starts.items() if day not in crowded}
        yield from _in_calm_days(connection, calm)
        for day in crowded:
            yield from _in_crowd(connection, day, day.span, starts[day])


def _crowded(connection: Connection, days: Sequence[SiteDay]) -> set[SiteDay]:
    """Which of `days`, all of one time and sort, hold more than can be looked at together."""
    one = days[0]
    # The limit is what keeps a site cheap that has a hundred thousand.
    first = select(literal(1)).where(event.c.site == site.c.id, *_within(one.simulated, one.span))
    some = first.limit(crowds.MOST + 1).correlate(site).subquery()
    count = select(func.count()).select_from(some).scalar_subquery()
    sites = select(site.c.id).where(site.c.id.in_(day.site for day in days), count > crowds.MOST)
    found = set(connection.scalars(sites))
    return {day for day in days if day.site in found}


def _in_calm_days(connection: Connection, starts: _Starts) -> Iterator[Surroundings]:
    if not starts:
        return
    limit = next(iter(starts)).span
    known = Span(
        max(limit.begin, min(map(min, starts.values())) - _AROUND),
        min(limit.end, max(map(max, starts.values())) + _AROUND),
    )
    unclear = []
    for day, listed in _read(connection, list(starts), known).items():
        found = _parted(day, listed, known, limit, starts[day])
        if found is None:
            unclear.append(day)
        else:
            yield from found
    if unclear:
        for day, listed in _read(connection, unclear, limit).items():
            yield from _parted(day, listed, limit, limit, starts[day]) or ()


def _in_crowd(
    connection: Connection, day: SiteDay, span: Span, changed: Sequence[datetime]
) -> Iterator[Surroundings]:
    """Yield the surroundings of `changed`, all within `span`, which a day or its cuts left."""
    most = crowds.MOST + len(changed)
    count = _count(connection, day, span, most + 1)
    if count > most:
        for half in () if span.indivisible else span.halves:
            if within := [at for at in changed if at in half]:
                yield from _in_crowd(connection, day, half, within)
        return
    listed = _read(connection, [day], span)[day]
    if count > crowds.MOST:
        # It is cut with what changed and is not without, so all of it may come out otherwise.
        yield Surroundings(day, span, listed)
    else:
        yield from _parted(day, listed, span, span, changed) or ()


def _parted(
    day: SiteDay, listed: Sequence[Listed], known: Span, limit: Span, changed: Sequence[datetime]
) -> list[Surroundings] | None:
    """Return what silences part around `changed`; None: it may reach beyond what is known."""
    found = []
    for span, there in _stretches(listed, known, limit):
        if any(at in span for at in changed):
            if span.begin < known.begin or span.end > known.end:
                return None
            found.append(Surroundings(day, span, there))
    return found


def _stretches(
    listed: Sequence[Listed], known: Span, limit: Span
) -> Iterator[tuple[Span, list[Listed]]]:
    """Yield what silences part; what may reach out of `known` reaches to the end of `limit`."""
    begin, loud_until = limit.begin, limit.begin - 2 * _GAP
    if known.begin > limit.begin:
        loud_until = known.begin + _LONGEST
    stretch: list[Listed] = []
    for one in listed:
        if not may_be_vehicle(one.heard):
            continue
        if one.heard.start > loud_until + _GAP:
            yield Span(begin, one.heard.start), stretch
            begin, stretch = one.heard.start, []
        stretch.append(one)
        loud_until = max(loud_until, one.heard.end)
    yield Span(begin, known.end if known.end > loud_until + _GAP else limit.end), stretch


def _count(connection: Connection, day: SiteDay, span: Span, most: int) -> int:
    """How many events there are, as far as `most`."""
    there = select(literal(1)).where(event.c.site == day.site, *_within(day.simulated, span))
    some = there.limit(most).subquery()
    return connection.scalar(select(func.count()).select_from(some)) or 0


def _read(
    connection: Connection, days: Sequence[SiteDay], span: Span
) -> Mapping[SiteDay, list[Listed]]:
    """Read what the sites of `days`, all of one time and sort, heard within `span`."""
    begins, simulated = days[0].begins, days[0].simulated
    columns = (event.c.site, event.c.position, *HEARD)
    chosen = (event.c.site.in_([day.site for day in days]), *_within(simulated, span))
    listed: dict[SiteDay, list[Listed]] = {day: [] for day in days}
    # Of events alike the last one counts: see episodes.passes().
    query = select(*columns).where(*chosen).order_by(event.c.start, event.c.position)
    for name, position, *row in connection.execute(query):
        listed[SiteDay(name, begins, simulated)].append(Listed(position, Heard(*row)))
    return listed


def _within(simulated: bool, span: Span) -> tuple[ColumnElement[bool], ...]:
    return event.c.simulated == simulated, event.c.start >= span.begin, event.c.start < span.end
