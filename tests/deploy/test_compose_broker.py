"""The broker of deploy/compose.yaml with a real mosquitto, as start.sh starts it."""

from __future__ import annotations

import gc
import os
import re
import shutil
import socket
import ssl
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import paho.mqtt.client as mqtt
import pytest
from cryptography import x509
from msgspec.structs import replace
from paho.mqtt.enums import CallbackAPIVersion

from collector.config import load_config
from collector.intake.live import LiveReadings
from collector.intake.subscriber import Subscriber
from collector.ledger.ledger import Ledger
from deploy.authority import HEALTH, Authority
from deploy.mosquitto_config import TLS_PORT, service_limits
from deploy.processes import listens
from deploy.server.renewal import renew
from sensor.config import Broker as NodeBroker
from sensor.contract import topics
from sensor.contract.signature import public_key_text
from sensor.contract.tls import Tls, client_context
from sensor.outbox import Outbox
from sensor.publisher import Publisher
from tests.deploy.compose import COLLECTOR, DEPLOY, SERVICES
from tests.deploy.server.made import server
from tests.peers import MOSQUITTO, free_port, health, wait_for
from tests.sensor.contract.samples import KEY


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
        (port,) = SERVICES["mosquitto"]["ports"]
        assert port.endswith(f":{TLS_PORT}:{TLS_PORT}")
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


def test_new_certificates_are_taken_up_while_it_runs(place: Place) -> None:
    before = place.shown()
    files, config = place.folder / "made/broker", place.folder / "config"
    kept = (config / "mosquitto.conf").read_text()
    renew(place.folder / "made")
    for name in ("server.key", "server.pem"):
        shutil.copy(files / name, config / name)
    # The configuration comes last, as it does when the folder itself is mounted.
    (config / "mosquitto.conf").write_text(kept)
    wait_for(lambda: place.shown() != before, 30, "it shows the old one")


class Place:
    """What `skolro server init` makes, and the broker that is started by it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.port = free_port()
        folder.chmod(0o755)
        (folder / "data").mkdir()
        (folder / "data").chmod(0o777)
        made = folder / "made"
        # A node reaches it by this name here.
        server(made, "--for", "compose", "--broker-name", "localhost")
        tls = load_config(made / "collector.toml").broker.tls
        assert tls is not None
        self.collector_tls = tls
        self.written = (made / "broker/mosquitto.conf").read_text(encoding="utf-8")
        pem = x509.load_pem_x509_certificate((made / "broker/server.pem").read_bytes())
        names = pem.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        self.hosts = names.get_values_for_type(x509.DNSName)

    def node_tls(self, node: str) -> Tls:
        """The certificate of a node."""
        return Authority(self.folder / "made/authority").issue_node(node)

    def shown(self) -> bytes | None:
        """The certificate that it shows to somebody who has one."""
        context = client_context(self.collector_tls)
        address = ("127.0.0.1", self.port)
        with (
            socket.create_connection(address, timeout=10) as connection,
            context.wrap_socket(connection, server_hostname="localhost") as talk,
        ):
            return talk.getpeercert(binary_form=True)

    @contextmanager
    def running(self) -> Iterator[None]:
        """Run start.sh with the rights that it has in its container; its paths are ours."""
        shutil.copytree(self.folder / "made/broker", self.folder / "config")
        script = (DEPLOY / "mosquitto/start.sh").read_text(encoding="utf-8")
        script = script.replace("/mosquitto/", f"{self.folder}/")
        conf = self.folder / "config/mosquitto.conf"
        text = self.written.replace("/mosquitto/", f"{self.folder}/")
        conf.write_text(text.replace(f"listener {TLS_PORT}", f"listener {self.port} 127.0.0.1"))
        command = ["sh", "-c", script]
        if os.geteuid() == 0:
            rights = ",".join(f"+{one.lower()}" for one in SERVICES["mosquitto"]["cap_add"])
            bounds = [f"--{one}=-all,{rights}" for one in ("bounding-set", "inh-caps")]
            command = ["setpriv", *bounds, "--no-new-privs", *command]
        else:
            command[-1] = script.replace("chown -R mosquitto", ": chown -R mosquitto")
        environment = os.environ | {"PATH": f"/usr/sbin:{os.environ['PATH']}"}
        process = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL)
        try:
            wait_for(lambda: listens(self.port), 15.0)
            yield
        finally:
            process.terminate()
            process.wait(10)


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
