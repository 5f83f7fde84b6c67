"""The collector's own certificate authority: who may talk to the broker, and as whom.

The common name of a client's certificate is its user name at the broker: a node's id, or a
collector's name, which no node's id can be.  Keys are ECDSA on P-256; profiles follow RFC 5280.
"""

from __future__ import annotations

import ipaddress
import os
import re
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from deploy.errors import DeployError
from sensor.contract.messages import NODE_PATTERN
from sensor.contract.tls import Tls

COLLECTOR: Final = "skolro.collector"
"""Name of the first collector; the dot keeps it apart from every node."""

HEALTH: Final = "skolro.health"
"""Who looks whether the broker lives, and may do nothing else."""

CA_DAYS: Final = 20 * 365
SERVER_DAYS: Final = 2 * 365
CLIENT_DAYS: Final = 3 * 365
_CRL_DAYS: Final = CA_DAYS  # the broker lets nobody in once its list is out of date
# A node without a battery-backed clock may be a little behind.
_BACKDATED: Final = timedelta(days=1)
_COLLECTOR_PATTERN: Final = re.compile(r"skolro\.collector(\.[a-z0-9-]{1,32})?")
_NODE: Final = re.compile(NODE_PATTERN)
_CA_FILE, _CA_KEY, _CRL_FILE, _ISSUED = "ca.pem", "ca.key", "revoked.pem", "issued"


@dataclass(frozen=True, slots=True)
class Validity:
    """From when and how long a certificate holds; from now unless told."""

    days: float
    start: datetime | None = None

    def span(self) -> tuple[datetime, datetime]:
        """First and last moment."""
        start = self.start or datetime.now(UTC)
        return start - _BACKDATED, start + timedelta(days=self.days)


