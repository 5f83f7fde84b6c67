"""``skolro node image``: what goes on a node's card."""

from __future__ import annotations

from enum import Enum
from pathlib import Path
from typing import Annotated

import typer

from collector.commands.opened import ConfigOption, opened
from collector.registry.enrolments import DAYS, Enrolments
from deploy.commands.node_options import NodeArgument, kit_of
from deploy.errors import DeployError
from deploy.nodes.commissioning import FirstCommissioning
from deploy.nodes.image import Card, Wifi, write_image
from deploy.nodes.software import software


class RootKind(Enum):
    """What the system's own part of a card is."""

    WRITABLE = "writable"
    READ_ONLY = "read-only"


def node_image(  # noqa: PLR0913, PLR0917 - one argument an option
    node: NodeArgument,
    out: Annotated[Path, typer.Option(help="Folder for the files of the boot partition.")],
    ssh_key: Annotated[
        list[Path], typer.Option(help="Public SSH key of somebody who may log in; give each.")
    ],
    config: ConfigOption,
    wheel: Annotated[
        Path | None, typer.Option(help="Skolro's wheel; else the version that runs here.")
    ] = None,
    wifi: Annotated[str | None, typer.Option(help="Name of a wireless network.")] = None,
    wifi_password_file: Annotated[
        Path | None, typer.Option(help="File with its passphrase; else it is asked for.")
    ] = None,
    country: Annotated[str, typer.Option(help="Whose radio rules hold.")] = "SE",
    apn: Annotated[str | None, typer.Option(help="Access point of a mobile network.")] = None,
    i2s: Annotated[
        bool, typer.Option("--i2s", help="Its microphones are wired to the board, not to USB.")
    ] = False,
    access_point: Annotated[
        bool,
        typer.Option(
            "--access-point", help="It opens a network of its own for commissioning; no --wifi."
        ),
    ] = False,
    root: Annotated[
        RootKind,
        typer.Option(help="Whether the system's part of the card takes what is written to it."),
    ] = RootKind.WRITABLE,
    days: Annotated[
        float, typer.Option(min=0.01, max=365, help="How long the card can be used.")
    ] = DAYS,
) -> None:
    """Write what makes a Raspberry Pi this node: copy it onto the boot partition of a new card.

    The card carries a secret that works once. Each new image ends the one before.
    """
    if access_point and wifi is not None:
        raise DeployError("a radio cannot be in --wifi and an --access-point at once: give one")
    network = (
        None
        if wifi is None
        else Wifi(ssid=wifi, passphrase=_passphrase(wifi, wifi_password_file), country=country)
    )
    first = FirstCommissioning.of(node, country, access_point=access_point)
    with opened(config) as collector:
        kit = kit_of(collector, node)
        collector.registry.node(node)
        card = Card(
            node=node,
            ssh_keys=[_text(path) for path in ssh_key],
            wifi=network,
            apn=apn,
            i2s=i2s,
            read_only=root is RootKind.READ_ONLY,
            time_zone=collector.config.page.time_zone,
            packages=software(wheel),
        )
        files = {**kit.files(), **first.files()}
        secret = Enrolments(collector.engine, collector.registry).open(node, days)
        write_image(out, card, files, secret)
    typer.echo(
        f"Written to {out}: copy all of it onto the boot partition (bootfs) of a card with "
        "Raspberry Pi OS Lite, 64 bit. For Bookworm also put what is in cmdline-bookworm.txt at "
        f"the end of the one line of cmdline.txt. The card is good for {days:g} days and one node."
    )
    if root is RootKind.READ_ONLY:
        typer.echo(
            "Its root becomes read-only. For that the card needs 16 GB or more, and before its "
            "first start one word less in the line of cmdline.txt: resize (Bookworm: init=...). "
            "Else its root stays writable, and the node says so."
        )
    typer.echo(first.told())
    if not kit.can_be_updated:
        typer.echo(
            "There is no fleet key, so the node cannot be updated from afar: make one with skolro "
            "fleet key --make, and write the card again."
        )


def _passphrase(wifi: str, path: Path | None) -> str:
    if path is not None:
        return _text(path).rstrip("\n")
    entered: str = typer.prompt(f"Passphrase of {wifi}", hide_input=True)
    return entered


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise DeployError(f"cannot read {path}: {error}") from error
