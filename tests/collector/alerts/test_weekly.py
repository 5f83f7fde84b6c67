"""The weekly mail comes once a week, whatever happens, with what needs hands and what changed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Literal

import pytest
from sqlalchemy import Engine

from collector.alert_config import Alerts, Recipient, Weekly
from collector.alerts.situation import ServerNow
from collector.alerts.task import AlertTask
from collector.alerts.weekly import WeeklyJournal, due_at
from collector.certificates import HOLDERS, Certificate, Certificates
from collector.config import Page
from collector.ledger.ledger import Ledger
from collector.registry.wishes import Key, NodeWish, Wishes
from collector.roles import Role
from sensor.contract.messages import Message
from tests.collector.alerts.situations import server
from tests.collector.conftest import ONLY_SQLITE
from tests.peers import FakeNode, health, levels
from tests.receivers import Mailbox, mailbox

MONDAY = datetime(2026, 11, 23, 6, 0, tzinfo=UTC)
"""Seven o'clock in Sweden."""

MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)
WEEK = timedelta(weeks=1)
STOCKHOLM = "Europe/Stockholm"


@pytest.fixture
def mail() -> Iterator[Mailbox]:
    """A mail server."""
    with mailbox() as running:
        yield running


@dataclass
class Weeks:
    """A collector over weeks and restarts, whose recipients are told nothing at once."""

    engine: Engine
    ledger: Ledger
    recipients: tuple[Recipient, ...]
    server: ServerNow
    certificates: Certificates = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.restart()

    def restart(self) -> None:
        """Forget all that is not in the database."""
        self.task = AlertTask(
            self.engine,
            self.ledger,
            Alerts(recipients=self.recipients),
            Page(base_url="https://buller.example.org"),
            lambda: self.server,
        )

    def at(self, moment: datetime) -> None:
        """Watch and send then."""
        well = Certificate(moment - WEEK, moment + 1000 * WEEK)
        certificates = {**dict.fromkeys(HOLDERS, well), **self.certificates}
        self.server = server(hears_since=moment - timedelta(days=1), certificates=certificates)
        self.task.step(moment)


def recipient(mail: Mailbox, **changes: Any) -> Recipient:
    """A technician who wants the weekly mail and nothing else."""
    values: dict[str, Any] = {
        "name": "drift", "role": Role.TECHNICIAN, "kinds": (),
        "urls": (mail.url("drift@example.org"),),
    }  # fmt: skip
    return Recipient(**{**values, **changes})


@pytest.fixture
def node(ledger: Ledger) -> FakeNode:
    """A node at Ekskolan."""
    made = FakeNode("ekskolan-1")
    made.register(ledger.registry, "ekskolan", MONDAY - 20 * WEEK)
    return made


@pytest.fixture
def weeks(engine: Engine, ledger: Ledger, node: FakeNode, mail: Mailbox) -> Weeks:
    """Known to the collector since a week ago."""
    made = Weeks(engine, ledger, (recipient(mail),), server())
    made.at(MONDAY - WEEK + MINUTE)
    return made


def say(ledger: Ledger, node: FakeNode, at: datetime, **changes: Any) -> None:
    """Let a node tell of itself, and be heard."""
    values = {"calibrated_at": at - timedelta(days=10), **changes}
    ledger.append([node.signed(health(node.name, at, **values), at)])
    ledger.set_online(node.name, online=True, at=at)


def measure(ledger: Ledger, node: FakeNode, hours: int, until: datetime) -> None:
    """Let a node measure and report for some hours until then, at once."""
    messages: list[tuple[Message, datetime]] = []
    for ago in range(hours, 0, -1):
        at = until - ago * HOUR
        batch = levels(node.name, at, interval_s=60)
        messages += [(batch, at + HOUR), (health(node.name, at + MINUTE), at + MINUTE)]
    ledger.append([node.signed(message, received_at) for message, received_at in messages])


