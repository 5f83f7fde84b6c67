"""New certificates for a server that runs, before those that it has are out of date.

Nodes know the authority and the broker's names, which both stay: a new certificate is one as good
to them.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

from cryptography import x509

from collector.certificates import Certificate, Holder, read_certificate
from deploy.authority import Authority
from deploy.errors import DeployError
from deploy.handover import hand_over
from deploy.mosquitto_config import ACCESS_FILE, CONFIG_FILE, SERVICE_FILE, write_broker
from deploy.server.collector_config import TLS_FOLDER

DUE: Final = timedelta(days=90)
"""How long before its end a certificate is renewed: a month before anybody is warned of it."""

_SERVER: Final = "server.pem"
_HEALTH: Final = "health.pem"
_CLIENT: Final = "client.pem"


def renew(folder: Path) -> datetime:
    """Issue broker's and collector's certificates anew; return until when both hold.

    The broker's names, its configuration and who owns the keys stay as they are.  It gets the list
    of what is revoked by now, too.

    Raises
    ------
    DeployError
        There is no such server, or a file cannot be read or written.
    """
    broker, tls = folder / "broker", folder / TLS_FOLDER
    authority = Authority(folder / "authority")
    config, access, limits = (
        _read(broker / name) for name in (CONFIG_FILE, ACCESS_FILE, SERVICE_FILE)
    )
    hosts = _hosts(_certificate(broker / _SERVER))
    write_broker(broker, authority, hosts, config, access, limits, _owner(broker / "server.key"))
    hand_over(authority.issue_collector(), tls, _owner(tls / "client.key"))
    return renewed_until(folder)


def renewed_until(folder: Path) -> datetime:
    """Until when all of those that :func:`renew` makes anew hold; raise as it does."""
    paths = (
        folder / "broker" / _SERVER,
        folder / "broker" / _HEALTH,
        folder / TLS_FOLDER / _CLIENT,
    )
    return min(_certificate(path).not_valid_after_utc for path in paths)


def valid_until(folder: Path) -> datetime:
    """Until when the broker's certificate holds, without which no node gets in."""
    return _certificate(folder / "broker" / _SERVER).not_valid_after_utc


def kept(folder: Path) -> dict[Holder, Certificate]:
    """The certificates in a server's folder by whose they are, as :class:`ConfigError` else."""
    paths: dict[Holder, Path] = {
        "authority": folder / "authority" / "ca.pem",
        "broker": folder / "broker" / _SERVER,
        "collector": folder / TLS_FOLDER / _CLIENT,
    }
    return {holder: read_certificate(path) for holder, path in paths.items()}


def of_nodes(folder: Path) -> dict[str, Certificate]:
    """The certificates that nodes were given last, by node."""
    found = sorted((folder / "nodes").glob(f"*/{_CLIENT}"))
    return {path.parent.name: read_certificate(path) for path in found}


def _hosts(certificate: x509.Certificate) -> Sequence[str]:
    names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    return [str(name.value) for name in names]


def _certificate(path: Path) -> x509.Certificate:
    try:
        return x509.load_pem_x509_certificate(path.read_bytes())
    except (OSError, ValueError) as error:
        raise DeployError(f"cannot read the certificate {path}: {error}") from error


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except OSError as error:
        raise DeployError(
            f"cannot read {path}: {error.strerror}; skolro server init makes a new server"
        ) from error


def _owner(path: Path) -> str:
    try:
        return str(path.stat().st_uid)
    except OSError as error:
        raise DeployError(f"cannot read {path}: {error.strerror}") from error
