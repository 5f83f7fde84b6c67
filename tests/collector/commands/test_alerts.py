"""``skolro collector alerts``: what goes on, what would be told, whether somebody is reached."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

import pytest
from sqlalchemy import Engine

from collector.alert_config import Recipient
from collector.alerts.alert import changes
from collector.alerts.condition import Condition, Findings
from collector.alerts.journal import AlertJournal
from collector.commands.alerts_check import alerts_check
from collector.commands.alerts_list import alerts_list
from collector.commands.alerts_test import alerts_test
from collector.commands.prune import prune
from collector.errors import AlertError
from collector.ledger.ledger import Ledger
from collector.roles import Role
from sensor.contract.errors import ConfigError
from tests.collector.commands.test_commands import run
from tests.collector.conftest import ONLY_SQLITE
from tests.peers import FakeNode, event, free_port, health
from tests.receivers import Mailbox, mailbox

pytestmark = ONLY_SQLITE
NOTHING = Findings((), frozenset())
Written = Callable[[str], Path]

TABLES = """
[page]
base_url = "https://buller.example.org"
[[alerts.recipients]]
name = "polis"
role = "police"
urls_file = "polis.urls"
[[alerts.recipients]]
name = "drift"
role = "technician"
language = "en"
urls = ["{url}"]
"""


@pytest.fixture
def mail() -> Iterator[Mailbox]:
    """A mail server."""
    with mailbox() as running:
        yield running


@pytest.fixture
def written(tmp_path: Path, database_url: str, ledger: Ledger) -> Written:
    """Writes a configuration that names the ledger of the fixture."""

    def write(tables: str) -> Path:
        path = tmp_path / "collector.toml"
        path.write_text(f'ledger = "{database_url}"\n{tables}', encoding="utf-8")
        return path

    return write


@pytest.fixture
def config(written: Written, tmp_path: Path, mail: Mailbox) -> Path:
    """Police by a file of their own, and a technician."""
    addresses = f"# Of the officer on duty\n\n{mail.url('polis@example.org')}\n"
    (tmp_path / "polis.urls").write_text(addresses, encoding="utf-8")
    return written(TABLES.format(url=mail.url("drift@example.org")))


def test_a_test_reaches_a_recipient(config: Path, mail: Mailbox) -> None:
    said = run(alerts_test, "polis", "--config", config)
    assert said == f"mailto://127.0.0.1:{mail.port}/polis%40example.org: taken.\n"
    assert mail.subjects() == ["Prov från Skolro"]
    assert "episod pågår" in mail.body()
    run(alerts_test, "drift", "--config", config)
    assert mail.subjects()[1:] == ["Test from Skolro"]
    assert mail.mails[1]["To"] == "drift@example.org"


def test_who_is_not_reached_is_told_with_the_reason(config: Path, mail: Mailbox) -> None:
    mail.stop()
    with pytest.raises(AlertError, match=r"polis is not reached: mailto://127.0.0.1:.*Connection"):
        run(alerts_test, "polis", "--config", config)
    with pytest.raises(AlertError, match="no recipient 'nobody': the configuration has polis, dri"):
        run(alerts_test, "nobody", "--config", config)


def test_check_tells_what_would_be_said_to_whom_and_sends_nothing(
    config: Path, ledger: Ledger, mail: Mailbox
) -> None:
    assert run(alerts_check, "--config", config).startswith("No rule finds anything.")
    node, now = FakeNode("ekskolan-1"), datetime.now(UTC)
    node.register(ledger.registry, "ekskolan", now - timedelta(days=1))
    passes = [event(node.name, now - timedelta(minutes=n)) for n in range(12, 0, -2)]
    ledger.append([node.signed(one) for one in passes])
    ledger.append([node.signed(health(node.name, now, microphone="dead"))])
    said = run(alerts_check, "--config", config)
    assert "polis: Episod pågår vid Ekskolan\n    Ekskolan: episod (misstänkt buskörning)" in said
    assert "drift: Microphone fault at ekskolan-1 (Ekskolan)\n" in said
    told = json.loads(run(alerts_check, "--json", "--config", config))
    assert [one["kind"] for one in told["conditions"]] == ["episode", "dead_microphone"]
    assert [len(messages) for messages in told["messages"].values()] == [1, 1]
    assert mail.mails == []
    assert "No alert goes on" in run(alerts_list, "--config", config)


def test_list_shows_what_goes_on_and_what_waits(
    config: Path, ledger: Ledger, engine: Engine
) -> None:
    journal, now = AlertJournal(engine), datetime.now(UTC)
    condition = Condition(
        kind="node_silent", subject="ekskolan-1", simulated=False, since=now, site="ekskolan",
        node="ekskolan-1",
    )  # fmt: skip
    journal.record(
        partial(changes, findings=Findings((condition,), frozenset()), judge="one", now=now),
        [Recipient(name="drift", role=Role.TECHNICIAN, urls=("x",))],
        now,
    )
    listed = run(alerts_list, "--config", config)
    assert "node_silent" in listed
    assert "No message waits to be sent." in listed
    for minutes in (0, 11):
        later = now + timedelta(minutes=minutes)
        journal.record(partial(changes, findings=NOTHING, judge="one", now=later), [], later)
    assert json.loads(run(alerts_list, "--json", "--config", config))["alerts"] == []
    (ended,) = json.loads(run(alerts_list, "--all", "--json", "--config", config))["alerts"]
    assert ended["ended_at"] is not None


def test_old_alerts_are_removed_by_retention(written: Written) -> None:
    assert "alerts: kept for ever." in run(prune, "--config", written(""))
    config = written("[retention]\nalert_days = 30\n")
    assert "alerts: 0 alerts and messages older than 30 days were removed." in run(
        prune, "--config", config
    )


@pytest.mark.parametrize(
    ("tables", "complaint"),
    [
        ("", r"the configuration has no \[alerts\]"),
        ('[[alerts.recipients]]\nname="a"\nrole="boss"\nurls=["x"]', "line 4.*role"),
        ('[[alerts.recipients]]\nname="a"\nrole="police"', "'a' needs urls or urls_file"),
        ('[[alerts.recipients]]\nname="a"\nrole="police"\nurls_file="none"', "cannot read"),
        ('[[alerts.recipients]]\nname="a"\nrole="police"\nurls=["x"]\nquiet="10"', "quiet"),
        ('[[alerts.recipients]]\nname="a"\nrole="police"\nurls=["y"]\n' * 2, "two recipients call"),
        ('[[alerts.recipients]]\nname="a"\nrole="police"\nurls=["y"]', "none that Apprise underst"),
        (
            '[[alerts.recipients]]\nname="a"\nrole="police"\nurls=["json://x"]\nsites=["b"]',
            "asks for the site 'b', which there is not: known are askolan, ekskolan",
        ),
    ],
)
def test_what_is_wrong_in_the_configuration_is_said(
    written: Written, tables: str, complaint: str
) -> None:
    with pytest.raises((AlertError, ConfigError), match=complaint):
        run(alerts_check, "--config", written(tables))


def test_a_file_without_an_address_is_refused(written: Written, tmp_path: Path) -> None:
    (tmp_path / "empty").write_text("# nothing\n")
    tables = '[[alerts.recipients]]\nname="a"\nrole="police"\nurls_file="empty"'
    with pytest.raises(ConfigError, match="holds no address: write one a line"):
        run(alerts_check, "--config", written(tables))


def test_a_secret_in_an_address_is_not_shown(written: Written) -> None:
    url = f"mailto://me:geheim@127.0.0.1:{free_port()}/?from=a@b.se&to=c@d.se&mode=insecure"
    config = written(f'[[alerts.recipients]]\nname="a"\nrole="police"\nurls=["{url}"]')
    with pytest.raises(AlertError) as refused:
        run(alerts_test, "a", "--config", config)
    assert "geheim" not in str(refused.value)
