"""What the commands about nodes share."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, TypeAlias
from zoneinfo import ZoneInfo

import typer

from collector.commands.opened import Opened
from collector.errors import RegistryError
from deploy.errors import DeployError
from deploy.nodes.kit import NodeKit

NodeArgument: TypeAlias = Annotated[str, typer.Argument(metavar="NODE", help="Id of the node.")]
Metres: TypeAlias = float | None

DistanceOption: TypeAlias = Annotated[
    Metres,
    typer.Option("--distance", min=0.1, max=100, help="Metres to the lane of direction 1."),
]
DistanceBackOption: TypeAlias = Annotated[
    Metres,
    typer.Option("--distance-back", min=0.1, max=100, help="Metres to the other lane."),
]
SpacingOption: TypeAlias = Annotated[
    Metres, typer.Option("--spacing", min=0.02, max=5, help="Metres between two microphones.")
]
HeightOption: TypeAlias = Annotated[
    Metres,
    typer.Option("--height", min=0.1, max=20, help="Metres of the microphones over the road."),
]
FacadeOption: TypeAlias = Annotated[
    Metres,
    typer.Option("--facade", min=0.1, max=100, help="Metres to the nearest wall behind it."),
]
BearingOption: TypeAlias = Annotated[
    float | None,
    typer.Option("--bearing", min=0, max=359.9, help="Compass degrees straight to the road."),
]
MicrophoneOption: TypeAlias = Annotated[
    str | None,
    typer.Option(
        "--microphone", help="Kind and serial number, such as 'ICS-43434 7'; for evidence, too."
    ),
]


def geometry(
    distance: Metres,
    distance_back: Metres,
    spacing: Metres,
    height: Metres,
    facade: Metres = None,
    bearing: float | None = None,
    microphone: str | None = None,
) -> dict[str, float | str]:
    """Return what was told of a place, by the names of ``[mounting]`` where the node needs it."""
    told = {
        "distance_m": distance,
        "distance_back_m": distance_back,
        "spacing_m": spacing,
        "mic_height_m": height,
        "facade_m": facade,
        "bearing_deg": bearing,
    }
    if distance is None and any(value is not None for value in told.values()):
        raise DeployError("say how far the road is too, with --distance: the rest needs it")
    found: dict[str, float | str] = {n: value for n, value in told.items() if value is not None}
    if microphone is not None:
        if not 0 < len(microphone) <= 200 or not microphone.isprintable():
            raise DeployError("--microphone takes a type and serial number of up to 200 characters")
        found["microphone"] = microphone
    return found


def moment(collector: Opened, option: str, text: str | None) -> datetime | None:
    """Return the local time that was given with an option; None: none was."""
    if text is None:
        return None
    try:
        at = datetime.fromisoformat(text)
    except ValueError as error:
        raise RegistryError(
            f"{option} {text!r} is no time: write it as 2026-11-22 or 2026-11-22T14:30"
        ) from error
    return at if at.tzinfo else at.replace(tzinfo=ZoneInfo(collector.config.page.time_zone))


def kit_of(collector: Opened, node: str) -> NodeKit:
    """Return the folder with what a node is given; :class:`DeployError` without ``[fleet]``."""
    if collector.config.fleet is None:
        raise DeployError(
            "the configuration has no [fleet]: say there where the authority is and where nodes "
            "reach the broker, or register a key by hand with --public-key"
        )
    return NodeKit(collector.config.fleet, node)
