"""Small files of the commissioning: whole or not at all, and readable by the node alone."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final, TypeVar

import msgspec

from sensor.errors import CommissioningError

FOLDER: Final = "commissioning"
"""Within the node's data_dir."""

_T = TypeVar("_T")


def read(path: Path, kind: type[_T]) -> _T | None:
    """Return what the file holds; None: there is none.

    Raises
    ------
    CommissioningError
        It cannot be read, or holds something else.
    """
    try:
        return msgspec.json.decode(path.read_bytes(), type=kind)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise CommissioningError(f"cannot read {path}: {error.strerror}") from error
    except msgspec.MsgspecError as error:
        raise CommissioningError(
            f"{path} is not what it should be ({error}): delete it, and begin anew"
        ) from error


def write(path: Path, content: msgspec.Struct) -> None:
    """Replace the file; the node may read it, whoever wrote it.

    Raises
    ------
    CommissioningError
        It cannot be written.
    """
    part = path.with_suffix(".part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(msgspec.json.format(msgspec.json.encode(content), indent=2))
            file.flush()
            os.fsync(file.fileno())
        _give(part, path.parent.parent)
        _give(path.parent, path.parent.parent)
        part.replace(path)
    except OSError as error:
        raise CommissioningError(
            f"cannot write {path}: {error.strerror}; free space, or run this as the node's user"
        ) from error


def _give(path: Path, like: Path) -> None:
    """Give what root has written to the owner of the data: the node runs as no root."""
    if os.geteuid() == 0:
        owner = like.stat()
        os.chown(path, owner.st_uid, owner.st_gid)
