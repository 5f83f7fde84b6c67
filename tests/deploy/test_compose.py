"""deploy/compose.yaml and what it mounts fit each other and the code; no container is run."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import tempfile
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import paho.mqtt.client as mqtt
import pytest
import yaml
from paho.mqtt.enums import CallbackAPIVersion

from collector.config import CollectorConfig
from collector.outputs.influx_buckets import DEFAULT_POLICY, RETENTIONS, bucket_name
from dashboards.briefing import api
from sensor.contract import toml_file, topics
from sensor.contract.codec import KINDS, MAX_PAYLOAD_BYTES
from skolro import COMMANDS, Entry, Group, LazyCommand
from tests.peers import MOSQUITTO, free_port, wait_for

ROOT = Path(__file__).parents[2]
DEPLOY = ROOT / "deploy"
COMPOSE: dict[str, Any] = yaml.safe_load((DEPLOY / "compose.yaml").read_text(encoding="utf-8"))
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
COLLECTOR = toml_file.load(DEPLOY / "collector.toml", CollectorConfig)


def _strings(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, list):
        for item in value:
            yield from _strings(item)
    elif isinstance(value, str):
        yield value


class TestCompose:
    """The file itself."""

    def test_services(self) -> None:
        assert SERVICES.keys() == {"mosquitto", "influxdb", "grafana", "collector"}

    @pytest.mark.parametrize("name", [name for name in SERVICES if "build" not in SERVICES[name]])
    def test_images_are_pinned(self, name: str) -> None:
        assert re.fullmatch(r"[\w./-]+:\d+\.\d+\.\d+", SERVICES[name]["image"])

    def test_influxdb_is_version_2(self) -> None:
        assert SERVICES["influxdb"]["image"].startswith("influxdb:2.")

    @pytest.mark.parametrize("name", SERVICES)
    def test_every_service_is_watched_and_restarted(self, name: str) -> None:
        assert SERVICES[name]["healthcheck"]["test"]
        assert SERVICES[name]["restart"] == "unless-stopped"

    @pytest.mark.parametrize("name", SERVICES)
    def test_what_is_mounted_is_there(self, name: str) -> None:
        for volume in SERVICES[name]["volumes"]:
            source = volume.split(":")[0]
            if source.startswith("."):
                assert (DEPLOY / source).exists(), source
            else:
                assert source in COMPOSE["volumes"], source

    def test_every_named_volume_is_used(self) -> None:
        used = {v.split(":")[0] for service in SERVICES.values() for v in service["volumes"]}
        assert COMPOSE["volumes"].keys() == {one for one in used if not one.startswith(".")}

    @pytest.mark.parametrize("name", SERVICES)
    def test_secrets_that_are_read_are_given(self, name: str) -> None:
        texts = [*_strings(SERVICES[name])]
        for volume in SERVICES[name]["volumes"]:
            path = DEPLOY / volume.split(":")[0]
            files = [path] if path.is_file() else path.glob("*") if path.is_dir() else []
            texts += [file.read_text(encoding="utf-8") for file in files if file.is_file()]
        read = {found for text in texts for found in re.findall(r"/run/secrets/(\w+)", text)}
        assert read == set(SERVICES[name].get("secrets", []))
        assert read <= COMPOSE["secrets"].keys()

    def test_the_example_of_env_names_just_what_is_needed(self) -> None:
        needed = {secret["environment"] for secret in COMPOSE["secrets"].values()}
        for text in _strings(SERVICES):
            needed |= set(re.findall(r"(?<!\$)\$\{(\w+)", text))
        example = (DEPLOY / "env.example").read_text(encoding="utf-8")
        assert set(re.findall(r"^(\w+)=", example, re.MULTILINE)) == needed

    def test_nothing_listens_to_the_world_by_itself(self) -> None:
        for service in SERVICES.values():
            for port in service.get("ports", []):
                assert port.startswith("${LISTEN_ADDRESS:-127.0.0.1}:")


class TestCollector:
    """The collector's service, image and configuration."""

    def test_its_command_exists(self) -> None:
        group, command, option, path = SERVICES["collector"]["command"]
        entry = COMMANDS[group]
        assert isinstance(entry, Group)
        served = entry.entries[command]
        assert isinstance(served, Entry)
        options = {
            name
            for parameter in LazyCommand(command, served).load().params
            for name in parameter.opts
        }
        assert option in options
        assert f"./collector.toml:{path}:ro" in SERVICES["collector"]["volumes"]

    def test_it_names_the_other_services(self) -> None:
        assert COLLECTOR.broker.host in SERVICES
        assert COLLECTOR.influxdb is not None
        host, _, port = COLLECTOR.influxdb.url.removeprefix("http://").partition(":")
        assert host in SERVICES
        assert COLLECTOR.influxdb.url == SERVICES["grafana"]["environment"]["SKOLRO_INFLUXDB_URL"]
        assert port == "8086"
        assert set(SERVICES["collector"]["depends_on"]) == {COLLECTOR.broker.host, host}

    def test_it_writes_where_grafana_reads(self) -> None:
        assert COLLECTOR.influxdb is not None
        made = SERVICES["influxdb"]["environment"]
        assert COLLECTOR.influxdb.bucket == made["DOCKER_INFLUXDB_INIT_BUCKET"]
        assert COLLECTOR.influxdb.org == made["DOCKER_INFLUXDB_INIT_ORG"]
        read = SERVICES["grafana"]["environment"]["SKOLRO_INFLUXDB_BUCKET"]
        assert COLLECTOR.influxdb.bucket == read

    def test_its_ledger_is_on_a_volume(self) -> None:
        folder = COLLECTOR.ledger.removeprefix("sqlite:///").rpartition("/")[0]
        assert any(v.split(":")[1] == folder for v in SERVICES["collector"]["volumes"])

    def test_it_is_reached_and_watched_at_its_port(self) -> None:
        (port,) = SERVICES["collector"]["ports"]
        assert port.endswith(f":{COLLECTOR.http.port}")
        assert COLLECTOR.http.host == "0.0.0.0"
        url = re.search(
            r"http://127\.0\.0\.1:(\d+)(/\w+)", SERVICES["collector"]["healthcheck"]["test"][-1]
        )
        assert url is not None
        assert int(url[1]) == COLLECTOR.http.port
        assert url[2] in {getattr(route, "path", "") for route in api.health_router.routes}

    def test_its_image_is_built_from_what_is_there(self) -> None:
        build = SERVICES["collector"]["build"]
        assert (DEPLOY / build["context"]).resolve() == ROOT
        text = (ROOT / build["dockerfile"]).read_text(encoding="utf-8")
        sources = [
            source
            for line in re.findall(r"^COPY (?!--from)(.+) \S+$", text, re.MULTILINE)
            for source in line.split()
        ]
        assert sources
        for source in sources:
            assert (ROOT / source).exists(), source
        ignored = (ROOT / f"{build['dockerfile']}.dockerignore").read_text(encoding="utf-8")
        assert {f"!{source}" for source in sources} == set(
            re.findall(r"^!.*", ignored, re.MULTILINE)
        )
        wheel = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
        packages = wheel["tool"]["hatch"]["build"]["targets"]["wheel"]["only-include"]
        assert set(packages) <= set(sources)
        (extra,) = re.findall(r"pip install .*\.\[(\w+)\]", text)
        assert extra in wheel["project"]["optional-dependencies"]

    def test_its_image_is_pinned_and_runs_as_nobody_special(self) -> None:
        text = (DEPLOY / "Dockerfile").read_text(encoding="utf-8")
        assert {*re.findall(r"^FROM (\S+)", text, re.MULTILINE)} == {"python:3.13-slim-bookworm"}
        assert re.search(r"^USER (?!root)\w+$", text, re.MULTILINE)
        assert re.search(r'^ENTRYPOINT \["skolro"\]$', text, re.MULTILINE)


