"""An MQTT 5 client that sends what it is told, byte by byte, as no library would."""

from __future__ import annotations

import socket
import struct
from types import TracebackType
from typing import Final, Self

ACCEPTED: Final = 0x00
NOBODY_LISTENS: Final = 0x10

_CONNECT: Final = 0x10
_CONNACK: Final = 0x20
_PUBLISH_AT_QOS_1: Final = 0x32
_PUBACK: Final = 0x40
_CLEAN_START: Final = 0x02

CONTENT_TYPE: Final = 0x03
RESPONSE_TOPIC: Final = 0x08
CORRELATION: Final = 0x09
USER_PROPERTY: Final = 0x26


class RawPublisher:
    """A connection to a broker; a broker that closes it is connected to again.

    Parameters
    ----------
    host, port
        Where the broker is.
    """

    def __init__(self, host: str, port: int) -> None:
        self._address = (host, port)
        self._mid = 0
        self._socket = self._connected()

    def publish(self, topic: bytes, payload: bytes, properties: bytes = b"") -> int | None:
        """Publish at QoS 1, and return the broker's reason code; None: it hung up."""
        self._mid = self._mid % 65_535 + 1
        head = text(topic) + struct.pack("!H", self._mid) + _length(len(properties)) + properties
        try:
            self._socket.sendall(_packet(_PUBLISH_AT_QOS_1, head + payload))
            answer = self._read(_PUBACK)
        except OSError:
            self._socket.close()
            self._socket = self._connected()
            return None
        return answer[2] if len(answer) > 2 else ACCEPTED

    def _connected(self) -> socket.socket:
        self._socket = socket.create_connection(self._address, timeout=10)
        head = text(b"MQTT") + bytes([5, _CLEAN_START]) + struct.pack("!H", 0) + b"\0" + text(b"")
        self._socket.sendall(_packet(_CONNECT, head))
        self._read(_CONNACK)
        return self._socket

    def _read(self, wanted: int) -> bytes:
        kind, length = self._exactly(2)
        body = self._exactly(length)
        if kind != wanted:
            raise ConnectionError(f"packet {kind:#x} in place of {wanted:#x}")
        return body

    def _exactly(self, size: int) -> bytes:
        read = b""
        while len(read) < size:
            more = self._socket.recv(size - len(read))
            if not more:
                raise ConnectionError("the broker hung up")
            read += more
        return read

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._socket.close()


def text(value: bytes) -> bytes:
    """A string or binary value as MQTT writes it."""
    return struct.pack("!H", len(value)) + value


def user_property(name: bytes, value: bytes) -> bytes:
    """A user property as MQTT 5 writes it."""
    return bytes([USER_PROPERTY]) + text(name) + text(value)


def _packet(kind: int, body: bytes) -> bytes:
    return bytes([kind]) + _length(len(body)) + body


def _length(number: int) -> bytes:
    """A variable byte integer (MQTT 5, section 1.5.5)."""
    digits = bytearray()
    while True:
        number, digit = divmod(number, 128)
        digits.append(digit | (0x80 if number else 0))
        if not number:
            return bytes(digits)
