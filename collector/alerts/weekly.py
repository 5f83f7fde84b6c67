"""The weekly mail: what needs hands, what has changed, and how much was measured.

Once a week for each recipient, exactly: that it is due is written down with the message in one
transaction, and the message is sent as alerts are. Whoever was not there when it was due sends it
late, once, however many weeks that was.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from datetime import time as time_of_day
from typing import Any, Final
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, Engine, select

from collector.alert_config import AlertKind, Recipient, Weekly
from collector.alerts.alert import Alert
from collector.alerts.condition import Condition
from collector.alerts.journal import newest_alert, put_messages
from collector.alerts.situation import Situation
from collector.analysis.drift import Untold
from collector.database.database import reading, writing
from collector.database.tables import weekly_mail
from collector.fleet.history import past_week
from collector.ledger.ledger import Ledger
from collector.registry.inventory import WEEKDAYS

URGENCY: Final[tuple[AlertKind, ...]] = (
    "server", "node_silent", "dead_microphone", "update", "certificate", "calibration_due", "card",
    "disk", "under_voltage", "clock", "outbox", "drift",
)  # fmt: skip
"""What needs hands, the most urgent first; what happens in the street is no matter of this mail."""

LATE: Final = timedelta(hours=1)

_WEEK: Final = timedelta(weeks=1)


@dataclass(frozen=True, slots=True, order=True)
class Need:
    """Something that needs hands: enough to know it again next week."""

    kind: AlertKind
    subject: str

    @property
    def told(self) -> list[str]:
        """As it is kept."""
        return [self.kind, self.subject]


@dataclass(frozen=True, slots=True, kw_only=True)
class Digest:
    """What a weekly mail tells.

    Attributes
    ----------
    needs : tuple of Condition
        The most urgent first.
    new : frozenset of Need
        Of these, what the last mail did not have.
    solved : mapping of Need to Alert
        What the last mail had and holds no more; with its alert, where that is kept still.
    nodes, online : int
        How many nodes hang somewhere, and how many are connected now.
    connected_share, connected_before : float, optional
        Mean over the nodes of the part of the week in which each was heard; and the week before.
    measured : mapping
        By site, the measured part of the week, the least first.
    not_compared : int
        Nodes that cannot be compared with neighbours.
    last_at : datetime, optional
        When the last mail was made.
    late_since : datetime, optional
        When this one should have come; None: it is in time.
    """

    needs: tuple[Condition, ...]
    new: frozenset[Need]
    solved: Mapping[Need, Alert | None]
    nodes: int
    online: int
    connected_share: float | None
    connected_before: float | None
    measured: Mapping[str, float]
    not_compared: int
    simulated: bool
    last_at: datetime | None = None
    late_since: datetime | None = None

    @property
    def facts(self) -> dict[str, Any]:
        """What the next mail must know of this one."""
        needs = [Need(one.kind, one.subject).told for one in self.needs]
        return {"needs": needs, "connected_share": self.connected_share}


def due_at(weekly: Weekly, time_zone: str, now: datetime) -> datetime:
    """Return when a mail was due last, at or before `now`."""
    zone = ZoneInfo(time_zone)
    local = now.astimezone(zone)
    back = (local.weekday() - WEEKDAYS.index(weekly.day)) % 7
    clock = time_of_day.fromisoformat(weekly.time)
    due = datetime.combine(local.date() - timedelta(days=back), clock, zone)
    if due > local:
        due = datetime.combine(due.date() - timedelta(days=7), clock, zone)
    return due.astimezone(UTC)


def digest(
    ledger: Ledger,
    situation: Situation,
    holds: Sequence[Condition],
    recipient: Recipient,
    last: Last | None,
    late_since: datetime | None = None,
) -> Digest:
    """Return what `recipient` is to know this week of their sites."""
    nodes = [
        one
        for one in situation.nodes
        if (recipient.sites is None or one.site.id in recipient.sites)
        and (recipient.simulated or not one.state.simulated)
    ]
    mine = sorted(
        (one for one in holds if one.kind in URGENCY and _is_theirs(one, recipient)),
        key=lambda one: (URGENCY.index(one.kind), one.since, one.subject),
    )
    now = {Need(one.kind, one.subject): one for one in mine}
    before = last.needs if last else {}
    week = past_week(
        ledger, ledger.registry.inventory(), situation.now, [one.node for one in nodes]
    )
    connected = list(week.connected.values())
    drifts = [situation.drifts.get(one.node) for one in nodes]
    return Digest(
        needs=tuple(mine),
        new=frozenset(now.keys() - before.keys()) if last else frozenset(),
        solved={one: alert for one, alert in before.items() if one not in now},
        nodes=len(nodes),
        online=sum(one.state.online is True for one in nodes),
        connected_share=sum(connected) / len(connected) if connected else None,
        connected_before=last.facts["connected_share"] if last else None,
        measured=dict(sorted(week.measured.items(), key=lambda item: (item[1], item[0]))),
        not_compared=sum(one is None or isinstance(one, Untold) for one in drifts),
        simulated=any(one.state.simulated for one in nodes),
        last_at=last.made_at if last else None,
        late_since=late_since,
    )


def _is_theirs(one: Condition, recipient: Recipient) -> bool:
    here = recipient.sites is None or one.site is None or one.site in recipient.sites
    return here and (recipient.simulated or not one.simulated)


@dataclass(frozen=True, slots=True)
class Last:
    """The last mail to somebody: when it was made, and what the next one must know of it.

    `needs` has the alert of each, where it is kept still.
    """

    made_at: datetime
    facts: Mapping[str, Any]
    needs: Mapping[Need, Alert | None]


class WeeklyJournal:
    """Which mails were due and made, in the database `engine`."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def last(self, recipient: str) -> Last | None:
        """The last mail that was made for somebody."""
        with reading(self._engine) as connection:
            return _last(connection, recipient)

    def is_done(self, recipient: str, due: datetime) -> bool:
        """Whether that mail was made, or need not be."""
        with reading(self._engine) as connection:
            return _is_done(connection, recipient, due)

    def make(
        self,
        recipient: Recipient,
        due: datetime,
        targets: Sequence[str],
        worded: Callable[[Last | None], tuple[Digest, str, str]],
        now: datetime,
    ) -> None:
        """Write down the mail that was `due`, with its messages; once, whoever else does so too.

        Somebody who is new gets the next one: nothing is late for them.
        """
        is_new = self._begin(recipient.name, due)
        if is_new or self.is_done(recipient.name, due):
            return
        found, title, body = worded(self.last(recipient.name))
        with writing(self._engine) as connection:
            if _is_done(connection, recipient.name, due):
                return
            row = {"recipient": recipient.name, "due_at": due, "made_at": now}
            connection.execute(weekly_mail.insert().values(**row, facts=found.facts))
            put_messages(connection, (recipient.name, "weekly"), (title, body), targets, now)

    def prune(self, before: datetime, *, dry_run: bool = False) -> int:
        """Forget mails that were due before then, but for each recipient's last ones."""
        with writing(self._engine) as connection:
            rows = connection.execute(select(weekly_mail).order_by(weekly_mail.c.due_at)).all()
            newest = {row.recipient: row.due_at for row in rows}
            made = {row.recipient: row.due_at for row in rows if row.made_at is not None}
            old = [
                row
                for row in rows
                if row.due_at < before
                and row.due_at not in {newest[row.recipient], made.get(row.recipient)}
            ]
            for row in [] if dry_run else old:
                connection.execute(
                    weekly_mail.delete().where(
                        weekly_mail.c.recipient == row.recipient,
                        weekly_mail.c.due_at == row.due_at,
                    )
                )
            return len(old)

    def _begin(self, recipient: str, due: datetime) -> bool:
        """Note somebody who has never been due anything; whether they were not known."""
        known = select(weekly_mail.c.due_at).where(weekly_mail.c.recipient == recipient).limit(1)
        with reading(self._engine) as connection:
            if connection.scalar(known) is not None:
                return False
        with writing(self._engine) as connection:
            if connection.scalar(known) is None:
                row = {"recipient": recipient, "due_at": due, "made_at": None, "facts": {}}
                connection.execute(weekly_mail.insert().values(row))
        return True


def _is_done(connection: Connection, recipient: str, due: datetime) -> bool:
    query = select(weekly_mail.c.due_at).where(
        weekly_mail.c.recipient == recipient, weekly_mail.c.due_at >= due
    )
    return connection.scalar(query.limit(1)) is not None


def _last(connection: Connection, recipient: str) -> Last | None:
    columns = weekly_mail.c
    query = select(columns.made_at, columns.facts).where(
        columns.recipient == recipient, columns.made_at.is_not(None)
    )
    row = connection.execute(query.order_by(columns.due_at.desc()).limit(1)).one_or_none()
    if row is None:
        return None
    told = sorted(Need(*one) for one in row.facts["needs"])
    needs = {one: newest_alert(connection, one.kind, one.subject) for one in told}
    return Last(row.made_at, row.facts, needs)
