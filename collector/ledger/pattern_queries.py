"""What statistics ask of the ledger: days of hours, episodes, and what was heard."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, ColumnElement, Connection, Table, select, type_coerce

from collector.analysis.episodes import Episode, Heard, Reason
from collector.database.tables import episode, event, site_day
from collector.ledger.days import DAY


@dataclass(frozen=True, slots=True, kw_only=True)
class SiteDays:
    """Days of one site in order of time, as they are kept: see :mod:`collector.ledger.rollups`.

    Attributes
    ----------
    begins_us : list of int
        When each day begins, microseconds since 1970.
    measured_s, events, unconfirmed, episodes : list of bytes
        24 little-endian integers of 32 bits a day.
    """

    site: str
    begins_us: list[int]
    measured_s: list[bytes]
    events: list[bytes]
    unconfirmed: list[bytes]
    episodes: list[bytes]


def site_days(
    connection: Connection,
    site: str | None,
    start: datetime | None,
    end: datetime | None,
    simulated: bool,
) -> list[SiteDays]:
    """Return the days that touch [`start`, `end`), by site."""
    begins = site_day.c.begins
    conditions: list[ColumnElement[bool]] = [site_day.c.simulated == simulated]
    if site is not None:
        conditions.append(site_day.c.site == site)
    if start is not None:
        conditions.append(begins > start - DAY)
    if end is not None:
        conditions.append(begins < end)
    columns = [site_day.c[name] for name in ("measured_s", "events", "unconfirmed", "episodes")]
    # As the number that it is: a year of many sites is read in one go.
    query = select(site_day.c.site, type_coerce(begins, BigInteger), *columns)
    rows = connection.execute(query.where(*conditions).order_by(site_day.c.site, begins)).all()
    return _by_site(rows)


def has_measured(connection: Connection, site: str | None) -> bool:
    """Return whether there is anything that was measured, rather than simulated."""
    query = select(site_day.c.site).where(site_day.c.simulated.is_(False)).limit(1)
    if site is not None:
        query = query.where(site_day.c.site == site)
    return connection.execute(query).first() is not None


def origins(connection: Connection) -> list[bool]:
    """Return the origins, as whether they are simulated, of which there is anything."""
    query = select(site_day.c.simulated).limit(1)
    return [
        simulated
        for simulated in (False, True)
        if connection.execute(query.where(site_day.c.simulated.is_(simulated))).first() is not None
    ]


def site_episodes(
    connection: Connection,
    site: str | None,
    start: datetime | None,
    end: datetime | None,
    simulated: bool,
) -> list[tuple[str, Episode]]:
    """Return episodes that began within [`start`, `end`), each with its site, in order of time."""
    names = Episode.__slots__
    query = select(episode.c.site, *(episode.c[name] for name in names))
    query = query.where(*_chosen(episode, site, start, end, simulated))
    rows = connection.execute(query.order_by(episode.c.start, episode.c.site)).mappings()
    return [(row["site"], _episode({name: row[name] for name in names})) for row in rows]


def heard(
    connection: Connection, site: str, start: datetime, end: datetime, simulated: bool
) -> list[Heard]:
    """Return what the nodes of a site heard that began within [`start`, `end`), as it came in."""
    query = select(*(event.c[name] for name in Heard._fields))
    query = query.where(*_chosen(event, site, start, end, simulated))
    return [Heard(*row) for row in connection.execute(query.order_by(event.c.position))]


def _by_site(rows: Sequence[Sequence[Any]]) -> list[SiteDays]:
    found = []
    first = 0
    for last in range(1, len(rows) + 1):
        if last < len(rows) and rows[last][0] == rows[first][0]:
            continue
        site, *columns = zip(*rows[first:last], strict=True)
        begins_us, *packed = map(list, columns)
        found.append(
            SiteDays(
                site=site[0],
                begins_us=begins_us,
                measured_s=packed[0],
                events=packed[1],
                unconfirmed=packed[2],
                episodes=packed[3],
            )
        )
        first = last
    return found


def _chosen(
    table: Table,
    site: str | None,
    start: datetime | None,
    end: datetime | None,
    simulated: bool,
) -> list[ColumnElement[bool]]:
    conditions: list[ColumnElement[bool]] = [table.c.simulated == simulated]
    if site is not None:
        conditions.append(table.c.site == site)
    if start is not None:
        conditions.append(table.c.start >= start)
    if end is not None:
        conditions.append(table.c.start < end)
    return conditions


def _episode(row: dict[str, Any]) -> Episode:
    reasons = (
        Reason(one["code"], one["numbers"], tuple(one["sites"])) for one in row.pop("reasons")
    )
    return Episode(**row, reasons=tuple(reasons))
