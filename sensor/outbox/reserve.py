"""Room on the disk that is kept for the moment when there is none left."""

from __future__ import annotations

import os
from pathlib import Path


class Reserve:
    """A file that holds room, and gives it up so that something can be tidied on a full disk.

    SQLite needs room even to remove something: what it changes goes to its log first.

    Parameters
    ----------
    path : Path
        The file.
    size_bytes : int
        How much it holds; 0: nothing.
    """

    def __init__(self, path: Path, size_bytes: int) -> None:
        self._path = path
        self._size_bytes = size_bytes

    def take_up(self) -> bool:
        """Hold the room; return whether all of it is held."""
        if not self._size_bytes or self._is_held():
            return True
        try:
            with self._path.open("wb") as file:
                os.posix_fallocate(file.fileno(), 0, self._size_bytes)
        except OSError:
            self._path.unlink(missing_ok=True)
            return False
        return True

    def give_up(self) -> bool:
        """Free the room; return whether there was any."""
        try:
            self._path.unlink()
        except OSError:
            return False
        return True

    def _is_held(self) -> bool:
        try:
            return self._path.stat().st_size >= self._size_bytes
        except OSError:
            return False