def test_what_the_data_source_takes_from_the_environment_is_there() -> None:
    folder = ROOT / "dashboards/grafana/provisioning"
    texts = [path.read_text(encoding="utf-8") for path in folder.rglob("*.yaml")]
    used = {name for text in texts for name in re.findall(r"\$(\w+)", text)}
    given = SERVICES["grafana"]["environment"].keys()
    assert used == {name for name in given if name.startswith("SKOLRO_")}


def test_influxdb_is_set_up_as_the_collector_would(tmp_path: Path) -> None:
    """init.sh is run with an `influx` that writes down what it is told."""
    calls = tmp_path / "calls"
    stand_in = tmp_path / "influx"
    stand_in.write_text(
        f'#!/bin/sh\nprintf "%s\\n" "$*" >> {calls}\n'
        'case "$*" in "bucket list"*) printf "id-of-%s\\tname\\n" "$6";; esac\n'
    )
    stand_in.chmod(0o755)
    (tmp_path / "influxdb_reader_password").write_text("reader-secret")
    script = (DEPLOY / "influxdb/init.sh").read_text(encoding="utf-8")
    environment = SERVICES["influxdb"]["environment"] | {"PATH": f"{tmp_path}:{os.environ['PATH']}"}
    subprocess.run(
        ["bash", "-c", script.replace("/run/secrets", str(tmp_path))], env=environment, check=True
    )
    told = calls.read_text().splitlines()
    for policy, retention in RETENTIONS.items():
        name = bucket_name("skolro", policy)
        if policy is not None:
            (made,) = (
                call for call in told if f"bucket create --org skolro --name {name} " in call
            )
            kept, shard = re.findall(r"--(?:retention|shard-group-duration) (\w+)", made)
            assert _days(kept) == (retention.kept_days or 0)
            assert _days(shard) == retention.shard_days
        (mapped,) = (call for call in told if f"--rp {policy or DEFAULT_POLICY} " in call)
        assert mapped.startswith("v1 dbrp create --org skolro --db skolro ")
        assert f"--bucket-id id-of-{name}" in mapped
        assert mapped.endswith("--default") == (policy is None)
    (reader,) = (call for call in told if call.startswith("v1 auth create"))
    assert re.findall(r"--read-bucket (\S+)", reader) == [
        f"id-of-{bucket_name('skolro', policy)}" for policy in RETENTIONS
    ]
    assert "--write-bucket" not in reader
    assert "--password reader-secret " in reader
    user = SERVICES["grafana"]["environment"]["SKOLRO_INFLUXDB_READER"]
    assert f"--username {user} " in reader


