"""What was alerted and to whom it was told, in the database, so that a restart forgets nothing.

Everything is written down before it is sent: an alert with the notices that follow of it in one
transaction, then a message with the notices that it answers. What is sent is marked afterwards,
so that a crash in between can send one message twice, and never lose one.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import Connection, Engine, and_, func, select, update

from collector.alert_config import AlertKind, MessageKind, Recipient
from collector.alerts.alert import END_TOLD, Alert, Changes, Phase
from collector.alerts.condition import Condition
from collector.alerts.grouping import GATHER, Group, Notice
from collector.database.database import reading, writing
from collector.database.tables import alert, alert_message, alert_notice

Compose = Callable[[Group], tuple[str, str]]
"""Title and body of a message."""

_OPEN = and_(alert_message.c.sent_at.is_(None), alert_message.c.given_up_at.is_(None))


@dataclass(frozen=True, slots=True, kw_only=True)
class Outgoing:
    """A message on its way to one target of a recipient."""

    id: int
    recipient: str
    target: str
    kind: MessageKind
    title: str
    body: str
    made_at: datetime
    attempts: int
    next_at: datetime
    failure: str | None = None
    sent_at: datetime | None = None
    given_up_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Tally:
    """How much there is: open alerts by kind, and messages by what became of them."""

    open: Mapping[str, int]
    waiting: int
    sent: int
    given_up: int


class AlertJournal:
    """Alerts, notices and messages in the database `engine`."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def open_alerts(self) -> list[Alert]:
        """Those that have not ended, oldest first."""
        with reading(self._engine) as connection:
            return _open_alerts(connection)

    def alerts(self, limit: int) -> list[Alert]:
        """All, newest first."""
        query = select(alert).order_by(alert.c.opened_at.desc(), alert.c.id.desc()).limit(limit)
        with reading(self._engine) as connection:
            return [Alert(**row) for row in connection.execute(query).mappings()]

    def record(
        self,
        compared: Callable[[Sequence[Alert]], Changes],
        recipients: Sequence[Recipient],
        now: datetime,
    ) -> None:
        """Write down what has changed, and who is to be told.

        `compared` is asked again with what is there when nobody else can write, since another
        collector may have been faster.
        """
        if not compared(self.open_alerts()):
            return
        with writing(self._engine) as connection:
            found = compared(_open_alerts(connection))
            for condition in found.opened:
                opened = _open(connection, condition, now)
                _notify(connection, opened, "began", recipients, now)
            for before, condition in found.changed:
                facts = msgspec.to_builtins(condition.facts)
                _set(connection, before, gone_at=None, facts=facts)
            for one in found.gone:
                _set(connection, one, gone_at=now)
            for one in found.ended:
                _set(connection, one, gone_at=one.gone_at or now, ended_at=one.gone_at or now)
                if one.kind in END_TOLD:
                    _notify(connection, one, "ended", recipients, now)

    def compose(
        self,
        grouped: Callable[
            [Sequence[Notice], Mapping[tuple[str, AlertKind], datetime]], Sequence[Group]
        ],
        worded: Compose,
        targets: Mapping[str, Sequence[str]],
        now: datetime,
    ) -> None:
        """Make messages of the notices that `grouped` puts together, one for each target."""
        with reading(self._engine) as connection:
            if not grouped(_waiting(connection), _last_at(connection)):
                return
        with writing(self._engine) as connection:
            for group in grouped(_waiting(connection), _last_at(connection)):
                title, body = worded(group)
                name = group.recipient.name
                put_messages(connection, (name, group.kind), (title, body), targets[name], now)
                _answer(connection, group, now)

    def claim(self, now: datetime, until: datetime, limit: int) -> list[Outgoing]:
        """Take messages that are to be sent now, so that no other collector does before `until`.

        Whoever dies with one in hand leaves it to be sent from then on.
        """
        with reading(self._engine) as connection:
            if not _sendable(connection, now, limit):
                return []
        with writing(self._engine) as connection:
            found = _sendable(connection, now, limit)
            taken = alert_message.c.id.in_([one.id for one in found])
            connection.execute(update(alert_message).where(taken).values(next_at=until))
            return found

    def note_sent(self, one: Outgoing, now: datetime) -> None:
        """It has arrived as far as anybody can tell."""
        self._note(one, sent_at=now, attempts=one.attempts + 1, failure=None)

    def note_failure(self, one: Outgoing, failure: str, again_at: datetime) -> None:
        """It could not be sent; again from `again_at` on."""
        self._note(one, attempts=one.attempts + 1, failure=failure, next_at=again_at)

    def note_given_up(self, one: Outgoing, failure: str, now: datetime) -> None:
        """It will not be sent any more."""
        self._note(one, given_up_at=now, failure=failure)

    def put_off(self, one: Outgoing, until: datetime) -> None:
        """Nothing was tried; again from `until` on."""
        self._note(one, next_at=until)

    def messages(self, limit: int, *, only_waiting: bool = False) -> list[Outgoing]:
        """Messages, newest first."""
        query = select(alert_message).order_by(alert_message.c.id.desc()).limit(limit)
        if only_waiting:
            query = query.where(_OPEN)
        with reading(self._engine) as connection:
            return [Outgoing(**row) for row in connection.execute(query).mappings()]

    def failing(self, attempts: int) -> Outgoing | None:
        """The oldest message that was tried so often in vain and still waits."""
        query = select(alert_message).where(_OPEN, alert_message.c.attempts >= attempts)
        with reading(self._engine) as connection:
            row = connection.execute(query.order_by(alert_message.c.id).limit(1)).mappings().first()
            return None if row is None else Outgoing(**row)

    def tally(self) -> Tally:
        """How much there is."""
        of_open = select(alert.c.kind, func.count()).where(alert.c.ended_at.is_(None))
        sent = alert_message.c.sent_at.is_not(None)
        given_up = alert_message.c.given_up_at.is_not(None)
        with reading(self._engine) as connection:
            kinds = connection.execute(of_open.group_by(alert.c.kind))
            return Tally(
                open={kind: int(count) for kind, count in kinds},
                waiting=_count(connection, _OPEN),
                sent=_count(connection, sent),
                given_up=_count(connection, given_up),
            )

    def prune(self, before: datetime, *, dry_run: bool = False) -> int:
        """Remove alerts that ended before then with their notices, and messages of that age.

        Returns
        -------
        int
            How many alerts and messages there were.
        """
        old = alert.c.ended_at < before
        done = and_(alert_message.c.made_at < before, ~_OPEN)
        with writing(self._engine) as connection:
            count = connection.scalar(select(func.count()).select_from(alert).where(old)) or 0
            count += _count(connection, done)
            if not dry_run:
                numbers = select(alert.c.id).where(old)
                connection.execute(alert_notice.delete().where(alert_notice.c.alert.in_(numbers)))
                connection.execute(alert.delete().where(old))
                connection.execute(alert_message.delete().where(done))
            return count

    def _note(self, one: Outgoing, **values: Any) -> None:
        with writing(self._engine) as connection:
            chosen = update(alert_message).where(alert_message.c.id == one.id)
            connection.execute(chosen.values(**values))


