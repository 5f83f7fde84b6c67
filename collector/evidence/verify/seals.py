"""Who sealed it, and is it what was sealed?"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar

import msgspec
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.hashes import SHA256

from collector.evidence.cms import verified_certificate
from collector.evidence.errors import EvidenceError
from collector.evidence.manifest import (
    CMS_SIGNATURE,
    DOCUMENT,
    INNER_SEAL,
    MANIFEST,
    SEAL_FILES,
    SIGNATURE,
    TIME_STAMP,
    File,
    InnerSeal,
    Manifest,
    fingerprint,
)
from collector.evidence.time_stamp import check_time_stamp
from collector.evidence.verify.findings import Check
from collector.evidence.verify.sources import DamagedError, Document, Source, read
from sensor.contract import signature
from sensor.contract.errors import ContractError

_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class Sealed:
    """A manifest, the very bytes that were signed, and the signature."""

    manifest: Manifest
    raw: bytes
    signature: str


@dataclass(frozen=True, slots=True)
class Expected:
    """Whom the reader expects to have sealed it: a key or its fingerprint, or nobody yet."""

    key: Ed25519PublicKey | None = None
    fingerprint: str | None = None
    time_stamp_roots: Sequence[x509.Certificate] = ()

    @property
    def anybody(self) -> bool:
        """Whether nothing is expected."""
        return self.key is None and self.fingerprint is None


def decoded(name: str, raw: bytes, kind: type[_T]) -> _T:
    """Return the JSON in a file as a `kind`; :class:`EvidenceError` says why it is none."""
    try:
        return msgspec.json.decode(raw, type=kind)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError, OverflowError) as error:
        raise EvidenceError(f"{name} cannot be read: {error}") from error


def sealed(source: Source) -> Sealed:
    """Return the manifest of a summary with its signature, both unproven.

    Raises
    ------
    EvidenceError
        There is none that can be read.
    """
    if isinstance(source, Document):
        return inner_sealed(source)
    for name in (MANIFEST, SIGNATURE):
        if name not in source.names:
            raise EvidenceError(f"there is no {name}: this is no summary, or not all of it")
    raw = read(source, MANIFEST)
    manifest = decoded(MANIFEST, raw, Manifest)
    return Sealed(manifest, raw, read(source, SIGNATURE).decode("ascii", "replace").strip())


def inner_sealed(document: Document) -> Sealed:
    """Return the manifest within a document."""
    if INNER_SEAL not in document.names:
        raise EvidenceError("the document carries no seal: ask for the original summary.pdf")
    inner = decoded(INNER_SEAL, read(document, INNER_SEAL), InnerSeal)
    raw = inner.manifest.encode("utf-8", "surrogatepass")
    return Sealed(decoded(INNER_SEAL, raw, Manifest), raw, inner.signature)


def check_seal(one: Sealed) -> Check:
    """Is the manifest what its key signed?"""
    check = Check("seal")
    who = one.manifest.authority
    try:
        key = signature.public_key_from_text(who.public_key)
        signature.verify(one.raw, one.signature, key)
    except ContractError:
        check.fault("seal_broken")
        return check
    if signature.thumbprint(key) != who.kid or fingerprint(key) != who.fingerprint:
        check.fault("seal_names")
    check.note("sealed_by", name=who.name, fingerprint=who.fingerprint)
    return check


def check_exporter(one: Sealed, expected: Expected) -> Check:
    """Is that key the one that the reader expects?"""
    check = Check("exporter")
    if expected.anybody:
        check.note("exporter_unknown")
        return check
    try:
        key = signature.public_key_from_text(one.manifest.authority.public_key)
    except ContractError:
        check.fault("seal_broken")
        return check
    found = fingerprint(key)
    wanted = expected.fingerprint or (fingerprint(expected.key) if expected.key else "")
    if found != wanted:
        check.fault("exporter_other", found=found, wanted=wanted)
    else:
        check.note("exporter_known", name=one.manifest.authority.name)
    return check


def check_certificate(source: Source, one: Sealed) -> Check | None:
    """Does the second signature hold, where the manifest names a certificate?"""
    wanted = one.manifest.authority.certificate_sha256
    if isinstance(source, Document):
        return None
    if wanted is None and CMS_SIGNATURE not in source.names:
        return None
    check = Check("certificate")
    if wanted is None or CMS_SIGNATURE not in source.names:
        check.fault("certificate_missing" if wanted else "certificate_unexpected")
        return check
    try:
        certificate = verified_certificate(one.raw, read(source, CMS_SIGNATURE))
    except EvidenceError:
        check.fault("certificate_broken")
        return check
    if certificate.fingerprint(SHA256()).hex() != wanted:
        check.fault("certificate_other")
    check.note(
        "certificate_of",
        subject=certificate.subject.rfc4514_string(),
        issuer=certificate.issuer.rfc4514_string(),
        until=f"{certificate.not_valid_after_utc:%Y-%m-%d}",
    )
    if not (
        certificate.not_valid_before_utc <= one.manifest.as_of <= certificate.not_valid_after_utc
    ):
        check.note("certificate_not_valid_then")
    return check


def check_stamp(source: Source, one: Sealed, expected: Expected) -> Check | None:
    """When did the manifest exist, at the latest?"""
    if isinstance(source, Document) or TIME_STAMP not in source.names:
        return None
    check = Check("time_stamp")
    try:
        stamp = check_time_stamp(one.raw, read(source, TIME_STAMP), expected.time_stamp_roots)
    except EvidenceError:
        check.fault("time_stamp_broken")
        return check
    known = "time_stamp_known" if stamp.trusted else "time_stamp_unknown"
    check.note(known, at=stamp.at, service=stamp.service)
    if stamp.at < one.manifest.as_of:
        check.fault("time_stamp_early")
    return check


def check_files(source: Source, manifest: Manifest) -> Check:
    """Is each file the one that was sealed, and is nothing else there?"""
    check = Check("files")
    named = {file.name: file for file in manifest.files}
    wanted = {*manifest.data_files, DOCUMENT}
    for name in sorted(wanted - named.keys()):
        check.fault("file_not_sealed", name=name)
    beside = {INNER_SEAL} if isinstance(source, Document) else set(SEAL_FILES)
    for name in sorted(source.names - named.keys() - beside):
        check.fault("file_extra", name=name)
    for name in sorted(named):
        if name == DOCUMENT and isinstance(source, Document):
            continue
        if name not in source.names:
            check.fault("file_missing", name=name)
        elif (problem := _difference(source, named[name])) is not None:
            check.fault(problem, name=name)
    if check.holds:
        check.note("files_hold", count=len(named))
    return check


def _difference(source: Source, file: File) -> str | None:
    digest = hashlib.sha256()
    try:
        for chunk in source.chunks(file.name):
            digest.update(chunk)
    except DamagedError:
        return "file_damaged"
    return None if digest.hexdigest() == file.sha256 else "file_changed"


def check_document(source: Source, one: Sealed) -> Check:
    """Is the document what was sealed, page by page, and does it carry the same data?"""
    check = Check("document")
    if isinstance(source, Document):
        document: Document | None = source
    else:
        document = _document_in(source, check)
    if document is None:
        return check
    try:
        inner = inner_sealed(document)
        if document is not source:
            _compare(check, one, inner, document)
        blank = {file.name: file.sha256 for file in inner.manifest.files}.get(DOCUMENT)
        if document.blank_sha256() != blank:
            check.fault("document_changed")
    except EvidenceError as error:
        check.fault("document_unreadable", why=str(error))
    return check


def _document_in(source: Source, check: Check) -> Document | None:
    if DOCUMENT not in source.names:
        check.fault("file_missing", name=DOCUMENT)
        return None
    try:
        return Document(read(source, DOCUMENT))
    except EvidenceError as error:
        check.fault("document_unreadable", why=str(error))
        return None


def _compare(check: Check, one: Sealed, inner: Sealed, document: Document) -> None:
    """Beside the files lies a document that must have been made with them."""
    if not check_seal(inner).holds:
        check.fault("document_seal_broken")
    if inner.manifest.authority != one.manifest.authority:
        check.fault("document_other_authority")
    if not inner.manifest.is_inner or inner.manifest.is_public != one.manifest.is_public:
        check.fault("seal_other_form")
    if inner.manifest.arguments != one.manifest.arguments:
        check.fault("document_other_arguments")
    outer = {file.name: file for file in one.manifest.files}
    for file in inner.manifest.files:
        if file.name != DOCUMENT and outer.get(file.name) != file:
            check.fault("document_other_file", name=file.name)
        elif file.name in document.names and (problem := _difference(document, file)):
            check.fault("document_file_" + problem.removeprefix("file_"), name=file.name)
