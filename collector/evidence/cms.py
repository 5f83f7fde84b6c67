"""A second signature with the authority's X.509 certificate: detached CMS (RFC 5652), as openssl's.

Made without signed attributes, so that with an RSA key the same manifest gives the same bytes.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Final, NamedTuple

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    load_pem_private_key,
)
from cryptography.hazmat.primitives.serialization.pkcs7 import (
    PKCS7Options,
    PKCS7SignatureBuilder,
    load_der_pkcs7_certificates,
)

from collector.evidence.errors import EvidenceError

_LARGEST: Final = 100_000
_SEQUENCE, _SET, _OCTETS, _CONTEXT_0 = 0x30, 0x31, 0x04, 0xA0


def load_signer(certificate: Path, key: Path) -> tuple[x509.Certificate, SignerKey]:
    """Return the certificate and private key in two PEM files, which must belong together."""
    try:
        loaded = x509.load_pem_x509_certificate(certificate.read_bytes())
        private = load_pem_private_key(key.read_bytes(), password=None)
    except OSError as error:
        raise EvidenceError(f"cannot read {error.filename}: {error.strerror}") from error
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise EvidenceError(
            f"{certificate} and {key} must be a certificate and its private key, unencrypted, "
            f"in PEM: {error}"
        ) from error
    if not isinstance(private, rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey):
        raise EvidenceError(f"the key in {key} must be RSA or elliptic curve")
    if private.public_key() != loaded.public_key():
        raise EvidenceError(f"the key in {key} is not that of the certificate {certificate}")
    return loaded, private


SignerKey = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey


def cms_signature(content: bytes, certificate: x509.Certificate, key: SignerKey) -> bytes:
    """Return the detached signature of `content`, in DER."""
    builder = PKCS7SignatureBuilder().set_data(content).add_signer(certificate, key, SHA256())
    options = [PKCS7Options.DetachedSignature, PKCS7Options.Binary, PKCS7Options.NoAttributes]
    return builder.sign(Encoding.DER, options)


def verified_certificate(content: bytes, signature: bytes) -> x509.Certificate:
    """Return the certificate that `signature` of `content` was made with.

    Whether its issuer is to be trusted is another question.

    Raises
    ------
    EvidenceError
        It is no such signature, or not of this content.
    """
    if len(signature) > _LARGEST:
        raise EvidenceError("the CMS signature is larger than any of ours")
    try:
        (certificate,) = load_der_pkcs7_certificates(signature)
        value = _signature_value(signature)
        _verify(certificate, value, content)
    except InvalidSignature as error:
        raise EvidenceError("the CMS signature does not fit the manifest") from error
    except (ValueError, IndexError, UnsupportedAlgorithm, TypeError) as error:
        raise EvidenceError(f"not a CMS signature as ours are: {error}") from error
    return certificate


def _verify(certificate: x509.Certificate, value: bytes, content: bytes) -> None:
    key = certificate.public_key()
    if isinstance(key, rsa.RSAPublicKey):
        key.verify(value, content, padding.PKCS1v15(), SHA256())
    elif isinstance(key, ec.EllipticCurvePublicKey):
        key.verify(value, content, ec.ECDSA(SHA256()))
    else:
        raise UnsupportedAlgorithm("the certificate's key is neither RSA nor elliptic curve")


class _Node(NamedTuple):
    tag: int
    content: bytes


def _signature_value(der: bytes) -> bytes:
    """The signature in the only SignerInfo, which has no attributes (RFC 5652, 5.3)."""
    (info,) = _nodes(der)
    _, explicit = _nodes(info.content)
    (signed,) = _nodes(explicit.content)
    (infos,) = list(_nodes(signed.content))[-1:]
    (signer,) = _nodes(infos.content)
    parts = list(_nodes(signer.content))
    if infos.tag != _SET or signer.tag != _SEQUENCE or any(p.tag == _CONTEXT_0 for p in parts):
        raise ValueError("it has signed attributes or no signer")
    (value,) = (part.content for part in parts if part.tag == _OCTETS)
    return value


def _nodes(der: bytes) -> Iterator[_Node]:
    at = 0
    while at < len(der):
        tag, length, at = der[at], der[at + 1], at + 2
        if length >= 0x80:
            count = length & 0x7F
            if not 0 < count <= 4:
                raise ValueError("a length that DER does not allow")
            length, at = int.from_bytes(der[at : at + count], "big"), at + count
        if at + length > len(der):
            raise ValueError("it is cut off")
        yield _Node(tag, der[at : at + length])
        at += length
