"""``skolro fleet``: keys, releases, updates, configurations, and what nodes say."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine

from collector.ledger.ledger import Ledger
from collector.registry.wishes import Wishes
from collector.rollout.task import RolloutTask
from deploy.authority import make_authority
from deploy.commands.fleet_configure import fleet_configure
from deploy.commands.fleet_key import fleet_key
from deploy.commands.fleet_release import release_list, release_make
from deploy.commands.fleet_status import fleet_status
from deploy.commands.fleet_update import fleet_stop, fleet_update
from deploy.commands.node_add import node_add
from deploy.errors import DeployError
from deploy.fleet.keys import FleetKeys
from deploy.nodes.kit import NodeKit
from sensor.contract.errors import SkolroError
from sensor.contract.fleet import Wish, decode_wish, target_of
from sensor.contract.messages import UpdateReport
from sensor.contract.signature import public_key_from_text, verify
from sensor.updating.places import Places
from sensor.updating.trust import require_signed
from tests.collector.rollout.test_rollout import Notes
from tests.deploy.commands.test_nodes import run
from tests.peers import FakeNode, health
from tests.stand_in import stand_in

NODES = ("askolan-1", "ekskolan-1", "ekskolan-2")


class Server:
    """A server with three nodes that can be updated."""

    def __init__(self, folder: Path, engine: Engine, ledger: Ledger, url: str) -> None:
        self.folder = folder
        self.ledger = ledger
        self.config = folder / "collector.toml"
        self.wishes = Wishes(engine)
        self.task = RolloutTask(engine, ledger, Notes())
        self.nodes = {name: FakeNode(name) for name in NODES}
        make_authority(folder / "authority")
        self.config.write_text(
            f'ledger = "{url}"\n[fleet]\nauthority = "authority"\nbroker_host = "mq.example"\n'
            'release_urls = ["https://skolro.example/releases"]\n'
        )
        for name, node in self.nodes.items():
            self.run(node_add, name, "--site", name.partition("-")[0])
            ledger.registry.add_key(name, node.public_key_text, datetime.now(UTC) - timedelta(1))
        self.run(fleet_key, "--make")

    def run(self, command: Any, *arguments: str | Path) -> str:
        return run(command, *arguments, "--config", self.config)

    def release(self, version: str = "2.0") -> str:
        lock = self.folder / "empty.lock"
        lock.touch()
        wheel = stand_in(self.folder, version)
        return self.run(release_make, wheel, "--target", target_of(), "--lock", lock)

    def says(self, name: str, number: int = 0, state: str = "current", reason: str = "") -> None:
        report = UpdateReport(wish=number, config_version=0, state=state, reason=reason)  # type: ignore[arg-type]
        now = datetime.now(UTC)
        self.ledger.append([self.nodes[name].signed(health(name, now, update=report), now)])
        self.task.step()

    def wished(self, name: str) -> Wish:
        newest = self.wishes.newest()[name]
        wish = decode_wish(newest.payload)
        verify(newest.payload, newest.signature, public_key_from_text(wish.keys[0]))
        return wish

    def status(self) -> Any:
        return json.loads(self.run(fleet_status, "--json"))

    def node(self, name: str) -> dict[str, Any]:
        return dict(next(one for one in self.status()["nodes"] if one["node"] == name))


@pytest.fixture
def server(tmp_path: Path, engine: Engine, ledger: Ledger, database_url: str) -> Server:
    return Server(tmp_path, engine, ledger, database_url)


@pytest.fixture
def online(server: Server) -> Server:
    for name in NODES:
        server.says(name)
    server.release()
    return server


def test_an_update_goes_from_the_first_to_all(online: Server) -> None:
    said = online.run(fleet_update, "2.0", "--first", "ekskolan-2", "--wait-hours", "0")
    assert "2.0 is offered to ekskolan-2, 3 nodes in all, up to all" in said
    wish = online.wished("ekskolan-2")
    assert wish.release is not None
    assert (wish.number, wish.release.version, wish.config) == (1, "2.0", None)
    assert wish.release.urls == ("https://skolro.example/releases",)
    assert online.node("askolan-1")["told"] is False
    assert "(not told yet)" in online.run(fleet_status)
    online.says("ekskolan-2", 1)
    online.task.step()
    told = [one["node"] for one in online.status()["nodes"] if one["told"]]
    assert len(told) == 2
    assert "1 of 3 nodes run it" in online.run(fleet_status)
    for name in NODES:
        online.says(name, 1)
    online.task.step()
    for name in NODES:
        online.says(name, 1)
    assert online.status()["rollout"]["end"] == "done"
    with pytest.raises(DeployError, match=r"no node is left for 2.0"):
        online.run(fleet_update, "2.0")


def test_a_stage_is_gone_further_by_the_same_command(online: Server) -> None:
    online.run(fleet_update, "2.0", "--stage", "first", "--wait-hours", "0")
    (first,) = (one["node"] for one in online.status()["nodes"] if one["told"])
    online.says(first, 1)
    online.task.step()
    assert "go on with the same command and --stage some" in online.run(fleet_status)
    assert "goes on up to all" in online.run(fleet_update, "2.0", "--wait-hours", "0")
    online.task.step()
    assert sum(one["told"] for one in online.status()["nodes"]) == 2


def test_a_node_that_returned_stops_it_and_is_told_why(online: Server) -> None:
    online.run(fleet_update, "2.0", "--node", "ekskolan-1", "--node", "askolan-1")
    online.says("askolan-1", 1, "returned", "release 2.0: it did not start")
    table = online.run(fleet_status)
    assert "2.0 was stopped" in table
    assert "askolan-1 has returned: release 2.0: it did not start" in table
    assert online.node("ekskolan-1")["withdrawn"]
    assert "(withdrawn)" in table
    # What it is wished next says nothing of what it returned from, unless that is meant.
    online.run(fleet_configure, "askolan-1")
    assert online.wished("askolan-1").release is None
    online.says("askolan-1", 2)
    online.run(fleet_update, "2.0", "--again", "--node", "askolan-1")
    wish = online.wished("askolan-1")
    assert wish.release is not None
    assert wish.release.again
    assert wish.config is not None
    assert (wish.number, wish.config.version) == (3, 1)


def test_an_update_is_stopped_by_hand(online: Server) -> None:
    with pytest.raises(DeployError, match="no update is on its way"):
        online.run(fleet_stop)
    online.run(fleet_update, "2.0")
    with pytest.raises(SkolroError, match="waits for its turn"):
        online.run(fleet_configure, next(n for n in NODES if not online.node(n)["told"]))
    online.release("3.0")
    with pytest.raises(SkolroError, match=r"2.0 is on its way already"):
        online.run(fleet_update, "3.0", "--node", next(n for n in NODES if online.node(n)["told"]))
    assert "2.0 goes no further" in online.run(fleet_stop, "--reason", "holiday")
    assert online.status()["rollout"]["reason"] == "holiday"


def test_a_configuration_is_looked_at_before_it_is_sent(online: Server) -> None:
    kit = online.folder / "nodes" / "ekskolan-1" / "node.toml"
    text = kit.read_text()
    other = online.folder / "other.toml"
    for content, problem in (
        (text + "\n[meter]\nchanel = 1\n", r"line \d+: meter.chanel is not a known key"),
        (text.replace("ekskolan-1", "askolan-1"), "node is 'askolan-1' in the new configuration"),
        (text.replace("client.key", "other.key"), r"broker\.tls is .* not changed from afar"),
        (text.replace("/var/lib/skolro", "/tmp"), "data_dir is '/tmp'"),  # noqa: S108
        ("node = ", "is not TOML"),
    ):
        other.write_text(content)
        with pytest.raises(SkolroError, match=problem):
            online.run(fleet_configure, "ekskolan-1", "--file", other)
    assert online.wishes.of("ekskolan-1") == []
    assert "told configuration 1" in online.run(fleet_configure, "ekskolan-1")
    sent = online.wished("ekskolan-1").config
    assert sent is not None
    assert sent.toml == text
    online.run(fleet_configure, "ekskolan-1")
    again = online.wished("ekskolan-1")
    assert again.config is not None
    assert (again.number, again.config.version) == (2, 2)


def change(online: Server, *names: str) -> None:
    """Change the configurations of nodes on the server."""
    for name in names:
        path = online.folder / "nodes" / name / "node.toml"
        path.write_text(path.read_text() + "\n[levels]\nbatch_s = 30\n")


def test_configurations_go_in_waves_and_each_node_gets_its_own(online: Server) -> None:
    said = online.run(fleet_configure, "--all", "--stage", "first", "--wait-hours", "0")
    assert "configuration is offered to askolan-1, 3 nodes in all, up to first" in said
    assert [one["node"] for one in online.status()["nodes"] if one["told"]] == ["askolan-1"]
    online.says("askolan-1", 1)
    assert "the same command and --stage some" in online.run(fleet_status)
    # What is on its way goes on, although the first has its own by now.
    assert "goes on up to all" in online.run(fleet_configure, "--all", "--wait-hours", "0")
    online.task.step()
    for name in NODES:
        online.says(name, 1)
    online.task.step()
    for name in NODES:
        online.says(name, 1)
        config = online.wished(name).config
        assert config is not None
        assert config.toml == (online.folder / "nodes" / name / "node.toml").read_text()
    assert online.status()["rollout"]["end"] == "done"
    with pytest.raises(DeployError, match="no node is left: each that can be updated has its"):
        online.run(fleet_configure, "--all")
    # Only who has another one is told of it.
    change(online, "ekskolan-2")
    assert "offered to ekskolan-2, 1 nodes" in online.run(fleet_configure, *NODES)


def test_one_node_that_returns_from_its_configuration_spares_the_others(online: Server) -> None:
    change(online, *NODES)
    online.run(fleet_configure, *NODES, "--first", "ekskolan-2", "--wait-hours", "0")
    online.says("ekskolan-2", 1, "returned", "configuration 1: it did not start")
    assert "configuration was stopped" in online.run(fleet_status)
    assert [n for n in NODES if online.node(n)["withdrawn"]] == ["askolan-1", "ekskolan-1"]


def test_configurations_of_several_are_looked_at_before_any_is_sent(online: Server) -> None:
    path = online.folder / "nodes" / "ekskolan-2" / "node.toml"
    path.write_text(path.read_text() + "\n[meter]\nchanel = 1\n")
    with pytest.raises(SkolroError, match=r"ekskolan-2/node.toml.*meter.chanel is not a known key"):
        online.run(fleet_configure, "--all")
    assert online.wishes.newest() == {}
    for arguments, problem in (
        ([], "say which nodes, or --all"),
        (["ekskolan-1", "--all"], "say which nodes, or --all"),
        ([*NODES, "--file", path], "--file is of one node"),
    ):
        with pytest.raises(DeployError, match=problem):
            online.run(fleet_configure, *arguments)


def test_a_key_is_followed_by_another(online: Server) -> None:
    with pytest.raises(DeployError, match="no key to follow"):
        online.run(fleet_key, "--switch")
    said = online.run(fleet_key, "--next")
    assert "waits, and is believed" in said
    online.run(fleet_configure, "ekskolan-1")
    both = online.wished("ekskolan-1").keys
    assert len(both) == 2
    with pytest.raises(DeployError, match=r"ekskolan-1, .* have not said that they know the next"):
        online.run(fleet_key, "--switch")
    online.says("ekskolan-1", 1)
    # Those that were never wished anything do not know it either.
    with pytest.raises(DeployError, match="askolan-1, ekskolan-2 have not said"):
        online.run(fleet_key, "--switch")
    for name in ("askolan-1", "ekskolan-2"):
        online.run(fleet_configure, name)
        online.says(name, 1)
    online.run(fleet_key, "--switch")
    # What was released before is believed by those who know the new key only.
    folder = online.folder / "releases" / "2.0"
    payload, signature = (folder / "manifest.json").read_bytes(), folder / "manifest.jws"
    require_signed(payload, signature.read_text().strip(), both[1:], "the release")
    online.run(fleet_configure, "ekskolan-1")
    assert online.wished("ekskolan-1").keys == both[1:]
    with pytest.raises(DeployError, match="three things"):
        online.run(fleet_key, "--make", "--next")
    with pytest.raises(DeployError, match="exists already"):
        online.run(fleet_key, "--make")


def test_a_server_that_was_restored_goes_on_with_higher_numbers(online: Server) -> None:
    online.says("ekskolan-1", 41)
    online.run(fleet_configure, "ekskolan-1")
    assert online.wished("ekskolan-1").number == 42


def test_the_card_brings_the_key(server: Server) -> None:
    from collector.config import load_config  # noqa: PLC0415

    fleet = load_config(server.config).fleet
    assert fleet is not None
    files = NodeKit(fleet, "ekskolan-1").files()
    path = server.folder / "etc" / "fleet.keys"
    path.parent.mkdir()
    path.write_bytes(files["fleet.keys"])
    keys = FleetKeys(server.folder / "fleet.key").public()
    assert Places(config=path.with_name("node.toml")).card_keys() == keys


def test_what_cannot_be_updated_is_said(server: Server) -> None:
    server.release()
    with pytest.raises(DeployError, match="ekskolan-1 has not said that it can be updated"):
        server.run(fleet_update, "2.0", "--node", "ekskolan-1")
    with pytest.raises(DeployError, match=r"no node is left for 2.0"):
        server.run(fleet_update, "2.0")
    with pytest.raises(DeployError, match="ekskolan-1 has not said that it can be updated"):
        server.run(fleet_configure, "ekskolan-1")
    assert "cannot be updated" in server.run(fleet_status)
    with pytest.raises(DeployError, match=r"no release 9, but 2.0"):
        server.run(fleet_update, "9")
    assert "2.0" in server.run(release_list)
    (one,) = json.loads(server.run(release_list, "--json"))
    assert (one["version"], one["targets"]) == ("2.0", [target_of()])


def test_without_a_key_or_a_fleet_it_is_said_what_is_missing(
    tmp_path: Path, database_url: str, ledger: Ledger
) -> None:
    config = tmp_path / "collector.toml"
    config.write_text(f'ledger = "{database_url}"\n')
    with pytest.raises(DeployError, match=r"no \[fleet\]"):
        run(fleet_key, "--config", config)
    config.write_text(
        f'ledger = "{database_url}"\n[fleet]\nauthority = "a"\nbroker_host = "mq.example"\n'
    )
    with pytest.raises(DeployError, match=r"no fleet key .* make it with skolro fleet key --make"):
        run(release_make, stand_in(tmp_path, "2.0"), "--config", config)
    assert "No release was made" in run(release_list, "--config", config)
