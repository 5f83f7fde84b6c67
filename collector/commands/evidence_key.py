"""``skolro evidence key``: the key that an authority seals its summaries with."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from collector.evidence.authority_key import make_key, public_pem
from collector.evidence.manifest import fingerprint


def evidence_key(
    out: Annotated[Path, typer.Option(help="New file for the private key, such as evidence.key.")],
) -> None:
    """Make a key (Ed25519); only its owner can read the file.

    Publish the fingerprint where people can find it without asking: the authority's web site.
    """
    public = make_key(out).public_key()
    typer.echo(f"{out}: the private key. Keep it, and a copy in a safe place.")
    typer.echo(f"Fingerprint to publish: {fingerprint(public)}")
    typer.echo(public_pem(public).decode(), nl=False)