def _days(duration: str) -> int:
    if duration == "0":
        return 0
    return int(duration[:-1]) * {"d": 1, "w": 7}[duration[-1]]


class TestMosquitto:
    """The broker's files, with a real mosquitto."""

    @pytest.fixture
    def port(self) -> Iterator[int]:
        """mosquitto as start.sh starts it, with the paths of this machine."""
        if MOSQUITTO is None and os.environ.get("CI") != "true":
            pytest.skip("mosquitto is not installed")
        port = free_port()
        with tempfile.TemporaryDirectory(prefix="skolro-compose-") as name:
            folder = Path(name)
            folder.chmod(0o755)
            (folder / "data").mkdir()
            (folder / "data").chmod(0o777)
            (folder / "secrets").mkdir()
            (folder / "secrets/mqtt_collector_password").write_text("collector-secret\n")
            (folder / "secrets/mqtt_nodes").write_text("ekskolan-1:one askolan-1:two")
            shutil.copytree(DEPLOY / "mosquitto", folder / "config")
            (folder / "config").chmod(0o755)
            for file in (folder / "config").iterdir():
                text = file.read_text(encoding="utf-8")
                text = text.replace("/mosquitto/", f"{folder}/")
                text = text.replace("/run/secrets", f"{folder}/secrets")
                text = text.replace("listener 1883", f"listener {port} 127.0.0.1")
                if os.geteuid() != 0:
                    text = text.replace("chown mosquitto", ": chown mosquitto")
                file.write_text(text, encoding="utf-8")
            environment = os.environ | {"PATH": f"/usr/sbin:{os.environ['PATH']}"}
            process = subprocess.Popen(
                ["sh", str(folder / "config/start.sh")], env=environment, stdout=subprocess.DEVNULL
            )
            try:
                wait_for(lambda: _connects(port, "collector", "collector-secret"), 15.0)
                yield port
            finally:
                process.terminate()
                process.wait(10)

    def test_only_those_who_name_themselves_get_in(self, port: int) -> None:
        assert _connects(port, "ekskolan-1", "one")
        assert not _connects(port, "ekskolan-1", "two")
        assert not _connects(port, None, None)

    def test_a_node_publishes_its_own_kinds_and_nothing_else(self, port: int) -> None:
        for kind in (*KINDS, topics.LIVE, topics.STATUS):
            assert _may_publish(port, topics.topic("ekskolan-1", kind)), kind
        for kind in (topics.ACK, topics.CONFIG):
            assert not _may_publish(port, topics.topic("ekskolan-1", kind)), kind
        assert not _may_publish(port, topics.topic("askolan-1", "levels"))
        assert not _may_publish(port, "else/where")

    def test_a_node_hears_only_its_own_ack_and_config(self, port: int) -> None:
        heard: list[str] = []
        with (
            _client(port, "ekskolan-1", "one") as node,
            _client(port, "collector", "collector-secret") as collector,
        ):
            node.on_message = lambda _client, _data, message: heard.append(message.topic)
            node.subscribe("#", 1)
            for name in ("askolan-1", "ekskolan-1"):
                for kind in (topics.ACK, topics.CONFIG, "levels"):
                    sent = collector.publish(topics.topic(name, kind), b"{}", 1)
                    sent.wait_for_publish(5)
            wait_for(lambda: len(heard) >= 2)
        assert heard == [topics.topic("ekskolan-1", kind) for kind in (topics.ACK, topics.CONFIG)]

    def test_it_takes_the_largest_message_and_waits_long_for_the_collector(self) -> None:
        text = (DEPLOY / "mosquitto/mosquitto.conf").read_text(encoding="utf-8")
        values = dict(re.findall(r"^(\w+) (\S+)$", text, re.MULTILINE))
        assert 512 <= int(values["max_packet_size"]) - MAX_PAYLOAD_BYTES <= 4096
        assert int(values["max_queued_messages"]) >= 100_000
        assert values["persistence"] == "true"


@contextmanager
def _client(port: int, user: str | None, password: str | None) -> Iterator[mqtt.Client]:
    """A connected client; ConnectionError where the broker refuses it."""
    client = mqtt.Client(CallbackAPIVersion.VERSION2, protocol=mqtt.MQTTv5)
    client.username_pw_set(user, password)
    codes: list[Any] = []
    client.on_connect = lambda _client, _data, _flags, code, _properties: codes.append(code)
    client.connect("127.0.0.1", port)
    client.loop_start()
    try:
        wait_for(lambda: codes)
        if codes[0].is_failure:
            raise ConnectionError(str(codes[0]))
        yield client
    finally:
        client.disconnect()
        client.loop_stop()


def _connects(port: int, user: str | None, password: str | None) -> bool:
    try:
        with _client(port, user, password):
            return True
    except OSError:
        return False


def _may_publish(port: int, topic: str) -> bool:
    """Whether ekskolan-1 may; MQTT 5 tells a client that is denied."""
    codes: list[Any] = []
    with _client(port, "ekskolan-1", "one") as client:
        client.on_publish = lambda _client, _data, _mid, code, _properties: codes.append(code)
        client.publish(topic, b"{}", 1)
        wait_for(lambda: codes)
    return not codes[0].is_failure