def test_it_comes_on_monday_once_over_restarts_and_again_a_week_later(
    weeks: Weeks, node: FakeNode, mail: Mailbox
) -> None:
    say(weeks.ledger, node, MONDAY - 2 * MINUTE)
    weeks.at(MONDAY - MINUTE)
    assert mail.mails == []
    for minutes in (0, 1, 5, 60):
        weeks.at(MONDAY + minutes * MINUTE)
        weeks.restart()
    assert mail.subjects() == ["Mätnoderna v. 48: inget behöver dig"]
    assert "Inget behöver dig den här veckan." in mail.body()
    assert "kommer sent" not in mail.body()
    say(weeks.ledger, node, MONDAY + WEEK - MINUTE)
    weeks.at(MONDAY + WEEK)
    assert mail.subjects()[1:] == ["Mätnoderna v. 49: inget behöver dig"]
    assert "Inget har ändrats sedan brevet den 23 november." in mail.body()


@ONLY_SQLITE
def test_who_is_new_waits_for_the_next_monday(
    engine: Engine, ledger: Ledger, node: FakeNode, mail: Mailbox
) -> None:
    weeks = Weeks(engine, ledger, (recipient(mail),), server())
    weeks.at(MONDAY + 2 * HOUR)
    weeks.restart()
    weeks.at(MONDAY + 50 * HOUR)
    assert mail.mails == []
    weeks.at(MONDAY + WEEK)
    assert len(mail.mails) == 1


def test_a_missed_monday_is_sent_late_and_says_so_once(
    weeks: Weeks, node: FakeNode, mail: Mailbox
) -> None:
    say(weeks.ledger, node, MONDAY + 2 * WEEK + 49 * HOUR)
    # Away over three Mondays, back on a Wednesday.
    weeks.restart()
    weeks.at(MONDAY + 2 * WEEK + 50 * HOUR)
    weeks.at(MONDAY + 2 * WEEK + 51 * HOUR)
    assert len(mail.mails) == 1
    assert mail.body().startswith(
        "Det här brevet kommer sent: det skulle ha kommit 7 december kl. 07:00."
    )
    weeks.at(MONDAY + 3 * WEEK)
    assert len(mail.mails) == 2
    assert "kommer sent" not in mail.body()


def test_what_needs_hands_comes_by_urgency_with_what_is_new_and_what_is_solved(
    weeks: Weeks, node: FakeNode, mail: Mailbox
) -> None:
    ledger = weeks.ledger
    other = FakeNode("askolan-1")
    other.register(ledger.registry, "askolan", MONDAY - 20 * WEEK)
    say(ledger, node, MONDAY - MINUTE, clock_synchronised=False, under_voltage_since_boot=True)
    say(ledger, other, MONDAY - MINUTE, microphone="dead", outbox_oldest_s=30_000.0)
    weeks.at(MONDAY)
    assert mail.subjects() == ["Mätnoderna v. 48: 4 saker behöver dig"]
    first = [line for line in mail.body().splitlines() if line[:2] in {"1.", "2.", "3.", "4."}]
    assert first[0].startswith("1. Åskolan, mätnod askolan-1: mikrofonen är tyst sedan 06:59.")
    assert first[1].startswith("2. Ekskolan, mätnod ekskolan-1: spänningen har varit för låg")
    assert first[2].startswith("3. Ekskolan, mätnod ekskolan-1: klockan kontrolleras inte")
    assert "det äldsta sedan 8 timmar" in first[3]
    assert "NYTT" not in mail.body()
    assert "2 mätnoder kan inte jämföras med grannar" in mail.body()

    say(ledger, node, MONDAY + WEEK - MINUTE, disk_errors=2, clock_synchronised=False)
    say(ledger, other, MONDAY + WEEK - MINUTE)
    weeks.at(MONDAY + WEEK)
    text = mail.body()
    assert mail.subjects()[1:] == ["Mätnoderna v. 49: 2 saker behöver dig"]
    assert "1. NYTT: Ekskolan, mätnod ekskolan-1: filsystemet på minneskortet har räknat 2" in text
    assert "2. Ekskolan, mätnod ekskolan-1: klockan" in text
    assert "Sedan brevet den 23 november: 1 nya, 3 lösta." in text
    assert "Mikrofonen hos askolan-1 (Åskolan) fungerar igen." in text
    assert "Löst: ekskolan-1 (Ekskolan), för svag strömförsörjning." in text
    assert "https://buller.example.org/fleet" in text


