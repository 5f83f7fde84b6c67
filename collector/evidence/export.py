"""Making a summary: a folder, and a ZIP of it, that depend on ledger and request alone."""

from __future__ import annotations

import hashlib
import tempfile
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, time
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Final
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
from collector.evidence.document.public import typeset_public
from collector.evidence.document.typeset import typeset
from collector.evidence.errors import EvidenceError
from collector.evidence.export_log import Asked, Made, note_export
from collector.evidence.figures.csv_files import csv_bytes, schema_bytes
from collector.evidence.figures.evaluation import Evaluated, Evaluation
from collector.evidence.figures.tables import Table, tables
from collector.evidence.gather import Gathered, gather, lines
from collector.evidence.language import language
from collector.evidence.lines import Line, encode_line, held
from collector.evidence.manifest import (
    AUTHORITY_KEY,
    CMS_SIGNATURE,
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
    Form,
    Head,
    Manifest,
    authority,
    encode_manifest,
    inner_seal,
)
from collector.evidence.public.report import public_registry, public_report, quarter_of
from collector.evidence.public.tables import public_tables
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
    *,
    small_count: int | None = None,
) -> Exported:
    """Write the summary that `request` asks for into a new folder below `out`.

    Parameters
    ----------
    asked : Asked
        Who wants it and why: kept in the log of exports, and in no file of the summary.
    progress : callable, optional
        Told now and then how many messages are read, and of how many.
    small_count : int, optional
        For the public form: fewer than this are hidden. None: the full form.

    Raises
    ------
    EvidenceError
        There is one already, no node hung there then, a public one is not of whole days, or it
        cannot be written or sealed.
    LedgerError
        It cannot be noted that it was made: then it is not.
    """
    name = folder_name(request, ZoneInfo(_time_zone(inventory, request)))
    if small_count is not None:
        _require_whole_days(request, ZoneInfo(_time_zone(inventory, request)))
        name += "-public"
    folder, archive = out / name, out / f"{name}.zip"
    for path in (folder, archive):
        if path.exists():
            raise EvidenceError(f"{path} exists already: choose another --out, or remove it")
    try:
        out.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".skolro-evidence-", dir=out) as scratch:
            work = _Work(engine, inventory, request, exporter, Path(scratch) / name)
            if small_count is None:
                made = work.full(progress)
            else:
                made = work.public(progress, small_count)
            note_export(engine, _note(asked, request, made, public=small_count is not None))
            made.folder.rename(folder)
            return replace(made, folder=folder, archive=made.archive.rename(archive))
    except OSError as error:
        raise EvidenceError(f"cannot write below {out}: {error.strerror}") from error


def _time_zone(inventory: Inventory, request: Request) -> str:
    site = inventory.sites.get(request.site)
    return "UTC" if site is None else site.time_zone


def _require_whole_days(request: Request, zone: ZoneInfo) -> None:
    # Two periods that differ by minutes would tell what lies between.
    for at in (request.start, request.end):
        if at.astimezone(zone).time() != time():
            raise EvidenceError(
                f"the public form is of whole days, but the period begins or ends at "
                f"{at.astimezone(zone):%Y-%m-%d %H:%M}: give days without times"
            )


def folder_name(request: Request, zone: ZoneInfo) -> str:
    """What the folder of a summary is called."""
    first, last = (f"{at.astimezone(zone):%Y-%m-%dT%H%M}" for at in (request.start, request.end))
    name = f"skolro-{request.site}-{first}-{last}-{request.language}"
    return name.replace("T0000", "").lower()


class _Work:
    """The making of one summary in the new folder `made`, in either form."""

    def __init__(
        self,
        engine: Engine,
        inventory: Inventory,
        request: Request,
        exporter: Exporter,
        made: Path,
    ) -> None:
        self._engine = engine
        self._inventory = inventory
        self._request = request
        self._exporter = exporter
        self._made = made
        made.mkdir()

    def _read(self, progress: Progress | None, messages: _Messages) -> tuple[Gathered, Evaluated]:
        with snapshot(self._engine) as connection:
            gathered = gather(connection, self._inventory, self._request)
            evaluation = Evaluation(self._request, gathered.registry)
            told = partial(_tell, progress, gathered.count)
            messages.write(lines(connection, gathered), evaluation, told)
        return gathered, evaluation.finish()

    def full(self, progress: Progress | None) -> Exported:
        """Make it with the messages."""
        messages = _Messages(self._made / MESSAGES, self._made.with_name("packed"))
        gathered, evaluated = self._read(progress, messages)
        data = _data_files(evaluated, gathered, self._exporter)
        sealing = _Sealing(
            self._exporter,
            _Sealed(
                forms=("bundle", "document"),
                request=self._request,
                as_of=messages.newest or self._request.end,
                heads=gathered.heads,
                messages=messages.count,
            ),
            data,
            messages,
        )
        blank = typeset(
            evaluated,
            gathered.registry,
            self._exporter.authority(),
            gathered.heads,
            {"software": _software(), "messages": messages.sha256},
            sealing.sealed.as_of,
            sealing.names,
        )
        return self._finish(sealing, blank, messages, evaluated)

    def public(self, progress: Progress | None, small_count: int) -> Exported:
        """Make it without them, and without whatever they would tell of single events."""
        messages = _Messages(self._made.with_name("messages"), self._made.with_name("packed"))
        gathered, evaluated = self._read(progress, messages)
        report = public_report(evaluated.report, small_count)
        registry = public_registry(gathered.registry)
        data = {
            AUTHORITY_KEY: public_pem(self._exporter.key.public_key()),
            REGISTRY: _json(registry),
            REPORT: _json(report),
            **_table_files(public_tables(report, evaluated, gathered.registry), self._request),
        }
        sealed = _Sealed(
            forms=("public", "public_document"),
            request=self._request,
            as_of=quarter_of(messages.newest or self._request.end),
            heads=(),
            messages=0,
        )
        sealing = _Sealing(self._exporter, sealed, data)
        blank = typeset_public(
            report,
            registry,
            self._exporter.authority(),
            _software(),
            sealed.as_of,
            sealing.names,
        )
        return self._finish(sealing, blank, messages, evaluated)

    def _finish(
        self, sealing: _Sealing, blank: bytes, messages: _Messages, evaluated: Evaluated
    ) -> Exported:
        document = sealing.document(blank)
        everything = {**sealing.data, DOCUMENT: document, **sealing.beside(document)}
        for name, raw in everything.items():
            (self._made / name).write_bytes(raw)
        archive = self._made.with_name("archive")
        members = _members(self._made.name, everything, sealing.messages)
        zip_file.write_zip(archive, members)
        digest = hashlib.sha256(everything[MANIFEST]).hexdigest()
        events = evaluated.report.counts.events
        return Exported(self._made, archive, messages.count, events, digest)


