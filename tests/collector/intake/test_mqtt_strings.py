"""Strings in packets are read as MQTT 5 has them, and nothing else."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from paho.mqtt import properties
from paho.mqtt.exception import MalformedPacket

from collector.intake.mqtt_strings import read_string, teach_paho
from tests.raw_mqtt import text


@settings(max_examples=200, deadline=None)
@given(st.text(st.characters(codec="utf-8", exclude_characters="\0")), st.binary(max_size=10))
def test_a_string_is_read_whatever_follows(written: str, behind: bytes) -> None:
    packed = text(written.encode())
    assert read_string(packed + behind, len(packed) + len(behind)) == (written, len(packed))


@pytest.mark.parametrize(
    ("packed", "most"),
    [
        (b"", 0),
        (b"\0", 1),
        (text(b"abc"), 4),
        (text(b"\xff"), 3),
        (text(b"\xed\xa0\x80"), 5),
        (text(b"a\0b"), 5),
    ],
    ids=["nothing", "half a length", "cut off", "no UTF-8", "a surrogate", "NUL"],
)
def test_what_is_no_string_is_refused(packed: bytes, most: int) -> None:
    with pytest.raises(MalformedPacket):
        read_string(packed, most)


def test_paho_reads_strings_that_way() -> None:
    teach_paho()
    teach_paho()
    assert properties.readUTF is read_string
    assert read_string(text("\ufeff".encode()), 5) == ("\ufeff", 5)
