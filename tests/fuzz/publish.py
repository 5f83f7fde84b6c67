"""PUBLISH packets: our short cut reads what paho reads, or leaves the packet to paho."""

from __future__ import annotations

from collections.abc import Iterable
from random import Random

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion

from collector.intake.buffered_client import read_publish
from collector.intake.mqtt_strings import teach_paho
from tests.fuzz.mutation import changed_bytes
from tests.fuzz.target import Target, require
from tests.raw_mqtt import text, user_property

_SIGNED = user_property(b"sig", b"eyJ..AA")


class Publish(Target):
    """The first byte of an input is the packet's, what follows is what follows its length."""

    words = (b"\x26", _SIGNED, b"\xef\xbb\xbf", b"\x80\x01", b"\0\x03sig")

    def __init__(self) -> None:
        teach_paho()
        self._client = mqtt.Client(
            CallbackAPIVersion.VERSION2, protocol=mqtt.MQTTv5, manual_ack=True
        )
        self._client.on_message = lambda _client, _data, message: self._by_paho.append(message)
        self._by_paho: list[mqtt.MQTTMessage] = []

    def seeds(self) -> Iterable[bytes]:
        """At each quality of service, with properties of all sorts."""
        topic = text(b"skolro/v1/ekskolan-1/event")
        for properties in (b"", _SIGNED, _SIGNED * 2, b"\x01\x01" + _SIGNED, b"\x03" + text(b"x")):
            packed = bytes([len(properties)]) + properties + b"{}"
            yield b"\x30" + topic + packed
            yield b"\x3b" + topic + b"\0\x07" + packed
        # Properties that end behind the packet.
        yield b"\x3b" + topic + b"\0\x07}"
        long = user_property(b"sig", b"x" * 200)
        yield b"\x32" + topic + b"\0\x07" + bytes([len(long) & 127 | 128, len(long) >> 7]) + long

    def change(self, data: bytes, random: Random) -> bytes:
        """Change a length by a little, or scramble."""
        if random.random() < 0.5 or not data:
            return changed_bytes(data, random)
        at = random.randrange(len(data))
        changed = (data[at] + random.choice((-2, -1, 1, 2, 128))) % 256
        return data[:at] + bytes([changed]) + data[at + 1 :]

    def run(self, data: bytes) -> str:
        """Read it in both ways."""
        if not data:
            return "nothing"
        header, body = 0x30 | data[0] & 0x0F, data[1:]
        ours = read_publish(header, body)
        if ours is None:
            return "left to paho"
        self._by_paho.clear()
        self._client._in_packet["command"] = header
        self._client._in_packet["packet"] = bytearray(body)
        self._client._handle_publish()
        require(len(self._by_paho) == 1, "paho takes what the short cut takes")
        require(_told(ours) == _told(self._by_paho[0]), "both read the same")
        return "read"


def _told(message: mqtt.MQTTMessage) -> tuple[object, ...]:
    return (
        message.mid, message._topic, bytes(message.payload), message.qos, message.retain,
        message.dup, list(getattr(message.properties, "UserProperty", [])),
    )  # fmt: skip
