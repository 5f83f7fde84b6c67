"""deploy/compose.yaml and what it mounts fit each other and the code; no container is run."""

from __future__ import annotations

import gc
import os
import re
import shutil
import ssl
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from typing import Any

import msgspec
import paho.mqtt.client as mqtt
import pytest
import yaml
from msgspec.structs import replace
from paho.mqtt.enums import CallbackAPIVersion

from collector.config import CollectorConfig
from collector.intake.live import LiveReadings
from collector.intake.subscriber import Subscriber
from collector.ledger.ledger import Ledger
from collector.outputs.influx_buckets import DEFAULT_POLICY, RETENTIONS, bucket_name
from dashboards.briefing import health as health_routes
from dashboards.grafana.build import BOARDS, RULES
from deploy.authority import HEALTH, Authority
from deploy.mosquitto_config import TLS_PORT, service_limits
from deploy.processes import listens
from sensor.config import Broker as NodeBroker
from sensor.contract import toml_file, topics
from sensor.contract.signature import public_key_text
from sensor.contract.tls import Tls, client_context
from sensor.outbox import Outbox
from sensor.publisher import Publisher
from skolro import COMMANDS, Entry, Group, LazyCommand
from tests.peers import MOSQUITTO, free_port, health, wait_for
from tests.sensor.contract.samples import KEY

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
            if volume.startswith("${"):
                continue  # what the commands at the top of the file write
            if source.startswith("."):
                assert (DEPLOY / source).exists(), source
            else:
                assert source in COMPOSE["volumes"], source

    def test_every_named_volume_is_used(self) -> None:
        used = {v.split(":")[0] for service in SERVICES.values() for v in service["volumes"]}
        assert COMPOSE["volumes"].keys() == {one for one in used if one[0] not in "$."}

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
                assert re.match(r"\$\{\w+:-127\.0\.0\.1\}:", port)


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
            r"http://127\.0\.0\.1:(\d+)([/\w]+)", SERVICES["collector"]["healthcheck"]["test"][-1]
        )
        assert url is not None
        assert int(url[1]) == COLLECTOR.http.port
        assert url[2] in {getattr(route, "path", "") for route in health_routes.router.routes}

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


def test_grafana_finds_its_dashboards_and_alert_rules_where_they_are_mounted() -> None:
    mounted = {
        path: (DEPLOY / source).resolve()
        for source, path, *_ in (volume.split(":") for volume in SERVICES["grafana"]["volumes"])
        if source.startswith("..")
    }
    provisioning = mounted["/etc/grafana/provisioning"]
    providers = yaml.safe_load((provisioning / "dashboards/skolro.yaml").read_text())["providers"]
    for provider in providers:
        path = Path(provider["options"]["path"])
        folder = mounted[str(path.parent)] / path.name
        assert {found.stem for found in folder.glob("*.json")} == set(BOARDS)
    rules = provisioning / "alerting/skolro.yaml"
    assert rules.resolve() == RULES.resolve()
    folders = {group["folder"] for group in yaml.safe_load(rules.read_text())["groups"]}
    assert folders <= {provider["folder"] for provider in providers}


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


@pytest.fixture(scope="module")
def place() -> Iterator[Place]:
    """mosquitto as start.sh starts it, with the paths of this machine."""
    if MOSQUITTO is None and os.environ.get("CI") != "true":
        pytest.skip("mosquitto is not installed")
    with tempfile.TemporaryDirectory(prefix="skolro-compose-") as name:
        made = Place(Path(name))
        with made.running():
            yield made


