"""Where things are on a node that can be updated."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from sensor.errors import UpdateError

KEYS_FILE: Final = "fleet.keys"
"""Beside ``node.toml``: whose signatures the node believes at first, one key a line."""


@dataclass(frozen=True, slots=True)
class Places:
    """What the updater is told of the node.

    Attributes
    ----------
    program : Path
        Holds ``releases/``, the links ``current`` (what measures) and ``good`` (what has last
        shown to work, and what the updater itself runs from), and ``configs/`` with its link
        ``current.toml``.
    config : Path
        The node's ``node.toml``, which leads to that link.
    state : Path
        What the updater remembers, and the files of releases.
    exchange : Path
        What it shares with the process that measures.
    """

    program: Path = Path("/opt/skolro/node")
    config: Path = Path("/etc/skolro/node.toml")
    state: Path = Path("/var/lib/skolro-updater")
    exchange: Path = Path("/run/skolro")

    @property
    def current(self) -> Path:
        """Leads to the release that measures."""
        return self.program / "current"

    @property
    def good(self) -> Path:
        """Leads to the release that has last shown to work."""
        return self.program / "good"

    @property
    def releases(self) -> Path:
        """A folder a release."""
        return self.program / "releases"

    @property
    def configs(self) -> Path:
        """A file a configuration."""
        return self.program / "configs"

    @property
    def current_config(self) -> Path:
        """Leads to the configuration that the node measures with."""
        return self.configs / "current.toml"

    def running(self) -> str:
        """Name of the release that measures.

        Raises
        ------
        UpdateError
            The node was not installed so that it can be updated.
        """
        for link in (self.current, self.good, self.current_config):
            if not link.is_symlink():
                raise UpdateError(
                    f"{link} does not lead to what runs here: install the node with "
                    "install-node.sh, so that it can be updated"
                )
        return self.current.readlink().name

    def card_keys(self) -> tuple[str, ...]:
        """The keys that the node's card brought.

        Raises
        ------
        UpdateError
            There are none.
        """
        path = self.config.with_name(KEYS_FILE)
        try:
            lines = [line.strip() for line in path.read_text(encoding="ascii").splitlines()]
        except (OSError, UnicodeDecodeError) as error:
            raise UpdateError(
                f"this node was given no fleet key ({path}), so that it believes nobody: copy "
                "fleet.keys there from the server's folder of the node"
            ) from error
        return tuple(line for line in lines if line and not line.startswith("#"))

    def node(self) -> str:
        """The node's id, even where the rest of its configuration cannot be used.

        Raises
        ------
        UpdateError
            It stands nowhere.
        """
        try:
            return str(tomllib.loads(self.config.read_text(encoding="utf-8"))["node"])
        except (OSError, ValueError, KeyError) as error:
            raise UpdateError(
                f"{self.config} does not say which node this is: write node = ... there"
            ) from error
