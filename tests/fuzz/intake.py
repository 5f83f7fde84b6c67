"""The collector's way in: whatever a broker hands over is stored, known, or in quarantine."""

from __future__ import annotations

import tempfile
import threading
from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any, Final

import paho.mqtt.client as mqtt
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from sqlalchemy import Engine, event

from collector import config
from collector.database.database import open_database
from collector.intake.intake import Incoming, Intake
from collector.intake.live import LiveReadings
from collector.intake.subscriber import Subscriber
from collector.ledger.ledger import AppendResult, Ledger
from collector.ledger.verification import Received, Refused
from collector.outputs.points import lines_of
from collector.registry.registry import Registry, Site
from sensor.contract import codec, topics
from sensor.contract.messages import GENESIS, Absence, Absent, Live, Message
from sensor.contract.signature import sign
from tests.fuzz.mutation import changed_bytes, changed_json
from tests.fuzz.target import Target, require
from tests.peers import FakeNode, health, levels
from tests.peers import event as event_of

START: Final = datetime(2026, 11, 2, 7, 0, tzinfo=UTC)
NODE: Final = "ekskolan-1"
OTHER: Final = "askolan-1"
LOST: Final = "ekskolan-2"
"""A node whose key was revoked."""

_ANSWER_S: Final = 20.0
_EPISODE: Final = 400
"""Inputs before the ledger is verified, and a new one begun."""


class WatchedLedger(Ledger):
    """A ledger that tells what became of each message."""

    outcome: str | None = None

    def append(self, batch: Sequence[Received]) -> AppendResult:
        """Append, and note the result."""
        result = super().append(batch)
        require(
            result.stored + result.duplicates + result.quarantined == len(batch),
            "a message is stored, known or in quarantine, and only one of these",
        )
        self.outcome = (
            "stored" if result.stored else "known" if result.duplicates else "quarantined"
        )
        return result

    def refuse(self, refused: Refused) -> None:
        """Quarantine, and note it."""
        super().refuse(refused)
        self.outcome = "quarantined"


class Entrance:
    """A collector's subscriber and intake, to which messages are handed as by a broker.

    Parameters
    ----------
    engine : Engine
        An open database without content.
    """

    def __init__(self, engine: Engine) -> None:
        registry = Registry(engine)
        registry.add_site(Site(id="ekskolan", name="Ekskolan"))
        self.nodes = {name: FakeNode(name) for name in (NODE, OTHER, LOST)}
        for node in self.nodes.values():
            node.register(registry, "ekskolan", START - timedelta(days=1))
        (key,) = registry.keys_of(LOST)
        registry.revoke_key(key.kid, START)
        self.ledger = WatchedLedger(engine, registry)
        self.live = LiveReadings()
        self.tally: Counter[str] = Counter()
        self._done = threading.Event()
        self._intake = Intake(self.ledger, lambda *_: self._done.set())
        self._subscriber = Subscriber(config.Broker(), self.ledger, self.live)
        self._subscriber._intake = self._intake
        self._intake.start()

    def hand_over(self, topic: bytes, payload: bytes, pairs: Iterable[tuple[str, str]]) -> str:
        """Let a message come in, and return what became of it."""
        message = mqtt.MQTTMessage(1, topic)
        message.payload = payload
        message.qos = 1
        message.properties = Properties(PacketTypes.PUBLISH)  # type: ignore[no-untyped-call]  # paho has no types here
        for pair in pairs:
            message.properties.UserProperty = pair
        self._done.clear()
        self.ledger.outcome = None
        taken_in = _Counting(self._intake)
        self._subscriber._intake = taken_in
        self._subscriber._on_message(None, None, message)
        outcome = self._outcome() if taken_in.count else "live"
        self.tally[outcome] += 1
        return outcome

    def signature_of(self, how: str, payload: bytes) -> list[tuple[str, str]]:
        """User properties of a message that is signed as told; other text is a signature itself."""
        match how:
            case "none":
                return []
            case "own" | "other" | "revoked":
                name = {"own": NODE, "other": OTHER, "revoked": LOST}[how]
                return [("sig", sign(payload, self.nodes[name].key))]
            case _:
                return [("", how), ("sig", how), ("sig", "another")]

    def verify(self) -> None:
        """Verify that the ledger holds what was counted, and nothing that nobody signed."""
        counts = self.ledger.counts()
        require(counts.messages == self.tally["stored"], "what is stored stands there once")
        require(counts.quarantined == self.tally["quarantined"], "what is refused is counted")
        checked = self.ledger.check()
        require(not (checked.missing_positions or checked.damage), "the ledger has no holes")
        for node in checked.nodes:
            require(not (node.faulty or node.differences), f"the ledger is true: {node}")
        self._verify_outputs()

    def close(self) -> None:
        """End the intake."""
        self._intake.stop()

    def _outcome(self) -> str:
        require(self._wait(), f"a message is confirmed: {self._intake.trouble}")
        return self.ledger.outcome or "status"

    def _wait(self) -> bool:
        for _ in range(round(_ANSWER_S / 0.5)):
            if self._done.wait(0.5):
                return True
            if self._intake.failure is not None:
                raise self._intake.failure
            if self._intake.trouble is not None:
                return False
        return False

    def _verify_outputs(self) -> None:
        inventory = self.ledger.registry.inventory()
        stored = self.ledger.after(0, 10_000)
        lines = lines_of(stored, self.ledger, inventory, seconds_since=START)
        whole = all(line.isprintable() for some in lines.values() for line in some)
        require(whole or not stored, "a point is one line")


