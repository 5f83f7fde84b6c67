"""``skolro node add``: make a node known."""

from __future__ import annotations

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
    SpacingOption,
    geometry,
    kit_of,
    moment,
)
from deploy.nodes.microphones import UNTOLD, Microphone, require_microphone


def node_add(  # noqa: PLR0913, PLR0917 - one argument an option
    name: Annotated[str, typer.Argument(help="Its id, such as ekskolan-1.")],
    site: Annotated[str, typer.Option(help="Id of the site where it hangs.")],
    config: ConfigOption,
    public_key: Annotated[
        str | None,
        typer.Option(help="Its key, 32 bytes as base64url, where it has one already."),
    ] = None,
    since: Annotated[
        str | None, typer.Option(help="When it was hung there, such as 2026-11-22T14:30; now.")
    ] = None,
    note: Annotated[str, typer.Option(help="What people should know of it.")] = "",
    distance: DistanceOption = None,
    distance_back: DistanceBackOption = None,
    spacing: SpacingOption = None,
    height: HeightOption = None,
    facade: FacadeOption = None,
    bearing: BearingOption = None,
    microphone: MicrophoneOption = None,
    full_scale_pa: Annotated[
        float | None,
        typer.Option(
            min=0.001, max=10_000, help="Peak pressure at digital full scale, of another kind."
        ),
    ] = None,
) -> None:
    """Register a node, and make what it needs to get in.

    Then write its card with skolro node image. With --public-key nothing is made: the collector
    believes what is signed with that key from now on.
    """
    kind = UNTOLD if microphone is None else require_microphone(microphone, full_scale_pa)
    if microphone is None and full_scale_pa is not None:
        kind = Microphone(name="the microphone", full_scale_pa=full_scale_pa)
    place = geometry(distance, distance_back, spacing, height, facade, bearing, microphone)
    with opened(config) as collector:
        start = moment(collector, "--since", since)
        registry = collector.registry
        if public_key is not None:
            registry.add_node(name, site, public_key, start, note=note, geometry=place)
            (key,) = registry.keys_of(name)
            site_name = registry.site(site).name
            typer.echo(f"Node {name} is registered at {site_name} with the key {key.kid}.")
            return
        kit = kit_of(collector, name)
        # First what can fail, so that no node is registered that cannot get in.
        registry.site(site)
        kit.certify()
        registry.add_node(name, site, None, start, note=note, geometry=place)
        kit.configure(place, channels=1 if spacing is None else 2, microphone=kind)
        typer.echo(
            f"Node {name} is registered at {registry.site(site).name}. {_hears(kind)} Look at "
            f"{kit.config_file}, then write its card: skolro node image {name} --out DIR"
        )


def _hears(kind: Microphone) -> str:
    if kind.full_scale_pa is None:
        return (
            f"Each {kind.name} has its own full scale: {kind.configured_pa:g} Pa is a guess, and "
            "its levels mean nothing before it is calibrated."
        )
    floor = "" if kind.floor_db is None else f", and levels under {kind.floor_db:g} dB are flagged"
    text = f"Its full scale is {kind.configured_pa:g} Pa, that of {kind.name}{floor}."
    return f"{text} Say with --microphone what it has." if kind is UNTOLD else text
