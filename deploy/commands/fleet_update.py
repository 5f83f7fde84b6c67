"""``skolro fleet update`` and ``stop``: a release on its way through the fleet."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Literal

import typer

from collector.commands.opened import ConfigOption, Opened, opened
from collector.ledger.records import NodeState
from collector.registry.wishes import STAGES, NodeWish, Rollout, Wishes
from collector.rollout.waves import last_heard, said_of, waves
from deploy.commands.fleet_options import fleet_of, keys_of, releases_of
from deploy.errors import DeployError
from deploy.fleet.releases import Release
from deploy.fleet.wishing import Wisher, standing, wanted_release


def fleet_update(
    version: Annotated[str, typer.Argument(help="A release, as skolro fleet release list has it.")],
    config: ConfigOption,
    stage: Annotated[
        Literal["first", "some", "all"],
        typer.Option(help="How far it goes by itself: one node, a fifth of them, all."),
    ] = "all",
    wait_hours: Annotated[
        float, typer.Option(min=0, max=2000, help="How long a wave must work before the next.")
    ] = 24.0,
    first: Annotated[str | None, typer.Option(help="Node to begin with.")] = None,
    node: Annotated[
        list[str] | None, typer.Option(help="Only this node; give each that is meant.")
    ] = None,
    again: Annotated[
        bool, typer.Option("--again", help="Also where a node has returned from it.")
    ] = False,
) -> None:
    """Bring a release to the nodes: to one, then to a fifth, then to all.

    A wave begins when the one before works and has done so for a while. When one node returns to
    what it ran before, or refuses, the others hear no more of it.
    """
    reach = STAGES.index(stage) + 1
    with opened(config) as collector:
        wishes = Wishes(collector.engine)
        release = releases_of(collector).get(version)
        current = wishes.rollout()
        if current is not None and _is_of(current, release):
            wishes.extend(current.id, reach, wait_hours * 3600)
            typer.echo(f"{version} goes on up to {stage}: see skolro fleet status")
            return
        chosen = _wished(collector, wishes, release, first, node, again=again)
        wishes.begin(
            version, release.manifest_sha256, chosen, stage=reach, wait_s=wait_hours * 3600
        )
        begun = ", ".join(one.node for one in chosen if one.wave == 1)
    typer.echo(
        f"{version} is offered to {begun}, {len(chosen)} nodes in all, up to {stage}: see skolro "
        "fleet status"
    )


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


def _is_of(current: Rollout, release: Release) -> bool:
    return current.end is None and current.manifest_sha256 == release.manifest_sha256


def _wished(
    collector: Opened,
    wishes: Wishes,
    release: Release,
    first: str | None,
    only: list[str] | None,
    *,
    again: bool,
) -> list[NodeWish]:
    """Sign a wish for each node that is to have the release."""
    inventory = collector.registry.inventory()
    states = collector.ledger.node_states()
    for name in (*(only or ()), *([first] if first else ())):
        collector.registry.node(name)
        if said_of(states.get(name)) is None:
            raise DeployError(
                f"{name} has not said that it can be updated from afar: it must be online with a "
                "fleet key, see docs/updates.md"
            )
    histories = {name: wishes.of(name) for name in inventory.nodes}
    able = [
        name
        for name in only or inventory.nodes
        if inventory.site_of(name) is not None
        and said_of(states.get(name)) is not None
        and not _has(histories[name], release)
    ]
    if not able:
        raise DeployError(
            f"no node is left for {release.version}: each that can be updated has it, or is wished "
            "to; see skolro fleet status"
        )
    sites = [(name, site.id if (site := inventory.site_of(name)) else None) for name in able]
    start = first or _first(able, states)
    turn = waves(sites, start)
    wanted = wanted_release(release, fleet_of(collector).release_urls, again=again)
    wisher = Wisher(keys_of(collector))
    return [
        wisher.next(
            name,
            histories[name],
            release=wanted,
            wave=turn[name],
            after=last_heard(states.get(name)),
        )
        for name in sorted(turn)
    ]


def _has(history: list[NodeWish], release: Release) -> bool:
    wish = standing(history)
    return (
        wish is not None
        and wish.release is not None
        and wish.release.manifest_sha256 == release.manifest_sha256
    )


def _first(able: list[str], states: dict[str, NodeState]) -> str:
    """The node to begin with: online and measuring, if there is such a one."""

    def rank(node: str) -> tuple[bool, bool, str]:
        state = states[node]
        return not state.online, (state.health or {}).get("microphone") != "ok", node

    return min(able, key=rank)
