"""Wishes: what a node is to run, signed."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeAlias

from collector.registry.wishes import ALONE, NodeWish
from deploy.errors import DeployError
from deploy.fleet.keys import FleetKeys
from deploy.fleet.releases import Release
from sensor.config import load_node_config, require_same_node
from sensor.contract.fleet import (
    WantedConfig,
    WantedRelease,
    Wish,
    decode_wish,
    encode_wish,
)
from sensor.contract.messages import VERSION
from sensor.contract.signature import sign

Wanted: TypeAlias = WantedRelease | WantedConfig
"""What is new in a wish: never both, so that it is known which of them did not work."""


def wanted_release(release: Release, urls: Sequence[str], *, again: bool) -> WantedRelease:
    """Return how a release is wished for; :class:`DeployError` where nodes cannot reach it."""
    if not urls:
        raise DeployError(
            "the configuration does not say where nodes find releases: add release_urls to "
            '[fleet], such as ["https://skolro.example.se/releases"]'
        )
    return WantedRelease(
        version=release.version,
        manifest_sha256=release.manifest_sha256,
        urls=tuple(urls),
        again=again,
    )


def wanted_config(
    path: Path, before: Path, node: str, version: int, *, again: bool
) -> WantedConfig:
    """Return how a configuration is wished for, once it is known that it can be used.

    Parameters
    ----------
    path : Path
        The whole of it.
    before : Path
        What the node was given first, whose identity it must keep.

    Raises
    ------
    DeployError, ConfigError
        It cannot be used.
    """
    require_same_node(path, before)
    loaded = load_node_config(path)
    if loaded.node != node:
        raise DeployError(f"{path} is the configuration of {loaded.node}, and not of {node}")
    return WantedConfig(version=version, toml=path.read_text(encoding="utf-8"), again=again)


class Wisher:
    """Makes the next wish for nodes.

    Parameters
    ----------
    keys : FleetKeys
        Which sign.
    """

    def __init__(self, keys: FleetKeys) -> None:
        self._key = keys.signing()
        self._public = keys.public()

    def next(
        self,
        node: str,
        history: Sequence[NodeWish],
        wanted: Wanted,
        *,
        wave: int = ALONE,
        after: int = 0,
    ) -> NodeWish:
        """Return a signed wish that says all that `node` is to run.

        What is not told is as in the newest wish that came true or is on its way. Its number is
        over `after`, too, the last that the node tells of: this database may be a backup.
        """
        base = standing(history)
        release = wanted if isinstance(wanted, WantedRelease) else None
        config = wanted if isinstance(wanted, WantedConfig) else None
        wish = Wish(
            v=VERSION,
            node=node,
            number=max(history[-1].number if history else 0, after) + 1,
            keys=self._public,
            release=release or (base.release if base else None),
            config=config or (base.config if base else None),
        )
        payload = encode_wish(wish)
        return NodeWish(
            node=node,
            number=wish.number,
            made_at=datetime.now(UTC),
            wave=wave,
            payload=payload,
            signature=sign(payload, self._key),
        )


def standing(history: Sequence[NodeWish]) -> Wish | None:
    """Return what a node is wished to run: the newest that came true or is on its way."""
    for one in reversed(history):
        if one.outcome == "current" or one.is_open:
            return decode_wish(one.payload)
    return None


def next_config_version(history: Sequence[NodeWish]) -> int:
    """Return a version that no configuration of the node ever had."""
    configs = [decode_wish(one.payload).config for one in history]
    return max((config.version for config in configs if config is not None), default=0) + 1
