"""Signature beside a payload, and the hash that chains payloads.

The signature is a detached JWS (RFC 7515 appendix F) over the unencoded payload (RFC 7797,
``b64=false``) with Ed25519 (RFC 8037), so that any public JOSE library can check it. The key is
named by its RFC 7638 thumbprint.
"""

from __future__ import annotations

import hashlib
from base64 import urlsafe_b64decode, urlsafe_b64encode
from functools import lru_cache
from typing import Final, NamedTuple

import msgspec
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from sensor.contract.errors import ContractError

LONGEST_SIGNATURE: Final = 1000
"""In characters; those that we make have some 220."""


class SignatureError(ContractError):
    """A signature that is missing, malformed, by another key, or of other bytes."""


class _JoseHeader(msgspec.Struct, forbid_unknown_fields=True):
    alg: str
    b64: bool
    crit: list[str]
    kid: str


_HEADER_DECODER = msgspec.json.Decoder(_JoseHeader)


def payload_hash(payload: bytes) -> str:
    """SHA-256 (hex) of a payload: the next message's ``prev``."""
    return hashlib.sha256(payload).hexdigest()


def public_key_text(key: Ed25519PublicKey) -> str:
    """The 32 bytes of a public key as unpadded base64url, the ``x`` of its JWK."""
    return _b64(key.public_bytes(Encoding.Raw, PublicFormat.Raw))


def public_key_from_text(text: str) -> Ed25519PublicKey:
    """The public key written as by :func:`public_key_text`, or :class:`ContractError`."""
    try:
        return Ed25519PublicKey.from_public_bytes(_unb64(text))
    except ValueError as error:
        raise ContractError(
            f"{text[:60]!r} is no Ed25519 public key: give its 32 bytes as base64url"
        ) from error


def jwk(key: Ed25519PublicKey) -> dict[str, str]:
    """The public key as a JWK (RFC 8037)."""
    return {"crv": "Ed25519", "kty": "OKP", "x": public_key_text(key)}


def thumbprint(key: Ed25519PublicKey) -> str:
    """RFC 7638 thumbprint of the key: SHA-256 of the canonical JWK, as base64url."""
    return _b64(hashlib.sha256(msgspec.json.encode(jwk(key))).digest())


def sign(payload: bytes, key: Ed25519PrivateKey) -> str:
    """Return the detached JWS of `payload`."""
    header = _header_for(thumbprint(key.public_key()))
    return f"{header}..{_b64(key.sign(_signing_input(header, payload)))}"


class Detached(NamedTuple):
    """A signature taken apart.

    Attributes
    ----------
    kid : str
        Thumbprint of the key that it claims to be made with.
    value : bytes
        The 64 bytes of the Ed25519 signature.
    """

    kid: str
    value: bytes
    encoded_header: str

    def signed(self, payload: bytes) -> bytes:
        """What was signed, if it is a signature of `payload`."""
        return _signing_input(self.encoded_header, payload)


def take_apart(signature: str) -> Detached:
    """Return the parts of a detached JWS; :class:`SignatureError` if it is none."""
    encoded, header, signed = _parse(signature)
    return Detached(header.kid, signed, encoded)


def key_id(signature: str) -> str:
    """Thumbprint of the key that `signature` claims to be made with."""
    return _parse(signature)[1].kid


def verify(payload: bytes, signature: str, key: Ed25519PublicKey) -> None:
    """Return if `signature` is one of `payload` by `key`; raise :class:`SignatureError` if not."""
    encoded, header, signed = _parse(signature)
    if header.kid != thumbprint(key):
        raise SignatureError(f"the signature is by key {header.kid[:43]}, not by the one known")
    try:
        key.verify(signed, _signing_input(encoded, payload))
    except InvalidSignature as error:
        raise SignatureError(
            "the signature does not fit the payload: one of them was changed"
        ) from (error)


@lru_cache(maxsize=4096)
def _header_for(kid: str) -> str:
    header = _JoseHeader(alg="EdDSA", b64=False, crit=["b64"], kid=kid)
    return _b64(msgspec.json.encode(header))


@lru_cache(maxsize=4096)
def _parse_header(encoded: str) -> _JoseHeader:
    header = _HEADER_DECODER.decode(_unb64(encoded))
    if header.alg != "EdDSA" or header.b64 or header.crit != ["b64"]:
        raise ValueError("alg must be EdDSA and b64 false")
    return header


def _parse(signature: str) -> tuple[str, _JoseHeader, bytes]:
    if len(signature) > LONGEST_SIGNATURE:
        raise SignatureError(f"a signature of {len(signature)} characters is none of ours")
    try:
        # Nothing between the dots: the payload is detached.
        encoded, signed = signature.split("..")
        return encoded, _parse_header(encoded), _unb64(signed)
    except (ValueError, msgspec.MsgspecError) as error:
        raise SignatureError(f"not a detached JWS with EdDSA: {error}") from error


def _signing_input(encoded_header: str, payload: bytes) -> bytes:
    return encoded_header.encode() + b"." + payload


def _b64(raw: bytes) -> str:
    return urlsafe_b64encode(raw).rstrip(b"=").decode()


def _unb64(text: str) -> bytes:
    # urlsafe_b64decode skips characters that are not base64; comparing forbids such spellings.
    raw = urlsafe_b64decode(text + "=" * (-len(text) % 4))
    if _b64(raw) != text:
        raise ValueError("not unpadded base64url")
    return raw
