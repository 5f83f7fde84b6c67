"""paho's client, made to receive what the collector gets at a fraction of the cost.

paho asks the system before each packet whether there is one, reads it in at least four pieces and
writes each acknowledgement by itself, each of which also hands the interpreter to another thread;
and the list of all properties that MQTT knows is made anew for each message. With thousands of
messages a second that is more than it takes to verify them.

What is overridden here is paho's own business (as of 2.x); the subscriber's tests with a real
broker show whether it is still what it was, and what is unusual is left to paho.
"""

from __future__ import annotations

import socket
import time
from collections.abc import Iterable
from typing import Any, Final

import paho.mqtt.client as mqtt
from paho.mqtt.enums import MQTTErrorCode, _ConnectionState
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

_PIECE: Final = 65536
_PUBLISH: Final = PacketTypes.PUBLISH
_PUBACK: Final = PacketTypes.PUBACK << 4
_PUBACK_HEAD: Final = bytes((_PUBACK, 2))  # two more bytes follow, the identifier: success
_USER_PROPERTY: Final = 0x26
_MORE: Final = 0x80
_PARTING_S: Final = 2.0


class BufferedSocket:
    """A socket that does not block, read in large pieces."""

    def __init__(self, within: Any) -> None:
        self._socket = within
        self._piece = b""
        self._at = 0

    def recv(self, size: int) -> bytes:
        """Return at most `size` bytes; none at the end. Raises what the socket does."""
        if self._at == len(self._piece):
            self._piece, self._at = self._socket.recv(_PIECE), 0
        part: bytes = self._piece[self._at : self._at + size]
        self._at += len(part)
        return part

    @property
    def in_hand(self) -> int:
        """How many bytes have been read and not been given."""
        return len(self._piece) - self._at

    def pending(self) -> int:
        """How many bytes can be read though the socket itself may have none left."""
        within = getattr(self._socket, "pending", None)  # TLS keeps some too
        return self.in_hand + (within() if within else 0)

    def part(self) -> None:
        """Say that nothing more comes from here, and wait until the other side is through.

        A socket that is closed with anything unread resets the connection, and a broker that
        was about to send then never reads the acknowledgements that came before: it delivers
        again what is in the ledger.
        """
        until = time.monotonic() + _PARTING_S
        try:
            self._socket.shutdown(socket.SHUT_WR)
            while (left_s := until - time.monotonic()) > 0:
                self._socket.settimeout(left_s)
                if not self._socket.recv(_PIECE):
                    break
        except OSError:
            pass  # gone already, or too slow: it is closed all the same

    def next_publish(self) -> tuple[int, bytes, int] | None:
        """Look at the PUBLISH that comes next, as far as it has been read whole.

        Returns
        -------
        tuple or None
            Its first byte, what follows its length, and its size in all, to be given to
            :meth:`skip`. None: another packet comes next, or less than a whole one was read.
        """
        piece, at = self._piece, self._at
        if at == len(piece) or piece[at] >> 4 != _PUBLISH:
            return None
        length, begin = 0, at + 1
        for shift in (0, 7, 14, 21):
            if begin == len(piece):
                return None
            length |= (piece[begin] & ~_MORE) << shift
            begin += 1
            if not piece[begin - 1] & _MORE:
                break
        else:
            return None
        end = begin + length
        return None if end > len(piece) else (piece[at], piece[begin:end], end - at)

    def skip(self, size: int) -> None:
        """Take so many bytes as read."""
        self._at += size

    def __getattr__(self, name: str) -> Any:
        # send(), close(), fileno() and the like are the socket's.
        return getattr(self._socket, name)


class UserProperties(Properties):
    """The properties of a message that has no others than those of its sender's own."""

    def __init__(self, pairs: list[tuple[str, str]]) -> None:
        # Not super(), which is what costs: it lists all properties of MQTT.
        object.__setattr__(self, "UserProperty", pairs)