def _software() -> str:
    return f"skolro {version('skolro')}"


def _note(asked: Asked, request: Request, made: Exported, *, public: bool) -> Made:
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
        public=public,
        manifest_sha256=made.manifest_sha256,
    )


def _tell(progress: Progress | None, total: int, done: int) -> None:
    if progress is not None and (done % _TOLD_EVERY == 0 or done == total):
        progress(done, total)


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
    made = {
        AUTHORITY_KEY: public_pem(exporter.key.public_key()),
        KEYS: _json(gathered.keys),
        REGISTRY: _json(gathered.registry),
        REPORT: _json(evaluated.report),
    }
    return made | _table_files(tables(evaluated, gathered.registry), evaluated.report.request)


def _table_files(made: Iterable[Table], request: Request) -> dict[str, bytes]:
    words = language(request.language)
    files = {}
    for table in made:
        files[f"{table.name}.csv"] = csv_bytes(table)
        files[f"{table.name}.schema.json"] = schema_bytes(table, words)
    return files


@dataclass(frozen=True, slots=True)
class _Sealed:
    """What manifests say beside files; `forms` are of the one beside them and the one within."""

    forms: tuple[Form, Form]
    request: Request
    as_of: datetime
    heads: tuple[Head, ...]
    messages: int


class _Sealing:
    """The manifests of one summary, and what is made with them."""

    def __init__(
        self,
        exporter: Exporter,
        sealed: _Sealed,
        data: Mapping[str, bytes],
        messages: _Messages | None = None,
    ) -> None:
        self.sealed = sealed
        self.data = data
        self.messages = messages
        self._exporter = exporter
        self._files = {name: _file(name, raw) for name, raw in data.items()}
        if messages is not None:
            file = File(name=MESSAGES, size=messages.size, sha256=messages.sha256)
            self._files[MESSAGES] = file
        self.names = tuple(sorted(self._files))

    def _manifest(self, form: Form, document: File) -> Manifest:
        files = {**self._files, DOCUMENT: document}
        return Manifest(
            format="skolro-evidence-1",
            form=form,
            software=_software(),
            authority=self._exporter.authority(),
            arguments=self.sealed.request,
            as_of=self.sealed.as_of,
            ledger=self.sealed.heads,
            messages=self.sealed.messages,
            files=tuple(files[name] for name in sorted(files)),
        )

    def document(self, blank: bytes) -> bytes:
        """Return the document, just set, with all files of data and its own seal within."""
        pdf = pdf_file.filled(blank, self._contents())
        place = pdf_file.embedded(pdf)[INNER_SEAL]
        file = File(name=DOCUMENT, size=len(pdf), sha256=pdf_file.blank_sha256(pdf, place))
        seal = inner_seal(self._manifest(self.sealed.forms[1], file), self._exporter.key)
        return pdf_file.with_seal(pdf, place, seal)

    def _contents(self) -> dict[str, pdf_file.Content]:
        found = {}
        for number, name in enumerate(self.names):
            if name == MESSAGES and self.messages is not None:
                packed = self.messages.packed.read_bytes()
            else:
                packed = zlib.compress(self.data[name])
            size = self._files[name].size
            found[pdf_file.mark(number)] = pdf_file.Content(packed, deflated=True, size=size)
        blank = b" " * pdf_file.BLANK_BYTES
        found[pdf_file.mark(len(self.names))] = pdf_file.Content(
            blank, deflated=False, size=len(blank)
        )
        return found

    def beside(self, document: bytes) -> dict[str, bytes]:
        """Return the manifest with all that seals it."""
        raw = encode_manifest(self._manifest(self.sealed.forms[0], _file(DOCUMENT, document)))
        made = {MANIFEST: raw, SIGNATURE: signature.sign(raw, self._exporter.key).encode() + b"\n"}
        if self._exporter.signer is not None:
            made[CMS_SIGNATURE] = cms_signature(raw, *self._exporter.signer)
        if self._exporter.time_stamp_url is not None:
            made[TIME_STAMP] = fetch_time_stamp(raw, self._exporter.time_stamp_url)
        return made


def _members(
    folder: str, files: Mapping[str, bytes], messages: _Messages | None
) -> Iterator[zip_file.Member]:
    for name in sorted({*files, *([MESSAGES] if messages else [])}):
        path = f"{folder}/{name}"
        if name == MESSAGES and messages is not None:
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
