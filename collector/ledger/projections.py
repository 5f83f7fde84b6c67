"""What is read often, derived from the messages: counts, events, levels by the hour."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from sqlalchemy import Connection, Table, case

from collector.database.database import upsert
from collector.database.tables import (
    PROJECTIONS,
    absence,
    event,
    level_hour,
    level_hour_pruned,
    message_count,
    node_hour,
    node_hour_pruned,
)
from collector.ledger import rollups
from collector.ledger.absence import rows_of
from collector.ledger.chain import Stored
from collector.ledger.node_hours import project_hours
from collector.ledger.surroundings import Place
from collector.registry.inventory import Inventory, Site
from sensor.contract.messages import Absence, Event, LevelBatch, Message


def project(connection: Connection, batch: Sequence[Stored], inventory: Inventory) -> None:
    """Carry the projections on over `batch`, in the transaction that stores it."""
    rows = project_rows(connection, batch, inventory)
    hours = ((row["site"], row["hour"], row["simulated"]) for row in rows.hours)
    places = [Place(*(row[name] for name in Place._fields)) for row in rows.events]
    rollups.add_measured(connection, hours)
    rollups.add_events(connection, places)


class Projected(NamedTuple):
    """Rows that a batch brought."""

    events: list[dict[str, Any]]
    hours: list[dict[str, Any]]


def project_rows(
    connection: Connection, batch: Sequence[Stored], inventory: Inventory
) -> Projected:
    """Carry on all but the rollups: whoever goes through a whole ledger makes those at the end.

    :func:`collector.ledger.rollups.refill` does that.
    """
    _project_counts(connection, batch)
    _project_absences(connection, batch)
    events = _project_events(connection, batch, inventory)
    told = ((stored.message, stored.received_at) for stored in batch)
    project_hours(connection, told, node_hour)
    messages = (stored.message for stored in batch)
    return Projected(events, project_levels(connection, messages, inventory, level_hour))


def begin_again(connection: Connection) -> None:
    """Empty the projections but for what comes of messages that were pruned."""
    for table in PROJECTIONS:
        connection.execute(table.delete())
    for table, kept in ((level_hour, level_hour_pruned), (node_hour, node_hour_pruned)):
        columns = [column.name for column in table.c]
        connection.execute(table.insert().from_select(columns, kept.select()))
    rollups.refill(connection)


def _project_counts(connection: Connection, batch: Iterable[Stored]) -> None:
    counts = Counter((stored.node, stored.kind) for stored in batch)
    insert = upsert(connection, message_count)
    connection.execute(
        insert.on_conflict_do_update(
            index_elements=["node", "kind"],
            set_={"count": message_count.c.count + insert.excluded["count"]},
        ),
        [{"node": node, "kind": kind, "count": n} for (node, kind), n in counts.items()],
    )


def _project_absences(connection: Connection, batch: Iterable[Stored]) -> None:
    rows = [
        row
        for stored in batch
        if isinstance(stored.message, Absence)
        for row in rows_of(stored.position, stored.message)
    ]
    if rows:
        connection.execute(absence.insert(), rows)


def _project_events(
    connection: Connection, batch: Iterable[Stored], inventory: Inventory
) -> list[dict[str, Any]]:
    rows = [
        _event_row(stored.position, stored.message, inventory)
        for stored in batch
        if isinstance(stored.message, Event)
    ]
    if rows:
        connection.execute(event.insert(), rows)
    return rows


def _place(message: Event | LevelBatch, inventory: Inventory) -> Site | None:
    """Whose levels and events these are: of no place, where the node hung nowhere.

    Nor are those from while somebody worked at it: test drives are no joyriding. They stay in the
    ledger.
    """
    if "commissioning" in message.flags:
        return None
    return inventory.site_of(message.node, message.start)


def _event_row(position: int, message: Event, inventory: Inventory) -> dict[str, Any]:
    site = _place(message, inventory)
    speed = message.speed
    return {
        "position": position,
        "node": message.node,
        "site": site.id if site else None,
        "id": message.id,
        "start": message.start,
        "duration_s": message.duration_s,
        "trigger": message.trigger,
        "lafmax_db": message.lafmax_db,
        "lae_db": message.lae_db,
        "laeq_db": message.laeq_db,
        "background_laf90_db": message.background_laf90_db,
        "emergence_db": message.emergence_db,
        "source": message.source.kind,
        "source_probability": message.source.probability,
        "speed_kmh": speed.speed_kmh if speed else None,
        "speed_low_kmh": speed.low_kmh if speed else None,
        "speed_high_kmh": speed.high_kmh if speed else None,
        "direction": speed.direction if speed else None,
        "speed_method": speed.method if speed else None,
        "speed_refused": message.speed_refused,
        "simulated": "simulated" in message.flags,
        "flags": list(message.flags),
    }


@dataclass(slots=True)
class _Hour:
    """Sums over the valid intervals of one hour."""

    energy_s: float = 0.0
    valid_s: int = 0
    lafmax_db: float | None = None

    def add(
        self,
        laeq_db: Sequence[float | None],
        lafmax_db: Sequence[float | None],
        interval_s: int,
    ) -> None:
        energies = [10.0 ** (0.1 * level) for level in laeq_db if level is not None]
        self.energy_s += interval_s * sum(energies)
        self.valid_s += interval_s * len(energies)
        loudest = max([level for level in lafmax_db if level is not None], default=None)
        if loudest is not None and (self.lafmax_db is None or loudest > self.lafmax_db):
            self.lafmax_db = loudest


_HourKey = tuple[str, str, datetime, bool]


def project_levels(
    connection: Connection,
    messages: Iterable[Message | None],
    inventory: Inventory,
    table: Table,
) -> list[dict[str, Any]]:
    """Add the levels in `messages` to the hours in `table`, and return what was added."""
    hours: dict[_HourKey, _Hour] = {}
    for message in messages:
        if isinstance(message, LevelBatch):
            _add_levels(hours, message, inventory)
    rows = [
        {
            "node": node,
            "site": site,
            "hour": hour,
            "simulated": simulated,
            "energy": sums.energy_s / sums.valid_s,
            "lafmax_db": sums.lafmax_db,
            "valid_s": sums.valid_s,
        }
        for (node, site, hour, simulated), sums in hours.items()
        if sums.valid_s
    ]
    if rows:
        _merge_hours(connection, rows, table)
    return rows


def _add_levels(hours: dict[_HourKey, _Hour], message: LevelBatch, inventory: Inventory) -> None:
    site = _place(message, inventory)
    if site is None:
        return
    simulated = "simulated" in message.flags
    for first, last, hour in _by_hour(message):
        sums = hours.setdefault((message.node, site.id, hour, simulated), _Hour())
        sums.add(message.laeq_db[first:last], message.lafmax_db[first:last], message.interval_s)


def _by_hour(message: LevelBatch) -> Iterator[tuple[int, int, datetime]]:
    """Yield the intervals [first, last) that begin within each hour."""
    step = timedelta(seconds=message.interval_s)
    first = 0
    while first < len(message.laeq_db):
        at = message.start + first * step
        hour = at.replace(minute=0, second=0, microsecond=0)
        within = -((at - hour - timedelta(hours=1)) // step)
        last = min(first + within, len(message.laeq_db))
        yield first, last, hour
        first = last


def _merge_hours(connection: Connection, rows: Sequence[dict[str, Any]], table: Table) -> None:
    insert = upsert(connection, table)
    old, new = table.c, insert.excluded
    valid_s = old.valid_s + new.valid_s
    louder = case(
        (old.lafmax_db.is_(None), new.lafmax_db),
        (new.lafmax_db > old.lafmax_db, new.lafmax_db),
        else_=old.lafmax_db,
    )
    energy = (old.energy * old.valid_s + new.energy * new.valid_s) / valid_s
    connection.execute(
        insert.on_conflict_do_update(
            index_elements=["node", "hour", "site", "simulated"],
            set_={"energy": energy, "lafmax_db": louder, "valid_s": valid_s},
        ),
        rows,
    )
