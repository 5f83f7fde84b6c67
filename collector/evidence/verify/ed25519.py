"""Ed25519 by libsodium where it is there, in half of the time; else by OpenSSL."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import Final, TypeAlias

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

Fits: TypeAlias = Callable[[bytes, bytes, Ed25519PublicKey], bool]


def _fits_openssl(signed: bytes, signature: bytes, key: Ed25519PublicKey) -> bool:
    try:
        key.verify(signature, signed)
    except InvalidSignature:
        return False
    return True


def _best() -> Fits:
    try:
        signing, exceptions = import_module("nacl.signing"), import_module("nacl.exceptions")
    except ModuleNotFoundError:
        return _fits_openssl

    def fits_libsodium(signed: bytes, signature: bytes, key: Ed25519PublicKey) -> bool:
        try:
            signing.VerifyKey(key.public_bytes_raw()).verify(signed, signature)
        except (exceptions.BadSignatureError, ValueError):
            return False
        return True

    return fits_libsodium


fits: Final[Fits] = _best()
"""Whether a signature of what was signed is one by that key."""
