"""``manifest.json``: what a summary consists of, under the seal of who exported it.

The seal is a detached JWS with Ed25519 (as the nodes' own, :mod:`sensor.contract.signature`).
The document carries a manifest and seal of its own within, so that it can be checked alone; what
is told there of ``summary.pdf`` is its hash with the place of that seal blank.
"""

from __future__ import annotations

import hashlib
from datetime import datetime
from typing import Annotated, Final, Literal, TypeAlias

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from msgspec import Meta, Struct

from collector.evidence.request import Request
from sensor.contract import signature
from sensor.contract.messages import NodeId, Sha256
from sensor.contract.quantities import Count

FORMAT: Final = "skolro-evidence-1"

MANIFEST: Final = "manifest.json"
SIGNATURE: Final = "manifest.json.jws"
CMS_SIGNATURE: Final = "manifest.json.p7s"
TIME_STAMP: Final = "manifest.json.tsr"
DOCUMENT: Final = "summary.pdf"
REPORT: Final = "report.json"
REGISTRY: Final = "registry.json"
KEYS: Final = "keys.json"
MESSAGES: Final = "messages.jsonl"
AUTHORITY_KEY: Final = "authority.pem"
INNER_SEAL: Final = "seal.json"
TABLES: Final = ("events", "episodes", "levels", "coverage", "excluded")

DATA_FILES: Final = tuple(
    sorted(
        [
            AUTHORITY_KEY, KEYS, MESSAGES, REGISTRY, REPORT,
            *(f"{name}.csv" for name in TABLES),
            *(f"{name}.schema.json" for name in TABLES),
        ]
    )
)  # fmt: skip
"""What the document carries within, and every summary consists of."""

PUBLIC_TABLES: Final = ("coverage", "days", "excluded", "hours", "levels")

PUBLIC_DATA_FILES: Final = tuple(
    sorted(
        [
            AUTHORITY_KEY, REGISTRY, REPORT,
            *(f"{name}.csv" for name in PUBLIC_TABLES),
            *(f"{name}.schema.json" for name in PUBLIC_TABLES),
        ]
    )
)  # fmt: skip
"""The same of the public form."""

SEAL_FILES: Final = (MANIFEST, SIGNATURE, CMS_SIGNATURE, TIME_STAMP)

Form: TypeAlias = Literal["bundle", "document", "public", "public_document"]


class File(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One file."""

    name: Annotated[str, Meta(max_length=100)]
    size: Count
    sha256: Sha256


class Head(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where a node's chain stood in the ledger when the summary was made."""

    node: NodeId
    highest_seq: Count
    head_sha256: Sha256


class Authority(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Who exported it.

    Attributes
    ----------
    kid : str
        RFC 7638 thumbprint of its key.
    fingerprint : str
        SHA-256 (hex) of the key's SubjectPublicKeyInfo in DER.
    public_key : str
        32 bytes as base64url.
    certificate_sha256 : str, optional
        Of the certificate of the second signature, where there is one.
    """

    name: Annotated[str, Meta(max_length=200)]
    kid: Annotated[str, Meta(max_length=43)]
    fingerprint: Sha256
    public_key: Annotated[str, Meta(max_length=43)]
    certificate_sha256: Sha256 | None


class Manifest(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """All of it.

    Attributes
    ----------
    form : {"bundle", "document", "public", "public_document"}
        The one beside the files, or the one within the document; and the same of the public form,
        which has no messages: there `ledger` is empty, and `messages` is 0.
    as_of : datetime
        When the newest of the messages came in; in the public form, in which quarter-hour.
    """

    format: Literal["skolro-evidence-1"]
    form: Form
    software: Annotated[str, Meta(max_length=100)]
    authority: Authority
    arguments: Request
    as_of: datetime
    ledger: tuple[Head, ...]
    messages: Count
    files: tuple[File, ...]

    @property
    def is_public(self) -> bool:
        """Whether it is of the public form."""
        return self.form in {"public", "public_document"}

    @property
    def is_inner(self) -> bool:
        """Whether it is the one within the document."""
        return self.form in {"document", "public_document"}

    @property
    def data_files(self) -> tuple[str, ...]:
        """The files that there must be beside the document."""
        return PUBLIC_DATA_FILES if self.is_public else DATA_FILES


def encode_manifest(manifest: Manifest) -> bytes:
    """Return the manifest as it is signed."""
    return msgspec.json.format(msgspec.json.encode(manifest), indent=1) + b"\n"


def fingerprint(key: Ed25519PublicKey) -> str:
    """SHA-256 (hex) of the key's SubjectPublicKeyInfo, as ``openssl`` shows it."""
    der = key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return hashlib.sha256(der).hexdigest()


def authority(name: str, key: Ed25519PublicKey, certificate_sha256: str | None) -> Authority:
    """Return who exports, by its key."""
    return Authority(
        name=name,
        kid=signature.thumbprint(key),
        fingerprint=fingerprint(key),
        public_key=signature.public_key_text(key),
        certificate_sha256=certificate_sha256,
    )


class InnerSeal(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The manifest of the document, as the very text that was signed, and its signature."""

    manifest: str
    signature: Annotated[str, Meta(max_length=signature.LONGEST_SIGNATURE)]


def inner_seal(manifest: Manifest, key: Ed25519PrivateKey) -> bytes:
    """Return what goes in the blank place of a document."""
    text = msgspec.json.encode(manifest)
    return msgspec.json.encode(
        InnerSeal(manifest=text.decode(), signature=signature.sign(text, key))
    )
