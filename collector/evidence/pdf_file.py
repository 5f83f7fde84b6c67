"""The files within a document, put in after typesetting, and found again.

The typesetter would take its time to compress what was compressed for the ZIP already. So it gets
a short mark for each file, and the file is put in the mark's place here; offsets are written anew.
One file, the seal, is as long as it may become and blank until everything else is settled.

Only documents as the typesetter writes them are read: PDF 1.7 with a classic cross-reference
table. Whoever saves the document anew changes it, and that is told.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping
from typing import Final, NamedTuple

from collector.evidence.errors import EvidenceError

BLANK_BYTES: Final = 16_384
_MOST_OBJECTS: Final = 100_000
_LONGEST_DICTIONARY: Final = 1000
_EMBEDDED: Final = re.compile(
    rb"(?P<number>\d{1,10}) 0 obj\n<</Length (?P<length>\d{1,12})/Type/EmbeddedFile"
    rb"(?P<deflated>/Filter/FlateDecode)?/Subtype/(?P<type>[^/<>]{1,100})"
    rb"/Params<</Size (?P<size>\d{1,12})/ModDate\((?P<date>[^()]{1,40})\)>>>>\nstream\n"
)
_SPECIFICATION: Final = re.compile(
    rb"\d{1,10} 0 obj\n<</Type/Filespec/F\((?P<name>[a-z0-9._-]{1,100})\)/UF\([^()]{1,100}\)"
    rb"/EF<</F (?P<number>\d{1,10}) 0 R"
)
_END: Final = re.compile(rb"startxref\n(\d{1,12})\n%%EOF\s*\Z")
_TABLE: Final = re.compile(rb"xref\n0 (\d{1,7})\n")
_ENTRY_BYTES: Final = 20


class Content(NamedTuple):
    """What is embedded: the bytes as they stand in the document, and the file's own length."""

    stored: bytes
    deflated: bool
    size: int


class Embedded(NamedTuple):
    """Where a file stands in a document."""

    offset: int
    length: int
    deflated: bool
    size: int


def mark(number: int) -> str:
    """What stands for the file of that number while typesetting; too short to be compressed."""
    return f"file:{number:02d}"


def filled(pdf: bytes, files: Mapping[str, Content]) -> bytes:
    """Return a document with `files` in the places of their marks (:func:`mark`)."""
    table, starts = _offsets(pdf)
    ordered = sorted(starts)
    body = pdf.index(b"trailer\n", table)
    parts, moved, at = [pdf[: ordered[0]]], {}, ordered[0]
    for start, end in zip(ordered, [*ordered[1:], table], strict=True):
        new = _object(pdf[start:end], files)
        moved[start] = at
        at += len(new)
        parts.append(new)
    entries = b"".join(b"%010d 00000 n\r\n" % moved[start] for start in starts)
    first = b"xref\n0 %d\n0000000000 65535 f\r\n" % (len(starts) + 1)
    trailer = _END.sub(b"", pdf[body:])
    return b"".join([*parts, first, entries, trailer, b"startxref\n%d\n%%%%EOF" % at])


def _object(text: bytes, files: Mapping[str, Content]) -> bytes:
    match = _EMBEDDED.match(text)
    if match is None:
        return text
    begin = match.end()
    name = text[begin : begin + int(match["length"])].decode("ascii", "replace")
    content = files.get(name)
    if content is None:
        return text
    head = b"%s 0 obj\n<</Length %d/Type/EmbeddedFile%s/Subtype/%s" % (
        match["number"],
        len(content.stored),
        b"/Filter/FlateDecode" if content.deflated else b"",
        match["type"],
    )
    rest = b"/Params<</Size %d/ModDate(%s)>>>>\nstream\n" % (content.size, match["date"])
    return b"".join([head, rest, content.stored, text[begin + int(match["length"]) :]])


def embedded(pdf: bytes) -> dict[str, Embedded]:
    """Return the files within a document by name.

    Raises
    ------
    EvidenceError
        It is no document as Skolro writes them.
    """
    _, starts = _offsets(pdf)
    streams: dict[int, Embedded] = {}
    names: dict[int, str] = {}
    for start in starts:
        text = pdf[start : start + _LONGEST_DICTIONARY]
        if (match := _EMBEDDED.match(text)) is not None:
            found = Embedded(
                start + match.end(),
                int(match["length"]),
                match["deflated"] is not None,
                int(match["size"]),
            )
            streams[int(match["number"])] = found
        elif (match := _SPECIFICATION.match(text)) is not None:
            name = match["name"].decode("ascii")
            if name in names.values():
                raise EvidenceError(f"the document holds two files of the name {name}")
            names[int(match["number"])] = name
    if any(one.offset + one.length > len(pdf) for one in streams.values()):
        raise EvidenceError("the document is cut off within one of its files")
    return {name: streams[number] for number, name in names.items() if number in streams}


def _offsets(pdf: bytes) -> tuple[int, list[int]]:
    """Where the cross-reference table begins, and each object, by its number."""
    not_ours = EvidenceError(
        "it is no document as Skolro writes them, or another program has saved it anew: "
        "ask for the original"
    )
    end = _END.search(pdf, max(0, len(pdf) - 100))
    if not pdf.startswith(b"%PDF-1.7\n") or end is None:
        raise not_ours
    table = int(end[1])
    head = _TABLE.match(pdf, table) if table < len(pdf) else None
    if head is None or not 1 < int(head[1]) <= _MOST_OBJECTS:
        raise not_ours
    rows = pdf[head.end() : head.end() + _ENTRY_BYTES * int(head[1])]
    if len(rows) != _ENTRY_BYTES * int(head[1]):
        raise not_ours
    try:
        starts = [int(rows[i : i + 10]) for i in range(_ENTRY_BYTES, len(rows), _ENTRY_BYTES)]
    except ValueError:
        raise not_ours from None
    if any(not 0 < start < table for start in starts) or len(set(starts)) != len(starts):
        raise not_ours
    return table, starts


def with_seal(pdf: bytes, place: Embedded, seal: bytes) -> bytes:
    """Return a document with `seal` in its blank place."""
    if len(seal) > place.length:
        raise EvidenceError(
            f"the seal has {len(seal)} bytes and there is room for {place.length}: "
            "shorten the authority's name or the question"
        )
    padded = seal.ljust(place.length, b" ")
    return b"".join([pdf[: place.offset], padded, pdf[place.offset + place.length :]])


def blank_sha256(pdf: bytes, place: Embedded) -> str:
    """SHA-256 (hex) of a document with blanks in the place of its seal."""
    digest = hashlib.sha256()
    view = memoryview(pdf)
    parts: Iterable[memoryview | bytes] = (
        view[: place.offset],
        b" " * place.length,
        view[place.offset + place.length :],
    )
    for part in parts:
        digest.update(part)
    return digest.hexdigest()
