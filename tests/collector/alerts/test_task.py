"""From what nodes send to what a mail server and a web hook get: each once, whatever happens."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Engine

from collector.alert_config import AlertKind, Alerts, Recipient
from collector.alerts.situation import ServerNow
from collector.alerts.task import AlertTask
from collector.certificates import Certificate
from collector.config import Page
from collector.ledger.ledger import Ledger
from collector.registry.wishes import NodeWish, Wishes
from collector.roles import Role
from collector.rollout.task import RolloutTask
from sensor.contract.errors import ConfigError
from sensor.contract.messages import UpdateReport
from tests.collector.alerts.situations import NOW, grow_deaf, server
from tests.collector.conftest import ONLY_SQLITE
from tests.peers import FakeNode, event, free_port, health, levels, wait_for
from tests.receivers import Mailbox, Receiver, mailbox, served_receiver

MINUTE = timedelta(minutes=1)
EVERY_KIND: tuple[AlertKind, ...] = (
    "episode", "night_level", "node_silent", "dead_microphone", "calibration_due", "disk", "card",
    "under_voltage", "clock", "outbox", "drift", "server", "certificate", "update",
)  # fmt: skip


@pytest.fixture
def mail() -> Iterator[Mailbox]:
    """A mail server."""
    with mailbox() as running:
        yield running


@pytest.fixture
def hook() -> Iterator[Receiver]:
    """A web hook."""
    with served_receiver(Receiver) as running:
        yield running


@dataclass
class Alerting:
    """A collector's alerts, over restarts; `server` is how it does."""

    engine: Engine
    ledger: Ledger
    recipients: tuple[Recipient, ...]
    server: ServerNow
    page: Page = Page(base_url="https://buller.example.org")  # noqa: RUF009 - it never changes

    def __post_init__(self) -> None:
        self.restart()

    def restart(self) -> None:
        """Forget all that is not in the database."""
        config = Alerts(recipients=self.recipients)
        self.task = AlertTask(self.engine, self.ledger, config, self.page, lambda: self.server)

    def step(self, minutes: float = 0.0) -> None:
        """Watch and send so long after NOW."""
        self.task.step(NOW + minutes * MINUTE)


def recipient(name: str, *urls: str, **changes: Any) -> Recipient:
    """Somebody who is told everything."""
    values: dict[str, Any] = {"role": "technician", "kinds": EVERY_KIND, "urls": urls}
    return Recipient(name=name, **{**values, **changes})


@pytest.fixture
def node(ledger: Ledger) -> FakeNode:
    """A node at Ekskolan."""
    made = FakeNode("ekskolan-1")
    made.register(ledger.registry, "ekskolan", NOW - timedelta(days=100))
    return made


@pytest.fixture
def alerting(engine: Engine, ledger: Ledger, node: FakeNode, mail: Mailbox) -> Alerting:
    """Somebody is told of everything by mail, and nothing has happened yet."""
    return Alerting(engine, ledger, (recipient("vakt", mail.url()),), server())


def say(ledger: Ledger, node: FakeNode, *messages: Any, minutes: float = 0.0) -> None:
    """Let a node send something that arrives so long after NOW."""
    ledger.append([node.signed(one, NOW + minutes * MINUTE) for one in messages])


def laps(node: FakeNode, count: int = 6, *, minutes: float = 0.0, **changes: Any) -> list[Any]:
    """Passes every two minutes, the last one a minute before."""
    last = NOW + (minutes - 1.0) * MINUTE
    return [event(node.name, last - 2 * n * MINUTE, **changes) for n in reversed(range(count))]


TOLD: dict[AlertKind, dict[str, Any]] = {
    "dead_microphone": {"microphone": "dead"},
    "calibration_due": {"calibrated_at": datetime(2025, 11, 1, tzinfo=UTC)},
    "disk": {"disk_free_bytes": 5_000_000},
    "card": {"disk_read_only": True},
    "under_voltage": {"under_voltage": False, "under_voltage_since_boot": True},
    "clock": {"clock_synchronised": False},
    "outbox": {"outbox_depth": 420, "outbox_oldest_s": 30_000.0},
}
"""What a node says of itself, by what follows of it."""


