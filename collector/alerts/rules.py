"""The rules: each a function from what is known to what holds right now.

What cannot be told stays as it was: whether a microphone is dead is not known of a node that has
fallen silent, and whether a node is silent is not while the collector itself hears nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict
from datetime import datetime, timedelta
from typing import Final

from collector.alert_config import AlertKind, AlertRules
from collector.alerts.condition import Condition, Findings, Rule, Unknown, is_old, of_node
from collector.alerts.node_rules import NODE_RULES
from collector.alerts.server_rules import SERVER_RULES
from collector.alerts.situation import Situation

_MB: Final = 1e6
_FAULTS: Final = frozenset({"dead", "stuck", "implausible", "lost"})
_LEAST_MEASURED: Final = 2 / 3
"""Part of the minutes at night that must have been measured before their level says anything."""


def judge(situation: Situation, rules: AlertRules) -> Findings:
    """Ask every rule."""
    found = [one for rule in RULES.values() for one in rule(situation, rules)]
    return Findings(
        tuple(one for one in found if isinstance(one, Condition)),
        frozenset(one for one in found if isinstance(one, Unknown)),
    )


def episode_under_way(situation: Situation, _: AlertRules) -> Iterator[Condition | Unknown]:
    """An episode's last pass was a moment ago."""
    for now in situation.episodes:
        one = now.episode
        yield Condition(
            kind="episode",
            subject=now.site.id,
            simulated=now.simulated,
            since=one.start,
            site=now.site.id,
            facts={
                "end": one.end.isoformat(),
                "passes": one.passes,
                "unconfirmed": one.unconfirmed,
                "lafmax_db": one.lafmax_db,
                "speed_kmh": now.speed_kmh,
                "reasons": [asdict(reason) for reason in one.reasons],
            },
        )


def loud_at_night(situation: Situation, rules: AlertRules) -> Iterator[Condition | Unknown]:
    """The level of the last minutes at a node is over the limit."""
    whole_s = 60.0 * rules.night_minutes
    for now in situation.nodes:
        level = now.level
        if level is None or level.measured_s < _LEAST_MEASURED * whole_s:
            continue
        if level.laeq_db > rules.night_laeq_db:
            yield Condition(
                kind="night_level",
                subject=now.node,
                simulated=level.simulated,
                since=level.start,
                site=now.site.id,
                node=now.node,
                facts={
                    "start": level.start.isoformat(),
                    "end": level.end.isoformat(),
                    "laeq_db": round(level.laeq_db, 1),
                    "measured_s": level.measured_s,
                    "whole_s": whole_s,
                    "limit_db": rules.night_laeq_db,
                },
            )


def node_silent(situation: Situation, rules: AlertRules) -> Iterator[Condition | Unknown]:
    """Nothing has come from a node that has sent something before."""
    limit = timedelta(minutes=rules.silent_minutes)
    hears_since = situation.server.hears_since
    for now in situation.nodes:
        last = now.state.last_received_at
        if last is None or situation.now - last <= limit:
            continue
        if hears_since is None or situation.now - hears_since <= limit:
            yield Unknown("node_silent", now.node)
            continue
        yield of_node(now, "node_silent", last, {})


def dead_microphone(situation: Situation, rules: AlertRules) -> Iterator[Condition | Unknown]:
    """A node says that what its microphone gives is no sound."""
    for now in situation.nodes:
        health = now.state.health
        if health is None:
            continue
        if is_old(now, situation, rules):
            yield Unknown("dead_microphone", now.node)
        elif health["microphone"] in _FAULTS:
            told_at = datetime.fromisoformat(health["time"])
            yield of_node(now, "dead_microphone", told_at, {"state": health["microphone"]})


def calibration_due(situation: Situation, rules: AlertRules) -> Iterator[Condition | Unknown]:
    """A node's last check with a calibrator gets too old, or there was none, or it failed.

    Nodes flag their levels where they have a microphone and no check that holds; what is played
    or simulated needs none.
    """
    longest = timedelta(days=rules.calibration_days)
    warning = timedelta(days=rules.calibration_warning_days)
    for now in situation.nodes:
        text = (now.state.health or {}).get("calibrated_at")
        due = None if text is None else datetime.fromisoformat(text) + longest
        if "calibration_invalid" in now.flags:
            state = "invalid"
        elif due is not None and situation.now >= due - warning:
            state = "due"
        elif "calibration_due" in now.flags:
            state = "never" if due is None else "flagged"
        else:
            continue
        facts = {"state": state, "due": due.isoformat() if due else None}
        yield of_node(now, "calibration_due", situation.now, facts)


def little_room(situation: Situation, rules: AlertRules) -> Iterator[Condition | Unknown]:
    """Little is left on the disk of the server, or of a node by its health."""
    server = situation.server
    if server.free_bytes is not None and server.free_bytes < rules.server_free_mb * _MB:
        yield Condition(
            kind="disk",
            subject=f"server {server.name}",
            simulated=False,
            since=situation.now,
            told_by=server.name,
            facts={"free_mb": round(server.free_bytes / _MB), "limit_mb": rules.server_free_mb},
        )
    for now in situation.nodes:
        free = (now.state.health or {}).get("disk_free_bytes")
        if free is None:
            continue
        if is_old(now, situation, rules):
            yield Unknown("disk", now.node)
        elif free < rules.node_free_mb * _MB:
            facts = {"free_mb": round(free / _MB), "limit_mb": rules.node_free_mb}
            yield of_node(now, "disk", situation.now, facts)


RULES: Final[Mapping[AlertKind, Rule]] = {
    "episode": episode_under_way,
    "night_level": loud_at_night,
    "node_silent": node_silent,
    "dead_microphone": dead_microphone,
    "calibration_due": calibration_due,
    "disk": little_room,
    **NODE_RULES,
    **SERVER_RULES,
}
