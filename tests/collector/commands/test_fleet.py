"""``skolro fleet``: how the nodes do, and what the weekly mail would say."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from collector.commands.fleet_health import fleet_health
from collector.commands.fleet_mail import fleet_mail
from collector.errors import AlertError, RegistryError
from collector.ledger.ledger import Ledger
from tests.collector.commands.test_commands import run
from tests.collector.conftest import ONLY_SQLITE
from tests.peers import FakeNode, health, levels

pytestmark = ONLY_SQLITE

TABLES = """
[page]
base_url = "https://buller.example.org"
[[alerts.recipients]]
name = "tekniker"
role = "technician"
urls = ["json://127.0.0.1:9/"]
[[alerts.recipients]]
name = "chef"
role = "municipality"
weekly = true
language = "en"
urls = ["json://127.0.0.1:9/"]
[[alerts.recipients]]
name = "polis"
role = "police"
urls = ["json://127.0.0.1:9/"]
"""


@pytest.fixture
def config(tmp_path: Path, database_url: str, ledger: Ledger) -> Callable[[str], Path]:
    """Writes a configuration that names the ledger of the fixture."""

    def write(tables: str = TABLES) -> Path:
        path = tmp_path / "collector.toml"
        path.write_text(f'ledger = "{database_url}"\n{tables}', encoding="utf-8")
        return path

    return write


@pytest.fixture
def node(ledger: Ledger) -> FakeNode:
    """A node whose supply is weak, that measured half of the last day."""
    made, now = FakeNode("ekskolan-1"), datetime.now(UTC)
    made.register(ledger.registry, "ekskolan", now - timedelta(days=1))
    hour = now.replace(minute=0, second=0, microsecond=0)
    batches = [levels(made.name, hour - timedelta(hours=n), interval_s=60) for n in range(1, 13)]
    told = health(made.name, now, under_voltage=True, disk_errors=0)
    ledger.append([*(made.signed(one, one.time) for one in batches), made.signed(told, now)])
    ledger.set_online(made.name, online=True, at=now)
    return made


def test_health_lists_what_each_needs(config: Callable[[str], Path], node: FakeNode) -> None:
    said = run(fleet_health, "--config", config(TABLES))
    assert "ekskolan-1" in said
    assert "under_voltage" in said
    assert "ekskolan-1: The voltage is too low right now. Replace its power supply" in said
    (told,) = json.loads(run(fleet_health, "--json", "--config", config("")))
    assert 0.45 < told["measured_share"] < 0.55
    assert [one["kind"] for one in told["needs"]] == ["under_voltage"]
    assert told["drift"] == {"reason": "few_neighbours", "nights": 0, "neighbours": 0}
    assert (told["health"]["disk_errors"], "throttled" in told["health"]) == (0, False)
    assert len(told["days"]) == 30
    assert told["days"][0]["measured_share"] is None


def test_one_node_is_shown_with_its_days(config: Callable[[str], Path], node: FakeNode) -> None:
    said = run(fleet_health, "ekskolan-1", "--config", config(TABLES))
    assert "Neighbours: cannot be told with 0, at least 2 are needed." in said
    assert "under_voltage              True" in said
    # It was hung up yesterday; the day may end while this runs.
    assert len(re.findall(r"│ \d{4}-\d\d-\d\d ", said)) in {2, 3}
    assert json.loads(run(fleet_health, "ekskolan-1", "--json", "--config", config("")))["online"]
    with pytest.raises(RegistryError, match="no node 'nobody': skolro node list shows all"):
        run(fleet_health, "nobody", "--config", config(TABLES))


def test_the_mail_is_previewed_and_not_sent(config: Callable[[str], Path], node: FakeNode) -> None:
    said = run(fleet_mail, "--preview", "--config", config(TABLES))
    assert "tekniker: Mätnoderna v." in said
    assert "1. Ekskolan, mätnod ekskolan-1: spänningen är för låg just nu." in said
    assert "chef: Nodes, week " in said
    assert "polis" not in said
    only = run(fleet_mail, "chef", "--preview", "--config", config(TABLES))
    assert only.startswith("chef: Nodes, week ")
    assert "tekniker" not in only
    # Nothing was noted as made.
    times = run(fleet_mail, "--config", config(TABLES))
    assert "technician" in times
    assert "–" in times


def test_who_gets_none_is_told_so(config: Callable[[str], Path], ledger: Ledger) -> None:
    with pytest.raises(AlertError, match="'polis' does not get the weekly mail: tekniker, chef do"):
        run(fleet_mail, "polis", "--config", config(TABLES))
    nobody = '[[alerts.recipients]]\nname = "x"\nrole = "police"\nurls = ["json://x/"]\n'
    with pytest.raises(AlertError, match="nobody gets the weekly mail"):
        run(fleet_mail, "--config", config(nobody))
    with pytest.raises(AlertError, match=r"the configuration has no \[alerts\]"):
        run(fleet_mail, "--config", config(""))
