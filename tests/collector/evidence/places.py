"""Two days at a school that does not exist, with all that can happen to a node in them."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy import Engine

from collector.database.database import open_database
from collector.evidence.export import Exported, Exporter, export
from collector.evidence.export_log import Asked
from collector.evidence.request import Request, make_request
from collector.ledger.ledger import Ledger, Received
from collector.registry.registry import Guideline, Registry, Site, SpeedLimit
from sensor.contract.messages import CalibrationCheck, KeyChange, Message, Source, draft
from sensor.contract.signature import public_key_text
from tests import peers
from tests.peers import FakeNode

# Local midnight in Sweden.
START = datetime(2026, 11, 9, 23, tzinfo=UTC)
END = START + timedelta(days=2)
MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)
LONG_AGO = START - timedelta(days=30)
REQUEST = make_request("ekskolan", START, END)
ASKED = Asked("a test", "to see")
EXPORTER = Exporter("Havsbro kommun", Ed25519PrivateKey.from_private_bytes(b"k" * 32))


def check(node: str, time: datetime, deviation_db: float, result: str) -> CalibrationCheck:
    """A check with a calibrator of 94 dB."""
    return CalibrationCheck(
        **draft(node, time),
        calibrator_level_db=94.0,
        calibrator_serial="KAL-7",
        calibrator_certificate="2026-118",
        measured_db=94.0 + deviation_db,
        deviation_db=deviation_db,
        standard_deviation_db=0.02,
        frequency_hz=1000.0,
        sensitivity=1.0,
        result=result,  # type: ignore[arg-type]  # one of those that are known
    )


@dataclass
class Place:
    """A ledger, and the nodes that filled it."""

    engine: Engine
    ledger: Ledger
    registry: Registry
    nodes: dict[str, FakeNode]

    def send(self, node: str, *messages: Message) -> list[Received]:
        """Store messages of a node, and return them as they came in."""
        sent = [self.nodes[node].signed(one, one.time + timedelta(seconds=2)) for one in messages]
        result = self.ledger.append(sent)
        assert result.stored == len(sent)
        return sent

    def rotate(self, node: str, at: datetime) -> None:
        """Let a node announce a new key, and go on with it."""
        new = Ed25519PrivateKey.from_private_bytes(hashlib.sha256(node.encode()).digest())
        change = KeyChange(**draft(node, at), public_key=public_key_text(new.public_key()))
        self.send(node, change)
        self.nodes[node].key = new

    def export(self, out: Path, request: Request = REQUEST, **changes: object) -> Exported:
        """Export a summary."""
        exporter = Exporter(EXPORTER.name, EXPORTER.key, **changes)  # type: ignore[arg-type]  # as named
        return export(self.engine, self.registry.inventory(), request, exporter, out, ASKED)


def new_place(folder: Path) -> Place:
    """A ledger that knows two schools and two nodes at the first, and holds no message."""
    engine = open_database(f"sqlite:///{folder / 'ledger.sqlite'}")
    registry = Registry(engine)
    registry.add_site(
        Site(
            id="ekskolan", name="Ekskolan", municipality="Havsbro", latitude=57.31, longitude=12.13
        )
    )
    registry.add_site(Site(id="askolan", name="Åskolan"))
    limit = SpeedLimit(site="ekskolan", kmh=30, since=LONG_AGO, source="Lokal trafikföreskrift 7")
    registry.add_speed_limit(limit)
    registry.set_guideline(
        Guideline(site="ekskolan", quantity="laeq_24h", value_db=55.0, source="Naturvårdsverket")
    )
    nodes = {name: FakeNode(name) for name in ("askolan-1", "ekskolan-1", "ekskolan-2")}
    geometry = {
        "microphone": "ICS-43434 nr 12", "mic_height_m": 3.2, "distance_m": 6.5,
        "distance_back_m": 10.0, "facade_m": 4.0, "bearing_deg": 135.0,
    }  # fmt: skip
    for name, node in nodes.items():
        registry.add_node(
            name, name.rpartition("-")[0], node.public_key_text, LONG_AGO, geometry=geometry
        )
    return Place(engine, Ledger(engine, registry), registry, nodes)


def hourly(node: str, start: datetime, laeq_db: float, **changes: object) -> Message:
    """An hour of minute values."""
    values = {"interval_s": 60, "count": 60, "laf10_db": 55.0, "laf50_db": 50.0, "laf90_db": 45.0}
    return peers.levels(node, start, laeq_db, **{**values, **changes})  # type: ignore[arg-type]  # as named


def fill(place: Place) -> None:
    """Fill it: hours of levels, passes, health, checks before and after, a new key, rain."""
    first, second = "ekskolan-1", "ekskolan-2"
    place.send(first, check(first, START - timedelta(days=3), 0.0, "initial"))
    place.send(second, check(second, START - timedelta(days=3), 0.0, "initial"))
    for hour in range(48):
        at = START + hour * HOUR
        rain = {"flags": ("rain_suspected",)} if hour == 5 else {}
        if hour not in {10, 11}:
            place.send(first, hourly(first, at, 50.0 + hour % 6, **rain))
        if hour < 24:
            place.send(second, hourly(second, at, 52.0))
        place.send(first, peers.health(first, at + 30 * MINUTE))
        if hour % 24 in {15, 20}:
            place.send(first, *_passes(first, at))
        if hour == 5:
            wet = peers.event(first, at + 10 * MINUTE, 91.0, flags=("rain_suspected",))
            place.send(first, wet)
        if hour == 12:
            place.rotate(first, at + 59 * MINUTE)
    place.send(second, peers.event(second, START + 15 * HOUR + timedelta(seconds=3), 80.0))
    place.send(first, check(first, END + HOUR, 0.3, "ok"))
    other = "askolan-1"
    place.send(other, peers.event(other, START + HOUR, 95.0))


def _passes(node: str, at: datetime) -> list[Message]:
    passing: list[Message] = [
        peers.event(node, at + minutes * MINUTE, 78.0 + minutes, duration_s=6.0)
        for minutes in range(6)
    ]
    passing.append(
        peers.event(
            node, at + 40 * MINUTE, 70.0, speed=None, speed_refused="no_vehicle",
            source=Source(kind="voices", probability=0.9),
        )
    )  # fmt: skip
    return passing
