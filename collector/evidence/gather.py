"""What the ledger holds of a site and a period, as the lines and excerpts of a summary."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

import msgspec
from sqlalchemy import ColumnElement, Connection, Row, and_, func, or_, select

from collector.database import tables
from collector.database.tables import absence, message, node_state
from collector.errors import RegistryError
from collector.evidence import excerpt
from collector.evidence.errors import EvidenceError
from collector.evidence.figures.calibrations import calibration
from collector.evidence.lines import Line, Pruned
from collector.evidence.manifest import Head
from collector.evidence.request import Request
from collector.ledger.absence import accepted_gaps
from collector.registry.inventory import Inventory, Placement
from sensor.contract.codec import KINDS, decode
from sensor.contract.messages import CalibrationCheck
from sensor.contract.signature import public_key_text

_LONGEST_BATCH: Final = timedelta(hours=1)
_HAS_PAYLOAD: Final = func.length(message.c.payload) > 0


@dataclass(frozen=True, slots=True)
class Gathered:
    """What one summary is made of; `count` is how many lines there will be."""

    registry: excerpt.Excerpt
    keys: excerpt.Keys
    heads: tuple[Head, ...]
    count: int
    wanted: tuple[_Wanted, ...]


@dataclass(frozen=True, slots=True)
class _Wanted:
    """The messages of one node: a whole run, and single ones beside it."""

    node: str
    first: int
    last: int
    others: tuple[int, ...]


def gather(connection: Connection, inventory: Inventory, request: Request) -> Gathered:
    """Return what there is to tell, but for the messages themselves; see :func:`lines`.

    Raises
    ------
    RegistryError
        There is no such site.
    EvidenceError
        No node hung there then.
    """
    if request.site not in inventory.sites:
        known = ", ".join(inventory.sites) or "none"
        raise RegistryError(f"there is no site {request.site!r}: known are {known[:200]}")
    placed = _placed(inventory, request)
    if not placed:
        raise EvidenceError(
            f"no node hung at {request.site} at any time of the period: there is nothing to show"
        )
    wanted = tuple(_wanted(connection, node, request) for node in sorted(placed))
    registry = _excerpt(connection, inventory, request, placed, wanted)
    rows = connection.execute(
        select(node_state.c.node, node_state.c.highest_seq, node_state.c.head_sha256)
        .where(node_state.c.node.in_(sorted(placed)))
        .order_by(node_state.c.node)
    )
    return Gathered(
        registry=registry,
        keys=_keys(inventory, placed),
        heads=tuple(Head(node=row[0], highest_seq=row[1], head_sha256=row[2]) for row in rows),
        count=sum(_count(connection, one) for one in wanted),
        wanted=wanted,
    )


def lines(connection: Connection, gathered: Gathered) -> Iterator[Line]:
    """Yield the messages, in order of node and number."""
    for one in gathered.wanted:
        query = select(message).where(*_chosen(one)).order_by(message.c.seq)
        with connection.execute(query.execution_options(yield_per=1000)) as rows:
            for row in rows:
                yield _line(row)


def _placed(inventory: Inventory, request: Request) -> dict[str, tuple[Placement, ...]]:
    """Nodes that hung at the site at any time of the period, with all their places then."""
    found = {}
    for node, placements in inventory.placements.items():
        during = tuple(
            one
            for one in placements
            if one.since < request.end and (one.until is None or one.until > request.start)
        )
        if any(one.site == request.site for one in during):
            found[node] = during
    return found


def _wanted(connection: Connection, node: str, request: Request) -> _Wanted:
    c = message.c
    levels = and_(c.kind == "levels", c.start >= request.start - _LONGEST_BATCH)
    others = and_(c.kind.in_([k for k in KINDS if k != "levels"]), c.start >= request.start)
    query = select(func.min(c.seq), func.max(c.seq)).where(c.node == node, c.start < request.end)
    # Two queries, so that each can use the index.
    ends = [connection.execute(query.where(part)).one() for part in (levels, others)]
    known = [seq for row in ends for seq in row if seq is not None]
    first, last = (min(known), max(known)) if known else (0, 0)
    before = last if not known else first - 1
    beside = [
        *_seqs(connection, node, c.kind == "key", c.seq <= before),
        *_nearest_checks(connection, node, first, last, request.start),
        *_last_records(connection, node, first, request.start),
        *_absences(connection, node, first, last),
    ]
    return _Wanted(node, first, last, tuple(sorted(set(beside))))


def _seqs(connection: Connection, node: str, *conditions: ColumnElement[bool]) -> list[int]:
    query = select(message.c.seq).where(message.c.node == node, _HAS_PAYLOAD, *conditions)
    return list(connection.scalars(query))


def _nearest_checks(
    connection: Connection, node: str, first: int, last: int, start: datetime
) -> Iterator[int]:
    c = message.c
    query = select(c.seq).where(c.node == node, c.kind == "calibration", _HAS_PAYLOAD)
    if not last:
        query = query.where(c.start < start)
        first = 2**53
    before = query.where(c.seq < first).order_by(c.seq.desc()).limit(1)
    after = query.where(c.seq > last).order_by(c.seq).limit(1)
    for chosen in (before, after) if last else (before,):
        seq = connection.scalar(chosen)
        if seq is not None:
            yield seq


def _last_records(connection: Connection, node: str, first: int, start: datetime) -> Iterator[int]:
    """Numbers of the last record of a commissioning before the run, and of the last real one."""
    c = message.c
    query = select(c.seq, c.payload).where(c.node == node, c.kind == "commissioning", _HAS_PAYLOAD)
    query = query.where(c.seq < first) if first else query.where(c.start < start)
    for number, row in enumerate(connection.execute(query.order_by(c.seq.desc()))):
        simulated = "simulated" in decode(bytes(row.payload)).flags
        if number == 0 or not simulated:
            yield row.seq
        if not simulated:
            return


def _absences(connection: Connection, node: str, first: int, last: int) -> list[int]:
    """Numbers of later messages that tell of what is absent from the run."""
    query = (
        select(message.c.seq)
        .join(absence, absence.c.position == message.c.position)
        .where(absence.c.node == node, absence.c.last_seq >= first, absence.c.first_seq <= last)
        .where(message.c.seq > last, _HAS_PAYLOAD)
    )
    return list(connection.scalars(query)) if last else []


def _chosen(one: _Wanted) -> Sequence[ColumnElement[bool]]:
    seq = message.c.seq
    return (message.c.node == one.node, or_(seq.between(one.first, one.last), seq.in_(one.others)))


def _count(connection: Connection, one: _Wanted) -> int:
    return connection.scalar(select(func.count()).select_from(message).where(*_chosen(one))) or 0


def _line(row: Row[Any]) -> Line:
    if not row.payload:
        left = Pruned(
            node=row.node,
            seq=row.seq,
            prev=row.prev,
            sha256=row.sha256,
            kind=row.kind,
            time=row.time,
        )
        return Line(received_at=row.received_at, signature=row.signature, pruned=left)
    return Line(
        received_at=row.received_at,
        signature=row.signature,
        payload=bytes(row.payload).decode("utf-8"),
    )


def _excerpt(
    connection: Connection,
    inventory: Inventory,
    request: Request,
    placed: dict[str, tuple[Placement, ...]],
    wanted: Sequence[_Wanted],
) -> excerpt.Excerpt:
    site = inventory.sites[request.site]
    return excerpt.Excerpt(
        site=excerpt.Site(
            id=site.id,
            name=site.name,
            municipality=site.municipality,
            latitude=site.latitude,
            longitude=site.longitude,
            time_zone=site.time_zone,
        ),
        nodes=tuple(_node(connection, one, placed[one.node]) for one in wanted),
        speed_limits=tuple(
            excerpt.SpeedLimit(
                kmh=one.kmh,
                since=one.since,
                weekdays=one.weekdays,
                from_time=one.from_time,
                to_time=one.to_time,
                source=one.source,
            )
            for one in inventory.speed_limits
            if one.site == site.id and one.since < request.end
        ),
        guidelines=tuple(
            excerpt.Guideline(
                quantity=one.quantity, value_db=one.value_db, source=one.source, note=one.note
            )
            for one in inventory.guidelines
            if one.site == site.id
        ),
        accepted_gaps=tuple(
            excerpt.AcceptedGap(
                node=gap.node,
                first_seq=gap.first_seq,
                last_seq=gap.last_seq,
                reason=gap.reason,
                accepted_at=gap.accepted_at,
            )
            for one in wanted
            for gap in accepted_gaps(connection, one.node)
            if gap.last_seq >= one.first and gap.first_seq <= one.last
        ),
        prunings=_prunings(connection),
    )


def _prunings(connection: Connection) -> tuple[excerpt.Pruning, ...]:
    c = tables.pruning.c
    rows = connection.execute(
        select(c["count"], c.kind, c.received_before).where(c["count"] > 0).order_by(c.id)
    )
    return tuple(
        excerpt.Pruning(kind=row.kind, received_before=row.received_before, count=row[0])
        for row in rows
    )


def _node(connection: Connection, one: _Wanted, placements: Sequence[Placement]) -> excerpt.Node:
    query = select(message.c.payload).where(
        *_chosen(one), message.c.kind == "calibration", _HAS_PAYLOAD
    )
    checks = [decode(bytes(raw)) for raw in connection.scalars(query.order_by(message.c.seq))]
    return excerpt.Node(
        id=one.node,
        first_seq=one.first,
        last_seq=one.last,
        placements=tuple(
            excerpt.Placement(
                site=place.site,
                since=place.since,
                until=place.until,
                mounting=_mounting(place),
            )
            for place in placements
        ),
        calibrations=tuple(
            calibration(check) for check in checks if isinstance(check, CalibrationCheck)
        ),
    )


def _mounting(place: Placement) -> excerpt.Mounting:
    try:
        return msgspec.convert(dict(place.geometry), excerpt.Mounting)
    except msgspec.ValidationError as error:
        raise EvidenceError(
            f"the registry says of node {place.node} at {place.site} since {place.since} what "
            f"cannot be: {error}"
        ) from error


def _keys(inventory: Inventory, placed: dict[str, tuple[Placement, ...]]) -> excerpt.Keys:
    chosen = [key for key in inventory.keys.values() if key.node in placed]
    return excerpt.Keys(
        keys=tuple(
            excerpt.Key(
                node=key.node,
                kid=key.kid,
                x=public_key_text(key.public_key),
                since=key.since,
                revoked_at=key.revoked_at,
                announced_seq=key.announced_seq,
                last_seq=key.last_seq,
            )
            for key in sorted(chosen, key=lambda key: (key.node, key.since, key.kid))
        )
    )
