"""``skolro collector feed``: addresses that are made, listed and closed."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from sqlalchemy import Engine

from collector.commands.feed_add import feed_add
from collector.commands.feed_list import feed_list
from collector.commands.feed_revoke import feed_revoke
from collector.errors import RegistryError
from collector.ledger.ledger import Ledger
from collector.registry.links import Links
from tests.collector.commands.test_commands import run


@pytest.fixture
def config(tmp_path: Path, database_url: str, ledger: Ledger) -> Path:
    """A configuration that names the ledger of the fixture."""
    path = tmp_path / "collector.toml"
    path.write_text(f'ledger = "{database_url}"\n[page]\nbase_url = "https://x.example.org/"\n')
    return path


def test_an_address_is_made_listed_used_and_closed(config: Path, engine: Engine) -> None:
    said = run(feed_add, "patrols.ics", "--note", "Områdespolisen", "--config", config)
    address = said.split()[-1]
    assert said == f"Link 1, for Områdespolisen: {address}\n"
    before, secret, name = address.rsplit("/", 2)
    assert (before, name) == ("https://x.example.org/feeds", "patrols.ics")
    links = Links(engine)
    assert links.find(secret, "patrols.csv") is None
    assert links.find(secret, "patrols.ics") is not None
    listed = run(feed_list, "--json", "--config", config)
    (one,) = json.loads(listed)
    assert (one["note"], one["revoked_at"]) == ("Områdespolisen", None)
    assert one["used_at"] is not None
    # Nothing that is kept tells the secret.
    assert secret not in listed + run(feed_list, "--config", config)
    run(feed_revoke, "1", "--config", config)
    assert links.find(secret, "patrols.ics") is None
    with pytest.raises(RegistryError, match="no link 1 that could be revoked"):
        run(feed_revoke, "1", "--config", config)


def test_what_cannot_be_made_is_explained(config: Path) -> None:
    assert "No feed is given away" in run(feed_list, "--config", config)
    with pytest.raises(RegistryError, match=r"no feed 'plan': name one of patrols\.ics"):
        run(feed_add, "plan", "--note", "x", "--config", config)
    with pytest.raises(RegistryError, match="say in the note who gets the link"):
        run(feed_add, "ngsi-ld", "--note", " ", "--config", config)
    # A school's form is no feed.
    with pytest.raises(RegistryError, match="no feed 'disturbance'"):
        run(feed_add, "disturbance", "--note", "x", "--config", config)
