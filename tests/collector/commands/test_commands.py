"""The commands as people type them, each in a process of its own where that matters."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import typer
from msgspec.structs import replace
from typer.testing import CliRunner

from collector.commands.gap_accept import gap_accept
from collector.commands.gap_list import gap_list
from collector.commands.node_key_add import node_key_add
from collector.commands.node_key_list import node_key_list
from collector.commands.node_key_revoke import node_key_revoke
from collector.commands.node_list import node_list
from collector.commands.quarantine_list import quarantine_list
from collector.commands.quarantine_show import quarantine_show
from collector.commands.site_add import site_add
from collector.commands.site_guideline_list import site_guideline_list
from collector.commands.site_guideline_set import site_guideline_set
from collector.commands.site_limit_add import site_limit_add
from collector.commands.site_limit_list import site_limit_list
from collector.commands.site_list import site_list
from collector.errors import LedgerError, RegistryError
from collector.ledger.ledger import Ledger
from deploy.commands.node_add import node_add
from sensor.contract.errors import ConfigError, SkolroError
from tests.peers import FakeNode, health, levels

START = datetime(2026, 11, 2, 7, 0, tzinfo=UTC)


@pytest.fixture
def config(tmp_path: Path, database_url: str, ledger: Ledger) -> Path:
    """A configuration that names the ledger of the fixture."""
    path = tmp_path / "collector.toml"
    path.write_text(f'ledger = "{database_url}"\n')
    return path


def run(command: Callable[..., None], *arguments: str | Path) -> str:
    """Run a command as the command line does, and return what it printed."""
    app = typer.Typer()
    app.command()(command)
    result = CliRunner().invoke(app, [str(one) for one in arguments])
    if isinstance(result.exception, SkolroError):
        raise result.exception
    assert result.exit_code == 0, result.output
    return result.stdout


def listed(command: Callable[..., None], config: Path) -> Any:
    """What the command lists as JSON."""
    return json.loads(run(command, "--json", "--config", config))


def test_a_site_and_a_node_are_added_and_listed(config: Path) -> None:
    run(
        site_add, "bjorkangen", "--name", "Björkängsskolan", "--latitude", "57.41",
        "--longitude", "-12.1", "--config", config,
    )  # fmt: skip
    key = FakeNode("b-1").public_key_text
    said = run(
        node_add, "b-1", "--site", "bjorkangen", "--public-key", key,
        "--since", "2026-11-02T08:00", "--config", config,
    )  # fmt: skip
    assert "Björkängsskolan" in said
    (site,) = [one for one in listed(site_list, config) if one["id"] == "bjorkangen"]
    assert (site["nodes"], site["municipality"]) == (["b-1"], "Kungsbacka")
    assert (site["latitude"], site["longitude"]) == (57.41, -12.1)
    (node,) = listed(node_list, config)
    assert (node["node"], node["site"], node["online"]) == ("b-1", "bjorkangen", None)
    assert (node["acked_seq"], node["last_time"], node["simulated"]) == (0, None, False)


def test_speed_limits_are_added_and_listed(config: Path) -> None:
    place = ("--site", "ekskolan", "--config", config)
    said = run(
        site_limit_add, "30", "--days", "fri-mon,wed", "--from", "07:00", "--to", "17:00",
        "--since", "2026-08-17", "--source", "local rule 17", *place,
    )  # fmt: skip
    assert said == "30 km/h at ekskolan, fri-mon,wed 07:00 to 17:00, from 2026-08-17 on.\n"
    run(site_limit_add, "40", "--since", "2020-01-01", "--source", "local rule 3", *place)
    first, second = json.loads(run(site_limit_list, "--json", *place))
    assert (first["kmh"], first["weekdays"], first["to_time"]) == (40, [*range(1, 8)], "24:00")
    assert (second["weekdays"], second["since"]) == ([1, 3, 5, 6, 7], "2026-08-16T22:00:00Z")
    assert "mon, wed, fri, sat, sun" in run(site_limit_list, *place)
    with pytest.raises(RegistryError, match=r"--days 'fry' are no days: write them as mon-fri"):
        run(site_limit_add, "30", "--days", "fry", "--source", "x", *place)
    with pytest.raises(RegistryError, match=r"300\.0 km/h is none"):
        run(site_limit_add, "300", "--source", "x", *place)


def test_a_guideline_value_replaces_the_last_of_its_quantity(config: Path) -> None:
    place = ("--site", "ekskolan", "--config", config)
    assert "No guideline value is known" in run(site_guideline_list, *place)
    for value in ("55", "50"):
        run(site_guideline_set, "laeq_24h", value, "--source", "Naturvårdsverket 2017", *place)
    run(site_guideline_set, "lafmax_5_an_hour", "70", "--source", "Naturvårdsverket 2017", *place)
    listed_values = json.loads(run(site_guideline_list, "--json", *place))
    assert {one["quantity"]: one["value_db"] for one in listed_values} == {
        "laeq_24h": 50, "lafmax_5_an_hour": 70
    }  # fmt: skip
    with pytest.raises(RegistryError, match=r"can be of laeq_24h or .*, not of 'loud'"):
        run(site_guideline_set, "loud", "70", "--source", "x", *place)
    with pytest.raises(RegistryError, match=r"nowhere"):
        run(site_guideline_list, "--site", "nowhere", "--config", config)


def test_since_is_local_time(config: Path, ledger: Ledger) -> None:
    key = FakeNode("b-1").public_key_text
    run(
        node_add, "b-1", "--site", "ekskolan", "--public-key", key,
        "--since", "2026-11-02T08:00", "--config", config,
    )  # fmt: skip
    assert ledger.registry.placements("b-1")[0].since == START


def test_nodes_are_listed_as_they_are(config: Path, ledger: Ledger) -> None:
    node = FakeNode("ekskolan-1")
    node.register(ledger.registry, "ekskolan", START)
    first = node.signed(health(node.name, START, outbox_depth=3))
    node.signed(levels(node.name, START))
    third = node.signed(levels(node.name, START, flags=("simulated",)))
    ledger.append([first, third])
    ledger.set_online(node.name, True, START)
    (one,) = listed(node_list, config)
    assert (one["online"], one["simulated"], one["outbox_depth"]) == (True, True, 3)
    assert (one["acked_seq"], one["highest_seq"]) == (1, 3)
    assert one["last_time"] == "2026-11-02T07:01:00Z"
    table = run(node_list, "--config", config)
    for text in ("ekskolan-1", "Ekskolan", "2026-11-02 08:01:00", "simulated", "a gap after 1"):
        assert text in table


def test_quarantine_is_listed_and_shown_without_steering_the_terminal(
    config: Path, ledger: Ledger
) -> None:
    node = FakeNode("ekskolan-1")
    node.register(ledger.registry, "ekskolan", START)
    bad = replace(node.signed(levels(node.name, START)), payload=b"\x1b[2Jboo [bold]\xff")
    ledger.append([bad, bad])
    (item,) = listed(quarantine_list, config)
    assert (item["reason"], item["count"]) == ("forged", 2)
    assert "forged" in run(quarantine_list, "--config", config)
    shown = run(quarantine_show, str(item["id"]), "--config", config)
    assert r"\x1b[2Jboo [bold]\xff" in shown
    assert "\x1b" not in shown
    assert json.loads(run(quarantine_show, "--json", str(item["id"]), "--config", config))
    with pytest.raises(LedgerError, match="there is no 77"):
        run(quarantine_show, "77", "--config", config)


def test_nothing_yet_is_said(config: Path) -> None:
    assert "No node is registered" in run(node_list, "--config", config)
    assert "Nothing was refused" in run(quarantine_list, "--config", config)
    assert listed(node_list, config) == []


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (["B-1", "--site", "ekskolan", "--public-key", "AAAA"], "cannot name a node"),
        (["b-1", "--site", "ekskolan", "--public-key", "AAAA"], "no Ed25519 public key"),
        (["b-1", "--site", "nowhere"], "no site 'nowhere'"),
        (["b-1", "--site", "ekskolan", "--since", "soon"], "is no time"),
    ],
)
def test_mistakes_are_explained(config: Path, arguments: list[str], text: str) -> None:
    if "--public-key" not in arguments:
        arguments = [*arguments, "--public-key", FakeNode("b-1").public_key_text]
    with pytest.raises(SkolroError, match=text):
        run(node_add, *arguments, "--config", config)


def test_adding_twice_is_refused(config: Path) -> None:
    with pytest.raises(RegistryError, match="a site ekskolan already"):
        run(site_add, "ekskolan", "--name", "Ekskolan", "--config", config)


def test_no_configuration_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot read the configuration"):
        run(node_list, "--config", tmp_path / "none.toml")


def test_a_gap_is_listed_and_accepted(config: Path, ledger: Ledger) -> None:
    node = FakeNode("ekskolan-1")
    node.register(ledger.registry, "ekskolan", START)
    batch = [node.signed(levels(node.name, START)) for _ in range(6)]
    assert "Nothing is missing" in run(gap_list, "--config", config)
    ledger.append([batch[0], batch[3], batch[5]])
    assert listed(gap_list, config) == {"missing": {node.name: [[2, 3], [5, 5]]}, "accepted": []}
    (one,) = listed(node_list, config)
    assert (one["missing"], one["forks"], one["replays"]) == (3, 0, 0)
    assert "3 messages are missing" in run(node_list, "--config", config)
    said = run(gap_accept, node.name, "5", "5", "--reason", "card died", "--config", config)
    assert "1 message of ekskolan-1 is waited for no longer" in said
    run(gap_accept, node.name, "2", "3", "--reason", "card died", "--config", config)
    found = listed(gap_list, config)
    assert found["missing"] == {}
    assert [gap["reason"] for gap in found["accepted"]] == ["card died", "card died"]
    assert "card died" in run(gap_list, "--config", config)
    with pytest.raises(LedgerError, match="not one stretch"):
        run(gap_accept, node.name, "2", "3", "--reason", "again", "--config", config)


def test_keys_are_listed_added_and_revoked(config: Path, ledger: Ledger) -> None:
    node = FakeNode("ekskolan-1")
    node.register(ledger.registry, "ekskolan", START)
    other = FakeNode(node.name, seed=1)
    assert "from now on" in run(
        node_key_add, node.name, "--public-key", other.public_key_text, "--config", config
    )
    first, second = listed(node_key_list, config)
    assert {first["public_key"], second["public_key"]} == {
        node.public_key_text,
        other.public_key_text,
    }
    assert node.name in run(node_key_revoke, first["kid"], "--config", config)
    table = run(node_key_list, "--config", config)
    assert table.count("revoked") == 1
    assert table.count("in use") == 1
    with pytest.raises(RegistryError, match="no key"):
        run(node_key_revoke, "nothing", "--config", config)
