"""The node's signing key, made on the node and readable by its user only."""

from __future__ import annotations

import os
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)

from sensor.contract.signature import public_key_text
from sensor.errors import IdentityError

KEY_FILE = "node.key"
NEXT_KEY_FILE = "node.key.next"


def load_or_make_key(data_dir: Path) -> Ed25519PrivateKey:
    """Return the Ed25519 key kept in `data_dir` (PKCS #8, PEM); make it at the first call.

    Raises
    ------
    IdentityError
        The file cannot be read or written, holds something else, or others may read it.
    """
    path = data_dir / KEY_FILE
    try:
        data_dir.mkdir(parents=True, exist_ok=True)
        if not path.exists():
            _write_new(path)
        return _load(path)
    except OSError as error:
        raise IdentityError(f"cannot keep the node's key in {path}: {error.strerror}") from error


def make_next_key(data_dir: Path) -> Ed25519PrivateKey:
    """Make the key that is to follow, beside the one in use; it has to be announced first.

    Raises
    ------
    IdentityError
        It cannot be written.
    """
    path = data_dir / NEXT_KEY_FILE
    try:
        path.unlink(missing_ok=True)
        _write_new(path)
        return _load(path)
    except OSError as error:
        raise IdentityError(f"cannot keep a new key in {path}: {error.strerror}") from error


def announced_key(data_dir: Path, public_key: str) -> Ed25519PrivateKey | None:
    """Return the key with that public half, the next one taken into use; None: it is not there.

    The announcement counts: whatever moment a change of keys was interrupted at, it is either not
    made and the next key forgotten, or made and ended here.
    """
    current, following = data_dir / KEY_FILE, data_dir / NEXT_KEY_FILE
    for path in (following, current):
        if not path.exists():
            continue
        try:
            key = _load(path)
            if public_key_text(key.public_key()) == public_key:
                if path == following:
                    following.replace(current)
                return key
        except FileNotFoundError:
            continue  # another process has just taken it into use
        except OSError as error:
            raise IdentityError(f"cannot use the key {path}: {error.strerror}") from error
    return None


def _load(path: Path) -> Ed25519PrivateKey:
    if path.stat().st_mode & 0o077:
        raise IdentityError(f"others may read the node's key {path}: chmod 600 it")
    pem = path.read_bytes()
    try:
        key = load_pem_private_key(pem, password=None)
    except (ValueError, TypeError) as error:
        raise IdentityError(f"{path} is no private key: restore it from a backup") from error
    if not isinstance(key, Ed25519PrivateKey):
        raise IdentityError(f"{path} is no Ed25519 key: restore it from a backup")
    return key


def _write_new(path: Path) -> None:
    pem = Ed25519PrivateKey.generate().private_bytes(
        Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()
    )
    # Written beside and renamed, so that a power cut leaves a whole key or none.
    part = path.with_suffix(".part")
    part.unlink(missing_ok=True)
    handle = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "wb") as file:
        file.write(pem)
        file.flush()
        os.fsync(file.fileno())
    part.replace(path)