class TestMosquitto:
    """The broker as compose.yaml would run it, with a real mosquitto."""

    def test_only_its_port_with_certificates_is_published(self, place: Place) -> None:
        assert SERVICES["mosquitto"]["ports"] == [
            f"${{BROKER_ADDRESS:-127.0.0.1}}:{TLS_PORT}:{TLS_PORT}"
        ]
        assert COLLECTOR.broker.port == TLS_PORT
        assert re.findall(r"^listener .*", place.written, re.MULTILINE) == [f"listener {TLS_PORT}"]
        assert "require_certificate true" in place.written

    def test_the_collector_gets_in_and_a_node_reaches_it(
        self, place: Place, ledger: Ledger, tmp_path: Path
    ) -> None:
        broker = replace(
            COLLECTOR.broker, host="localhost", port=place.port, tls=place.collector_tls
        )
        subscriber = Subscriber(broker, ledger, LiveReadings())
        subscriber.start()
        with Outbox(tmp_path / "outbox.sqlite", "ekskolan-1", KEY) as outbox:
            text = public_key_text(KEY.public_key())
            ledger.registry.add_node(
                "ekskolan-1", "ekskolan", text, datetime(2020, 1, 1, tzinfo=UTC)
            )
            node = NodeBroker(host="localhost", port=place.port, tls=place.node_tls("ekskolan-1"))
            publisher = Publisher(outbox, node)
            publisher.start(may_be_away=False)
            outbox.append(health("ekskolan-1", datetime.now(UTC)))
            publisher.wake()
            wait_for(lambda: outbox.depth == 0, 20)
            publisher.stop()
        subscriber.stop()
        assert ledger.counts().messages == 1

    @pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
    def test_nobody_gets_in_without_a_certificate(self, place: Place) -> None:
        # paho does not close the socket of a handshake that has failed.
        context = ssl.create_default_context(cafile=place.collector_tls.ca_file)
        with pytest.raises(AssertionError), _client(place.port, context, within_s=2.0):
            pass
        gc.collect()

    def test_the_health_check_hears_how_long_it_lives_and_nothing_else(self, place: Place) -> None:
        command = SERVICES["mosquitto"]["healthcheck"]["test"]
        options = dict(zip(command[2::2], command[3::2], strict=True))
        assert options["-h"] in place.hosts
        assert int(options["-p"]) == TLS_PORT
        tls = Tls(**{
            name: options[option].replace("/mosquitto/", f"{place.folder}/")
            for name, option in (
                ("ca_file", "--cafile"), ("certificate_file", "--cert"), ("key_file", "--key")
            )
        })  # fmt: skip
        heard: list[str] = []
        refused: list[Any] = []
        with _client(place.port, client_context(tls)) as client:
            client.on_message = lambda _client, _data, message: heard.append(message.topic)
            client.on_publish = lambda _c, _d, _mid, code, _p: refused.append(code.is_failure)
            client.subscribe([("#", 1), (options["-t"].replace("$$", "$"), 1)])
            topic = topics.topic(HEALTH, topics.STATUS)
            client.publish(topic, topics.ONLINE, 1, retain=True)
            wait_for(lambda: heard and refused)
        assert set(heard) == {"$SYS/broker/uptime"}
        assert refused == [True]

    def test_its_open_files_are_bounded_as_its_connections_are(self) -> None:
        (most,) = re.findall(r"^LimitNOFILE=(\d+)$", service_limits(), re.MULTILINE)
        assert SERVICES["mosquitto"]["ulimits"]["nofile"] == {"soft": int(most), "hard": int(most)}


