"""A ZIP whose bytes depend on its content only, and that takes what is compressed already.

Names in order, no times but 1980-01-01, no system's attributes; APPNOTE.TXT 6.3, without ZIP64.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable
from pathlib import Path
from typing import Final, NamedTuple

from collector.evidence.errors import EvidenceError

_LOCAL: Final = struct.Struct("<IHHHHHIIIHH")
_CENTRAL: Final = struct.Struct("<IHHHHHHIIIHHHHHII")
_END: Final = struct.Struct("<IHHHHIIH")
_UTF8: Final = 0x0800
_FIRST_DAY: Final = 0x0021  # 1980-01-01
_LARGEST: Final = 0xFFFF_FFFF
_STORED, _DEFLATED = 0, 8


class Member(NamedTuple):
    """One file: `stored` is raw deflate where `deflated`, else the file itself."""

    name: str
    stored: bytes
    deflated: bool
    size: int
    crc32: int


def write_zip(path: Path, members: Iterable[Member]) -> None:
    """Write `members` in the order given; :class:`EvidenceError` if they are too large."""
    central = []
    with path.open("wb") as file:
        for member in members:
            offset = file.tell()
            if max(offset, member.size, len(member.stored)) >= _LARGEST:
                raise EvidenceError("the summary is larger than 4 GB: choose a shorter period")
            name = member.name.encode()
            common = _common(member, name)
            file.write(_LOCAL.pack(0x04034B50, 20, *common, 0) + name)
            file.write(member.stored)
            entry = _CENTRAL.pack(0x02014B50, 20, 20, *common, 0, 0, 0, 0, 0, offset)
            central.append(entry + name)
        begin = file.tell()
        directory = b"".join(central)
        file.write(directory)
        count = len(central)
        file.write(_END.pack(0x06054B50, 0, 0, count, count, len(directory), begin, 0))


def _common(member: Member, name: bytes) -> tuple[int, ...]:
    """The fields that both headers have, from the flags to the length of the name."""
    method = _DEFLATED if member.deflated else _STORED
    sizes = (member.crc32, len(member.stored), member.size)
    return (_UTF8, method, 0, _FIRST_DAY, *sizes, len(name))
