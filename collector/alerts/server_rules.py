"""The rules about the server itself, and about what it wishes of nodes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from typing import Final

from collector.alert_config import AlertKind, AlertRules
from collector.alerts.condition import Condition, Rule, Unknown, of_node
from collector.alerts.situation import ServerNow, Situation
from collector.certificates import HOLDERS, Certificates, warned_from
from collector.registry.wishes import NodeWish

_TOLD_FOR: Final = timedelta(weeks=2)


def server_problem(situation: Situation, rules: AlertRules) -> Iterator[Condition | Unknown]:
    """A part of the collector has not worked for some time."""
    limit = timedelta(minutes=rules.problem_minutes)
    for part, since in situation.server.problems.items():
        if situation.now - since >= limit:
            yield Condition(
                kind="server",
                subject=f"{part} of {situation.server.name}",
                simulated=False,
                since=since,
                told_by=situation.server.name,
                facts={"part": part},
            )


def certificate_ends(situation: Situation, rules: AlertRules) -> Iterator[Condition | Unknown]:
    """A certificate of the server ends soon, or has ended."""
    server = situation.server
    for holder in HOLDERS:
        subject = f"{holder} of {server.name}"
        certificate = server.certificates.get(holder)
        if certificate is None:
            yield Unknown("certificate", subject)
            continue
        since = warned_from(holder, certificate, rules.certificate_days)
        if situation.now >= since:
            yield Condition(
                kind="certificate",
                subject=subject,
                simulated=False,
                since=since,
                told_by=server.name,
                facts={"holder": holder, "ends": certificate.ends.isoformat()},
            )


def update_failed(situation: Situation, _: AlertRules) -> Iterator[Condition | Unknown]:
    """A node went back from what it was to run, or refused it; its rollout ended for that.

    It is told for two weeks: nothing but another update takes it away.
    """
    yield from _stopped(situation)
    for now in situation.nodes:
        wish = situation.updates.newest.get(now.node)
        if wish is None or wish.rollout is not None or not _failed(wish, situation.now):
            continue
        facts = {"own": True, **_outcome(wish)}
        yield of_node(now, "update", wish.outcome_at or situation.now, facts)


def _stopped(situation: Situation) -> Iterator[Condition]:
    rollout, members = situation.updates.rollout, situation.updates.members
    failed = [wish for wish in members if _failed(wish, situation.now)]
    if rollout is None or rollout.end != "stopped" or not failed:
        return
    simulated = {now.node for now in situation.nodes if now.state.simulated}
    yield Condition(
        kind="update",
        subject=f"{rollout.version} ({rollout.id})",
        simulated=failed[0].node in simulated,
        since=rollout.ended_at or situation.now,
        facts={
            "own": False,
            "version": rollout.version,
            "failed": [_outcome(wish) for wish in failed],
            "working": sum(wish.outcome == "current" for wish in members),
            "nodes": len(members),
        },
    )


def _failed(wish: NodeWish, now: datetime) -> bool:
    at = wish.outcome_at
    return wish.outcome in {"returned", "refused"} and at is not None and now - at < _TOLD_FOR


def _outcome(wish: NodeWish) -> dict[str, str]:
    return {"node": wish.node, "outcome": str(wish.outcome), "reason": wish.reason}


SERVER_RULES: Final[Mapping[AlertKind, Rule]] = {
    "server": server_problem,
    "certificate": certificate_ends,
    "update": update_failed,
}


def certificate_needs(
    certificates: Certificates, rules: AlertRules, now: datetime
) -> list[Condition]:
    """Return which certificates of a server end soon, for whoever asks no other rule."""
    server = ServerNow(
        name="", hears_since=None, free_bytes=None, problems={}, certificates=certificates
    )
    situation = Situation(now=now, nodes=(), episodes=(), server=server)
    found = certificate_ends(situation, rules)
    return [one for one in found if isinstance(one, Condition)]
