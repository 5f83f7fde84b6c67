"""The task that watches, writes down and sends, in a thread of its own within the collector.

What goes wrong here never ends the collector, whose first duty is to store what nodes measure: it
is told by ``/health`` and tried again.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Final
from zoneinfo import ZoneInfo

from sqlalchemy import Engine

from collector.alert_config import Alerts, Recipient
from collector.alerts.alert import changes
from collector.alerts.condition import Findings
from collector.alerts.grouping import Group, due, is_quiet
from collector.alerts.journal import AlertJournal, Outgoing
from collector.alerts.rules import judge
from collector.alerts.sender import SendError, Target, targets_of
from collector.alerts.situation import ServerNow, Situation, read_situation
from collector.alerts.weekly import LATE, Digest, Last, WeeklyJournal, digest, due_at
from collector.alerts.weekly_wording import weekly_mail
from collector.alerts.wording import Wording
from collector.back_off import BackOff
from collector.config import Page
from collector.fleet.neighbours import DriftWatch
from collector.ledger.ledger import Ledger
from collector.registry.wishes import Wishes
from sensor.contract.errors import SkolroError

log = logging.getLogger(__name__)

_SENDING_S: Final = 20.0
_CLAIMED: Final = timedelta(minutes=2)
_LATER: Final = timedelta(minutes=5)
_BACK_OFF: Final = BackOff(first_s=15.0, longest_s=1800.0)
_GIVEN_UP: Final = timedelta(days=7)
_OFTEN: Final = 3


@dataclass(frozen=True, slots=True)
class AlertState:
    """How it goes.

    Attributes
    ----------
    judged_at : datetime, optional
        When the rules were last asked.
    failing : str, optional
        Why alerts are not judged, or not sent, at the moment.
    failing_since : datetime, optional
        Since when that is so.
    """

    judged_at: datetime | None = None
    failing: str | None = None
    failing_since: datetime | None = None


class AlertTask:
    """Watches over what `ledger` and `server` tell, and lets the recipients know.

    Parameters
    ----------
    engine : Engine
        Where it is written down.
    alerts, page : Alerts, Page
        The configuration.
    server : callable
        Tells how the collector does.

    Raises
    ------
    ConfigError
        A recipient's address cannot be used.
    """

    def __init__(
        self,
        engine: Engine,
        ledger: Ledger,
        alerts: Alerts,
        page: Page,
        server: Callable[[], ServerNow],
    ) -> None:
        self._ledger = ledger
        self._alerts = alerts
        self._page = page
        self._server = server
        self._drifts = DriftWatch(ledger, alerts.rules)
        self.journal = AlertJournal(engine)
        self._wishes = Wishes(engine)
        self._weekly = WeeklyJournal(engine)
        # Until when each recipient's mails are known to be made.
        self._weekly_until: dict[str, datetime] = {}
        self._recipients = {one.name: one for one in alerts.recipients}
        self._targets = {one.name: targets_of(one) for one in alerts.recipients}
        self._state = AlertState()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="alerts", daemon=True)

    @property
    def state(self) -> AlertState:
        """How it goes."""
        return self._state

    @property
    def is_alive(self) -> bool:
        """Whether it runs."""
        return self._thread.is_alive()

    def start(self) -> None:
        """Begin, in a thread."""
        self._thread.start()

    def stop(self) -> None:
        """End after what is being sent."""
        self._stopping.set()
        if self._thread.is_alive():
            self._thread.join()

    def step(self, now: datetime) -> None:
        """Watch, write down and send, once.

        Raises
        ------
        LedgerError
            The ledger cannot be read or written; nothing was lost.
        """
        server = self._server()
        drifts = self._drifts.drifts(now)
        situation = read_situation(
            self._ledger, self._wishes, self._alerts.rules, server, now, drifts
        )
        findings = judge(situation, self._alerts.rules)
        self._write_down(findings, server.name, now)
        self._compose(now)
        self._make_weekly(situation, findings, now)
        self._send(now)
        failing = self.journal.failing(_OFTEN)
        if failing is None:
            self._state = AlertState(judged_at=now)
        else:
            self._note_failure(_told(failing))
            self._state = replace(self._state, judged_at=now)

    def _write_down(self, findings: Findings, name: str, now: datetime) -> None:
        self.journal.record(
            lambda there: changes(there, findings, name, now),
            list(self._recipients.values()),
            now,
        )

    def _compose(self, now: datetime) -> None:
        keys = {name: [one.key for one in found] for name, found in self._targets.items()}
        self.journal.compose(
            lambda waiting, last_at: due(
                waiting, self._recipients, last_at, now, self._page.time_zone
            ),
            lambda group: self._worded(group, now),
            keys,
            now,
        )

    def _make_weekly(self, situation: Situation, findings: Findings, now: datetime) -> None:
        due = due_at(self._alerts.weekly, self._page.time_zone, now)
        for recipient in self._recipients.values():
            if not recipient.wants_weekly or self._weekly_until.get(recipient.name) == due:
                continue
            keys = [one.key for one in self._targets[recipient.name]]
            self._weekly.make(
                recipient,
                due,
                keys,
                partial(self._worded_weekly, recipient, situation, findings, due),
                now,
            )
            self._weekly_until[recipient.name] = due

    def _worded_weekly(
        self,
        recipient: Recipient,
        situation: Situation,
        findings: Findings,
        due: datetime,
        last: Last | None,
    ) -> tuple[Digest, str, str]:
        late_since = due if situation.now - due > LATE else None
        found = digest(self._ledger, situation, findings.holds, recipient, last, late_since)
        words = wording(recipient, self._page, self._ledger)
        return found, *weekly_mail(found, words, situation.now)

    def _worded(self, group: Group, now: datetime) -> tuple[str, str]:
        return wording(group.recipient, self._page, self._ledger).message(group.alerts, now)

    def _send(self, now: datetime) -> None:
        began = time.monotonic()
        while time.monotonic() - began < _SENDING_S and not self._stopping.is_set():
            taken = self.journal.claim(now, now + _CLAIMED, 1)
            if not taken:
                return
            self._send_one(taken[0], now)

    def _send_one(self, one: Outgoing, now: datetime) -> None:
        recipient, target = self._recipients.get(one.recipient), self._target(one)
        if recipient is None or target is None:
            text = "the recipient or this address of theirs is no longer configured"
            self._give_up(one, text, now)
        elif is_quiet(recipient, now, self._page.time_zone):
            self.journal.put_off(one, now + _LATER)
        else:
            try:
                target.send(one.title, one.body, one.kind)
            except SendError as error:
                self._not_sent(one, str(error), now)
            else:
                self.journal.note_sent(one, now)
                log.info("%s is told: %s", one.recipient, one.title)

    def _target(self, one: Outgoing) -> Target | None:
        there = self._targets.get(one.recipient, ())
        return next((target for target in there if target.key == one.target), None)

    def _not_sent(self, one: Outgoing, failure: str, now: datetime) -> None:
        if now - one.made_at > _GIVEN_UP:
            self._give_up(one, failure, now)
            return
        if one.attempts == 0:
            log.warning("%s could not be told and will be: %s", one.recipient, failure)
        again_at = now + timedelta(seconds=_BACK_OFF.wait_s(one.attempts + 1))
        self.journal.note_failure(one, failure, again_at)

    def _give_up(self, one: Outgoing, failure: str, now: datetime) -> None:
        log.error("%s was never told %r: %s", one.recipient, one.title, failure)
        self.journal.note_given_up(one, failure, now)

    def _run(self) -> None:
        while not self._stopping.is_set():
            try:
                self.step(datetime.now(UTC))
            except SkolroError as error:
                self._note_failure(str(error))
            except Exception:
                log.exception("alerts have failed; they are tried again")
                self._note_failure("a fault in the program: see its log")
            self._stopping.wait(self._alerts.every_s)

    def _note_failure(self, text: str) -> None:
        since = self._state.failing_since or datetime.now(UTC)
        self._state = replace(self._state, failing=text, failing_since=since)


def wording(recipient: Recipient, page: Page, ledger: Ledger) -> Wording:
    """Return how things are said to a recipient."""
    return Wording(
        language=recipient.language,
        zone=ZoneInfo(page.time_zone),
        sites=ledger.registry.recent_inventory().sites,
        base_url=page.base_url,
    )


def _told(one: Outgoing) -> str:
    return f"{one.recipient} could not be told, tried {one.attempts} times: {one.failure}"
