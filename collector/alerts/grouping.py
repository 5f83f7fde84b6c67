"""Which notices become a message now: several of a kind become one, and none in quiet hours."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from collector.alert_config import AlertKind, Recipient
from collector.alerts.alert import Alert, Phase
from collector.alerts.hours import within

GATHER: Final[Mapping[AlertKind, timedelta]] = {
    "episode": timedelta(0),
    "night_level": timedelta(0),
    "node_silent": timedelta(minutes=2),
    "dead_microphone": timedelta(minutes=2),
    "calibration_due": timedelta(minutes=10),
    "disk": timedelta(minutes=2),
    "card": timedelta(minutes=10),
    "under_voltage": timedelta(minutes=10),
    "clock": timedelta(minutes=30),
    "outbox": timedelta(minutes=30),
    "drift": timedelta(minutes=10),
    "server": timedelta(0),
    "certificate": timedelta(minutes=10),
    "update": timedelta(0),
}
"""How long the first notice of a kind waits for others."""

APART: Final[Mapping[AlertKind, timedelta]] = {
    "episode": timedelta(0),
    "night_level": timedelta(minutes=15),
    "node_silent": timedelta(minutes=15),
    "dead_microphone": timedelta(minutes=15),
    "calibration_due": timedelta(hours=6),
    "disk": timedelta(minutes=30),
    "card": timedelta(hours=6),
    "under_voltage": timedelta(hours=6),
    "clock": timedelta(hours=6),
    "outbox": timedelta(hours=6),
    "drift": timedelta(hours=6),
    "server": timedelta(minutes=5),
    "certificate": timedelta(hours=6),
    "update": timedelta(minutes=15),
}
"""How long after a message the next one of its kind comes at the earliest."""


@dataclass(frozen=True, slots=True)
class Notice:
    """That a recipient is to be told that an alert began or ended, from `due_at` on."""

    alert: Alert
    recipient: str
    phase: Phase
    due_at: datetime


@dataclass(frozen=True, slots=True)
class Group:
    """What goes into one message: alerts of one kind, each with what of it is told."""

    recipient: Recipient
    kind: AlertKind
    alerts: tuple[tuple[Alert, frozenset[Phase]], ...]


def due(
    waiting: Sequence[Notice],
    recipients: Mapping[str, Recipient],
    last_at: Mapping[tuple[str, AlertKind], datetime],
    now: datetime,
    time_zone: str,
) -> list[Group]:
    """Return the messages that are to be made `now`.

    As soon as one notice is due, all of its kind and origin go along, whether due or not.

    Parameters
    ----------
    waiting : sequence of Notice
        None of which is in a message yet; those of an alert that has ended before it was told
        are told as one.
    recipients : mapping
        By name; notices of others stay.
    last_at : mapping
        When the last message of a kind to a recipient was made.
    """
    groups: defaultdict[tuple[str, AlertKind, bool], list[Notice]] = defaultdict(list)
    for notice in waiting:
        groups[notice.recipient, notice.alert.kind, notice.alert.simulated].append(notice)
    return [
        Group(recipients[name], kind, _by_alert(notices))
        for (name, kind, _), notices in groups.items()
        if name in recipients
        and min(notice.due_at for notice in notices) <= now
        and not is_quiet(recipients[name], now, time_zone)
        and ((name, kind) not in last_at or now - last_at[name, kind] >= APART[kind])
    ]


def is_quiet(recipient: Recipient, now: datetime, time_zone: str) -> bool:
    """Whether the recipient is to be left in peace."""
    return recipient.quiet is not None and within(recipient.quiet, now, time_zone)


def _by_alert(notices: Sequence[Notice]) -> tuple[tuple[Alert, frozenset[Phase]], ...]:
    phases: dict[int, set[Phase]] = {}
    alerts: dict[int, Alert] = {}
    for notice in notices:
        alerts[notice.alert.id] = notice.alert
        phases.setdefault(notice.alert.id, set()).add(notice.phase)
    return tuple((alerts[number], frozenset(told)) for number, told in phases.items())
