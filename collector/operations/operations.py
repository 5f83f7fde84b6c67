"""How a running collector does: what is wrong right now, and whether only a restart helps."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from collector.alerts.task import AlertState, AlertTask
from collector.certificates import Certificates
from collector.forwarder import Forwarder, ForwarderState
from collector.intake.subscriber import Subscriber
from collector.operations.certificate_watch import CertificateWatch
from collector.operations.heartbeat import Heartbeat

STUCK: Final = timedelta(minutes=1)
"""How long an output may refuse everything before it counts as a problem."""

ALERTS: Final = "alerts"
"""The part that alerts people."""

PARTS: Final = ("collector", "ledger", "broker", ALERTS)
"""What may have a problem besides the outputs, which are called by their own names."""

PATIENCE_S: Final = 60.0
"""How long nothing may move; longer than the intake's pauses while the ledger cannot store."""


@dataclass(frozen=True, slots=True)
class Problem:
    """What is wrong with a part of the collector, in a sentence."""

    part: str
    text: str


class Operations:
    """Watches over the parts of a collector; somebody must :meth:`look` every few seconds.

    Parameters
    ----------
    heartbeat : Heartbeat
        Tries the ledger.
    subscriber : Subscriber
        Started.
    forwarders : sequence of Forwarder
        Started.
    watch : CertificateWatch, optional
        Started.

    Attributes
    ----------
    alerts : AlertTask, optional
        Started; set by whoever has alerts, which themselves ask how the collector does.
    hears_since : datetime, optional
        Since when the broker has been there at every look; None: it was away at the last one.
    problems_since : mapping
        Parts that had a problem at the last look, and since when at every look.
    """

    def __init__(
        self,
        heartbeat: Heartbeat,
        subscriber: Subscriber,
        forwarders: Sequence[Forwarder] = (),
        watch: CertificateWatch | None = None,
    ) -> None:
        self.heartbeat = heartbeat
        self.subscriber = subscriber
        self.forwarders = tuple(forwarders)
        self._watch = watch
        self.alerts: AlertTask | None = None
        self.hears_since: datetime | None = None
        self.problems_since: Mapping[str, datetime] = {}
        self._attempts = subscriber.attempts
        self._moved_at = time.monotonic()

    def look(self) -> None:
        """Try the ledger, and note whether what was received moves on to it."""
        self.heartbeat.beat()
        attempts, before = self.subscriber.attempts, self._attempts
        if attempts != before or self.subscriber.lag == 0:
            self._moved_at = time.monotonic()
        self._attempts = attempts
        now, before_now = datetime.now(UTC), self.problems_since
        self.hears_since = (self.hears_since or now) if self.subscriber.is_connected else None
        self.problems_since = {one.part: before_now.get(one.part, now) for one in self.problems()}

    @property
    def certificates(self) -> Certificates:
        """Until when the server's certificates hold, as far as is known."""
        return {} if self._watch is None else self._watch.found

    @property
    def failure(self) -> str | None:
        """What has ended for good, so that only a restart helps; None: nothing has."""
        fault = self.subscriber.failure
        if fault is not None:
            return f"the collector's intake has failed ({type(fault).__name__}: {fault})"
        if not self.subscriber.is_running:
            return "the collector no longer hears the broker, since a thread of it has ended"
        ended = [one.name for one in self.forwarders if one.failure is not None]
        return f"forwarding to {ended[0]} has failed" if ended else None

    @property
    def is_live(self) -> bool:
        """Whether something moves, or at least is tried, and nothing has ended for good."""
        return self.failure is None and time.monotonic() - self._moved_at < PATIENCE_S

    def problems(self) -> list[Problem]:
        """Return what is wrong right now; nothing: the collector does all that it should."""
        found = []
        failure, trouble = self.failure, self.subscriber.trouble or self.heartbeat.trouble
        if failure is not None:
            found.append(Problem("collector", f"{failure}: see its log, and restart it"))
        elif not self.is_live:
            text = f"nothing has moved for {PATIENCE_S:.0f} s: see its log, and restart it"
            found.append(Problem("collector", text))
        if trouble is not None:
            found.append(Problem("ledger", trouble))
        if not self.subscriber.is_connected:
            text = f"the MQTT broker at {self.subscriber.where} is away: is it running there?"
            found.append(Problem("broker", text))
        found += [problem for one in self.forwarders if (problem := _stuck(one.name, one.state))]
        return found + _of_alerts(self.alerts)


def _stuck(part: str, state: ForwarderState | AlertState) -> Problem | None:
    if state.failing is None or state.failing_since is None:
        return None
    for_long = datetime.now(UTC) - state.failing_since >= STUCK
    return Problem(part, state.failing) if for_long else None


def _of_alerts(alerts: AlertTask | None) -> list[Problem]:
    if alerts is None:
        return []
    if not alerts.is_alive:
        return [Problem(ALERTS, "nobody is alerted any more, since that thread has ended: restart")]
    problem = _stuck(ALERTS, alerts.state)
    return [] if problem is None else [problem]