def happen(kind: AlertKind, alerting: Alerting, node: FakeNode) -> None:
    """Let something of a kind happen."""
    ledger = alerting.ledger
    if kind in TOLD:
        say(ledger, node, health(node.name, NOW - MINUTE, **TOLD[kind]))
        return
    match kind:
        case "episode":
            say(ledger, node, *laps(node))
        case "night_level":
            for minute in range(-20, 0):
                say(ledger, node, levels(node.name, NOW + minute * MINUTE, 71.5), minutes=minute)
        case "node_silent":
            say(ledger, node, health(node.name, NOW - 45 * MINUTE), minutes=-45)
        case "drift":
            grow_deaf(ledger, node)
        case "server":
            alerting.server = server(problems={"influxdb": NOW - 10 * MINUTE})
        case "update":
            let_an_update_fail(alerting, node)
        case "certificate":
            ends = datetime(2027, 1, 3, 10, 0, tzinfo=UTC)
            broker = Certificate(ends - timedelta(days=730), ends)
            alerting.server = server(certificates={"broker": broker})


def let_an_update_fail(alerting: Alerting, node: FakeNode) -> None:
    """Let the first of two nodes go back from a release, which ends it for both."""
    other = FakeNode("askolan-1")
    other.register(alerting.ledger.registry, "askolan", NOW - timedelta(days=100))
    Wishes(alerting.engine).begin(
        "0.2.0", "a" * 64,
        [
            NodeWish(node=name, number=1, made_at=NOW, wave=wave, payload=b"{}", signature="x")
            for wave, name in enumerate((node.name, other.name), start=1)
        ],
        stage=3, wait_s=0,
    )  # fmt: skip
    report = UpdateReport(wish=1, config_version=0, state="returned", reason="it did not start")
    say(alerting.ledger, node, health(node.name, NOW - MINUTE, update=report))
    RolloutTask(alerting.engine, alerting.ledger, Nobody(), lambda: NOW).step()


class Nobody:
    """Tells nodes nothing."""

    connection = 0
    is_connected = False

    def tell(self, node: str, payload: bytes, signature: str) -> None:
        """Not while there is no connection."""
        raise AssertionError(node, payload, signature)


@ONLY_SQLITE
@pytest.mark.parametrize(
    ("kind", "title", "line"),
    [
        ("episode", "Episod pågår vid Ekskolan", "6 passager; 6 gånger förbi inom 10 min"),
        ("night_level", "Hög ljudnivå i natt vid Ekskolan", "71,5\xa0dB(A) (LAeq) 22:45–23:00"),
        ("node_silent", "Mätnoden ekskolan-1 (Ekskolan) har tystnat", "kommit sedan 22:15"),
        ("dead_microphone", "Fel på mikrofonen hos ekskolan-1 (Ekskolan)", "är tyst sedan 22:59"),
        ("calibration_due", "Kalibrering behövs hos ekskolan-1 (Ekskolan)", "gick ut 1 november"),
        ("disk", "Snart fullt på disken: ekskolan-1 (Ekskolan)", "5 MB kvar, gränsen är 200 MB"),
        ("card", "Minneskortet behöver ses över: ekskolan-1 (Ekskolan)", "inte att skriva på"),
        ("under_voltage", "För svag strömförsörjning: ekskolan-1 (Ekskolan)", "sedan noden start"),
        ("clock", "Klockan går fel hos ekskolan-1 (Ekskolan)", "inte mot någon tidsserver"),
        ("outbox", "Mätvärden blir liggande hos ekskolan-1 (Ekskolan)", "420 meddelanden väntar"),
        ("drift", "Titta på mätnoden ekskolan-1 (Ekskolan): den skiljer sig", "har blivit 6,0 dB"),
        ("server", "Servern: influxdb tar inte emot data", "Sedan 22:50"),
        (
            "update",
            "Uppdatering stoppad: version 0.2.0",
            "gick tillbaka till det som senast fungerade (noden säger: it did not start). 0 av 2",
        ),
        (
            "certificate",
            "Certifikat behöver förnyas: MQTT-serverns certifikat",
            "MQTT-serverns certifikat gäller till 3 januari 2027. Utan det släpps ingen mätnod in.",
        ),
    ],
)
def test_each_kind_comes_once_by_mail_and_by_web_hook_over_restarts(
    alerting: Alerting,
    node: FakeNode,
    mail: Mailbox,
    hook: Receiver,
    kind: AlertKind,
    title: str,
    line: str,
) -> None:
    english = recipient("krok", f"json://127.0.0.1:{hook.port}/skolro", language="en")
    alerting.recipients += (english,)
    alerting.restart()
    happen(kind, alerting, node)
    for minute in (0.0, 0.5, 4.0, 8.5):
        alerting.step(minute)
        alerting.restart()
    if kind in {"calibration_due", "card", "under_voltage", "drift", "certificate"}:
        alerting.step(11.0)
    if kind in {"clock", "outbox"}:
        alerting.step(30.0)
    (first,) = mail.subjects()
    assert first.startswith(title)
    assert line in mail.body(0)
    if kind not in {"server", "certificate", "update"}:
        assert "https://buller.example.org/site/ekskolan" in mail.body(0)
    told = json.loads(hook.requests[0].body)
    assert (hook.requests[0].path, len(hook.requests)) == ("/skolro", len(mail.mails))
    assert told["title"] not in {title, ""}
    assert set(told["message"].splitlines()) - set(mail.body(0).splitlines())


