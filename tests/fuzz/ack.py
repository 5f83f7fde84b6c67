"""What the collector can tell a node."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from random import Random

import paho.mqtt.client as mqtt

from sensor.config import Broker
from sensor.contract import codec, topics
from sensor.contract.messages import Ack
from sensor.outbox import Outbox
from sensor.publisher import Publisher
from tests.fuzz.mutation import changed_json
from tests.fuzz.target import Target, require
from tests.peers import health
from tests.sensor.contract.samples import KEY, NODE

_NOW = datetime(2026, 11, 2, 7, 0, tzinfo=UTC)
_STORED = 20


class Acknowledgements(Target):
    """What comes on the node's ``ack``: nothing that the collector does not have is given up."""

    words = (b'{"seq":', b"}")

    def __init__(self) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="skolro-fuzz-")
        self._begin()

    def seeds(self) -> Iterable[bytes]:
        """Acknowledgements that move, stand still and fall back."""
        for seq in (0, 1, _STORED - 1, _STORED, _STORED + 1, 2**53 - 1):
            yield codec.encode_ack(Ack(seq=seq))

    def change(self, data: bytes, random: Random) -> bytes:
        """Change the JSON text."""
        return changed_json(data, random)

    def run(self, data: bytes) -> str:
        """Hand it to the publisher as the broker would."""
        if self._outbox.oldest_seq > 1:
            # Its retention has let messages go: begin with all of them again.
            self._end()
            self._begin()
        before = self._outbox.held_seq
        message = mqtt.MQTTMessage(1, topics.topic(NODE, topics.ACK).encode())
        message.payload = data
        self._publisher._on_message(self._publisher._client, None, message)
        return self._judged(before)

    def finish(self) -> None:
        """Close the outbox."""
        self._end()
        self._folder.cleanup()

    def _judged(self, before: int) -> str:
        held, last = self._outbox.held_seq, self._outbox.last_seq
        require(0 <= held <= last, "the collector cannot have what was never numbered")
        waiting = [pending.seq for pending in self._outbox.pending(limit=2 * last)]
        require(waiting == list(range(held + 1, last + 1)), "what is not acknowledged waits")
        return "moved" if held > before else "fell back" if held < before else "stood still"

    def _begin(self) -> None:
        path = Path(self._folder.name) / "outbox.sqlite"
        path.unlink(missing_ok=True)
        self._outbox = Outbox(path, NODE, KEY)
        # Here a power cut does no harm, and waiting for the disk would be most of the work.
        self._outbox._file._database.execute("PRAGMA synchronous = OFF")
        self._outbox.append_all([health(NODE, _NOW)] * _STORED)
        self._publisher = Publisher(self._outbox, Broker())

    def _end(self) -> None:
        self._outbox.close()
