"""A summary as a folder, a ZIP or a document alone: its files by name, read with care.

Whoever made it may be hostile. Nothing is unpacked to the disk, no link is followed, no name can
lead anywhere, and nothing is read that is larger than any summary's.
"""

from __future__ import annotations

import re
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Final, Protocol

from collector.evidence import pdf_file
from collector.evidence.errors import EvidenceError
from collector.evidence.lines import LONGEST_LINE
from collector.evidence.manifest import DOCUMENT, INNER_SEAL, MESSAGES

_CHUNK: Final = 1 << 18
_MOST_FILES: Final = 100
_LARGEST_MESSAGES: Final = 8 << 30
_LARGEST_DOCUMENT: Final = 2 << 30
_LARGEST: Final = 128 << 20
_MOST_RATIO: Final = 200
_RATIO_FREE: Final = 16 << 20
_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")


class DamagedError(EvidenceError):
    """A file of the summary that cannot be read to its end."""


class Source(Protocol):
    """Where the files of a summary are.

    `names` has all files that are there. Reading raises :class:`DamagedError` where a file is
    damaged.
    """

    names: frozenset[str]

    def chunks(self, name: str) -> Iterator[bytes]:
        """Yield the file, piece by piece."""

    def size(self, name: str) -> int:
        """How long the file says that it is."""


def open_source(path: Path) -> Source:
    """Return the summary at `path`.

    Raises
    ------
    EvidenceError
        There is none that can be read.
    """
    try:
        if path.is_dir():
            return _Folder(path)
        if not path.is_file():
            raise EvidenceError(f"there is no file or folder {path}")
        with path.open("rb") as file:
            begin = file.read(5)
        if begin.startswith(b"%PDF-"):
            return Document.read(path)
        if begin.startswith(b"PK"):
            return _Zip(path)
    except OSError as error:
        raise EvidenceError(f"cannot read {path}: {error.strerror}") from error
    raise EvidenceError(
        f"{path} is no summary: give the folder, its ZIP, or the document summary.pdf"
    )


def read(source: Source, name: str) -> bytes:
    """Return a whole file; those that may be large are read by :func:`lines_of`."""
    return b"".join(source.chunks(name))


def lines_of(source: Source, name: str) -> Iterator[bytes]:
    """Yield the lines of a file, without their ends."""
    rest = b""
    for chunk in source.chunks(name):
        *lines, rest = (rest + chunk).split(b"\n")
        yield from lines
        if len(rest) > LONGEST_LINE:
            raise DamagedError(f"{name} has a line longer than any message's")
    if rest:
        yield rest


def _largest(name: str) -> int:
    if name == MESSAGES:
        return _LARGEST_MESSAGES
    return _LARGEST_DOCUMENT if name == DOCUMENT else _LARGEST


def _require_size(name: str, size: int, stored: int) -> None:
    if size > _largest(name):
        raise EvidenceError(f"{name} says it has {size} bytes: more than any summary's")
    if size > _RATIO_FREE and size > _MOST_RATIO * max(stored, 1):
        raise EvidenceError(
            f"{name} grows from {stored} to {size} bytes: that is no file of a summary"
        )


class _Folder:
    def __init__(self, path: Path) -> None:
        self._path = path
        found = sorted(path.iterdir())
        if len(found) > _MOST_FILES:
            raise EvidenceError(f"{path} holds {len(found)} files: that is no summary")
        for one in found:
            if one.is_symlink() or not one.is_file():
                raise EvidenceError(
                    f"{one} is no plain file: a summary holds no links and no folders"
                )
            _require_size(one.name, one.stat().st_size, one.stat().st_size)
        self.names = frozenset(one.name for one in found)

    def size(self, name: str) -> int:
        return (self._path / name).stat().st_size

    def chunks(self, name: str) -> Iterator[bytes]:
        try:
            with (self._path / name).open("rb") as file:
                while chunk := file.read(_CHUNK):
                    yield chunk
        except OSError as error:
            raise DamagedError(f"{name} cannot be read: {error.strerror}") from error


class _Zip:
    def __init__(self, path: Path) -> None:
        try:
            self._zip = zipfile.ZipFile(path)
            infos = self._zip.infolist()
        except (zipfile.BadZipFile, ValueError, NotImplementedError, OSError) as error:
            raise EvidenceError(f"{path} is no ZIP that can be read: {error}") from error
        if len(infos) > _MOST_FILES:
            raise EvidenceError(f"{path} holds {len(infos)} files: that is no summary")
        self._infos = {_bare_name(info.filename): info for info in infos}
        if len(self._infos) != len(infos):
            raise EvidenceError(f"{path} holds two files of one name: that is no summary")
        if len({info.filename.rpartition("/")[0] for info in infos}) > 1:
            raise EvidenceError(f"{path} holds several folders: that is no summary")
        for name, info in self._infos.items():
            if info.flag_bits & 0x1 or info.compress_type not in {0, 8}:
                raise EvidenceError(f"{name} is encrypted or packed in another way than ours")
            _require_size(name, info.file_size, info.compress_size)
        self.names = frozenset(self._infos)

    def size(self, name: str) -> int:
        return self._infos[name].file_size

    def chunks(self, name: str) -> Iterator[bytes]:
        info = self._infos[name]
        read = 0
        try:
            with self._zip.open(info) as file:
                while chunk := file.read(_CHUNK):
                    read += len(chunk)
                    yield chunk
        except (zipfile.BadZipFile, zlib.error, EOFError, OSError, RuntimeError) as error:
            raise DamagedError(f"{name} is damaged within the ZIP: {error}") from error
        if read != info.file_size:
            raise DamagedError(f"{name} is cut off within the ZIP")


def _bare_name(name: str) -> str:
    """The name without the one folder that everything is in."""
    parts = name.split("/")
    if len(parts) > 2 or not all(_NAME.fullmatch(part) for part in parts) or ".." in parts:
        raise EvidenceError(f"the ZIP holds {name[:80]!r}: no file of a summary is named so")
    return parts[-1]


class Document:
    """The files within a document; the seal among them is taken as it stands."""

    def __init__(self, pdf: bytes) -> None:
        self.pdf = pdf
        self.places = pdf_file.embedded(pdf)
        for name, place in self.places.items():
            _require_size(name, place.size, place.length)
        self.names = frozenset(self.places)

    @classmethod
    def read(cls, path: Path) -> Document:
        """Return the document in a file."""
        _require_size(DOCUMENT, path.stat().st_size, path.stat().st_size)
        return cls(path.read_bytes())

    def size(self, name: str) -> int:
        return self.places[name].size

    def chunks(self, name: str) -> Iterator[bytes]:
        place = self.places[name]
        view = memoryview(self.pdf)[place.offset : place.offset + place.length]
        if not place.deflated:
            yield bytes(view)
            return
        unpack = zlib.decompressobj()
        left = place.size
        try:
            for at in range(0, len(view), _CHUNK):
                chunk = unpack.decompress(view[at : at + _CHUNK], left + 1)
                while chunk:
                    left -= len(chunk)
                    if left < 0:
                        raise DamagedError(f"{name} is longer than the document says")
                    yield chunk
                    chunk = unpack.decompress(unpack.unconsumed_tail, left + 1)
        except zlib.error as error:
            raise DamagedError(f"{name} is damaged within the document: {error}") from error
        if left or not unpack.eof:
            raise DamagedError(f"{name} is cut off within the document")

    def blank_sha256(self) -> str:
        """The document's hash with its seal blank."""
        return pdf_file.blank_sha256(self.pdf, self.places[INNER_SEAL])
