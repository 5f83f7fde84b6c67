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

from sensor.errors import IdentityError

KEY_FILE = "node.key"


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
        if path.stat().st_mode & 0o077:
            raise IdentityError(f"others may read the node's key {path}: chmod 600 it")
        pem = path.read_bytes()
    except OSError as error:
        raise IdentityError(f"cannot keep the node's key in {path}: {error.strerror}") from error
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