def put_messages(
    connection: Connection,
    to: tuple[str, MessageKind],
    said: tuple[str, str],
    targets: Sequence[str],
    now: datetime,
) -> None:
    """Write down a message (title and body) to a recipient, of a kind, for each target."""
    rows = [
        {
            "recipient": to[0],
            "target": target,
            "kind": to[1],
            "title": said[0],
            "body": said[1],
            "made_at": now,
            "attempts": 0,
            "next_at": now,
        }
        for target in targets
    ]
    if rows:
        connection.execute(alert_message.insert(), rows)


def newest_alert(connection: Connection, kind: AlertKind, subject: str) -> Alert | None:
    """The last alert of a kind about something, whether it goes on or not."""
    query = select(alert).where(alert.c.kind == kind, alert.c.subject == subject)
    row = connection.execute(query.order_by(alert.c.id.desc()).limit(1)).mappings().first()
    return None if row is None else Alert(**row)


def _open_alerts(connection: Connection) -> list[Alert]:
    query = select(alert).where(alert.c.ended_at.is_(None)).order_by(alert.c.id)
    return [Alert(**row) for row in connection.execute(query).mappings()]


def _open(connection: Connection, condition: Condition, now: datetime) -> Alert:
    row = {
        "kind": condition.kind,
        "subject": condition.subject,
        "simulated": condition.simulated,
        "site": condition.site,
        "node": condition.node,
        "told_by": condition.told_by,
        "since": condition.since,
        "facts": msgspec.to_builtins(condition.facts),
        "opened_at": now,
    }
    made = connection.execute(alert.insert().values(row).returning(alert.c.id)).scalar_one()
    return Alert(id=int(made), **row)


def _set(connection: Connection, one: Alert, **values: Any) -> None:
    connection.execute(update(alert).where(alert.c.id == one.id).values(**values))


def _notify(
    connection: Connection,
    one: Alert,
    phase: Phase,
    recipients: Sequence[Recipient],
    now: datetime,
) -> None:
    rows = [
        {
            "alert": one.id,
            "recipient": recipient.name,
            "phase": phase,
            "due_at": now + GATHER[one.kind],
        }
        for recipient in recipients
        if recipient.wants(one.kind, one.site, one.simulated)
    ]
    if phase == "ended":
        # Who was never told that it began need not hear that it is over.
        told = select(alert_notice.c.recipient).where(alert_notice.c.alert == one.id)
        known = set(connection.scalars(told))
        rows = [row for row in rows if row["recipient"] in known]
    if rows:
        connection.execute(alert_notice.insert(), rows)


def _waiting(connection: Connection) -> list[Notice]:
    query = (
        select(alert, alert_notice.c.recipient, alert_notice.c.phase, alert_notice.c.due_at)
        .join(alert_notice, alert_notice.c.alert == alert.c.id)
        .where(alert_notice.c.composed_at.is_(None))
        .order_by(alert.c.since, alert.c.id)
    )
    notices = []
    for row in connection.execute(query).mappings():
        of_alert = {column.name: row[column] for column in alert.c}
        notices.append(Notice(Alert(**of_alert), row["recipient"], row["phase"], row["due_at"]))
    return notices


def _last_at(connection: Connection) -> dict[tuple[str, AlertKind], datetime]:
    columns = alert_message.c
    query = select(columns.recipient, columns.kind, func.max(columns.made_at))
    rows = connection.execute(query.group_by(columns.recipient, columns.kind))
    return {(recipient, kind): at for recipient, kind, at in rows}


def _answer(connection: Connection, group: Group, now: datetime) -> None:
    for one, phases in group.alerts:
        answered = and_(
            alert_notice.c.alert == one.id,
            alert_notice.c.recipient == group.recipient.name,
            alert_notice.c.phase.in_(phases),
        )
        connection.execute(update(alert_notice).where(answered).values(composed_at=now))


def _sendable(connection: Connection, now: datetime, limit: int) -> list[Outgoing]:
    query = select(alert_message).where(_OPEN, alert_message.c.next_at <= now)
    rows = connection.execute(query.order_by(alert_message.c.id).limit(limit)).mappings()
    return [Outgoing(**row) for row in rows]


def _count(connection: Connection, condition: Any) -> int:
    query = select(func.count()).select_from(alert_message).where(condition)
    return connection.scalar(query) or 0
