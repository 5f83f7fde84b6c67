"""Making a summary: a folder, and a ZIP of it, that depend on ledger and request alone."""

from __future__ import annotations

import hashlib
import tempfile
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Final, Literal
from zoneinfo import ZoneInfo

import msgspec
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.hashes import SHA256
from sqlalchemy import Engine

from collector.database.database import snapshot
from collector.evidence import pdf_file, zip_file
from collector.evidence.authority_key import public_pem
from collector.evidence.cms import SignerKey, cms_signature
from collector.evidence.document.typeset import typeset
from collector.evidence.errors import EvidenceError
from collector.evidence.export_log import Asked, Made, note_export
from collector.evidence.figures.csv_files import csv_bytes, schema_bytes
from collector.evidence.figures.evaluation import Evaluated, Evaluation
from collector.evidence.figures.tables import tables
from collector.evidence.gather import Gathered, gather, lines
from collector.evidence.language import language
from collector.evidence.lines import Line, encode_line, held
from collector.evidence.manifest import (
    AUTHORITY_KEY,
    CMS_SIGNATURE,
    DATA_FILES,
    DOCUMENT,
    INNER_SEAL,
    KEYS,
    MANIFEST,
    MESSAGES,
    REGISTRY,
    REPORT,
    SIGNATURE,
    TIME_STAMP,
    Authority,
    File,
    Manifest,
    authority,
    encode_manifest,
    inner_seal,
)
from collector.evidence.request import Request
from collector.evidence.time_stamp import fetch_time_stamp
from collector.registry.inventory import Inventory
from sensor.contract import signature

Progress = Callable[[int, int], None]

_LEVEL: Final = 1  # of compression: more costs more time than it saves room
_TOLD_EVERY: Final = 1000
_LINES_AT_ONCE: Final = 200


@dataclass(frozen=True, slots=True)
class Exporter:
    """The authority that makes summaries: its name and key, and what else seals them."""

    name: str
    key: Ed25519PrivateKey
    signer: tuple[x509.Certificate, SignerKey] | None = None
    time_stamp_url: str | None = None

    def authority(self) -> Authority:
        """As manifests name it."""
        certificate = None if self.signer is None else self.signer[0].fingerprint(SHA256()).hex()
        return authority(self.name, self.key.public_key(), certificate)


@dataclass(frozen=True, slots=True)
class Exported:
    """What was made."""

    folder: Path
    archive: Path
    messages: int
    events: int
    manifest_sha256: str


def export(
    engine: Engine,
    inventory: Inventory,
    request: Request,
    exporter: Exporter,
    out: Path,
    asked: Asked,
    progress: Progress | None = None,
) -> Exported:
    """Write the summary that `request` asks for into a new folder below `out`.

    Parameters
    ----------
    asked : Asked
        Who wants it and why: kept in the log of exports, and in no file of the summary.
    progress : callable, optional
        Told now and then how many messages are read, and of how many.

    Raises
    ------
    EvidenceError
        There is one already, no node hung there then, or it cannot be written or sealed.
    LedgerError
        It cannot be noted that it was made: then it is not.
    """
    name = folder_name(request, ZoneInfo(_time_zone(inventory, request)))
    folder, archive = out / name, out / f"{name}.zip"
    for path in (folder, archive):
        if path.exists():
            raise EvidenceError(f"{path} exists already: choose another --out, or remove it")
    try:
        out.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".skolro-evidence-", dir=out) as scratch:
            made = _export(engine, inventory, request, exporter, Path(scratch) / name, progress)
            note_export(engine, _note(asked, request, made))
            made.folder.rename(folder)
            return replace(made, folder=folder, archive=made.archive.rename(archive))
    except OSError as error:
        raise EvidenceError(f"cannot write below {out}: {error.strerror}") from error


def _time_zone(inventory: Inventory, request: Request) -> str:
    site = inventory.sites.get(request.site)
    return "UTC" if site is None else site.time_zone


def folder_name(request: Request, zone: ZoneInfo) -> str:
    """What the folder of a summary is called."""
    first, last = (f"{at.astimezone(zone):%Y-%m-%dT%H%M}" for at in (request.start, request.end))
    name = f"skolro-{request.site}-{first}-{last}-{request.language}"
    return name.replace("T0000", "").lower()


