"""Sends prepared messages to a broker, as a program of its own that costs little.

    python -m benchmarks.load.sender PORT FILE [--paced]

Without ``--paced`` it sends as fast as it may: each line on its standard input is the number of
messages that it may have sent in all. With it, each message goes when it is due; the nodes'
``ack`` is listened for, and each minute a line tells how long messages took from being sent until
they were known to be durable: minute, messages, seconds in the median, in the 99th percentile
and at most, and how many are not acknowledged yet.
"""

from __future__ import annotations

import argparse
import select
import socket
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from statistics import quantiles
from typing import Final

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion

from benchmarks.load.messages import Prepared, read
from sensor.contract.codec import decode_ack

_CONNECT: Final = b"\x10\x0f\x00\x04MQTT\x05\x02\x00\x00\x00\x00\x02ld"
_WINDOW: Final = 2000
_PUBACK: Final = 0x40
_LAST_ID: Final = 0xFFFF
_PATIENCE_S: Final = 60.0


class Pipe:
    """A connection that publishes; waits when too much is not acknowledged by the broker."""

    def __init__(self, port: int) -> None:
        self._socket = socket.create_connection(("127.0.0.1", port))
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._socket.sendall(_CONNECT)
        self._received = bytearray()
        self._unacked = 0
        self._last_id = 0
        connack = self._next_packet()
        if connack is None or connack[3] != 0:
            raise ConnectionError("the broker does not let the sender in")

    def send(self, batch: list[Prepared]) -> None:
        """Publish a batch, in order."""
        self._socket.sendall(b"".join(map(self._numbered, batch)))
        self._unacked += len(batch)
        while self._unacked > _WINDOW or self._readable():
            self._take_acks()

    def flush(self) -> None:
        """Wait until the broker has got everything."""
        while self._unacked:
            self._take_acks()

    def _numbered(self, item: Prepared) -> bytes:
        self._last_id = self._last_id % _LAST_ID + 1
        return b"".join((
            item.packet[: item.id_at], self._last_id.to_bytes(2, "big"),
            item.packet[item.id_at + 2 :],
        ))  # fmt: skip

    def _readable(self) -> bool:
        return bool(select.select([self._socket], [], [], 0)[0])

    def _take_acks(self) -> None:
        self._receive()
        while (packet := self._whole_packet()) is not None:
            self._unacked -= packet[0] == _PUBACK

    def _next_packet(self) -> bytes | None:
        while (packet := self._whole_packet()) is None:
            self._receive()
        return packet

    def _receive(self) -> None:
        if not (part := self._socket.recv(65536)):
            raise ConnectionError("the broker has closed the sender's connection")
        self._received += part

    def _whole_packet(self) -> bytes | None:
        # What comes here is short: one byte tells its length.
        if len(self._received) < 2 or len(self._received) < 2 + self._received[1]:
            return None
        end = 2 + self._received[1]
        packet = bytes(self._received[:end])
        del self._received[:end]
        return packet


class Lags:
    """How long each message took until its node was told that it is durable."""

    def __init__(self, port: int) -> None:
        self._lock = threading.Lock()
        self._waiting: dict[int, dict[int, float]] = {}
        self._lags: list[float] = []
        client = mqtt.Client(CallbackAPIVersion.VERSION2, protocol=mqtt.MQTTv5)
        client.on_message = self._on_message
        client.connect("127.0.0.1", port)
        client.subscribe("skolro/v1/+/ack", 1)
        client.loop_start()

    @property
    def waiting(self) -> int:
        """How many messages nobody has acknowledged yet."""
        with self._lock:
            return sum(map(len, self._waiting.values()))

    def sent(self, batch: list[Prepared]) -> None:
        """Note what is being sent now."""
        now = time.monotonic()
        with self._lock:
            for item in batch:
                self._waiting.setdefault(item.node, {})[item.seq] = now

    def take(self) -> list[float]:
        """Return the lags since this was last asked."""
        with self._lock:
            lags, self._lags = self._lags, []
        return lags

    def _on_message(self, _client: object, _data: object, message: mqtt.MQTTMessage) -> None:
        now = time.monotonic()
        node = int(message.topic.split("/")[2].rpartition("-")[2])
        acked = decode_ack(bytes(message.payload)).seq
        with self._lock:
            waiting = self._waiting.get(node, {})
            for seq in [seq for seq in waiting if seq <= acked]:
                self._lags.append(now - waiting.pop(seq))


def send_as_allowed(port: int, path: Path) -> None:
    """Send as far as standard input allows."""
    pipe, allowed, sent = Pipe(port), 0, 0
    for batch in _batches(read(path), 100):
        while sent + len(batch) > allowed:
            if not (line := sys.stdin.readline()):
                return
            allowed = int(line)
        pipe.send(batch)
        sent += len(batch)
    pipe.flush()
    sys.stdin.read()


def send_when_due(port: int, path: Path) -> None:
    """Send each message when it is due, and tell of each minute."""
    pipe, lags = Pipe(port), Lags(port)
    begun, told = time.monotonic(), 0
    for batch in _batches(read(path), 20):
        time.sleep(max(0.0, begun + batch[-1].due_s - time.monotonic()))
        if (minute := int(batch[-1].due_s // 60)) > told:
            told = _tell(minute, lags)
        lags.sent(batch)
        pipe.send(batch)
    deadline = time.monotonic() + _PATIENCE_S
    while lags.waiting and time.monotonic() < deadline:
        time.sleep(0.1)
    _tell(told + 1, lags)


def _tell(minute: int, lags: Lags) -> int:
    seconds = sorted(lags.take())
    if len(seconds) > 1:
        percentiles = quantiles(seconds, n=100)
        figures = f"{percentiles[49]:.3f} {percentiles[98]:.3f} {seconds[-1]:.3f}"
        print(minute, len(seconds), figures, lags.waiting, flush=True)
    return minute


def _batches(items: Iterator[Prepared], size: int) -> Iterator[list[Prepared]]:
    batch: list[Prepared] = []
    for item in items:
        batch.append(item)
        if len(batch) == size:
            yield batch
            batch = []
    if batch:
        yield batch


def main() -> None:
    """Send."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("port", type=int)
    parser.add_argument("path", type=Path)
    parser.add_argument("--paced", action="store_true")
    asked = parser.parse_args()
    (send_when_due if asked.paced else send_as_allowed)(asked.port, asked.path)


if __name__ == "__main__":
    main()