def test_an_episode_ends_once_and_the_next_one_is_another(
    alerting: Alerting, node: FakeNode, mail: Mailbox
) -> None:
    say(alerting.ledger, node, *laps(node))
    alerting.step()
    say(alerting.ledger, node, event(node.name, NOW + MINUTE), minutes=1)
    alerting.step(2)
    alerting.step(10)
    assert mail.subjects() == ["Episod pågår vid Ekskolan"]
    alerting.step(12)
    alerting.step(20)
    assert mail.subjects()[1:] == ["Episoden vid Ekskolan är över"]
    assert "22:49–23:01. 7 passager" in mail.body()
    say(alerting.ledger, node, *laps(node, minutes=60), minutes=60)
    alerting.step(60)
    assert mail.subjects()[2:] == ["Episod pågår vid Ekskolan"]


@ONLY_SQLITE
def test_what_comes_in_late_is_no_news(alerting: Alerting, node: FakeNode, mail: Mailbox) -> None:
    say(alerting.ledger, node, *laps(node, minutes=-90))
    alerting.step()
    assert mail.mails == []


@ONLY_SQLITE
def test_several_nodes_are_one_message_and_what_comes_soon_after_waits(
    alerting: Alerting, node: FakeNode, mail: Mailbox
) -> None:
    others = [FakeNode(f"askolan-{n}") for n in (1, 2, 3)]
    for at, one in zip((-31, -31, -30, -24), (node, *others), strict=True):
        if one is not node:
            one.register(alerting.ledger.registry, "askolan", NOW - timedelta(days=100))
        say(alerting.ledger, one, health(one.name, NOW + at * MINUTE), minutes=at)
    alerting.step(0)
    alerting.step(1)
    assert mail.mails == []
    alerting.step(2)
    assert mail.subjects() == ["3 mätnoder har tystnat"]
    for minute in (7, 10, 16):
        alerting.step(minute)
    assert len(mail.mails) == 1
    alerting.step(17)
    assert mail.subjects()[1:] == ["Mätnoden askolan-3 (Åskolan) har tystnat"]


@ONLY_SQLITE
def test_a_node_that_comes_and_goes_is_told_once(
    alerting: Alerting, node: FakeNode, mail: Mailbox
) -> None:
    say(alerting.ledger, node, health(node.name, NOW - 40 * MINUTE), minutes=-40)
    alerting.step(0)
    alerting.step(2)
    say(alerting.ledger, node, health(node.name, NOW + 3 * MINUTE), minutes=3)
    alerting.step(4)
    alerting.step(12)
    assert len(mail.mails) == 1
    alerting.step(14)
    alerting.step(17)
    assert mail.subjects()[1:] == ["Mätnoden ekskolan-1 (Ekskolan) hörs igen"]
    assert "tyst 22:20–23:04, hörs igen" in mail.body()


def test_while_the_mail_server_is_down_nothing_is_lost_and_nothing_sent_twice(
    alerting: Alerting, node: FakeNode, mail: Mailbox
) -> None:
    mail.stop()
    say(alerting.ledger, node, *laps(node))
    for minute in (0, 1, 3, 6):
        alerting.step(minute)
        if minute == 3:
            alerting.restart()
    (waiting,) = alerting.task.journal.messages(10, only_waiting=True)
    assert waiting.attempts >= 3
    assert "127.0.0.1" in str(waiting.failure)
    assert "vakt could not be told, tried" in str(alerting.task.state.failing)
    mail.start()
    mail.refusing = True
    alerting.step(12)
    mail.refusing = False
    alerting.step(20)
    alerting.step(28)
    assert mail.subjects() == ["Episod pågår vid Ekskolan", "Episoden vid Ekskolan är över"]
    assert alerting.task.state.failing is None
    tally = alerting.task.journal.tally()
    assert (tally.waiting, tally.sent, tally.given_up) == (0, 2, 0)