def _export(
    engine: Engine,
    inventory: Inventory,
    request: Request,
    exporter: Exporter,
    made: Path,
    progress: Progress | None,
) -> Exported:
    made.mkdir()
    with snapshot(engine) as connection:
        gathered = gather(connection, inventory, request)
        evaluation = Evaluation(request, gathered.registry)
        messages = _Messages(made / MESSAGES, made.with_name("packed"))
        told = _telling(progress, gathered.count)
        messages.write(lines(connection, gathered), evaluation, told)
    evaluated = evaluation.finish()
    data = _data_files(evaluated, gathered, exporter)
    files = {name: _file(name, raw) for name, raw in data.items()}
    files[MESSAGES] = File(name=MESSAGES, size=messages.size, sha256=messages.sha256)
    sealing = _Sealing(exporter, request, gathered, messages, files)
    document = sealing.document(evaluated, data)
    everything = {**data, DOCUMENT: document, **sealing.beside(document)}
    for name, raw in everything.items():
        (made / name).write_bytes(raw)
    archive = made.with_name("archive")
    zip_file.write_zip(archive, _members(made.name, everything, messages))
    digest = hashlib.sha256(everything[MANIFEST]).hexdigest()
    return Exported(made, archive, messages.count, evaluated.report.counts.events, digest)


def _note(asked: Asked, request: Request, made: Exported) -> Made:
    return Made(
        at=datetime.now(UTC),
        who=asked.who,
        reason=asked.reason,
        site=request.site,
        start=request.start,
        end=request.end,
        language=request.language,
        question=request.question,
        messages=made.messages,
        events=made.events,
        manifest_sha256=made.manifest_sha256,
    )


def _telling(progress: Progress | None, total: int) -> Callable[[int], None]:
    def told(done: int) -> None:
        if progress is not None and (done % _TOLD_EVERY == 0 or done == total):
            progress(done, total)

    return told


class _Messages:
    """``messages.jsonl`` on the disk, packed beside it, and what is known of both."""

    def __init__(self, plain: Path, packed: Path) -> None:
        self.plain = plain
        self.packed = packed
        self.size = self.packed_size = self.crc32 = self.count = 0
        self.sha256 = ""
        self.newest: datetime | None = None

    def write(
        self, source: Iterable[Line], evaluation: Evaluation, told: Callable[[int], None]
    ) -> None:
        """Write every message, and hand it on to be counted."""
        digest = hashlib.sha256()
        pack = zlib.compressobj(_LEVEL)
        with self.plain.open("wb") as plain, self.packed.open("wb") as packed:
            for chunk in self._chunks(source, evaluation, told):
                digest.update(chunk)
                self.crc32 = zlib.crc32(chunk, self.crc32)
                self.size += len(chunk)
                plain.write(chunk)
                packed.write(pack.compress(chunk))
            packed.write(pack.flush())
            self.packed_size = packed.tell()
        self.sha256 = digest.hexdigest()

    def _chunks(
        self, source: Iterable[Line], evaluation: Evaluation, told: Callable[[int], None]
    ) -> Iterator[bytes]:
        waiting: list[bytes] = []
        for line in source:
            waiting.append(encode_line(line))
            evaluation.add(held(line))
            self.newest = max(self.newest or line.received_at, line.received_at)
            self.count += 1
            told(self.count)
            if len(waiting) >= _LINES_AT_ONCE:
                yield b"".join(waiting)
                waiting = []
        yield b"".join(waiting)


def _data_files(evaluated: Evaluated, gathered: Gathered, exporter: Exporter) -> dict[str, bytes]:
    """All files of data but the messages."""
    words = language(evaluated.report.request.language)
    made = {
        AUTHORITY_KEY: public_pem(exporter.key.public_key()),
        KEYS: _json(gathered.keys),
        REGISTRY: _json(gathered.registry),
        REPORT: _json(evaluated.report),
    }
    for table in tables(evaluated, gathered.registry):
        made[f"{table.name}.csv"] = csv_bytes(table)
        made[f"{table.name}.schema.json"] = schema_bytes(table, words)
    return made


