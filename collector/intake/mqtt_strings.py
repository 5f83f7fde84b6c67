"""Strings in MQTT packets, read as the standard has them.

MQTT 5 (section 1.5.4) forbids NUL and surrogates in strings and allows U+FEFF, and brokers pass it
on. paho takes U+FEFF for a malformed packet and parts from the broker, which keeps the message and
delivers it again at the next connection: one message with U+FEFF in a property, by anybody who may
publish, would shut the collector out for good.
"""

from __future__ import annotations

from paho.mqtt import properties
from paho.mqtt.exception import MalformedPacket


def read_string(buffer: bytes, most: int) -> tuple[str, int]:
    """Return the string that `buffer` begins with, and how many of its bytes that took.

    Raises
    ------
    MalformedPacket
        It ends behind `most` bytes, is not UTF-8 or holds NUL.
    """
    end = 2 + int.from_bytes(buffer[:2], "big")
    if most < 2 or end > most:
        raise MalformedPacket("a string is longer than what holds it")
    try:
        text = bytes(buffer[2:end]).decode("utf-8")
    except UnicodeDecodeError as error:
        raise MalformedPacket(f"a string is not UTF-8: {error}") from error
    if "\0" in text:
        raise MalformedPacket("a string holds NUL")
    return text, end


def teach_paho() -> None:
    """Let paho read strings with :func:`read_string`; doing so again changes nothing."""
    properties.readUTF = read_string
