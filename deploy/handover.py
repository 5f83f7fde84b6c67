"""Certificates and keys, put where and given to whom they belong."""

from __future__ import annotations

import shutil
from pathlib import Path

from deploy.authority import write_file
from deploy.errors import DeployError
from sensor.contract.tls import Tls


def hand_over(tls: Tls, folder: Path, owner: str | None = None) -> Tls:
    """Copy what one client needs into `folder`; return it by its names there.

    Parameters
    ----------
    owner : str, optional
        User, or a user's number, to whom the key is given.

    Raises
    ------
    DeployError
        A file cannot be written or given away.
    """
    sources = {
        "ca.pem": tls.ca_file,
        "client.pem": tls.certificate_file,
        "client.key": tls.key_file,
    }
    for name, source in sources.items():
        mode = 0o600 if source == tls.key_file else 0o644
        write_file(folder / name, Path(source).read_bytes(), mode)
    copied = Tls(
        ca_file=str(folder / "ca.pem"),
        certificate_file=str(folder / "client.pem"),
        key_file=str(folder / "client.key"),
    )
    if owner is not None:
        give_to(owner, Path(copied.key_file))
    return copied


def give_to(owner: str, path: Path) -> None:
    """Make `owner`, a user's name or number, the owner of a file."""
    try:
        shutil.chown(path, int(owner) if owner.isdecimal() else owner)
    except LookupError as error:
        raise DeployError(f"there is no user {owner} to give {path} to") from error
    except OSError as error:
        raise DeployError(f"cannot give {path} to {owner}: {error.strerror}") from error
