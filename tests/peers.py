"""The collector's peers in tests: a real broker, and nodes that sign, chain and publish."""

from __future__ import annotations

import shutil
import socket
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import paho.mqtt.client as mqtt
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from sqlalchemy import Engine, Table

from collector.database import tables
from collector.database.database import writing
from collector.ledger.ledger import Received
from collector.registry.registry import Registry
from sensor.contract import codec, topics
from sensor.contract.messages import (
    GENESIS,
    Event,
    Health,
    LevelBatch,
    Live,
    Message,
    Source,
    Speed,
    draft,
    event_id,
    placed,
)
from sensor.contract.signature import payload_hash, public_key_text, sign, thumbprint

MOSQUITTO = shutil.which("mosquitto", path="/usr/local/sbin:/usr/sbin:/usr/bin:/usr/local/bin")

_MOSQUITTO_CONF = """
listener {port} 127.0.0.1
allow_anonymous {anonymous}
max_inflight_messages 0
max_queued_messages 0
persistence {persistence}
persistence_location {folder}/
autosave_interval 1
log_dest file {folder}/mosquitto.log
log_type {log_type}
{extra}
"""


def free_port() -> int:
    """Return a port of 127.0.0.1 that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_for(holds: Callable[[], Any], timeout_s: float = 10.0, what: str = "") -> Any:
    """Wait until `holds()` is true and return what it gave; fail after `timeout_s`."""
    deadline = time.monotonic() + timeout_s
    while not (value := holds()):
        if time.monotonic() > deadline:
            raise AssertionError(f"waited {timeout_s} s in vain{': ' + what if what else ''}")
        time.sleep(0.01)
    return value


class Broker:
    """A real mosquitto on a free port of 127.0.0.1, with a folder of its own.

    Parameters
    ----------
    extra : str
        More lines for its configuration.
    persistence : bool
        Whether it keeps sessions on disk, so that they outlive :meth:`restart`.
    anonymous : bool
        Whether it lets anybody in.
    log_type : str
        What it writes to its log; all takes more time than the rest of its work.
    """

    host = "127.0.0.1"

    def __init__(
        self,
        extra: str = "",
        *,
        persistence: bool = False,
        anonymous: bool = True,
        log_type: str = "all",
    ) -> None:
        if MOSQUITTO is None:
            raise FileNotFoundError("mosquitto is not installed")
        self.port = free_port()
        self._folder = tempfile.TemporaryDirectory(prefix="skolro-broker-")
        folder = Path(self._folder.name)
        # mosquitto gives up root for its own user, who must be able to write here.
        folder.chmod(0o777)
        self.log_path = folder / "mosquitto.log"
        self._config = folder / "mosquitto.conf"
        self._config.write_text(
            _MOSQUITTO_CONF.format(
                port=self.port,
                folder=folder,
                persistence=str(persistence).lower(),
                anonymous=str(anonymous).lower(),
                log_type=log_type,
                extra=extra,
            )
        )
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it and wait until it answers."""
        self._process = subprocess.Popen(
            [str(MOSQUITTO), "-c", str(self._config)],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        wait_for(self._answers, what="mosquitto does not answer")

    def stop(self) -> None:
        """End it as an administrator would."""
        if self._process is not None:
            self._process.terminate()
            self._process.wait(10)
            self._process = None

    def kill(self) -> None:
        """End it as a power cut would."""
        if self._process is not None:
            self._process.kill()
            self._process.wait(10)
            self._process = None

    @property
    def pid(self) -> int:
        """Its process."""
        if self._process is None:
            raise AssertionError("mosquitto does not run")
        return self._process.pid

    def restart(self) -> None:
        """Stop and start it."""
        self.stop()
        self.start()

    def log(self) -> str:
        """What it wrote so far."""
        return self.log_path.read_text(errors="replace") if self.log_path.exists() else ""

    def _answers(self) -> bool:
        if self._process is None or self._process.poll() is not None:
            raise AssertionError(f"mosquitto ended: {self.log()[-500:]}")
        with socket.socket() as probe:
            return probe.connect_ex((self.host, self.port)) == 0

    def __enter__(self) -> Self:
        try:
            self.start()
        except AssertionError:
            self._folder.cleanup()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()
        self._folder.cleanup()


class FakeNode:
    """A node without a microphone: numbers, chains, signs and publishes what it is given."""

    def __init__(self, name: str = "ekskolan-1", seed: int = 0) -> None:
        self.name = name
        self.key = Ed25519PrivateKey.from_private_bytes(
            payload_hash(f"{name} {seed}".encode())[:32].encode()
        )
        self.seq = 0
        self.prev = GENESIS
        self.acks: list[int] = []
        self._client: mqtt.Client | None = None
        self._connected = threading.Event()

    @property
    def public_key_text(self) -> str:
        """Its public key, as the registry takes it."""
        return public_key_text(self.key.public_key())

    def register(self, registry: Registry, site: str, since: datetime) -> None:
        """Make itself known."""
        registry.add_node(self.name, site, self.public_key_text, since)

    def signed(self, message: Message, received_at: datetime | None = None) -> Received:
        """Return `message` as the collector receives it, at the next place in the chain."""
        self.seq += 1
        payload = codec.encode(placed(message, self.seq, self.prev))
        self.prev = payload_hash(payload)
        return Received(
            topics.topic(self.name, message.kind),
            payload,
            sign(payload, self.key),
            received_at or datetime.now(UTC),
        )

    def connect(self, host: str, port: int) -> None:
        """Connect to a broker and listen for ``ack``."""
        client = mqtt.Client(CallbackAPIVersion.VERSION2, protocol=mqtt.MQTTv5)
        client.max_inflight_messages_set(1000)
        client.will_set(topics.topic(self.name, topics.STATUS), topics.OFFLINE, 1, retain=True)
        client.on_connect = lambda client, *_: client.subscribe(
            topics.topic(self.name, topics.ACK), 1
        )
        client.on_subscribe = lambda *_: self._connected.set()
        client.on_message = lambda _client, _data, message: self.acks.append(
            codec.decode_ack(bytes(message.payload)).seq
        )
        client.connect(host, port)
        client.loop_start()
        self._client = client
        wait_for(self._connected.is_set, what=f"{self.name} is not connected")
        self.say(topics.ONLINE)

    def say(self, status: bytes) -> None:
        """Publish its status."""
        self._mqtt.publish(topics.topic(self.name, topics.STATUS), status, 1, retain=True)

    def publish(self, received: Received, *, qos: int = 1) -> mqtt.MQTTMessageInfo:
        """Publish a signed message."""
        properties = Properties(PacketTypes.PUBLISH)  # type: ignore[no-untyped-call]  # paho has no types here
        if received.signature is not None:
            properties.UserProperty = [("sig", received.signature)]
        return self._mqtt.publish(received.topic, received.payload, qos, properties=properties)

    def publish_live(self, live: Live) -> None:
        """Publish a live reading."""
        self._mqtt.publish(topics.topic(self.name, topics.LIVE), codec.encode_live(live), 0)

    def expect_ack(self, seq: int, timeout_s: float = 15.0) -> None:
        """Wait until the collector says that everything up to `seq` is durable."""
        wait_for(lambda: self.acks and max(self.acks) >= seq, timeout_s, f"no ack of {seq}")

    def vanish(self) -> None:
        """Lose the connection without a goodbye, so that the broker publishes the will."""
        socket_ = self._mqtt.socket()
        self._mqtt.loop_stop()
        if isinstance(socket_, socket.socket):
            socket_.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        """Part from the broker."""
        if self._client is not None:
            self._client.disconnect()
            self._client.loop_stop()
            self._client = None

    @property
    def _mqtt(self) -> mqtt.Client:
        if self._client is None:
            raise AssertionError(f"{self.name} is not connected")
        return self._client


def register_all(
    engine: Engine, nodes: Sequence[FakeNode], sites: Sequence[str], since: datetime
) -> None:
    """Make many nodes known at once, each at its site.

    One by one the registry would be read anew each time.
    """
    rows: dict[Table, list[dict[str, Any]]] = {
        tables.node: [{"id": node.name, "note": ""} for node in nodes[1:]],
        tables.placement: [
            {"node": node.name, "site": site, "since": since, "geometry": {}}
            for node, site in zip(nodes[1:], sites[1:], strict=True)
        ],
        tables.node_key: [
            {
                "kid": thumbprint(node.key.public_key()),
                "node": node.name,
                "public_key": node.public_key_text,
                "since": since,
            }
            for node in nodes[1:]
        ],
    }
    with writing(engine) as connection:
        for table, inserted in rows.items():
            if inserted:
                connection.execute(table.insert(), inserted)
    # Told to other processes by the registry itself.
    nodes[0].register(Registry(engine), sites[0], since)


def levels(
    node: str,
    start: datetime,
    laeq_db: float | None = 50.0,
    *,
    interval_s: int = 1,
    count: int = 60,
    **changes: Any,
) -> LevelBatch:
    """A batch of equal levels; LAFmax is 6 dB and LCeq 8 dB above LAeq."""

    def plus(difference_db: float) -> tuple[float | None, ...]:
        return (None if laeq_db is None else round(laeq_db + difference_db, 1),) * count

    values: dict[str, Any] = {
        "start": start, "interval_s": interval_s, "laeq_db": plus(0), "lafmax_db": plus(6),
        "lceq_db": plus(8), "laf10_db": None, "laf50_db": None, "laf90_db": None,
        "lcpeak_db": None, "bands_db": None,
    }  # fmt: skip
    head = draft(node, start + timedelta(seconds=interval_s * count))
    return LevelBatch(**head, **{**values, **changes})


def event(node: str, start: datetime, lafmax_db: float = 82.0, **changes: Any) -> Event:
    """A moped that passes at 42 km/h."""
    values: dict[str, Any] = {
        "id": event_id(node, start), "start": start, "duration_s": 4.0, "trigger": "emergence",
        "lafmax_db": lafmax_db, "lae_db": lafmax_db + 3, "laeq_db": lafmax_db - 3,
        "background_laf90_db": 47.0, "emergence_db": lafmax_db - 47.0, "bands_db": None,
        "source": Source(kind="moped_motorcycle", probability=0.8),
        "speed": Speed(speed_kmh=42.0, low_kmh=39.0, high_kmh=45.0, direction=1, method="stereo"),
        "speed_refused": None, "trace_lafmax_db": (70.0, lafmax_db, 75.0, 66.0),
    }  # fmt: skip
    return Event(**draft(node, start + timedelta(seconds=5)), **{**values, **changes})


def health(node: str, time_: datetime, **changes: Any) -> Health:
    """A node that is well."""
    values: dict[str, Any] = {
        "version": "0.1.0", "uptime_s": 3600.0, "input": "test", "microphone": "ok",
        "outbox_depth": 2, "disk_free_bytes": 10**10, "memory_rss_bytes": 10**8, "cpu_load": 0.3,
        "cpu_temperature_c": 45.0, "clock_offset_s": 0.001, "clock_synchronised": True,
        "overflows": 0, "events_dropped": 0, "calibrated_at": None,
    }  # fmt: skip
    return Health(**draft(node, time_), **{**values, **changes})
