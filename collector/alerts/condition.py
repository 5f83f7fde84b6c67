"""What a rule finds: that something holds, or that it cannot be told."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, TypeAlias

from collector.alert_config import AlertKind, AlertRules
from collector.alerts.situation import NodeNow, Situation


@dataclass(frozen=True, slots=True, kw_only=True)
class Condition:
    """Something that somebody should know.

    Attributes
    ----------
    kind, subject, simulated
        What, and of whom; two that agree in them are the same.
    since : datetime
        Since when it is so, as far as is known.
    told_by : str, optional
        The only collector that can tell; None: any can.
    facts : mapping
        Numbers and names for the message.
    """

    kind: AlertKind
    subject: str
    simulated: bool
    since: datetime
    site: str | None = None
    node: str | None = None
    told_by: str | None = None
    facts: Mapping[str, Any] = field(default_factory=dict)

    @property
    def key(self) -> Key:
        """What makes it the same."""
        return self.kind, self.subject, self.simulated


Key: TypeAlias = tuple[AlertKind, str, bool]


@dataclass(frozen=True, slots=True)
class Unknown:
    """Of a subject it cannot be told whether a condition holds."""

    kind: AlertKind
    subject: str


@dataclass(frozen=True, slots=True)
class Findings:
    """What holds, and what cannot be told."""

    holds: tuple[Condition, ...]
    unknown: frozenset[Unknown]


Rule: TypeAlias = Callable[[Situation, AlertRules], Iterator[Condition | Unknown]]


def of_node(now: NodeNow, kind: AlertKind, since: datetime, facts: Mapping[str, Any]) -> Condition:
    """Return a condition of a node."""
    return Condition(
        kind=kind,
        subject=now.node,
        simulated=now.state.simulated,
        since=since,
        site=now.site.id,
        node=now.node,
        facts=facts,
    )


def is_old(now: NodeNow, situation: Situation, rules: AlertRules) -> bool:
    """Whether nothing has come from a node for so long that its last words may not hold."""
    last = now.state.last_received_at
    return last is None or situation.now - last > timedelta(minutes=rules.silent_minutes)
