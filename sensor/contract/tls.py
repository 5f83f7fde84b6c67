"""TLS towards the broker, as a node and a collector set it up alike."""

from __future__ import annotations

import ssl
import stat
from pathlib import Path
from typing import Annotated

from msgspec import Meta, Struct
from msgspec.structs import replace

from sensor.contract.errors import ConfigError

_File = Annotated[str, Meta(min_length=1)]


class Tls(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Whom to trust, and who we are: PEM files.

    Attributes
    ----------
    ca_file : str
        Certificate of the authority that issued the broker's certificate; no other is trusted.
    certificate_file, key_file : str
        Our own certificate, whose common name is our user name at the broker, and its key.
    """

    ca_file: _File
    certificate_file: _File
    key_file: _File


def tls_from(folder: Path, tls: Tls | None) -> Tls | None:
    """Return `tls` with its relative paths taken from `folder`."""
    if tls is None:
        return None
    return replace(
        tls,
        ca_file=str(folder / tls.ca_file),
        certificate_file=str(folder / tls.certificate_file),
        key_file=str(folder / tls.key_file),
    )


def client_context(tls: Tls) -> ssl.SSLContext:
    """Return what a client needs for TLS 1.2 or newer with certificates on both sides.

    The broker's certificate must name the host that it is reached at.

    Raises
    ------
    ConfigError
        A file cannot be read, is not what it should be, or shows our key to others.
    """
    try:
        if Path(tls.key_file).stat().st_mode & stat.S_IROTH:
            raise ConfigError(f"everybody may read the key {tls.key_file}: chmod o-r it")
        # The default checks certificate and host name; it trusts ca_file only.
        context = ssl.create_default_context(cafile=tls.ca_file)
        context.load_cert_chain(tls.certificate_file, tls.key_file)
    except ssl.SSLError as error:
        raise ConfigError(
            f"broker.tls: ca_file {tls.ca_file}, certificate_file {tls.certificate_file} and "
            f"key_file {tls.key_file} must be a certificate, a certificate and its key in PEM: "
            f"{error.reason or error}"
        ) from error
    except OSError as error:
        name = error.filename or f"{tls.ca_file} or {tls.certificate_file}"
        raise ConfigError(f"broker.tls: cannot read {name}: {error.strerror}") from error
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    # The default of Python 3.13, for all: RFC 5280 to the letter.
    context.verify_flags |= ssl.VERIFY_X509_STRICT
    return context


def read_again(context: ssl.SSLContext, tls: Tls) -> None:
    """Let connections from now on show our certificate as it is by now.

    Raises
    ------
    ConfigError
        It cannot be read; the one before goes on to be shown.
    """
    try:
        context.load_cert_chain(tls.certificate_file, tls.key_file)
    except OSError as error:  # ssl's own errors are some of these, too
        raise ConfigError(
            f"broker.tls: {tls.certificate_file} and {tls.key_file} cannot be read again: {error}"
        ) from error
