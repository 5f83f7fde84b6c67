"""The rules about the server itself."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from typing import Final

from collector.alert_config import AlertKind, AlertRules
from collector.alerts.condition import Condition, Rule, Unknown
from collector.alerts.situation import ServerNow, Situation
from collector.certificates import HOLDERS, Certificates, warned_from


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


SERVER_RULES: Final[Mapping[AlertKind, Rule]] = {
    "server": server_problem,
    "certificate": certificate_ends,
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