class BufferedClient(mqtt.Client):
    """A client that reads through a :class:`BufferedSocket` and acknowledges in one piece."""

    def _create_socket(self) -> Any:
        return BufferedSocket(super()._create_socket())

    def _sock_close(self) -> None:
        if self._state == _ConnectionState.MQTT_CS_DISCONNECTING and isinstance(
            self._sock, BufferedSocket
        ):
            self._sock.part()
        super()._sock_close()

    def loop_read(self, max_packets: int = 1) -> MQTTErrorCode:
        """Handle all that has been read, before the system is asked for more."""
        code = super().loop_read(max_packets)
        while code == MQTTErrorCode.MQTT_ERR_SUCCESS and self._in_packet["command"] == 0:
            # A callback may have closed it.
            if not isinstance(self._sock, BufferedSocket) or not self._sock.in_hand:
                break
            if not self._take_publish(self._sock):
                code = super().loop_read(max_packets)
        return code

    def _take_publish(self, sock: BufferedSocket) -> bool:
        """Handle the message that comes next, if that is what comes and it is as usual."""
        if (packet := sock.next_publish()) is None:
            return False
        header, body, size = packet
        if (message := read_publish(header, body)) is None:
            return False
        sock.skip(size)
        with self._msgtime_mutex:
            self._last_bytes_received = time.monotonic()
        self._handle_on_message(message)
        return True

    def _handle_publish(self) -> MQTTErrorCode:
        message = read_publish(self._in_packet["command"], bytes(self._in_packet["packet"]))
        if message is None:
            return super()._handle_publish()
        self._handle_on_message(message)
        return MQTTErrorCode.MQTT_ERR_SUCCESS

    def ack_all(self, mids: Iterable[int]) -> None:
        """Acknowledge messages of QoS 1 by their numbers."""
        packets = b"".join(_PUBACK_HEAD + mid.to_bytes(2, "big") for mid in mids)
        if packets:
            self._packet_queue(_PUBACK, packets, mid=0, qos=1)


def read_publish(header: int, body: bytes) -> mqtt.MQTTMessage | None:
    """Return the message in an MQTT 5 PUBLISH (section 3.3), or None where paho must see to it.

    Parameters
    ----------
    header : int
        The packet's first byte.
    body : bytes
        What follows its length.

    Returns
    -------
    MQTTMessage or None
        None: it is of QoS 2, has properties other than user properties, or is malformed.
    """
    qos = header >> 1 & 3
    topic_end = 2 + int.from_bytes(body[:2], "big")
    at = topic_end + 2 * qos
    # Properties of up to 127 bytes have a length of one byte, up to 16383 of two.
    if qos > 1 or at >= len(body):
        return None
    length = body[at]
    at += 1
    if length & _MORE:
        if at == len(body) or body[at] & _MORE:
            return None
        length = (length & ~_MORE) + (body[at] << 7)
        at += 1
    end = at + length
    if end > len(body) or (pairs := _user_properties(body, at, end)) is None:
        return None
    message = mqtt.MQTTMessage(int.from_bytes(body[topic_end : topic_end + 2 * qos], "big"),
                               body[2:topic_end])  # fmt: skip
    message.qos = qos
    message.retain = bool(header & 1)
    message.dup = bool(header & 8)
    message.properties = UserProperties(pairs)
    message.payload = body[end:]
    return message


def _user_properties(body: bytes, at: int, end: int) -> list[tuple[str, str]] | None:
    pairs = []
    while at < end:
        middle = at + 3 + int.from_bytes(body[at + 1 : at + 3], "big")
        last = middle + 2 + int.from_bytes(body[middle : middle + 2], "big")
        if body[at] != _USER_PROPERTY or last > end:
            return None
        try:
            pair = body[at + 3 : middle].decode(), body[middle + 2 : last].decode()
        except UnicodeDecodeError:
            return None
        if any("\0" in text for text in pair):
            return None
        pairs.append(pair)
        at = last
    return pairs
