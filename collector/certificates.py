"""Certificates that a server stands on, and until when they hold.

The broker's and the proxy's are those that they show right now, since one that was renewed counts
only once it is used.
"""

from __future__ import annotations

import ssl
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from socket import create_connection
from typing import Final, Literal, TypeAlias, get_args
from urllib.parse import urlsplit

from cryptography import x509

from collector.config import CollectorConfig
from sensor.contract.errors import ConfigError
from sensor.contract.tls import client_context

Holder: TypeAlias = Literal["authority", "broker", "collector", "pages"]
"""Whose certificate it is: the authority that issued those of the broker, its nodes and the
collector, these themselves, and the proxy before the pages."""

HOLDERS: Final[tuple[Holder, ...]] = get_args(Holder)

_AUTHORITY_DAYS: Final = 365.0
"""Every node needs a new card before its authority ends."""

_LEAST_SHARE: Final = 0.25
"""What is renewed by itself is so when a third of its time is left."""

_TIMEOUT_S: Final = 5.0


@dataclass(frozen=True, slots=True)
class Certificate:
    """From when until when a certificate holds."""

    begins: datetime
    ends: datetime


Certificates: TypeAlias = Mapping[Holder, Certificate]
"""What could be found out; of whom is missing, nothing is known."""


def warned_from(
    holder: Holder | Literal["node"], certificate: Certificate, days: float
) -> datetime:
    """From when on somebody is warned: `days` before the end, and a year before an authority's.

    One that holds for short, as a public authority's do, is told when a quarter of its time is
    left: it should have been renewed by then.
    """
    before = timedelta(days=_AUTHORITY_DAYS if holder == "authority" else days)
    quarter = _LEAST_SHARE * (certificate.ends - certificate.begins)
    return certificate.ends - min(before, quarter)


def read_certificate(path: Path) -> Certificate:
    """Return what a PEM file says; :class:`ConfigError` where it cannot be read."""
    try:
        return _certificate(x509.load_pem_x509_certificate(path.read_bytes()))
    except (OSError, ValueError) as error:
        raise ConfigError(f"cannot read the certificate {path}: {error}") from error


def certificates_of(config: CollectorConfig) -> Certificates:
    """Return what can be found out about the certificates of a collector's server."""
    found: dict[Holder, Certificate] = {}
    tls = config.broker.tls
    if tls is not None:
        with suppress(ConfigError):
            found["authority"] = read_certificate(Path(tls.ca_file))
        with suppress(ConfigError):
            found["collector"] = read_certificate(Path(tls.certificate_file))
        with suppress(ConfigError, OSError, ValueError):
            context = client_context(tls)
            found["broker"] = _shown(config.broker.host, config.broker.port, context)
    if config.http.base_url is not None and config.http.is_encrypted:
        with suppress(OSError, ValueError):
            address = urlsplit(config.http.base_url)
            context = ssl.create_default_context()
            found["pages"] = _shown(str(address.hostname), address.port or 443, context)
    return found


def _shown(host: str, port: int, context: ssl.SSLContext) -> Certificate:
    """What somebody shows who may have any certificate: nothing is told to them."""
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    with (
        create_connection((host, port), timeout=_TIMEOUT_S) as connection,
        context.wrap_socket(connection, server_hostname=host) as talk,
    ):
        return _certificate(
            x509.load_der_x509_certificate(talk.getpeercert(binary_form=True) or b"")
        )


def _certificate(found: x509.Certificate) -> Certificate:
    return Certificate(found.not_valid_before_utc, found.not_valid_after_utc)
