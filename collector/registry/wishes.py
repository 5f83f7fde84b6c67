"""What each node is wished to run, and what it said of it; releases on their way through the fleet.

Wishes come here signed. A node is told of one once it is released, and stays told, by a retained
message, until there is a newer one or it is withdrawn.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final, Literal, NamedTuple, TypeAlias

from sqlalchemy import Connection, Engine, func, select, update

from collector.database import tables
from collector.database.database import reading, writing
from collector.errors import RegistryError

ALONE: Final = 0
"""The wave of a wish that belongs to no rollout."""

CONFIGURATION: Final = "configuration"
"""What a rollout has as its version when it brings no release, but each node its configuration."""

STAGES: Final = ("first", "some", "all")
"""Names of the waves 1, 2 and 3."""

Outcome: TypeAlias = Literal["current", "returned", "refused"]
End: TypeAlias = Literal["done", "stopped"]


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeWish:
    """A wish for a node, as it was signed, and what became of it.

    Attributes
    ----------
    rollout, wave : int
        To which it belongs; None and :data:`ALONE` where it is the node's own.
    released_at : datetime, optional
        Since when the node may hear of it.
    withdrawn_at : datetime, optional
        Since when it may not any more.
    outcome, reason
        What the node said in the end; None: nothing yet.
    """

    node: str
    number: int
    made_at: datetime
    rollout: int | None = None
    wave: int = ALONE
    payload: bytes
    signature: str
    released_at: datetime | None = None
    withdrawn_at: datetime | None = None
    outcome: Outcome | None = None
    reason: str = ""
    outcome_at: datetime | None = None

    @property
    def is_open(self) -> bool:
        """Whether the node may hear of it and has not said what became of it."""
        return self.released_at is not None and self.withdrawn_at is None and self.outcome is None


@dataclass(frozen=True, slots=True, kw_only=True)
class Rollout:
    """A release, or new configurations, on their way through the fleet.

    Attributes
    ----------
    version : str
        Of the release; or :data:`CONFIGURATION`.
    manifest_sha256 : str
        Says what exactly it is: of the release's manifest, or of all configurations.
    stage : int
        The wave up to which it goes by itself.
    wait_s : float
        How long a wave must have worked before the next begins.
    end : str, optional
        How it ended, with the `reason`; None: it has not.
    """

    id: int
    version: str
    manifest_sha256: str
    begun_at: datetime
    stage: int
    wait_s: float
    ended_at: datetime | None = None
    end: End | None = None
    reason: str = ""


class Key(NamedTuple):
    """Names a wish."""

    node: str
    number: int


class Wishes:
    """The wishes and rollouts in the database `engine`; safe for several threads and processes.

    All raise :class:`LedgerError` where the database cannot be read or written.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def of(self, node: str) -> list[NodeWish]:
        """All wishes for a node, oldest first."""
        table = tables.wish
        query = select(table).where(table.c.node == node).order_by(table.c.number)
        with reading(self._engine) as connection:
            return [NodeWish(**row) for row in connection.execute(query).mappings()]

    def newest(self) -> dict[str, NodeWish]:
        """The newest wish of each node that has one."""
        with reading(self._engine) as connection:
            return _newest(connection)

    def rollout(self) -> Rollout | None:
        """The newest rollout, ended or not."""
        with reading(self._engine) as connection:
            return _rollout(connection)

    def members(self, rollout: int) -> list[NodeWish]:
        """The wishes of a rollout, by wave and node."""
        table = tables.wish
        query = select(table).where(table.c.rollout == rollout)
        with reading(self._engine) as connection:
            rows = connection.execute(query.order_by(table.c.wave, table.c.node)).mappings()
            return [NodeWish(**row) for row in rows]

    def add(self, wish: NodeWish) -> None:
        """Keep a node's own wish, which it hears of at once.

        Raises
        ------
        RegistryError
            Its number is not over the node's last, or a rollout has one for it that waits.
        """
        with writing(self._engine) as connection:
            _require_next(connection, [wish])
            _insert(connection, [wish])

    def begin(
        self,
        version: str,
        manifest_sha256: str,
        wishes: Sequence[NodeWish],
        *,
        stage: int,
        wait_s: float,
    ) -> int:
        """Begin a rollout with its wishes; the first wave is released. Return its number.

        Raises
        ------
        RegistryError
            Another one is under way, or there is nobody to update.
        """
        if not wishes:
            raise RegistryError(f"no node is left to be updated to {version}")
        now = datetime.now(UTC)
        with writing(self._engine) as connection:
            current = _rollout(connection)
            if current is not None and current.end is None:
                raise RegistryError(
                    f"{current.version} is on its way already: end that with skolro fleet stop"
                )
            _require_next(connection, wishes)
            row = {
                "version": version, "manifest_sha256": manifest_sha256, "begun_at": now,
                "stage": stage, "wait_s": wait_s, "reason": "",
            }  # fmt: skip
            made = tables.rollout.insert().values(**row).returning(tables.rollout.c.id)
            number = int(connection.execute(made).scalar_one())
            _insert(connection, wishes, rollout=number)
            _release(connection, number, min(wish.wave for wish in wishes), now)
        return number

    def extend(self, rollout: int, stage: int, wait_s: float) -> None:
        """Let a rollout go on up to `stage`."""
        self._change(rollout, stage=stage, wait_s=wait_s)

    def release(self, rollout: int, wave: int, now: datetime) -> None:
        """Let the nodes of a wave hear of it."""
        with writing(self._engine) as connection:
            _release(connection, rollout, wave, now)

    def end(self, rollout: int, end: End, reason: str, now: datetime) -> None:
        """End a rollout; what was not done of it is withdrawn."""
        table = tables.wish
        undone = (
            (table.c.rollout == rollout)
            & table.c.outcome.is_(None)
            & table.c.withdrawn_at.is_(None)
        )
        with writing(self._engine) as connection:
            connection.execute(update(table).where(undone).values(withdrawn_at=now))
            there = (tables.rollout.c.id == rollout) & tables.rollout.c.end.is_(None)
            values = {"ended_at": now, "end": end, "reason": reason}
            connection.execute(update(tables.rollout).where(there).values(**values))

    def note(self, outcomes: Mapping[Key, tuple[Outcome, str]], now: datetime) -> None:
        """Keep what nodes said of wishes in the end; the first word counts."""
        if not outcomes:
            return
        table = tables.wish
        with writing(self._engine) as connection:
            for key, (outcome, reason) in outcomes.items():
                there = (table.c.node == key.node) & (table.c.number == key.number)
                values = {"outcome": outcome, "reason": reason, "outcome_at": now}
                connection.execute(
                    update(table).where(there & table.c.outcome.is_(None)).values(**values)
                )

    def _change(self, rollout: int, **values: Any) -> None:
        table = tables.rollout
        with writing(self._engine) as connection:
            connection.execute(update(table).where(table.c.id == rollout).values(**values))