class _Counting(Intake):
    """Passes on to an intake, and counts."""

    def __init__(self, intake: Intake) -> None:
        self._real = intake
        self.count = 0

    @property
    def pending(self) -> int:
        """How many wait."""
        return self._real.pending

    def put(self, incoming: Incoming) -> None:
        """Pass on."""
        self.count += 1
        self._real.put(incoming)


def deliveries() -> list[tuple[str, str, bytes]]:
    """How signed, topic and payload of what peers that are well send."""
    node = FakeNode(NODE)
    made: list[Message] = [
        levels(NODE, START, 51.5, count=3),
        event_of(NODE, START),
        health(NODE, START),
        levels(NODE, START + timedelta(minutes=30), None, interval_s=60, count=60),
        Absence(
            node=NODE,
            seq=5,
            prev=GENESIS,
            time=START,
            reason="lost",
            absent=(Absent(first=1, last=2, sha256=None), Absent(first=4, last=4, sha256=None)),
        ),
    ]
    good = [(one.topic, one.payload) for one in map(node.signed, made)]
    reading = Live(node=NODE, time=START, laeq_db=51.5, lafmax_db=None)
    return [
        *(("own", topic, payload) for topic, payload in good),
        ("none", topics.topic(NODE, topics.LIVE), codec.encode_live(reading)),
        ("none", topics.topic(NODE, topics.STATUS), topics.ONLINE),
        ("none", topics.topic("nobody", topics.STATUS), topics.OFFLINE),
        ("other", *good[0]),
        ("revoked", *good[1]),
    ]


class Deliveries(Target):
    """Topic, payload and user properties as a broker hands them over.

    An input has three parts: how it is signed, the topic, and, behind the second line end, the
    payload. What is to be signed is signed as it is: a node of ours may have gone mad.
    """

    longest = 70_000
    words = (b"own\n", b"skolro/v1/ekskolan-1/event\n", b'"seq":', b"sig")

    def __init__(self) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="skolro-fuzz-")
        self._number = 0
        self._begin()

    def seeds(self) -> Iterable[bytes]:
        """What peers that are well send."""
        for how, topic, payload in deliveries():
            yield f"{how}\n{topic}\n".encode() + payload

    def change(self, data: bytes, random: Random) -> bytes:
        """Change the payload, mostly."""
        head, payload = _split(data)
        if random.random() < 0.1:
            return changed_bytes(data, random)
        return b"\n".join((*head, changed_json(payload, random)))

    def run(self, data: bytes) -> str:
        """Hand it over."""
        (how, topic), payload = _split(data)
        outcome = self._entrance.hand_over(
            topic,
            payload,
            self._entrance.signature_of(how.decode("utf-8", "replace"), payload),
        )
        if sum(self._entrance.tally.values()) >= _EPISODE:
            self._end()
            self._begin()
        return outcome

    def finish(self) -> None:
        """Verify the last ledger."""
        self._end()
        self._folder.cleanup()

    def _begin(self) -> None:
        self._number += 1
        path = Path(self._folder.name) / f"{self._number}.sqlite"
        self._engine = careless(f"sqlite:///{path}")
        self._entrance = Entrance(self._engine)

    def _end(self) -> None:
        self._entrance.verify()
        self._entrance.close()
        self._engine.dispose()
        for path in Path(self._folder.name).iterdir():
            path.unlink()


def careless(url: str) -> Engine:
    """Open a database for which a power cut would do harm, and which does not wait for the disk."""
    engine = open_database(url)
    engine.dispose()

    @event.listens_for(engine, "connect")
    def _settings(connection: Any, _record: object) -> None:
        connection.execute("PRAGMA synchronous = OFF")

    return engine


def _split(data: bytes) -> tuple[tuple[bytes, bytes], bytes]:
    how, _, rest = data.partition(b"\n")
    topic, _, payload = rest.partition(b"\n")
    return (how, topic), payload
