"""What many nodes would send, made and signed beforehand so that only its reception is measured."""

from __future__ import annotations

import random
import struct
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import IO, Final, NamedTuple

from msgspec.structs import replace
from sqlalchemy import Engine

from collector.database import tables
from collector.database.database import writing
from collector.ledger.verification import Received
from collector.registry.inventory import Site
from sensor.contract.messages import BAND_CENTRES, Message
from tests.peers import FakeNode, event, health, levels, register_all

START: Final = datetime(2026, 11, 2, 0, 0, tzinfo=UTC)
HEALTH_EVERY: Final = 5
"""Minutes between two ``health`` messages of a node, as by default."""

EVENT_EVERY: Final = 10
"""Minutes between two events of a node, in the mean: a busy street."""

_RECORD: Final = struct.Struct("<dIIHI")
_SOUNDS: Final = 200


class Prepared(NamedTuple):
    """A message ready to be sent, as an MQTT packet.

    Attributes
    ----------
    due_s : float
        When, from the start on.
    node, seq : int
        Whose it is, and its number there.
    id_at : int
        Where in the packet its identifier stands, which the sender gives it.
    """

    due_s: float
    node: int
    seq: int
    id_at: int
    packet: bytes


@dataclass(frozen=True, slots=True)
class Fleet:
    """Nodes that differ in nothing but their names and keys."""

    nodes: tuple[FakeNode, ...]

    @classmethod
    def of(cls, count: int) -> Fleet:
        """Return so many nodes."""
        return cls(tuple(FakeNode(f"node-{number}") for number in range(count)))

    def register(self, engine: Engine) -> None:
        """Make all known, two at each site."""
        sites = [f"site-{number // 2}" for number in range(len(self.nodes))]
        with writing(engine) as connection:
            rows = [asdict(Site(id=site, name=site)) for site in dict.fromkeys(sites)]
            connection.execute(tables.site.insert(), rows)
        register_all(engine, self.nodes, sites, START - timedelta(days=1))


class Street:
    """Sound as it varies: what a node measures in a minute."""

    def __init__(self, seed: int = 1) -> None:
        self._random = random.Random(seed)  # noqa: S311 - nothing secret is made of it
        self._levels = [self._values(42, 62) for _ in range(_SOUNDS)]
        self._spectra = [
            {centre: self._value(20, 55) for centre in BAND_CENTRES} for _ in range(_SOUNDS)
        ]

    def minute(self, node: FakeNode, minute: int) -> Iterator[Message]:
        """Yield what a node tells of a minute: levels, now and then health or an event."""
        at = START + timedelta(minutes=minute)
        pick = self._random.choice
        yield replace(
            levels(node.name, at),
            laeq_db=pick(self._levels), lafmax_db=pick(self._levels),
            lceq_db=pick(self._levels), laf10_db=60.1, laf50_db=52.4, laf90_db=47.7,
            lcpeak_db=88.2, bands_db=pick(self._spectra),
        )  # fmt: skip
        if (minute + len(node.name)) % HEALTH_EVERY == 0:
            yield health(node.name, at)
        if self._random.random() < 1 / EVENT_EVERY:
            begun = at + timedelta(seconds=self._random.randrange(60))
            yield event(node.name, begun, self._value(70, 95), bands_db=pick(self._spectra))

    def _values(self, low: float, high: float) -> tuple[float, ...]:
        return tuple(self._value(low, high) for _ in range(60))

    def _value(self, low: float, high: float) -> float:
        return round(self._random.uniform(low, high), 1)


def prepare(fleet: Fleet, path: Path, *, messages: int = 0, minutes: int = 0) -> int:
    """Write to `path` what all nodes send in so many minutes, or so many messages of it.

    Each node's minute ends at a moment of its own, so that the load is even.

    Returns
    -------
    int
        How many messages there are.
    """
    written = 0
    with path.open("wb") as file:
        for prepared in _all(fleet, Street()):
            if written == messages > 0 or (minutes and prepared.due_s >= 60 * minutes):
                break
            _write(file, prepared)
            written += 1
    return written


def read(path: Path) -> Iterator[Prepared]:
    """Yield what :func:`prepare` wrote, in the order in which it is due."""
    with path.open("rb") as file:
        while head := file.read(_RECORD.size):
            due_s, node, seq, id_at, size = _RECORD.unpack(head)
            yield Prepared(due_s, node, seq, id_at, file.read(size))


def _all(fleet: Fleet, street: Street) -> Iterator[Prepared]:
    minute = 0
    while True:
        for number, node in enumerate(fleet.nodes):
            due_s = 60 * (minute + number / len(fleet.nodes))
            for message in street.minute(node, minute):
                packet, id_at = publish_packet(node.signed(message))
                yield Prepared(due_s, number, node.seq, id_at, packet)
        minute += 1


def _write(file: IO[bytes], item: Prepared) -> None:
    file.write(_RECORD.pack(item.due_s, item.node, item.seq, item.id_at, len(item.packet)))
    file.write(item.packet)


def publish_packet(received: Received) -> tuple[bytes, int]:
    """Return a signed message as an MQTT 5 PUBLISH at QoS 1, and where its identifier stands."""
    topic = _text(received.topic.encode())
    signature = b"\x26" + _text(b"sig") + _text((received.signature or "").encode())
    body = topic + b"\0\0" + _length(len(signature)) + signature + received.payload
    head = b"\x32" + _length(len(body))
    return head + body, len(head) + len(topic)


def _text(value: bytes) -> bytes:
    return len(value).to_bytes(2, "big") + value


def _length(value: int) -> bytes:
    """Encode a variable byte integer (MQTT 5, 1.5.5)."""
    encoded = bytearray()
    while True:
        value, low = divmod(value, 128)
        encoded.append(low | (128 if value else 0))
        if not value:
            return bytes(encoded)