def _newest(connection: Connection) -> dict[str, NodeWish]:
    table = tables.wish
    highest = select(table.c.node, func.max(table.c.number).label("number")).group_by(table.c.node)
    latest = highest.subquery()
    both = (table.c.node == latest.c.node) & (table.c.number == latest.c.number)
    rows = connection.execute(select(table).join(latest, both)).mappings()
    return {row["node"]: NodeWish(**row) for row in rows}


def _rollout(connection: Connection) -> Rollout | None:
    table = tables.rollout
    row = connection.execute(select(table).order_by(table.c.id.desc()).limit(1)).mappings().first()
    return None if row is None else Rollout(**row)


def _require_next(connection: Connection, wishes: Sequence[NodeWish]) -> None:
    newest = _newest(connection)
    for wish in wishes:
        before = newest.get(wish.node)
        if before is not None and before.released_at is None and before.withdrawn_at is None:
            raise RegistryError(
                f"{wish.node} waits for its turn in an update: let that end, or end it with skolro "
                "fleet stop"
            )
        if before is not None and wish.number <= before.number:
            raise RegistryError(f"somebody else has just wished something of {wish.node}: again")


def _insert(connection: Connection, wishes: Sequence[NodeWish], rollout: int | None = None) -> None:
    rows = [
        {
            "node": wish.node, "number": wish.number, "made_at": wish.made_at, "rollout": rollout,
            "wave": wish.wave, "payload": wish.payload, "signature": wish.signature,
            "released_at": wish.made_at if wish.wave == ALONE else None, "reason": "",
        }
        for wish in wishes
    ]  # fmt: skip
    connection.execute(tables.wish.insert(), rows)


def _release(connection: Connection, rollout: int, wave: int, now: datetime) -> None:
    table = tables.wish
    chosen = (table.c.rollout == rollout) & (table.c.wave == wave) & table.c.released_at.is_(None)
    connection.execute(update(table).where(chosen).values(released_at=now))
