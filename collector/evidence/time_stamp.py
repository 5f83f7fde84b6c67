"""RFC 3161: a time stamp service says that the manifest existed at a time."""

from __future__ import annotations

import hashlib
import urllib.request
from collections.abc import Sequence
from datetime import datetime
from typing import Final, NamedTuple
from urllib.error import URLError

from cryptography import x509
from cryptography.x509.oid import ExtendedKeyUsageOID
from rfc3161_client import (
    HashAlgorithm,
    TimestampRequestBuilder,
    TimeStampResponse,
    VerificationError,
    VerifierBuilder,
    decode_timestamp_response,
)

from collector.evidence.errors import EvidenceError

LARGEST: Final = 100_000
_TIMEOUT_S: Final = 30.0
_SHA256: Final = "2.16.840.1.101.3.4.2.1"


class TimeStamp(NamedTuple):
    """A time stamp that fits.

    Attributes
    ----------
    trusted : bool
        Whether it rests on a certificate that the reader gave.
    """

    at: datetime
    service: str
    trusted: bool


def fetch_time_stamp(content: bytes, url: str) -> bytes:
    """Return the answer of the service at `url` to the hash of `content`, in DER."""
    request = TimestampRequestBuilder().data(content).hash_algorithm(HashAlgorithm.SHA256)
    asked = request.cert_request(cert_request=True).build()
    query = urllib.request.Request(  # noqa: S310 - the configuration allows http and https only
        url, asked.as_bytes(), {"Content-Type": "application/timestamp-query"}
    )
    try:
        with urllib.request.urlopen(query, timeout=_TIMEOUT_S) as answer:  # noqa: S310 - as above
            token: bytes = answer.read(LARGEST)
    except (URLError, OSError, ValueError) as error:
        raise EvidenceError(f"the time stamp service {url} gives no time stamp: {error}") from error
    response = _decoded(token)
    if response.tst_info.nonce != asked.nonce:
        raise EvidenceError(f"the time stamp service {url} answers another request")
    check_time_stamp(content, token)
    return token


def check_time_stamp(
    content: bytes, token: bytes, roots: Sequence[x509.Certificate] = ()
) -> TimeStamp:
    """Return the time that `token` tells of `content`.

    Parameters
    ----------
    roots : sequence of Certificate
        Whom the reader trusts. Without any, only the hash is compared: anybody can run a service,
        so its signature would prove nothing.

    Raises
    ------
    EvidenceError
        It is no time stamp of this content.
    """
    response = _decoded(token)
    try:
        within = [x509.load_der_x509_certificate(c) for c in response.signed_data.certificates]
        leaf = _leaf(within)
        if roots:
            builder = VerifierBuilder(roots=list(roots), intermediates=[], tsa_certificate=leaf)
            for one in within:
                if one != leaf and one not in roots:
                    builder = builder.add_intermediate_certificate(one)
            builder.build().verify_message(response, content)
        else:
            _require_of(response, content)
    except (VerificationError, ValueError, TypeError) as error:
        raise EvidenceError(f"the time stamp does not hold: {error}") from error
    return TimeStamp(response.tst_info.gen_time, leaf.subject.rfc4514_string(), bool(roots))


def _require_of(response: TimeStampResponse, content: bytes) -> None:
    imprint = response.tst_info.message_imprint
    digest = hashlib.sha256(content).digest()
    if imprint.hash_algorithm.dotted_string != _SHA256 or imprint.message != digest:
        raise VerificationError("it is of something else")


def _leaf(certificates: Sequence[x509.Certificate]) -> x509.Certificate:
    """The one that may stamp times."""
    for one in certificates:
        try:
            usage = one.extensions.get_extension_for_class(x509.ExtendedKeyUsage)
        except x509.ExtensionNotFound:
            continue
        if ExtendedKeyUsageOID.TIME_STAMPING in usage.value:
            return one
    raise ValueError("it carries no certificate of a time stamp service")


def _decoded(token: bytes) -> TimeStampResponse:
    try:
        return decode_timestamp_response(token)
    except ValueError as error:
        raise EvidenceError(f"not a time stamp (RFC 3161): {error}") from error
