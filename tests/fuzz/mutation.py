"""Changes of what was valid, made where readers are known to stumble."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from random import Random
from typing import Final

_TOKEN: Final = re.compile(
    rb'"(?:[^"\\]|\\.)*"|-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?|true|false|null|[\[\]{},:]'
)
_MEMBER: Final = re.compile(rb'"(?:[^"\\]|\\.)*":(?:"(?:[^"\\]|\\.)*"|[^,\[\]{}"]+|null),?')

TIMES: Final = (
    "1970-01-01T00:00:00Z", "1969-12-31T23:59:59.999999Z", "2100-02-28T23:59:59Z",
    "2199-12-31T23:59:59.999999Z", "1900-01-01T00:00:00Z", "2000-02-29T12:00:00Z",
    "9999-12-31T23:59:59.999999Z", "0001-01-01T00:00:00Z", "2026-11-02T07:00:00",
    "2026-11-02T07:00:00+01:00", "2026-11-02T07:00:60Z", "2026-11-02T24:00:00Z",
    "2026-10-25T02:30:00Z", "2026-11-02 07:00:00Z", "2026-11-02T07:00:00.0000001Z",
)  # fmt: skip
"""Times at the ends of clocks and calendars, and spellings that are not the contract's."""

NUMBERS: Final = (
    "0", "-0", "-1", "1", "0.0", "-0.0", "1e400", "-1e400", "1e308", "5e-324", "NaN", "Infinity",
    "-Infinity", "9007199254740991", "9007199254740992", "9223372036854775807",
    "9223372036854775808", "18446744073709551616", "1" + "0" * 400, "9" * 5000, "00", "0x10",
    "1_000", "200.0", "200.1", "-50.0", "3600", "3601", "1e1",
)  # fmt: skip

TEXTS: Final = (
    '""', '"\\u0000"', '"\ufeff"', '"\\ud800"', '"\\u000a"', '"ekskolan-1\\n"', '"askolan-1"',
    '"a"', '"\u202e"', '"\U0001f6f5"', '"' + "x" * 201 + '"', '"' + "0" * 64 + '"',
    '"' + "0" * 64 + '\\n"', '"dB"', '"km/h"', '"82.4"',
)  # fmt: skip

OTHERS: Final = ("null", "true", "[]", "{}", "[null]", '{"a":{}}', "")

HOSTILE: Final = tuple(
    value.encode() for value in (*(f'"{time}"' for time in TIMES), *NUMBERS, *TEXTS, *OTHERS)
)
"""JSON values, and some that are none, to put in the place of good ones."""

SCRAPS: Final = (
    b"\0", b"\xff", b"\xc3", b"\xed\xa0\x80", b"\xf4\x90\x80\x80", b"\xef\xbb\xbf", b"\n", b" ",
    b"\r\n", b"{", b"[" * 1500, b'{"a":' * 300, b'"', b"\\u", b"9" * 400,
)  # fmt: skip
"""Bytes that decoders of text and of JSON refuse, each in its own way."""


def changed_bytes(data: bytes, random: Random) -> bytes:
    """Return `data` with some bytes replaced, inserted, repeated or cut off."""
    start = random.randint(0, len(data))
    end = min(len(data), start + random.choice((0, 1, 1, 2, 8, 64)))
    new = random.choice((random.choice(SCRAPS), random.randbytes(end - start), data[start:end] * 2))
    return data[:start] + new + data[random.choice((end, end, end, len(data))) :]


def changed_json(payload: bytes, random: Random) -> bytes:
    """Return the JSON text `payload` with one change that leaves the rest as it is written."""
    tokens = [match.span() for match in _TOKEN.finditer(payload)]
    if not tokens:
        return changed_bytes(payload, random)
    return random.choice(_CHANGES)(payload, tokens, random)


_Spans = Sequence[tuple[int, int]]
_Change = Callable[[bytes, _Spans, Random], bytes]


def _with_hostile_value(payload: bytes, tokens: _Spans, random: Random) -> bytes:
    return _replaced(payload, _value(payload, tokens, random), random.choice(HOSTILE))


def _with_other_number(payload: bytes, tokens: _Spans, random: Random) -> bytes:
    numbers = [span for span in tokens if payload[span[0] : span[0] + 1].isdigit()]
    if not numbers:
        return _with_hostile_value(payload, tokens, random)
    first, end = random.choice(numbers)
    whole = b"." not in payload[first:end]
    number = str(random.randint(0, 4000)) if whole else f"{random.uniform(-60, 210):.1f}"
    return _replaced(payload, (first, end), number.encode())


def _with_value_from_elsewhere(payload: bytes, tokens: _Spans, random: Random) -> bytes:
    first, end = _value(payload, tokens, random)
    return _replaced(payload, _value(payload, tokens, random), payload[first:end])


def _with_member_twice(payload: bytes, tokens: _Spans, random: Random) -> bytes:
    members = list(_MEMBER.finditer(payload))
    if not members:
        return _with_hostile_value(payload, tokens, random)
    member, place = random.choice(members), random.choice(members).start()
    text = member[0].rstrip(b",") + b","
    return payload[:place] + text + payload[place:]


def _without_member(payload: bytes, tokens: _Spans, random: Random) -> bytes:
    members = list(_MEMBER.finditer(payload))
    if not members:
        return _with_hostile_value(payload, tokens, random)
    return _replaced(payload, random.choice(members).span(), b"")


def _deeper(payload: bytes, tokens: _Spans, random: Random) -> bytes:
    depth = random.choice((1, 1, 20, 20, 1100)) if random.random() < 0.98 else 20_000
    opening, closing = random.choice(((b"[", b"]"), (b'{"a":', b"}")))
    first, end = _value(payload, tokens, random)
    return _replaced(payload, (first, end), opening * depth + payload[first:end] + closing * depth)


def _wider(payload: bytes, tokens: _Spans, random: Random) -> bytes:
    first, end = _value(payload, tokens, random)
    times = random.choice((2, 2, 60)) if random.random() < 0.9 else random.choice((3599, 3601))
    return _replaced(payload, (first, end), b",".join([payload[first:end]] * times))


def _scrambled(payload: bytes, _tokens: _Spans, random: Random) -> bytes:
    return changed_bytes(payload, random)


_CHANGES: Final[tuple[_Change, ...]] = (
    _with_hostile_value, _with_hostile_value, _with_hostile_value, _with_other_number,
    _with_other_number, _with_value_from_elsewhere, _with_member_twice, _without_member, _deeper,
    _wider, _scrambled,
)  # fmt: skip


def _value(payload: bytes, tokens: _Spans, random: Random) -> tuple[int, int]:
    values = [span for span in tokens if payload[span[0] : span[1]] not in b"[]{},:"]
    return random.choice(values or tokens)


def _replaced(payload: bytes, span: tuple[int, int], new: bytes) -> bytes:
    return payload[: span[0]] + new + payload[span[1] :]
