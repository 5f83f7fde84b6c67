"""Configurations on the node: kept beside each other, and checked before one is used."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable
from pathlib import Path
from typing import Final

from sensor.contract.fleet import WantedConfig
from sensor.updating.files import write_whole
from sensor.updating.places import Places

_NAME: Final = re.compile(r"(\d+)-[0-9a-f]{8}\.toml")
_MODE: Final = 0o640


def config_version(name: str) -> int:
    """Version of the configuration in a file of that name; 0: it came with the card."""
    match = _NAME.fullmatch(name)
    return int(match[1]) if match else 0


class Configs:
    """The configurations of a node.

    Parameters
    ----------
    places : Places
        Where they are.
    check : callable
        Called with the paths of a new configuration and of the one in use; raises
        :class:`UpdateError` where the new one cannot be used in its place.
    """

    def __init__(self, places: Places, check: Callable[[Path, Path], None]) -> None:
        self._places = places
        self._check = check

    def name(self, wanted: WantedConfig) -> str:
        """Name of its file: no other content can have it."""
        digest = hashlib.sha256(wanted.toml.encode()).hexdigest()
        return f"{wanted.version}-{digest[:8]}.toml"

    def keep(self, wanted: WantedConfig) -> str:
        """Write a configuration beside the one in use, if it can be used; return its name.

        Raises
        ------
        UpdateError
            It cannot be used.
        """
        name = self.name(wanted)
        candidate = self._places.configs / "candidate.toml"
        write_whole(candidate, wanted.toml.encode(), _MODE)
        try:
            self._check(candidate, self._places.config)
            write_whole(self._places.configs / name, wanted.toml.encode(), _MODE)
        finally:
            candidate.unlink(missing_ok=True)
        return name

    def tidy(self, kept: set[str]) -> None:
        """Remove all that was once sent, but what is `kept`."""
        for path in self._places.configs.iterdir():
            if _NAME.fullmatch(path.name) and path.name not in kept:
                path.unlink()
