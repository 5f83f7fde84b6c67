"""New certificates for a server that runs, before those that it has are out of date."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Final

from cryptography import x509

from deploy.authority import Authority
from deploy.errors import DeployError
from deploy.handover import hand_over
from deploy.mosquitto_config import ACCESS_FILE, CONFIG_FILE, SERVICE_FILE, write_broker
from deploy.server.collector_config import TLS_FOLDER

_SERVER: Final = "server.pem"
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
    return min(_certificate(path).not_valid_after_utc for path in (broker / _SERVER, tls / _CLIENT))


def valid_until(folder: Path) -> datetime:
    """Until when the broker's certificate holds, without which no node gets in."""
    return _certificate(folder / "broker" / _SERVER).not_valid_after_utc


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
