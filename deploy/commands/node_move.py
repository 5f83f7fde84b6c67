"""``skolro node move``: a node that hangs elsewhere from now on."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated

import typer

from collector.commands.opened import ConfigOption, opened
from deploy.commands.node_options import (
    BearingOption,
    DistanceBackOption,
    DistanceOption,
    FacadeOption,
    HeightOption,
    MicrophoneOption,
    NodeArgument,
    SpacingOption,
    geometry,
    moment,
)


def node_move(  # noqa: PLR0913, PLR0917 - one a command line option
    node: NodeArgument,
    site: Annotated[str, typer.Option(help="Id of the site where it hangs now.")],
    config: ConfigOption,
    since: Annotated[
        str | None, typer.Option(help="From when on, such as 2026-11-22T14:30; now.")
    ] = None,
    distance: DistanceOption = None,
    distance_back: DistanceBackOption = None,
    spacing: SpacingOption = None,
    height: HeightOption = None,
    facade: FacadeOption = None,
    bearing: BearingOption = None,
    microphone: MicrophoneOption = None,
) -> None:
    """Hang a node somewhere else, or otherwise at the same site.

    What it measured before stays where it was measured. The distances in the node's own
    configuration must be changed too: its speeds follow them.
    """
    place = geometry(distance, distance_back, spacing, height, facade, bearing, microphone)
    with opened(config) as collector:
        at = moment(collector, "--since", since) or datetime.now(UTC)
        collector.registry.place_node(node, site, at, place)
        name = collector.registry.site(site).name
        typer.echo(
            f"Node {node} hangs at {name} from {collector.local(at)} on. Change [mounting] in its "
            "node.toml too, and calibrate it before it measures."
        )
