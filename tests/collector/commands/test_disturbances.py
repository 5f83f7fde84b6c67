"""``skolro disturbance``: what was told, whether it was heard, and the schools' links."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import Engine

from collector.commands.disturbance_link_add import disturbance_link_add
from collector.commands.disturbance_link_list import disturbance_link_list
from collector.commands.disturbance_link_revoke import disturbance_link_revoke
from collector.commands.disturbance_list import disturbance_list
from collector.commands.prune import prune
from collector.errors import RegistryError
from collector.ledger.ledger import Ledger
from collector.registry.disturbances import Disturbances
from collector.registry.links import Links
from tests.collector.commands.test_commands import run
from tests.peers import FakeNode, event


@pytest.fixture
def database_url(tmp_path: Path) -> str:
    """One kind of database is enough here."""
    return f"sqlite:///{tmp_path / 'ledger.sqlite'}"


@pytest.fixture
def config(tmp_path: Path, database_url: str, ledger: Ledger) -> Path:
    """A configuration that names the ledger of the fixture."""
    path = tmp_path / "collector.toml"
    path.write_text(f'ledger = "{database_url}"\n[retention]\ndisturbance_days = 1\n')
    return path


def test_what_was_told_is_listed_with_whether_it_was_heard(
    config: Path, ledger: Ledger, engine: Engine
) -> None:
    place = ("--site", "ekskolan", "--config", config)
    assert run(disturbance_list, *place) == "Nothing was told.\n"
    now, log = datetime.now(UTC), Disturbances(engine)
    node = FakeNode("ekskolan-1")
    node.register(ledger.registry, "ekskolan", now - timedelta(days=1))
    ledger.append([node.signed(event(node.name, now - timedelta(hours=2)))])
    for hours in (2, 5):
        log.add("ekskolan", "speeding", now - timedelta(hours=hours), "rektor", now=now)
    told = json.loads(run(disturbance_list, "--json", *place))
    assert [one["state"] for one in told["disturbances"]] == ["matched", "not_measured"]
    assert (told["recall"]["heard"], told["recall"]["judged"]) == (1, 1)
    assert told["by_chance"] == {
        "heard": 0, "judged": 0, "low": None, "high": None, "not_measured": 8, "waiting": 0,
    }  # fmt: skip
    said = run(disturbance_list, *place)
    assert "1 of 1 were heard; 95 % interval: 15 % to 100 %." in said
    assert "1 time was not measured and does not count." in said
    with pytest.raises(RegistryError, match="no site 'nowhere'"):
        run(disturbance_list, "--site", "nowhere", "--config", config)


def test_old_ones_are_removed_by_retention(config: Path, engine: Engine) -> None:
    log, before = Disturbances(engine), datetime.now(UTC) - timedelta(days=2)
    log.add("ekskolan", "other", None, "rektor", when="now", now=before)
    assert "disturbances: 1 disturbance older than 1 day would be removed." in run(
        prune, "--dry-run", "--config", config
    )
    assert "disturbances: 1 disturbance older than 1 day was removed." in run(
        prune, "--config", config
    )
    assert log.of_site("ekskolan") == []


def test_a_school_gets_a_link_and_loses_it(config: Path, engine: Engine) -> None:
    assert "No school has a link" in run(disturbance_link_list, "--config", config)
    said = run(
        disturbance_link_add, "--site", "ekskolan", "--note", "Vaktmästaren", "--config", config
    )
    assert said.startswith("Link 1, for Vaktmästaren at ekskolan: /d/")
    secret = said.split("/d/")[1].strip()
    assert Links(engine).find(secret, "disturbance") is not None
    (one,) = json.loads(run(disturbance_link_list, "--json", "--config", config))
    assert (one["site"], one["note"]) == ("ekskolan", "Vaktmästaren")
    run(disturbance_link_revoke, "1", "--config", config)
    assert Links(engine).find(secret, "disturbance") is None
    with pytest.raises(RegistryError, match="no site 'nowhere'"):
        run(disturbance_link_add, "--site", "nowhere", "--note", "x", "--config", config)