@ONLY_SQLITE
def test_what_the_server_itself_needs_is_told_too(
    weeks: Weeks, node: FakeNode, mail: Mailbox
) -> None:
    say(weeks.ledger, node, MONDAY - 2 * MINUTE)
    wishes = Wishes(weeks.engine)
    refused = NodeWish(node=node.name, number=1, made_at=MONDAY, payload=b"{}", signature="x")
    wishes.add(refused)
    told = ("refused", "[levels] batch_s: expected a number")
    wishes.note({Key(node.name, 1): told}, MONDAY - HOUR)  # type: ignore[dict-item]  # a literal
    soon = Certificate(MONDAY - 700 * timedelta(days=1), MONDAY + 30 * timedelta(days=1))
    weeks.certificates = {"broker": soon}
    weeks.at(MONDAY)
    assert mail.subjects() == ["Mätnoderna v. 48: 2 saker behöver dig"]
    text = mail.body()
    assert (
        "1. Ekskolan, mätnod ekskolan-1: noden tog inte emot det den skulle köra (noden säger: "
        "[levels] batch_s: expected a number)."
    ) in text
    assert "2. MQTT-serverns certifikat gäller till 23 december 2026." in text

    weeks.certificates = {"broker": Certificate(MONDAY, MONDAY + 800 * timedelta(days=1))}
    weeks.at(MONDAY + WEEK)
    assert "Certifikat förnyat: MQTT-serverns certifikat." in mail.body()


@ONLY_SQLITE
def test_measured_time_is_that_of_each_site_and_the_least_comes_first(
    weeks: Weeks, node: FakeNode, mail: Mailbox
) -> None:
    other = FakeNode("askolan-1")
    other.register(weeks.ledger.registry, "askolan", MONDAY - 20 * WEEK)
    measure(weeks.ledger, node, 168, MONDAY)
    measure(weeks.ledger, other, 84, MONDAY)
    weeks.at(MONDAY)
    text = mail.body()
    assert "var de anslutna 75\xa0% av tiden" in text
    lines = text.splitlines()
    assert lines.index("Åskolan: 50\xa0%") < lines.index("Ekskolan: 100\xa0%")
    weeks.at(MONDAY + WEEK)
    assert "var de anslutna 0\xa0% av tiden (75\xa0% i förra brevet)" in mail.body()


@ONLY_SQLITE
def test_it_is_written_down_before_it_is_sent_and_waits_for_the_mail_server(
    weeks: Weeks, node: FakeNode, mail: Mailbox
) -> None:
    mail.stop()
    weeks.at(MONDAY)
    (waiting,) = weeks.task.journal.messages(10, only_waiting=True)
    assert (waiting.kind, waiting.recipient) == ("weekly", "drift")
    weeks.restart()
    mail.start()
    weeks.at(MONDAY + HOUR)
    weeks.at(MONDAY + 2 * HOUR)
    assert len(mail.mails) == 1


def test_several_collectors_send_one(
    engine: Engine, weeks: Weeks, node: FakeNode, mail: Mailbox
) -> None:
    others = [Weeks(engine, weeks.ledger, weeks.recipients, server()) for _ in range(3)]
    for one in (weeks, *others):
        one.at(MONDAY)
    assert len(mail.mails) == 1


@ONLY_SQLITE
@pytest.mark.parametrize("crash_in", ["put_messages", "weekly_mail"])
def test_a_crash_while_it_is_made_leaves_all_or_nothing(
    weeks: Weeks, node: FakeNode, mail: Mailbox, monkeypatch: pytest.MonkeyPatch, crash_in: str
) -> None:
    def crash(*_: object) -> None:
        raise KeyboardInterrupt

    module = "weekly" if crash_in == "put_messages" else "task"
    with monkeypatch.context() as patched:
        patched.setattr(f"collector.alerts.{module}.{crash_in}", crash)
        with pytest.raises(KeyboardInterrupt):
            weeks.at(MONDAY)
    assert weeks.task.journal.messages(10) == []
    weeks.restart()
    weeks.at(MONDAY + MINUTE)
    assert len(mail.mails) == 1


