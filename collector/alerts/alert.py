"""An alert: a condition that held, from when it was first seen until it ended."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any, Final, Literal, TypeAlias

import msgspec

from collector.alert_config import AlertKind
from collector.alerts.condition import Condition, Findings, Key, Unknown

Phase: TypeAlias = Literal["began", "ended"]

CALM: Final[Mapping[AlertKind, timedelta]] = {
    "episode": timedelta(0),
    "night_level": timedelta(minutes=15),
    "node_silent": timedelta(minutes=10),
    "dead_microphone": timedelta(minutes=10),
    "calibration_due": timedelta(0),
    "disk": timedelta(minutes=30),
    "card": timedelta(hours=1),
    "under_voltage": timedelta(hours=1),
    "clock": timedelta(hours=1),
    "outbox": timedelta(hours=1),
    "drift": timedelta(days=2),
    "server": timedelta(minutes=5),
    "certificate": timedelta(hours=1),
    "update": timedelta(0),
}
"""How long a condition must be gone before its alert ends, so that one that comes and goes is one.

An episode's rule waits by itself.
"""

END_TOLD: Final = frozenset[AlertKind](
    {
        "episode",
        "node_silent",
        "dead_microphone",
        "disk",
        "clock",
        "outbox",
        "server",
        "certificate",
    }
)
"""Kinds whose end is told, too: somebody may be on the way, or need not go."""

_STEADY: Final = frozenset[AlertKind](
    {"node_silent", "disk", "card", "clock", "outbox", "drift", "server"}
)
"""Kinds whose facts need not follow what changes all the time, such as room on a disk."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Alert:
    """One alert as it is kept.

    Attributes
    ----------
    since : datetime
        Since when it is so, as far as is known.
    opened_at : datetime
        When it was first seen.
    gone_at : datetime, optional
        Since when the condition does not hold any more; None: it does.
    ended_at : datetime, optional
        When that had been so for long enough; it is the time of `gone_at`.
    told_by : str, optional
        The only collector that can tell whether it still holds.
    """

    id: int
    kind: AlertKind
    subject: str
    simulated: bool
    site: str | None
    node: str | None
    told_by: str | None
    since: datetime
    facts: Mapping[str, Any]
    opened_at: datetime
    gone_at: datetime | None = None
    ended_at: datetime | None = None

    @property
    def key(self) -> Key:
        """What makes it the same as a condition."""
        return self.kind, self.subject, self.simulated


def as_alert(condition: Condition, now: datetime) -> Alert:
    """Return a condition as an alert that nobody has written down, to be put into words."""
    return Alert(id=0, opened_at=now, **asdict(condition))


@dataclass(frozen=True, slots=True)
class Changes:
    """What becomes of the open alerts."""

    opened: tuple[Condition, ...] = ()
    changed: tuple[tuple[Alert, Condition], ...] = ()
    gone: tuple[Alert, ...] = ()
    ended: tuple[Alert, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.opened or self.changed or self.gone or self.ended)


def changes(there: Sequence[Alert], findings: Findings, judge: str, now: datetime) -> Changes:
    """Compare what was open with what holds `now`, as the collector `judge` sees it."""
    holds = {one.key: one for one in findings.holds}
    known = {alert.key for alert in there}
    lost = [
        alert
        for alert in there
        if alert.key not in holds
        and alert.told_by in {None, judge}
        and Unknown(alert.kind, alert.subject) not in findings.unknown
    ]
    return Changes(
        opened=tuple(one for key, one in holds.items() if key not in known),
        changed=tuple(
            (alert, holds[alert.key])
            for alert in there
            if alert.key in holds and _differs(alert, holds[alert.key])
        ),
        gone=tuple(one for one in lost if one.gone_at is None and CALM[one.kind]),
        ended=tuple(one for one in lost if now - (one.gone_at or now) >= CALM[one.kind]),
    )


def _differs(alert: Alert, condition: Condition) -> bool:
    if alert.gone_at is not None:
        return True
    return alert.kind not in _STEADY and dict(alert.facts) != msgspec.to_builtins(condition.facts)