class Place:
    """What the commands at the top of compose.yaml write, and the broker that is started by it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.port = free_port()
        folder.chmod(0o755)
        (folder / "data").mkdir()
        (folder / "data").chmod(0o777)
        for line in _commands():
            self._run([word.replace("BROKER", "localhost") for word in line])
        # The second command named the folder that compose mounts for the collector.
        self.collector_tls = self._tls(folder / "made/collector")
        self.written = (folder / "made/broker/mosquitto.conf").read_text(encoding="utf-8")
        self.hosts = _option(_commands()[0], "--host")

    def node_tls(self, node: str) -> Tls:
        """The certificate of a node."""
        return Authority(self.folder / "made/authority").issue_node(node)

    @contextmanager
    def running(self) -> Iterator[None]:
        """Run start.sh, its paths those of this machine."""
        shutil.copytree(self.folder / "made/broker", self.folder / "config")
        script = (DEPLOY / "mosquitto/start.sh").read_text(encoding="utf-8")
        script = script.replace("/mosquitto/", f"{self.folder}/")
        if os.geteuid() != 0:
            script = script.replace("chown -R mosquitto", ": chown -R mosquitto")
        conf = self.folder / "config/mosquitto.conf"
        text = self.written.replace("/mosquitto/", f"{self.folder}/")
        conf.write_text(text.replace(f"listener {TLS_PORT}", f"listener {self.port} 127.0.0.1"))
        environment = os.environ | {"PATH": f"/usr/sbin:{os.environ['PATH']}"}
        process = subprocess.Popen(["sh", "-c", script], env=environment, stdout=subprocess.DEVNULL)
        try:
            wait_for(lambda: listens(self.port), 15.0)
            yield
        finally:
            process.terminate()
            process.wait(10)

    def _run(self, command: list[str]) -> None:
        own = {"data/": f"{self.folder}/made/", "10001": str(os.geteuid())}
        for old, new in own.items():
            command = [new + word.removeprefix(old) if word.startswith(old) else word
                       for word in command]  # fmt: skip
        environment = os.environ | {"PYTHONPATH": str(ROOT)}
        subprocess.run(
            [sys.executable, "-m", *command], check=True, env=environment, capture_output=True
        )

    @staticmethod
    def _tls(folder: Path) -> Tls:
        assert COLLECTOR.broker.tls is not None
        return Tls(**{
            name: str(folder / Path(file).name)
            for name, file in msgspec.structs.asdict(COLLECTOR.broker.tls).items()
        })  # fmt: skip


def _commands() -> list[list[str]]:
    """The commands of Skolro at the top of compose.yaml, word by word."""
    text = (DEPLOY / "compose.yaml").read_text(encoding="utf-8").partition("name:")[0]
    joined = re.sub(r"\\\n# +", "", text)
    return [line.split() for line in re.findall(r"^#   (skolro .*)$", joined, re.MULTILINE)]


def _option(command: list[str], name: str) -> list[str]:
    return [value for option, value in pairwise(command) if option == name]


def test_the_commands_at_its_top_write_what_it_mounts() -> None:
    init, certificate = _commands()
    volumes = {
        path: re.sub(r"\$\{\w+:-(.*)\}", r"\1", source)
        for service in ("mosquitto", "collector")
        for source, path in (
            volume.removesuffix(":ro").rsplit(":", 1) for volume in SERVICES[service]["volumes"]
        )
    }
    assert volumes["/mosquitto/config"] == f"../{init[3]}"
    assert volumes["/etc/skolro/tls"] == f"../{_option(certificate, '--into')[0]}"
    # What stands in the broker's configuration is where start.sh puts it.
    script = (DEPLOY / "mosquitto/start.sh").read_text(encoding="utf-8")
    assert f"files={_option(init, '--installed-at')[0]}\n" in script
    assert _option(init, "--data-dir")[0] in volumes
    assert COLLECTOR.broker.host in _option(init, "--host")
    user = re.search(r"--uid (\d+)", (DEPLOY / "Dockerfile").read_text(encoding="utf-8"))
    assert user is not None
    assert _option(certificate, "--owner") == [user[1]]


@contextmanager
def _client(port: int, context: ssl.SSLContext, within_s: float = 10.0) -> Iterator[mqtt.Client]:
    """A connected client; AssertionError where the broker does not let it in."""
    client = mqtt.Client(
        CallbackAPIVersion.VERSION2, protocol=mqtt.MQTTv5, reconnect_on_failure=False
    )
    client.tls_set_context(context)
    codes: list[Any] = []
    client.on_connect = lambda _client, _data, _flags, code, _properties: codes.append(code)
    client.connect("localhost", port)
    client.loop_start()
    try:
        wait_for(lambda: codes and not codes[0].is_failure, within_s)
        yield client
    finally:
        client.disconnect()
        client.loop_stop()
