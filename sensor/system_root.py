"""How the system below the node is kept: whether its root takes what is written, and how old it is.

``deploy/image/read-only-root.sh`` prepares a root that nothing is written to, ``skolro-root`` keeps
its packages current; both leave what is read here.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final, Literal, TypeAlias

RootState: TypeAlias = Literal["writable", "read_only", "opened", "refused"]

_SOURCE, _PLACE, _TYPE = range(3)
_CURRENT: Final = "current "


@dataclass(frozen=True, slots=True)
class SystemRoot:
    """The root and its packages; None: not told.

    Attributes
    ----------
    state : str, optional
        ``read_only``: what is written to it stays in memory; ``opened``: writable until the next
        start; ``refused``: read-only was wished for, and the card has no room for it.
    used_share : float, optional
        Used part of the memory that holds what was written since the start.
    current_at : datetime, optional
        When there was last nothing to upgrade.
    """

    state: RootState | None = None
    used_share: float | None = None
    current_at: datetime | None = None


def system_root(top: Path = Path("/")) -> SystemRoot:
    """Read how the system at `top` is."""
    mounts = _text(top / "proc/self/mounts")
    if mounts is None:
        return SystemRoot()
    current_at = _current_at(top / "data/upgrade.last")
    if any(_is_overlay(line.split()) for line in mounts.splitlines()):
        return SystemRoot("read_only", _used_share(top), current_at)
    if (top / "data/read-only").exists():
        return SystemRoot("opened", None, current_at)
    refused = (top / "etc/skolro/root.problem").exists()
    return SystemRoot("refused" if refused else "writable", None, current_at)


def _is_overlay(fields: list[str]) -> bool:
    # As overlayroot mounts it.
    return len(fields) > _TYPE and (fields[_SOURCE], fields[_PLACE], fields[_TYPE]) == (
        "overlayroot", "/", "overlay",
    )  # fmt: skip


def _used_share(top: Path) -> float | None:
    try:
        # Of an overlay, the kernel tells the room of its upper, writable side.
        room = os.statvfs(top)
    except OSError:
        return None
    return round(1 - room.f_bfree / room.f_blocks, 3) if room.f_blocks else None


def _current_at(file: Path) -> datetime | None:
    told = (_text(file) or "").partition(";")[0].strip()
    if not told.startswith(_CURRENT):
        return None
    try:
        at = datetime.fromisoformat(told.removeprefix(_CURRENT))
    except ValueError:
        return None
    return at if at.tzinfo is not None else None


def _text(file: Path) -> str | None:
    try:
        return file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return None
