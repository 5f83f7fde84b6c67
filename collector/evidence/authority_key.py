"""The exporting authority's key (Ed25519), in files."""

from __future__ import annotations

import os
from pathlib import Path

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
    load_pem_public_key,
)

from collector.evidence.errors import EvidenceError
from sensor.contract.errors import ContractError
from sensor.contract.signature import public_key_from_text


def make_key(path: Path) -> Ed25519PrivateKey:
    """Make a key and write it to a new file that its owner alone can read (PKCS #8, PEM)."""
    key = Ed25519PrivateKey.generate()
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError as error:
        raise EvidenceError(
            f"{path} exists already: keep the key, since what it sealed is checked with it, "
            "or choose another file"
        ) from error
    except OSError as error:
        raise EvidenceError(f"cannot write {path}: {error.strerror}") from error
    with os.fdopen(descriptor, "wb") as file:
        file.write(pem)
    return key


def load_private_key(path: Path) -> Ed25519PrivateKey:
    """Return the private key in a file."""
    try:
        key = load_pem_private_key(path.read_bytes(), password=None)
    except OSError as error:
        raise EvidenceError(
            f"cannot read the key {path}: {error.strerror}; make one with skolro evidence key"
        ) from error
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise EvidenceError(f"{path} is no private key in PEM: {error}") from error
    if not isinstance(key, Ed25519PrivateKey):
        raise EvidenceError(f"the key in {path} is not Ed25519: make one with skolro evidence key")
    return key


def public_pem(key: Ed25519PublicKey) -> bytes:
    """Return a public key as openssl reads it."""
    return key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


def load_public_key(path: Path) -> Ed25519PublicKey:
    """Return the public key in a file: PEM, or its 32 bytes as base64url."""
    try:
        raw = path.read_bytes()
        if b"-----BEGIN" not in raw:
            return public_key_from_text(raw.decode("ascii").strip())
        key = load_pem_public_key(raw)
    except OSError as error:
        raise EvidenceError(f"cannot read the key {path}: {error.strerror}") from error
    except (ContractError, ValueError, UnsupportedAlgorithm) as error:
        raise EvidenceError(f"{path} is no public key (Ed25519, PEM or base64url)") from error
    if not isinstance(key, Ed25519PublicKey):
        raise EvidenceError(f"the key in {path} is not Ed25519")
    return key
