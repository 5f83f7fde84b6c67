"""Ed25519 by libsodium, whose check takes half the time of OpenSSL's.

Of all that a message costs the collector, its signature costs most. libsodium also lets go of the
interpreter's lock meanwhile.
"""

from __future__ import annotations

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from nacl.exceptions import BadSignatureError
from nacl.signing import VerifyKey

from sensor.contract.signature import Detached, SignatureError


def verify(payload: bytes, signature: Detached, key: Ed25519PublicKey) -> None:
    """Return if `signature` is one of `payload` by `key`; raise :class:`SignatureError` if not.

    Whether `key` is the one that the signature names was looked at before.
    """
    try:
        VerifyKey(key.public_bytes_raw()).verify(signature.signed(payload), signature.value)
    except (BadSignatureError, ValueError) as error:
        raise SignatureError(
            "the signature does not fit the payload: one of them was changed"
        ) from error
