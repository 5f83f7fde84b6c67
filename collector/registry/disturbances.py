"""The log of disturbances: what people at a school or nearby told."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final, get_args

from sqlalchemy import Engine, func, select

from collector.analysis.disturbances import What, When, Window, window_of
from collector.database import tables
from collector.database.database import reading, writing
from collector.errors import RegistryError

MOST_NOTE: Final = 140
"""Letters of a note: enough for what, too few for a story about somebody."""

OLDEST: Final = timedelta(days=14)
"""How long ago something may have been that is told."""

MOST_AN_HOUR: Final = 12
"""How many one account or link may tell within an hour."""


_TWICE: Final = timedelta(minutes=2)
"""A button that was tapped twice within this time is one disturbance."""


class DisturbanceError(RegistryError):
    """Something that cannot be told so; `part` says what of it: what, when, at, note, or many."""

    def __init__(self, part: str, text: str) -> None:
        super().__init__(text)
        self.part = part


@dataclass(frozen=True, slots=True, kw_only=True)
class Disturbance:
    """Something that somebody told.

    Attributes
    ----------
    at : datetime
        When it was, as far as they know: see :mod:`collector.analysis.disturbances`.
    told_by : str
        The account, or the number of the link.
    """

    id: int
    site: str
    what: What
    when: When
    at: datetime
    note: str
    told_at: datetime
    told_by: str

    @property
    def window(self) -> Window:
        """Within which time it was."""
        return window_of(self.when, self.at)


class Disturbances:
    """The log in the database `engine`."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def add(
        self,
        site: str,
        what: str,
        at: datetime | None,
        told_by: str,
        *,
        when: str = "picked",
        note: str = "",
        now: datetime | None = None,
    ) -> Disturbance:
        """Log something.

        Parameters
        ----------
        at : datetime, optional
            The time that was picked; None unless `when` is ``picked``.
        now : datetime, optional
            The time of telling.

        Raises
        ------
        DisturbanceError
            One of the values is none that can be told, or one account or link tells too many.
        """
        told_at = now or datetime.now(UTC)
        values = {
            "site": site,
            "what": _known("what", what, get_args(What)),
            "when": _known("when", when, get_args(When)),
            "at": _time(at if when == "picked" else told_at, told_at),
            "note": _note(note),
            "told_at": told_at,
            "told_by": told_by,
        }
        table = tables.disturbance
        mine = select(table).where(
            table.c.told_by == told_by, table.c.told_at > told_at - timedelta(hours=1)
        )
        with writing(self._engine) as connection:
            rows = connection.execute(mine.order_by(table.c.id.desc())).mappings()
            recent = [Disturbance(**row) for row in rows]
            same = next((one for one in recent if _is_same(one, values)), None)
            if same is not None:
                return same
            if len(recent) >= MOST_AN_HOUR:
                text = f"{MOST_AN_HOUR} were told within an hour: wait a while"
                raise DisturbanceError("many", text)
            made = connection.execute(table.insert().values(values).returning(table))
            return Disturbance(**made.mappings().one())

    def get(self, number: int) -> Disturbance | None:
        """The one of that number; None: there is none."""
        query = select(tables.disturbance).where(tables.disturbance.c.id == number)
        with reading(self._engine) as connection:
            row = connection.execute(query).mappings().one_or_none()
            return None if row is None else Disturbance(**row)

    def of_site(
        self, site: str, since: datetime | None = None, *, limit: int = 500
    ) -> list[Disturbance]:
        """Those at a site, newest first."""
        table = tables.disturbance
        query = select(table).where(table.c.site == site)
        if since is not None:
            query = query.where(table.c.at >= since)
        with reading(self._engine) as connection:
            rows = connection.execute(query.order_by(table.c.at.desc()).limit(limit)).mappings()
            return [Disturbance(**row) for row in rows]

    def prune(self, before: datetime, *, dry_run: bool = False) -> int:
        """Remove what was told before then, and return how many there were."""
        old = tables.disturbance.c.told_at < before
        with writing(self._engine) as connection:
            found = select(func.count()).select_from(tables.disturbance).where(old)
            count = connection.scalar(found) or 0
            if not dry_run:
                connection.execute(tables.disturbance.delete().where(old))
            return count


def _is_same(one: Disturbance, values: Mapping[str, Any]) -> bool:
    names = ("site", "what", "when", "note")
    told_at: datetime = values["told_at"]
    picked = one.when != "picked" or one.at == values["at"]
    alike = all(getattr(one, name) == values[name] for name in names)
    return alike and picked and told_at - one.told_at < _TWICE


def _known(part: str, value: str, values: tuple[str, ...]) -> str:
    if value not in values:
        text = f"{value[:40]!r} cannot be told: it is one of {', '.join(values)}"
        raise DisturbanceError(part, text)
    return value


def _time(at: datetime | None, now: datetime) -> datetime:
    if at is None or not now - OLDEST <= at <= now + timedelta(minutes=1):
        text = f"it must have been within the last {OLDEST.days} days: pick a time"
        raise DisturbanceError("at", text)
    return at


def _note(text: str) -> str:
    note = " ".join(text.split())
    if len(note) > MOST_NOTE:
        told = f"the note has {len(note)} letters: at most {MOST_NOTE} are kept"
        raise DisturbanceError("note", told)
    return "".join(letter for letter in note if letter.isprintable())