class _Sealing:
    """The manifests of one summary, and what is made with them."""

    def __init__(
        self,
        exporter: Exporter,
        request: Request,
        gathered: Gathered,
        messages: _Messages,
        files: Mapping[str, File],
    ) -> None:
        self._exporter = exporter
        self._authority = exporter.authority()
        self._request = request
        self._gathered = gathered
        self._messages = messages
        self._files = files
        self._as_of = messages.newest or request.end

    def _manifest(self, form: Literal["bundle", "document"], document: File) -> Manifest:
        files = {**self._files, DOCUMENT: document}
        return Manifest(
            format="skolro-evidence-1",
            form=form,
            software=f"skolro {version('skolro')}",
            authority=self._authority,
            arguments=self._request,
            as_of=self._as_of,
            ledger=self._gathered.heads,
            messages=self._messages.count,
            files=tuple(files[name] for name in sorted(files)),
        )

    def document(self, evaluated: Evaluated, data: Mapping[str, bytes]) -> bytes:
        """Return the document with all files of data and its own seal within."""
        facts = {"software": f"skolro {version('skolro')}", "messages": self._messages.sha256}
        pdf = typeset(
            evaluated,
            self._gathered.registry,
            self._authority,
            self._gathered.heads,
            facts,
            self._as_of,
            DATA_FILES,
        )
        pdf = pdf_file.filled(pdf, self._contents(data))
        place = pdf_file.embedded(pdf)[INNER_SEAL]
        blank = File(name=DOCUMENT, size=len(pdf), sha256=pdf_file.blank_sha256(pdf, place))
        seal = inner_seal(self._manifest("document", blank), self._exporter.key)
        return pdf_file.with_seal(pdf, place, seal)

    def _contents(self, data: Mapping[str, bytes]) -> dict[str, pdf_file.Content]:
        found = {}
        for number, name in enumerate(DATA_FILES):
            if name == MESSAGES:
                packed = self._messages.packed.read_bytes()
                content = pdf_file.Content(packed, deflated=True, size=self._messages.size)
            else:
                packed = zlib.compress(data[name])
                content = pdf_file.Content(packed, deflated=True, size=len(data[name]))
            found[pdf_file.mark(number)] = content
        blank = b" " * pdf_file.BLANK_BYTES
        found[pdf_file.mark(len(DATA_FILES))] = pdf_file.Content(
            blank, deflated=False, size=len(blank)
        )
        return found

    def beside(self, document: bytes) -> dict[str, bytes]:
        """Return the manifest with all that seals it."""
        raw = encode_manifest(self._manifest("bundle", _file(DOCUMENT, document)))
        made = {MANIFEST: raw, SIGNATURE: signature.sign(raw, self._exporter.key).encode() + b"\n"}
        if self._exporter.signer is not None:
            made[CMS_SIGNATURE] = cms_signature(raw, *self._exporter.signer)
        if self._exporter.time_stamp_url is not None:
            made[TIME_STAMP] = fetch_time_stamp(raw, self._exporter.time_stamp_url)
        return made


def _members(
    folder: str, files: Mapping[str, bytes], messages: _Messages
) -> Iterator[zip_file.Member]:
    for name in sorted({*files, MESSAGES}):
        path = f"{folder}/{name}"
        if name == MESSAGES:
            # What zlib puts around the deflated bytes is two bytes before and four behind.
            inner = messages.packed.read_bytes()[2:-4]
            yield zip_file.Member(path, inner, True, messages.size, messages.crc32)
            continue
        raw = files[name]
        if name == DOCUMENT:
            yield zip_file.Member(path, raw, False, len(raw), zlib.crc32(raw))
        else:
            packed = zlib.compress(raw)[2:-4]
            yield zip_file.Member(path, packed, True, len(raw), zlib.crc32(raw))


def _file(name: str, raw: bytes) -> File:
    return File(name=name, size=len(raw), sha256=hashlib.sha256(raw).hexdigest())


def _json(value: object) -> bytes:
    return msgspec.json.format(msgspec.json.encode(value), indent=1) + b"\n"
