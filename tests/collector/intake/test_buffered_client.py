"""What is read past paho is what paho would have read."""

from __future__ import annotations

import select
import socket
from itertools import pairwise

import paho.mqtt.client as mqtt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from paho.mqtt import _packet
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from collector.intake.buffered_client import BufferedClient, BufferedSocket, read_publish
from collector.intake.mqtt_strings import teach_paho

MID = 0x1234
TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=300)


def packed(topic: bytes, qos: int, properties: Properties, payload: bytes) -> bytes:
    """The body of a PUBLISH."""
    mid = MID.to_bytes(2, "big") if qos else b""
    packed_properties: bytes = properties.pack()  # type: ignore[no-untyped-call]  # paho has no types here
    return len(topic).to_bytes(2, "big") + topic + mid + packed_properties + payload


def publishing(pairs: list[tuple[str, str]]) -> Properties:
    """User properties as paho has them."""
    properties = Properties(PacketTypes.PUBLISH)  # type: ignore[no-untyped-call]  # paho has no types here
    if pairs:
        properties.UserProperty = pairs
    return properties


def is_as_paho_reads_it(header: int, body: bytes, message: mqtt.MQTTMessage) -> bool:
    """Whether both find the same."""
    teach_paho()
    read = _packet.decode_publish(header, body, MQTTProtocolVersion.MQTTv5)
    assert read.properties is not None
    assert message.properties is not None
    theirs, ours = (getattr(p, "UserProperty", []) for p in (read.properties, message.properties))
    return (theirs, read.topic, read.qos, read.mid, read.retain, read.dup, read.payload) == (
        ours, message._topic, message.qos, message.mid, message.retain, message.dup,
        message.payload,
    )  # fmt: skip


@given(
    st.text(max_size=80), st.integers(0, 1), st.lists(st.tuples(TEXT, TEXT), max_size=4),
    st.binary(max_size=300), st.sampled_from([0, 1, 8, 9]),
)  # fmt: skip
@settings(deadline=None, max_examples=200)
def test_messages(
    topic: str, qos: int, pairs: list[tuple[str, str]], payload: bytes, flags: int
) -> None:
    header = 0x30 | qos << 1 | flags
    body = packed(topic.encode("utf-8", "replace"), qos, publishing(pairs), payload)
    message = read_publish(header, body)
    assert message is not None
    assert is_as_paho_reads_it(header, body, message)


@given(st.integers(0x30, 0x3F), st.binary(max_size=60))
@settings(deadline=None, max_examples=500)
def test_anything_is_read_as_paho_does_or_left_to_it(header: int, body: bytes) -> None:
    message = read_publish(header, body)
    assert message is None or is_as_paho_reads_it(header, body, message)


@given(st.integers(0, 200), st.binary(max_size=8))
@settings(deadline=None, max_examples=300)
def test_a_damaged_message_is_read_as_paho_does_or_left_to_it(at: int, damage: bytes) -> None:
    whole = packed(b"skolro/v1/a/event", 1, publishing([("sig", "x" * 150)]), b"{}")
    body = whole[:at] + damage + whole[at + len(damage) :]
    message = read_publish(0x32, body)
    assert message is None or is_as_paho_reads_it(0x32, body, message)


def test_other_properties_are_left_to_paho() -> None:
    properties = publishing([("sig", "x")])
    properties.ContentType = "application/json"
    assert read_publish(0x32, packed(b"a", 1, properties, b"{}")) is None


def test_a_long_list_of_properties_is_left_to_paho() -> None:
    body = packed(b"a", 1, publishing([("sig", "x" * 20_000)]), b"{}")
    assert read_publish(0x32, body) is None


def test_the_socket_gives_every_byte_once() -> None:
    near, far = socket.socketpair()
    with near, far:
        near.setblocking(False)
        buffered = BufferedSocket(near)
        with pytest.raises(BlockingIOError):
            buffered.recv(1)
        far.sendall(b"abcdef")
        assert buffered.recv(1) == b"a"
        assert buffered.pending() == 5
        assert buffered.recv(100) == b"bcdef"
        assert buffered.pending() == 0
        assert buffered.fileno() == near.fileno()
        far.close()
        assert buffered.recv(1) == b""


def received(
    client: mqtt.Client, stream: bytes, cuts: list[int]
) -> list[tuple[str, int, bytes | bytearray]]:
    """What a client hands over of a stream that arrives in pieces."""
    found: list[tuple[str, int, bytes | bytearray]] = []
    client.on_message = lambda _client, _data, message: found.append(
        (message.topic, message.mid, message.payload)
    )
    near, far = socket.socketpair()
    with near, far:
        near.setblocking(False)
        client._sock = BufferedSocket(near) if isinstance(client, BufferedClient) else near
        for begin, end in pairwise([0, *sorted(cuts), len(stream)]):
            far.sendall(stream[begin:end])
            while select.select([near], [], [], 0)[0] or _in_hand(client):
                assert client.loop_read() == mqtt.MQTT_ERR_SUCCESS
    client._sock = None
    return found


def _in_hand(client: mqtt.Client) -> bool:
    return isinstance(client._sock, BufferedSocket) and client._sock.in_hand > 0


def packet(header: int, body: bytes) -> bytes:
    """A packet with its length, in as many bytes as that takes."""
    length, rest = bytearray(), len(body)
    while True:
        rest, seven = divmod(rest, 128)
        length.append(seven | (0x80 if rest else 0))
        if not rest:
            return bytes([header]) + bytes(length) + body


@given(st.data())
@settings(deadline=None, max_examples=100)
def test_a_stream_is_read_as_paho_does_however_it_is_cut(data: st.DataObject) -> None:
    signed = publishing([("sig", "x" * 150)])
    other = publishing([])
    other.ContentType = "application/json"
    packets = [packet(0xD0, b"")]
    packets += [
        packet(0x32, packed(b"skolro/v1/a/event", 1, properties, b"x" * size))
        for size in (0, 30, 90, 2000, 20_000)
        for properties in (signed, other)
    ]
    stream = b"".join(data.draw(st.lists(st.sampled_from(packets), max_size=8)))
    cuts = data.draw(st.lists(st.integers(0, len(stream)), max_size=6))
    theirs, ours = (
        received(
            kind(CallbackAPIVersion.VERSION2, protocol=mqtt.MQTTv5, manual_ack=True), stream, cuts
        )
        for kind in (mqtt.Client, BufferedClient)
    )
    assert ours == theirs