class Authority:
    """Issues certificates into its folder, and revokes them.

    The folder holds the authority's key: keep it on a machine of its own or in a safe place,
    and give each part only the files that are its own.

    Parameters
    ----------
    folder : Path
        What :func:`make_authority` has made.

    Raises
    ------
    DeployError
        There is no authority in it, or it cannot be read or written.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.ca_file = folder / _CA_FILE
        self.crl_file = folder / _CRL_FILE
        self._certificate = _read_certificate(self.ca_file)
        try:
            key = load_pem_private_key((folder / _CA_KEY).read_bytes(), password=None)
        except (OSError, ValueError, TypeError) as error:
            raise DeployError(f"cannot read the authority's key in {folder}: {error}") from error
        if not isinstance(key, ec.EllipticCurvePrivateKey):
            raise DeployError(f"the authority's key in {folder} is none of ours: make a new one")
        self._key = key

    def issue_server(self, hosts: Sequence[str], validity: Validity | None = None) -> Tls:
        """Certificate of the broker, reached under each of `hosts` (names or IP addresses)."""
        if not hosts:
            raise DeployError("name at least one host under which the broker is reached")
        names = x509.SubjectAlternativeName([_general_name(host) for host in hosts])
        usage = ExtendedKeyUsageOID.SERVER_AUTH
        return self._issue("server", hosts[0], usage, validity or Validity(SERVER_DAYS), names)

    def issue_node(self, node: str, validity: Validity | None = None) -> Tls:
        """Certificate of a node; its common name is the node's id.

        It ends with the authority unless told: nobody is at a school's wall to renew it, and what
        is stolen is revoked.
        """
        if not _NODE.fullmatch(node):
            raise DeployError(f"{node[:80]!r} is no id of a node: use a-z, 0-9 and hyphens")
        return self._issue_client(f"nodes/{node}", node, validity or self._until_its_end())

    def issue_collector(self, name: str = COLLECTOR, validity: Validity | None = None) -> Tls:
        """Certificate of a collector; each of several needs a name of its own."""
        if not _COLLECTOR_PATTERN.fullmatch(name):
            raise DeployError(
                f"{name[:80]!r} is no name of a collector: use {COLLECTOR} or {COLLECTOR}.SOMETHING"
            )
        return self._issue_client(f"collectors/{name}", name, validity)

    def issue_health(self, validity: Validity | None = None) -> Tls:
        """Certificate of who looks whether the broker lives."""
        return self._issue_client(HEALTH, HEALTH, validity)

    def revoke(self, name: str) -> int:
        """Have the broker refuse every certificate that was issued for `name`; return how many.

        What is issued for it from now on is good again.
        """
        issued = map(_read_certificate, sorted((self.folder / _ISSUED).glob("*.pem")))
        serials = [one.serial_number for one in issued if one.subject == _name(name)]
        if not serials:
            raise DeployError(f"nothing was ever issued for {name[:80]!r} by {self.folder}")
        listed = {entry.serial_number: entry for entry in self._revoked()}
        now = datetime.now(UTC)
        for serial in serials:
            if serial not in listed:
                listed[serial] = x509.RevokedCertificateBuilder(serial, now).build()
        _write_crl(self.folder, self._certificate.subject, self._key, [*listed.values()])
        return len(serials)

    def _revoked(self) -> Iterable[x509.RevokedCertificate]:
        try:
            return list(x509.load_pem_x509_crl(self.crl_file.read_bytes()))
        except (OSError, ValueError) as error:
            raise DeployError(f"cannot read {self.crl_file}: {error}") from error

    def _until_its_end(self) -> Validity:
        left = self._certificate.not_valid_after_utc - datetime.now(UTC)
        return Validity(left / timedelta(days=1))

    def _issue_client(self, path: str, name: str, validity: Validity | None) -> Tls:
        usage = ExtendedKeyUsageOID.CLIENT_AUTH
        return self._issue(path, name, usage, validity or Validity(CLIENT_DAYS))

    def _issue(
        self,
        path: str,
        name: str,
        usage: x509.ObjectIdentifier,
        validity: Validity,
        names: x509.SubjectAlternativeName | None = None,
    ) -> Tls:
        key = ec.generate_private_key(ec.SECP256R1())
        builder = (
            _builder(_name(name), self._certificate.subject, key, validity)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(_key_usage(ca=False), critical=True)
            .add_extension(x509.ExtendedKeyUsage([usage]), critical=False)
            .add_extension(_authority_of(self._key.public_key()), critical=False)
        )
        if names is not None:
            builder = builder.add_extension(names, critical=False)
        certificate = builder.sign(self._key, SHA256())
        certificate_file = self.folder / f"{path}.pem"
        key_file = self.folder / f"{path}.key"
        write_file(key_file, _pem(key), 0o600)
        # Kept by number too: what is replaced may still have to be revoked.
        pem = certificate.public_bytes(Encoding.PEM)
        write_file(self.folder / _ISSUED / f"{certificate.serial_number:x}.pem", pem, 0o644)
        write_file(certificate_file, pem, 0o644)
        return Tls(
            ca_file=str(self.ca_file),
            certificate_file=str(certificate_file),
            key_file=str(key_file),
        )


def make_authority(
    folder: Path, name: str = "Skolro", validity: Validity | None = None
) -> Authority:
    """Make a certificate authority in `folder`, which must not hold one yet.

    Raises
    ------
    DeployError
        There is one already, whose certificates would all become worthless; or the folder
        cannot be written.
    """
    for file in (_CA_KEY, _CA_FILE):
        if (folder / file).exists():
            raise DeployError(
                f"{folder} holds an authority already: use it, or choose another folder"
            )
    key = ec.generate_private_key(ec.SECP256R1())
    subject = _name(f"{name} CA")
    certificate = (
        _builder(subject, subject, key, validity or Validity(CA_DAYS))
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_key_usage(ca=True), critical=True)
        .sign(key, SHA256())
    )
    write_file(folder / _CA_KEY, _pem(key), 0o600)
    write_file(folder / _CA_FILE, certificate.public_bytes(Encoding.PEM), 0o644)
    _write_crl(folder, subject, key, [])
    return Authority(folder)


def _write_crl(
    folder: Path,
    issuer: x509.Name,
    key: ec.EllipticCurvePrivateKey,
    revoked: Sequence[x509.RevokedCertificate],
) -> None:
    now = datetime.now(UTC)
    builder = (
        x509.CertificateRevocationListBuilder(revoked_certificates=list(revoked))
        .issuer_name(issuer)
        .last_update(now - _BACKDATED)
        .next_update(now + timedelta(days=_CRL_DAYS))
        .add_extension(_authority_of(key.public_key()), critical=False)
        .add_extension(x509.CRLNumber(int(now.timestamp())), critical=False)
    )
    crl = builder.sign(key, SHA256())
    write_file(folder / _CRL_FILE, crl.public_bytes(Encoding.PEM), 0o644)


def _builder(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePrivateKey, validity: Validity
) -> x509.CertificateBuilder:
    start, end = validity.span()
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(start)
        .not_valid_after(end)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
    )


def _name(common_name: str) -> x509.Name:
    try:
        return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])
    except ValueError as error:
        raise DeployError(f"a certificate cannot be for {common_name[:80]!r}: {error}") from error


def _general_name(host: str) -> x509.GeneralName:
    with suppress(ValueError):
        return x509.IPAddress(ipaddress.ip_address(host))
    try:
        return x509.DNSName(host)
    except ValueError as error:
        raise DeployError(f"{host!r} is no name of a host: write it in ASCII") from error


def _authority_of(key: ec.EllipticCurvePublicKey) -> x509.AuthorityKeyIdentifier:
    return x509.AuthorityKeyIdentifier.from_issuer_public_key(key)


def _key_usage(*, ca: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not ca,
        key_cert_sign=ca,
        crl_sign=ca,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


def _pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def _read_certificate(path: Path) -> x509.Certificate:
    try:
        return x509.load_pem_x509_certificate(path.read_bytes())
    except (OSError, ValueError) as error:
        raise DeployError(f"cannot read the certificate {path}: {error}") from error


def write_file(path: Path, content: bytes, mode: int) -> None:
    """Write a file whole or not at all; :class:`DeployError` where it cannot be."""
    # Its mode is there from the first moment, so that nobody else reads a key in between.
    part = path.with_name(f"{path.name}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        part.unlink(missing_ok=True)
        handle = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)
    except OSError as error:
        raise DeployError(f"cannot write {path}: {error.strerror}") from error
