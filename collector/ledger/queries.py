"""What is asked of the ledger's projections."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, Connection, Table, and_, false, func, or_, select

from collector.database.tables import (
    event,
    level_hour,
    message_count,
    node_anomaly,
    node_online,
    node_state,
)
from collector.ledger import quarantine
from collector.ledger.absence import count_missing, counted, gaps, unawaited_nodes
from collector.ledger.records import Counts, EventRow, LevelHour, LevelSeries, NodeState
from sensor.contract.codec import KINDS
from sensor.contract.messages import MOST_ASKED, Ack, LevelBatch, Message


def events(
    connection: Connection,
    site: str | None,
    node: str | None,
    start: datetime | None,
    end: datetime | None,
    limit: int,
    before: int | None,
) -> list[EventRow]:
    """Return events, newest first; see :meth:`collector.ledger.ledger.Ledger.events`."""
    query = select(event).where(*_chosen(event, "start", site, node, start, end))
    if before is not None:
        query = query.where(_follows(connection, before))
    rows = connection.execute(
        query.order_by(event.c.start.desc(), event.c.position.desc()).limit(limit)
    )
    return [EventRow(**row) for row in rows.mappings()]


def event_of(connection: Connection, event_id: str) -> EventRow | None:
    """Return the event of that id, its latest message if there are several."""
    query = select(event).where(event.c.id == event_id).order_by(event.c.position.desc()).limit(1)
    row = connection.execute(query).mappings().one_or_none()
    return None if row is None else EventRow(**row)


def count_events(
    connection: Connection,
    site: str | None,
    node: str | None,
    start: datetime | None,
    end: datetime | None,
) -> int:
    """Return how many events there are."""
    query = select(func.count()).select_from(event)
    return connection.scalar(query.where(*_chosen(event, "start", site, node, start, end))) or 0


def level_hours(
    connection: Connection,
    site: str | None,
    node: str | None,
    start: datetime | None,
    end: datetime | None,
) -> list[LevelHour]:
    """Return hours in order of time."""
    query = select(level_hour).where(*_chosen(level_hour, "hour", site, node, start, end))
    rows = connection.execute(query.order_by(level_hour.c.hour, level_hour.c.node))
    return [LevelHour(**row) for row in rows.mappings()]


def level_series(
    node: str, batches: Iterable[Message], start: datetime, end: datetime
) -> LevelSeries:
    """Return the intervals in `batches` that begin within [`start`, `end`)."""
    series = LevelSeries(
        node=node, start=[], interval_s=[], laeq_db=[], lafmax_db=[], lceq_db=[], simulated=[]
    )
    for batch in batches:
        if isinstance(batch, LevelBatch):
            _extend(series, batch, start, end)
    return series


def node_states(connection: Connection) -> dict[str, NodeState]:
    """Return where each node stands."""
    wanted = [column for column in node_state.c if column.name != "health_seq"]
    known = {row["node"]: dict(row) for row in connection.execute(select(*wanted)).mappings()}
    for row in connection.execute(select(node_anomaly)):
        known.setdefault(row.node, {"node": row.node}).update(replays=row.replays, forks=row.forks)
    for row in connection.execute(select(node_online)):
        state = known.setdefault(row.node, {"node": row.node})
        state.update(online=row.online, online_changed_at=row.changed_at)
    for node in unawaited_nodes(connection) & known.keys():
        known[node].update(counted(connection, node)._asdict())
    for node, state in known.items():
        acked_seq, highest_seq = state.get("acked_seq", 0), state.get("highest_seq", 0)
        if acked_seq < highest_seq:
            state["missing"] = count_missing(connection, node, acked_seq, highest_seq)
    return {node: NodeState(**state) for node, state in sorted(known.items())}


def acked_seqs(connection: Connection, nodes: Sequence[str]) -> dict[str, int]:
    """Return up to where each node's messages are there without a gap."""
    query = select(node_state.c.node, node_state.c.acked_seq)
    rows = connection.execute(query.where(node_state.c.node.in_(nodes)))
    return dict.fromkeys(nodes, 0) | {row.node: row.acked_seq for row in rows}


def standings(connection: Connection, nodes: Sequence[str]) -> dict[str, Ack]:
    """Return where the ledger stands with each node, as a node that is back must know."""
    columns = node_state.c
    query = select(columns.node, columns.acked_seq, columns.highest_seq, columns.head_sha256)
    found = dict.fromkeys(nodes, Ack(seq=0))
    for row in connection.execute(query.where(columns.node.in_(nodes))):
        missing = gaps(connection, row.node, row.acked_seq, row.highest_seq, MOST_ASKED)
        found[row.node] = Ack(
            seq=row.acked_seq,
            missing=tuple(missing),
            highest_seq=row.highest_seq,
            head_sha256=row.head_sha256,
        )
    return found


def counts(connection: Connection) -> Counts:
    """Return how much there is."""
    query = select(message_count.c.kind, func.sum(message_count.c["count"]))
    rows = connection.execute(query.group_by(message_count.c.kind))
    by_kind = dict.fromkeys(KINDS, 0) | {kind: int(count) for kind, count in rows}
    return Counts(sum(by_kind.values()), by_kind, quarantine.total(connection))


def _chosen(
    table: Table,
    time: str,
    site: str | None,
    node: str | None,
    start: datetime | None,
    end: datetime | None,
) -> list[ColumnElement[bool]]:
    conditions: list[ColumnElement[bool]] = []
    if site is not None:
        conditions.append(table.c.site == site)
    if node is not None:
        conditions.append(table.c.node == node)
    if start is not None:
        conditions.append(table.c[time] >= start)
    if end is not None:
        conditions.append(table.c[time] < end)
    return conditions


def _follows(connection: Connection, position: int) -> ColumnElement[bool]:
    start = connection.scalar(select(event.c.start).where(event.c.position == position))
    if start is None:
        return false()
    same_time = and_(event.c.start == start, event.c.position < position)
    return or_(event.c.start < start, same_time)


def _extend(series: LevelSeries, batch: LevelBatch, start: datetime, end: datetime) -> None:
    step = timedelta(seconds=batch.interval_s)
    first = max(0, -((batch.start - start) // step))
    last = min(len(batch.laeq_db), -((batch.start - end) // step))
    if first >= last:
        return
    series.start.extend(batch.start + i * step for i in range(first, last))
    series.interval_s.extend([batch.interval_s] * (last - first))
    series.laeq_db.extend(batch.laeq_db[first:last])
    series.lafmax_db.extend(batch.lafmax_db[first:last])
    series.lceq_db.extend(batch.lceq_db[first:last])
    series.simulated.extend(["simulated" in batch.flags] * (last - first))
