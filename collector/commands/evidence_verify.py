"""``skolro evidence verify``: check a summary where no part of the system is installed."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import Annotated, Final

import msgspec
import typer
from cryptography import x509

from collector.evidence.authority_key import load_public_key
from collector.evidence.errors import EvidenceError
from collector.evidence.language import language as language_of
from collector.evidence.verify.seals import Expected
from collector.evidence.verify.verification import verify
from collector.evidence.verify.words import as_dict, described
from collector.writing import Code

STATUS_ALTERED: Final = 1
_HEX: Final = re.compile(r"[0-9a-f]{64}")


def evidence_verify(
    path: Annotated[Path, typer.Argument(help="The folder, its ZIP, or summary.pdf alone.")],
    key: Annotated[
        Path | None, typer.Option(help="File with the exporter's public key, got another way.")
    ] = None,
    fingerprint: Annotated[
        str | None, typer.Option(help="Or the key's fingerprint, as the exporter publishes it.")
    ] = None,
    time_stamp_root: Annotated[
        Path | None, typer.Option(help="Certificate (PEM) of a time stamp authority you trust.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="As JSON.")] = False,
    language: Annotated[Code, typer.Option(help="Of what is told.")] = "sv",
) -> None:
    """Check seal, signatures and chains, and compute every number anew from the messages.

    Ends with status 0 if all holds, 1 if something was altered, 2 if it cannot be read.
    """
    expected = _expected(key, fingerprint, time_stamp_root)
    verdict = verify(path, expected)
    words = language_of(language)
    if as_json:
        encoded = msgspec.json.format(msgspec.json.encode(as_dict(verdict, words)), indent=2)
        sys.stdout.write(encoded.decode() + "\n")
    else:
        for line in described(verdict, str(path), words):
            typer.echo(line)
    if not verdict.holds:
        raise typer.Exit(STATUS_ALTERED)


def _expected(key: Path | None, fingerprint: str | None, root: Path | None) -> Expected:
    if key is not None and fingerprint is not None:
        raise EvidenceError("give either --key or --fingerprint, not both")
    wanted = None
    if fingerprint is not None:
        wanted = re.sub(r"[\s:]", "", fingerprint).lower()
        if _HEX.fullmatch(wanted) is None:
            raise EvidenceError("--fingerprint takes the 64 hexadecimal digits of a SHA-256")
    roots = [] if root is None else [_certificate(root)]
    public = None if key is None else load_public_key(key)
    return Expected(key=public, fingerprint=wanted, time_stamp_roots=roots)


def _certificate(path: Path) -> x509.Certificate:
    try:
        return x509.load_pem_x509_certificate(path.read_bytes())
    except OSError as error:
        raise EvidenceError(f"cannot read {path}: {error.strerror}") from error
    except ValueError as error:
        raise EvidenceError(f"{path} is no certificate in PEM") from error
