"""The rules about what nodes tell of themselves, or show beside their neighbours.

As in :mod:`collector.alerts.rules`, what was said by a node that has fallen silent is not known to
hold any more.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, Final, TypeAlias

from collector.alert_config import AlertKind, AlertRules
from collector.alerts.condition import Condition, Rule, Unknown, is_old, of_node
from collector.alerts.situation import NodeNow, ServerNow, Situation
from collector.analysis.drift import Untold, begins
from collector.fleet.neighbours import Drifts

_GB: Final = 1e9
_DAY_S: Final = 86_400.0
_HOUR_S: Final = 3600.0
_ROOT_FULL: Final = 0.8
_SYSTEM_DAYS: Final = 30.0
"""A node looks once a week: four times it could not, or did not, upgrade."""

_FIRST_DAYS: Final = 14.0

Facts: TypeAlias = Mapping[str, Any]


def failing_card(situation: Situation, rules: AlertRules) -> Iterator[Condition | Unknown]:
    """A node's card takes nothing, has faults, wears, or its system is not as it was to be."""
    told = ("disk_read_only", "disk_errors", "disk_worn_share", "disk_written_bytes", "root")
    yield from _told_by_health(situation, rules, "card", told, lambda one: _card(one, rules))


def _card(health: Facts, rules: AlertRules) -> Facts | None:
    if health.get("disk_read_only"):
        return {"state": "read_only"}
    if errors := health.get("disk_errors"):
        return {"state": "errors", "errors": errors}
    if (worn := health.get("disk_worn_share")) is not None and worn >= rules.card_worn_share:
        return {"state": "worn", "worn_share": worn}
    gb_a_day = written_gb_a_day(health)
    if gb_a_day is not None and gb_a_day > rules.card_gb_a_day:
        return {"state": "busy", "gb_a_day": round(gb_a_day, 1), "limit_gb": rules.card_gb_a_day}
    return _root(health)


def _root(health: Facts) -> Facts | None:
    """What is wrong with a root that was to be read-only."""
    state, boot = health.get("root"), health.get("boot")
    if state == "refused":
        return {"state": "root_refused"}
    if state == "opened" and boot is not None and boot["s"] > _DAY_S:
        return {"state": "root_opened"}
    used = health.get("root_used_share")
    if used is not None and used >= _ROOT_FULL:
        return {"state": "root_full", "used_share": used}
    return _packages(health)


def _packages(health: Facts) -> Facts | None:
    """Whether a node that upgrades its system's packages by itself has come to do so."""
    current, boot = health.get("system_current_at"), health.get("boot")
    if current is None:
        runs_s = 0.0 if boot is None or health.get("root") != "read_only" else boot["s"]
        return {"state": "system_never"} if runs_s > _FIRST_DAYS * _DAY_S else None
    passed = datetime.fromisoformat(health["time"]) - datetime.fromisoformat(current)
    days = passed.total_seconds() / _DAY_S
    return {"state": "system_old", "days": round(days)} if days > _SYSTEM_DAYS else None


def written_gb_a_day(health: Facts) -> float | None:
    """What is written to a node's card a day, since it was started; None: not known for a day."""
    written, boot = health.get("disk_written_bytes"), health.get("boot")
    if written is None or boot is None or boot["s"] < _DAY_S:
        return None
    return float(written / _GB / (boot["s"] / _DAY_S))


def weak_supply(situation: Situation, rules: AlertRules) -> Iterator[Condition | Unknown]:
    """A node's supply is too weak, or was since the node was started."""
    told = ("under_voltage", "under_voltage_since_boot")
    yield from _told_by_health(situation, rules, "under_voltage", told, _supply)


def _supply(health: Facts) -> Facts | None:
    if health.get("under_voltage"):
        return {"state": "now"}
    return {"state": "earlier"} if health.get("under_voltage_since_boot") else None


def wrong_clock(situation: Situation, rules: AlertRules) -> Iterator[Condition | Unknown]:
    """A node's clock is not led by others, or is off."""
    told = ("clock_synchronised", "clock_offset_s")
    yield from _told_by_health(situation, rules, "clock", told, lambda one: _clock(one, rules))


def _clock(health: Facts, rules: AlertRules) -> Facts | None:
    if "simulated" in health.get("flags", ()):
        return None
    if health.get("clock_synchronised") is False:
        return {"state": "unsynchronised"}
    offset_s = health.get("clock_offset_s")
    if offset_s is not None and abs(offset_s) > rules.clock_s:
        return {"state": "off", "offset_s": round(offset_s, 1)}
    return None


def growing_outbox(situation: Situation, rules: AlertRules) -> Iterator[Condition | Unknown]:
    """A node is heard, and yet what it measured waits for hours: its line is too thin."""
    told = ("outbox_oldest_s", "outbox_depth")
    yield from _told_by_health(situation, rules, "outbox", told, lambda one: _outbox(one, rules))


def _outbox(health: Facts, rules: AlertRules) -> Facts | None:
    waits_h = health.get("outbox_oldest_s", 0.0) / _HOUR_S
    messages = health.get("outbox_depth", 0)
    if waits_h <= rules.outbox_hours and messages <= rules.outbox_messages:
        return None
    return {"messages": messages, "hours": round(waits_h) if waits_h else None}


def background_drift(situation: Situation, _: AlertRules) -> Iterator[Condition | Unknown]:
    """A node's background has drifted from its neighbours': somebody should look at it."""
    for now in situation.nodes:
        found = situation.drifts.get(now.node)
        if isinstance(found, Untold):
            yield Unknown("drift", now.node)
        elif found is not None and found.holds:
            facts = {
                "change_db": round(found.change_db, 1),
                "low_db": round(found.low_db, 1),
                "high_db": round(found.high_db, 1),
                "since": found.since.isoformat(),
                "since_low": found.since_low.isoformat(),
                "since_high": found.since_high.isoformat(),
                "neighbours": found.neighbours,
            }
            yield of_node(now, "drift", begins(found.since, now.site.time_zone), facts)


NODE_RULES: Final[Mapping[AlertKind, Rule]] = {
    "card": failing_card,
    "under_voltage": weak_supply,
    "clock": wrong_clock,
    "outbox": growing_outbox,
    "drift": background_drift,
}


def node_needs(
    nodes: Sequence[NodeNow], rules: AlertRules, drifts: Drifts, now: datetime
) -> list[Condition]:
    """Return what these rules find of `nodes`, for whoever asks no others."""
    nothing = ServerNow(name="", hears_since=None, free_bytes=None, problems={})
    situation = Situation(now=now, nodes=tuple(nodes), episodes=(), server=nothing, drifts=drifts)
    found = (one for rule in NODE_RULES.values() for one in rule(situation, rules))
    return [one for one in found if isinstance(one, Condition)]


def _told_by_health(
    situation: Situation,
    rules: AlertRules,
    kind: AlertKind,
    told: tuple[str, ...],
    judged: Callable[[Facts], Facts | None],
) -> Iterator[Condition | Unknown]:
    for now in situation.nodes:
        health = now.state.health
        if health is None or all(health.get(name) is None for name in told):
            continue
        if is_old(now, situation, rules):
            yield Unknown(kind, now.node)
        elif (facts := judged(health)) is not None:
            yield of_node(now, kind, datetime.fromisoformat(health["time"]), facts)