@ONLY_SQLITE
def test_one_way_that_fails_does_not_send_twice_by_the_other(
    alerting: Alerting, node: FakeNode, mail: Mailbox, hook: Receiver
) -> None:
    hook.status = 503
    both = recipient("vakt", mail.url(), f"json://127.0.0.1:{hook.port}/")
    alerting.recipients = (both,)
    alerting.restart()
    say(alerting.ledger, node, *laps(node))
    for minute in (0, 1, 2):
        alerting.step(minute)
    assert (len(mail.mails), len(hook.requests)) == (1, 0)
    hook.status = 200
    alerting.step(8)
    alerting.step(9)
    assert (len(mail.mails), len(hook.requests)) == (1, 1)


@ONLY_SQLITE
def test_a_crash_between_sending_and_writing_it_down_loses_nothing(
    alerting: Alerting, node: FakeNode, mail: Mailbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    say(alerting.ledger, node, *laps(node))

    def crash(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(type(alerting.task.journal), "note_sent", crash)
        with pytest.raises(KeyboardInterrupt):
            alerting.step()
    alerting.restart()
    alerting.step(1)
    assert len(mail.mails) == 1
    # It cannot be known whether it arrived, so it is sent once more.
    alerting.step(3)
    alerting.step(6)
    assert mail.subjects() == ["Episod pågår vid Ekskolan"] * 2


def test_two_collectors_tell_it_once(
    alerting: Alerting, engine: Engine, node: FakeNode, mail: Mailbox
) -> None:
    full = server(name="two", free_bytes=10**6)
    other = Alerting(engine, alerting.ledger, alerting.recipients, full)
    say(alerting.ledger, node, *laps(node))
    for minute in (0, 3, 9):
        alerting.step(minute)
        other.step(minute)
    assert sorted(mail.subjects()) == [
        "Episod pågår vid Ekskolan",
        "Snart fullt på disken: servern two",
    ]
    # Only the one whose disk it is can tell that there is room again.
    alerting.step(29)
    (one,) = alerting.task.journal.open_alerts()
    assert (one.kind, one.told_by) == ("disk", "two")


@ONLY_SQLITE
def test_in_quiet_hours_nothing_comes_and_afterwards_all_at_once(
    alerting: Alerting, node: FakeNode, mail: Mailbox
) -> None:
    alerting.recipients = (recipient("vakt", mail.url(), quiet="22:00-06:30"),)
    alerting.restart()
    say(alerting.ledger, node, *laps(node))
    for minute in (0, 20, 7 * 60 + 29):
        alerting.step(minute)
    assert mail.mails == []
    alerting.step(7 * 60 + 31)
    assert mail.subjects() == ["Det har varit en episod vid Ekskolan",
                               "Mätnoden ekskolan-1 (Ekskolan) har tystnat"]  # fmt: skip
    assert "20 november kl. 22:49–22:59" in mail.body(0)


@ONLY_SQLITE
def test_a_message_that_waits_for_the_mail_server_keeps_quiet_hours(
    alerting: Alerting, node: FakeNode, mail: Mailbox
) -> None:
    alerting.recipients = (recipient("vakt", mail.url(), quiet="23:30-06:30"),)
    alerting.restart()
    mail.refusing = True
    say(alerting.ledger, node, *laps(node))
    alerting.step(0)
    mail.refusing = False
    alerting.step(31)
    assert mail.mails == []
    alerting.step(7 * 60 + 31)
    assert mail.subjects()[0] == "Episod pågår vid Ekskolan"


@ONLY_SQLITE
def test_what_is_simulated_reaches_only_who_asked_for_it(
    alerting: Alerting, node: FakeNode, mail: Mailbox, hook: Receiver
) -> None:
    demo = recipient("demo", f"json://127.0.0.1:{hook.port}/", simulated=True)
    alerting.recipients += (demo,)
    alerting.restart()
    say(alerting.ledger, node, *laps(node, flags=("simulated",)))
    alerting.step()
    assert mail.mails == []
    (request,) = hook.requests
    assert json.loads(request.body)["title"] == "SIMULERAT: Episod pågår vid Ekskolan"


@ONLY_SQLITE
def test_each_gets_what_is_theirs(
    alerting: Alerting, node: FakeNode, mail: Mailbox, hook: Receiver
) -> None:
    elsewhere = recipient("rektor", mail.url("rektor@example.org"), sites=("askolan",))
    police = recipient("polis", mail.url("polis@example.org"), role=Role.POLICE, kinds=None)
    alerting.recipients = (elsewhere, police)
    alerting.restart()
    say(alerting.ledger, node, *laps(node))
    say(alerting.ledger, node, health(node.name, NOW, microphone="lost"))
    alerting.step(0)
    alerting.step(3)
    assert [(mail["To"], mail["Subject"]) for mail in mail.mails] == [
        ("polis@example.org", "Episod pågår vid Ekskolan")
    ]


@ONLY_SQLITE
def test_who_is_no_longer_configured_is_told_no_more_and_that_is_on_record(
    alerting: Alerting, node: FakeNode, mail: Mailbox
) -> None:
    mail.refusing = True
    say(alerting.ledger, node, *laps(node))
    alerting.step()
    alerting.recipients = (recipient("ny", mail.url("ny@example.org")),)
    alerting.restart()
    mail.refusing = False
    alerting.step(1)
    assert mail.mails == []
    (one,) = alerting.task.journal.messages(10)
    assert one.given_up_at == NOW + MINUTE
    assert "no longer configured" in str(one.failure)


@ONLY_SQLITE
def test_after_a_week_in_vain_a_message_is_given_up(
    alerting: Alerting, node: FakeNode, mail: Mailbox
) -> None:
    mail.refusing = True
    say(alerting.ledger, node, *laps(node))
    alerting.step()
    alerting.step(7 * 24 * 60 + 1)
    given_up = alerting.task.journal.messages(10)[-1]
    assert given_up.given_up_at is not None
    assert alerting.task.journal.tally().given_up == 1


@ONLY_SQLITE
def test_what_is_old_can_be_removed(alerting: Alerting, node: FakeNode, mail: Mailbox) -> None:
    say(alerting.ledger, node, *laps(node))
    alerting.step()
    alerting.step(15)
    journal = alerting.task.journal
    assert journal.prune(NOW, dry_run=True) == 0
    assert journal.prune(NOW + timedelta(days=1), dry_run=True) == 3
    assert journal.prune(NOW + timedelta(days=1)) == 3
    assert (journal.alerts(10), journal.messages(10)) == ([], [])


@ONLY_SQLITE
def test_the_task_goes_on_after_a_fault_and_says_so(
    alerting: Alerting, node: FakeNode, mail: Mailbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = Alerts(recipients=alerting.recipients, every_s=0.05)
    broken = [True]

    def how_it_does() -> ServerNow:
        if broken:
            raise ZeroDivisionError("a fault of ours")
        return server(hears_since=None)

    task = AlertTask(alerting.engine, alerting.ledger, config, alerting.page, how_it_does)
    task.start()
    wait_for(lambda: task.state.failing == "a fault in the program: see its log")
    assert task.is_alive
    now = datetime.now(UTC)
    alerting.ledger.append(
        [node.signed(event(node.name, now - n * MINUTE)) for n in range(12, 0, -2)]
    )
    broken.clear()
    wait_for(lambda: mail.subjects() == ["Episod pågår vid Ekskolan"])
    wait_for(lambda: task.state.failing is None)
    task.stop()
    assert not task.is_alive


@ONLY_SQLITE
@pytest.mark.parametrize(
    ("url", "complaint"),
    [
        ("nonsense", r"the recipient 'vakt': address 1 \(nonsense:\.\.\.\) is none that Apprise"),
        ("mailto://u:secret@example.org/?to=a@x.se,b@x.se", "names 2 at once: give each a line"),
    ],
)
def test_an_address_that_cannot_be_used_is_refused_without_being_told(
    alerting: Alerting, url: str, complaint: str
) -> None:
    alerting.recipients = (recipient("vakt", url),)
    with pytest.raises(ConfigError, match=complaint) as refused:
        alerting.restart()
    assert "secret" not in str(refused.value)


@ONLY_SQLITE
def test_a_failure_does_not_tell_secrets(alerting: Alerting, node: FakeNode) -> None:
    url = f"mailto://someone:geheim@127.0.0.1:{free_port()}/?from=a@b.se&to=c@d.se&mode=insecure"
    alerting.recipients = (recipient("vakt", url),)
    alerting.restart()
    say(alerting.ledger, node, *laps(node))
    alerting.step()
    (waiting,) = alerting.task.journal.messages(1)
    assert "geheim" not in f"{waiting}"
    assert "127.0.0.1" in str(waiting.failure)
