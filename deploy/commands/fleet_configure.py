"""``skolro fleet configure``: other configurations for nodes, from afar."""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import sha256
from pathlib import Path
from typing import Annotated

import typer

from collector.commands.opened import ConfigOption, Opened, opened
from collector.registry.wishes import ALONE, CONFIGURATION, NodeWish
from deploy.commands.fleet_options import keys_of
from deploy.commands.fleet_waves import (
    AgainOption,
    FirstOption,
    FleetWaves,
    StageOption,
    WaitOption,
)
from deploy.commands.node_options import kit_of
from deploy.errors import DeployError
from deploy.fleet.wishing import Wisher, next_config_version, standing, wanted_config
from sensor.contract.fleet import WantedConfig


def fleet_configure(
    config: ConfigOption,
    nodes: Annotated[
        list[str] | None, typer.Argument(metavar="NODE", help="Ids; several go in waves.")
    ] = None,
    every: Annotated[
        bool, typer.Option("--all", help="Every node that can be updated, in waves.")
    ] = False,
    file: Annotated[
        Path | None,
        typer.Option(help="The whole node.toml, of one node; else that in the node's folder."),
    ] = None,
    stage: StageOption = "all",
    wait_hours: WaitOption = 24.0,
    first: FirstOption = None,
    again: AgainOption = False,
) -> None:
    """Send nodes their configurations, once it is known that they can be used.

    A node looks itself, tries it, and returns to the one before if it measures no more or is no
    longer heard. Who the node is, and its keys, cannot be changed so. Several nodes get theirs in
    waves, as they get a release.
    """
    named = list(dict.fromkeys(nodes or ()))
    if every == bool(named):
        raise DeployError("say which nodes, or --all")
    with opened(config) as collector:
        fleet = FleetWaves(collector)
        if len(named) == 1:
            fleet.require_able(*named)
            wanted = _wanted(collector, fleet, named[0], file, again=again)
            wisher = Wisher(keys_of(collector))
            fleet.wishes.add(fleet.next(wisher, named[0], wanted, ALONE))
            typer.echo(
                f"{named[0]} is told configuration {wanted.version}: see skolro fleet status"
            )
            return
        if file is not None:
            raise DeployError("--file is of one node: name just that one")
        fleet.require_able(*named, *([first] if first else ()))
        able = fleet.able(named)
        found = {one: _wanted(collector, fleet, one, None, again=again) for one in able}
        digest = _digest(found)
        if fleet.goes_on(digest, stage, wait_hours):
            return
        chosen = [one for one in able if not _has(fleet.histories[one], found[one])]
        if not chosen:
            raise DeployError(
                "no node is left: each that can be updated has its configuration, or is wished to; "
                "see skolro fleet status"
            )
        fleet.begin(
            CONFIGURATION, digest, chosen, lambda one: found[one],
            first=first, stage=stage, wait_hours=wait_hours,
        )  # fmt: skip


def _wanted(
    collector: Opened, fleet: FleetWaves, node: str, file: Path | None, *, again: bool
) -> WantedConfig:
    kit = kit_of(collector, node)
    version = next_config_version(fleet.histories[node])
    return wanted_config(file or kit.config_file, kit.config_file, node, version, again=again)


def _digest(found: dict[str, WantedConfig]) -> str:
    """Says that it is the same that is to go on, of whichever nodes have it by now."""
    text = "".join(f"{node}\0{found[node].toml}\0" for node in sorted(found))
    return sha256(text.encode()).hexdigest()


def _has(history: Sequence[NodeWish], wanted: WantedConfig) -> bool:
    wish = standing(history)
    return wish is not None and wish.config is not None and wish.config.toml == wanted.toml
