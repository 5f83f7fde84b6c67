"""What the commands about the fleet share."""

from __future__ import annotations

from pathlib import Path

from collector.commands.opened import Opened
from collector.config import Fleet
from deploy.errors import DeployError
from deploy.fleet.keys import FleetKeys
from deploy.fleet.releases import Releases


def fleet_of(collector: Opened) -> Fleet:
    """Return the part ``[fleet]`` of the configuration; :class:`DeployError` without one."""
    if collector.config.fleet is None:
        raise DeployError(
            "the configuration has no [fleet]: say there where keys and releases are, and where "
            "nodes reach them"
        )
    return collector.config.fleet


def keys_of(collector: Opened) -> FleetKeys:
    """Return the fleet's keys."""
    return FleetKeys(Path(fleet_of(collector).key_file))


def releases_of(collector: Opened) -> Releases:
    """Return the fleet's releases."""
    return Releases(Path(fleet_of(collector).releases))