@ONLY_SQLITE
def test_roles_and_configuration_decide_who_gets_it_and_of_which_sites(
    weeks: Weeks, node: FakeNode, mail: Mailbox
) -> None:
    def one(name: str, role: Role, **changes: Any) -> Recipient:
        urls = (mail.url(f"{name}@example.org"),)
        return recipient(mail, name=name, role=role, urls=urls, **changes)

    weeks.recipients = (
        one("tekniker", Role.TECHNICIAN),
        one("polis", Role.POLICE),
        one("chef", Role.MUNICIPALITY, weekly=True, language="en"),
        one("ledig", Role.TECHNICIAN, weekly=False),
        one("aby", Role.TECHNICIAN, sites=("askolan",)),
    )
    weeks.restart()
    weeks.at(MONDAY - WEEK + 2 * MINUTE)
    say(weeks.ledger, node, MONDAY - MINUTE, microphone="stuck")
    weeks.at(MONDAY)
    told = {str(one["To"]): str(one["Subject"]) for one in mail.mails}
    assert told == {
        "tekniker@example.org": "Mätnoderna v. 48: 1 sak behöver dig",
        "chef@example.org": "Nodes, week 48: 1 thing needs you",
        "aby@example.org": "Mätnoderna v. 48: inget behöver dig",
    }
    bodies = {str(one["To"]): mail.body(number) for number, one in enumerate(mail.mails)}
    assert (
        "1. Ekskolan, node ekskolan-1: the microphone has been stuck"
        in (bodies["chef@example.org"])
    )
    assert "Ingen mätnod hänger uppe." in bodies["aby@example.org"]


@ONLY_SQLITE
def test_what_is_simulated_is_only_for_who_asked_for_it(
    weeks: Weeks, node: FakeNode, mail: Mailbox
) -> None:
    weeks.recipients += (recipient(mail, name="demo", simulated=True),)
    weeks.restart()
    weeks.at(MONDAY - WEEK + 2 * MINUTE)
    say(weeks.ledger, node, MONDAY - MINUTE, microphone="dead", flags=("simulated",))
    weeks.at(MONDAY)
    assert sorted(mail.subjects()) == [
        "Mätnoderna v. 48: inget behöver dig",
        "SIMULERAT: Mätnoderna v. 48: 1 sak behöver dig",
    ]


@ONLY_SQLITE
def test_it_is_short_enough_for_a_phone_however_many_nodes_there_are(
    weeks: Weeks, mail: Mailbox
) -> None:
    for number in range(2, 40):
        one = FakeNode(f"askolan-{number}")
        one.register(weeks.ledger.registry, "askolan", MONDAY - WEEK)
        say(weeks.ledger, one, MONDAY - MINUTE, microphone="dead")
    weeks.at(MONDAY)
    assert "och 26 till, se sidan Mätnoder." in mail.body()
    assert len(mail.body()) < 3000


@ONLY_SQLITE
def test_old_notes_go_and_the_last_one_stays(weeks: Weeks, node: FakeNode, engine: Engine) -> None:
    for week in range(4):
        weeks.at(MONDAY + week * WEEK)
    journal = WeeklyJournal(engine)
    last = journal.last("drift")
    later = MONDAY + 100 * WEEK
    assert journal.prune(later, dry_run=True) == 4
    assert journal.prune(later) == 4
    assert journal.last("drift") == last
    assert journal.prune(later) == 0


@pytest.mark.parametrize(
    ("day", "now", "due"),
    [
        ("mon", "2026-11-23T06:00:00Z", "2026-11-23T06:00:00Z"),
        ("mon", "2026-11-23T05:59:59Z", "2026-11-16T06:00:00Z"),
        ("fri", "2026-11-23T06:00:00Z", "2026-11-20T06:00:00Z"),
        # Summer time ended in the night between.
        ("sun", "2026-10-26T06:00:00Z", "2026-10-25T06:00:00Z"),
        ("sun", "2026-10-25T05:30:00Z", "2026-10-18T05:00:00Z"),
    ],
)
def test_it_is_due_by_the_clock_of_the_place(
    day: Literal["mon", "fri", "sun"], now: str, due: str
) -> None:
    found = due_at(Weekly(day=day), STOCKHOLM, datetime.fromisoformat(now))
    assert found == datetime.fromisoformat(due)
