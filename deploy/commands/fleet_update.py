"""``skolro fleet update`` and ``stop``: a release on its way through the fleet."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated

import typer

from collector.commands.opened import ConfigOption, opened
from collector.registry.wishes import NodeWish, Wishes
from deploy.commands.fleet_options import fleet_of, releases_of
from deploy.commands.fleet_waves import (
    AgainOption,
    FirstOption,
    FleetWaves,
    StageOption,
    WaitOption,
)
from deploy.errors import DeployError
from deploy.fleet.releases import Release
from deploy.fleet.wishing import standing, wanted_release


def fleet_update(
    version: Annotated[str, typer.Argument(help="A release, as skolro fleet release list has it.")],
    config: ConfigOption,
    stage: StageOption = "all",
    wait_hours: WaitOption = 24.0,
    first: FirstOption = None,
    node: Annotated[
        list[str] | None, typer.Option(help="Only this node; give each that is meant.")
    ] = None,
    again: AgainOption = False,
) -> None:
    """Bring a release to the nodes: to one, then to a fifth, then to all.

    A wave begins when the one before works and has done so for a while. When one node returns to
    what it ran before, or refuses, the others hear no more of it.
    """
    with opened(config) as collector:
        fleet = FleetWaves(collector)
        release = releases_of(collector).get(version)
        if fleet.goes_on(release.manifest_sha256, stage, wait_hours):
            return
        fleet.require_able(*(node or ()), *([first] if first else ()))
        chosen = [one for one in fleet.able(node) if not _has(fleet.histories[one], release)]
        if not chosen:
            raise DeployError(
                f"no node is left for {release.version}: each that can be updated has it, or is "
                "wished to; see skolro fleet status"
            )
        wanted = wanted_release(release, fleet_of(collector).release_urls, again=again)
        fleet.begin(
            version, release.manifest_sha256, chosen, lambda _: wanted,
            first=first, stage=stage, wait_hours=wait_hours,
        )  # fmt: skip


def fleet_stop(
    config: ConfigOption,
    reason: Annotated[str, typer.Option(help="Why, for those who look later.")] = "stopped by hand",
) -> None:
    """End an update: whoever has not got it hears no more of it; whoever has, keeps it."""
    with opened(config) as collector:
        wishes = Wishes(collector.engine)
        current = wishes.rollout()
        if current is None or current.end is not None:
            raise DeployError("no update is on its way: there is nothing to stop")
        wishes.end(current.id, "stopped", reason, datetime.now(UTC))
    typer.echo(f"{current.version} goes no further.")


def _has(history: list[NodeWish], release: Release) -> bool:
    wish = standing(history)
    return (
        wish is not None
        and wish.release is not None
        and wish.release.manifest_sha256 == release.manifest_sha256
    )
