"""``skolro fleet key``: the key that says what nodes run."""

from __future__ import annotations

from typing import Annotated

import typer

from collector.commands.opened import ConfigOption, Opened, opened
from collector.registry.wishes import NodeWish, Wishes
from collector.rollout.waves import said_of
from deploy.commands.fleet_options import keys_of, releases_of
from deploy.errors import DeployError
from deploy.fleet.keys import FleetKeys
from sensor.contract.fleet import decode_wish


def fleet_key(
    config: ConfigOption,
    make: Annotated[bool, typer.Option("--make", help="Make the first one.")] = False,
    make_next: Annotated[
        bool, typer.Option("--next", help="Make one that nodes believe, too, from now on.")
    ] = False,
    switch: Annotated[
        bool, typer.Option("--switch", help="Sign with the next one; the first counts no more.")
    ] = False,
    anyway: Annotated[
        bool, typer.Option("--anyway", help="Even if there are nodes that do not know it.")
    ] = False,
) -> None:
    """Make or change the key that releases and wishes are signed with, or show it.

    Nodes learn of a new key by a wish that the old one signed, and from their card.
    """
    if make + make_next + switch > 1:
        raise DeployError("--make, --next and --switch are three things: give one")
    with opened(config) as collector:
        keys = keys_of(collector)
        if make:
            keys.make()
        elif make_next:
            keys.make_next()
        elif switch:
            _require_known(collector, keys, anyway=anyway)
            keys.take_next()
            # Else nodes would not believe what the first one signed.
            releases_of(collector).sign_again(keys.signing())
        names = ("signs", "waits, and is believed")
        for text, name in zip(keys.public(), names, strict=False):
            typer.echo(f"{text}  {name}")
        if make or make_next:
            typer.echo(
                "Keep a copy of the file in a safe place: without a key that they believe, nodes "
                "can only be updated on the spot."
            )


def _require_known(collector: Opened, keys: FleetKeys, *, anyway: bool) -> None:
    if not keys.has_next:
        raise DeployError("there is no key to follow: make it with skolro fleet key --next")
    following = keys.public()[1]
    newest = Wishes(collector.engine).newest()
    able = {
        node for node, state in collector.ledger.node_states().items() if said_of(state) is not None
    }
    unknowing = sorted(node for node in able if not _knows(newest.get(node), following))
    if unknowing and not anyway:
        raise DeployError(
            f"{', '.join(unknowing)} have not said that they know the next key: wish something of "
            "them with skolro fleet update or configure first, or switch --anyway and give them "
            "new cards"
        )


def _knows(wish: NodeWish | None, key: str) -> bool:
    """Whether a node has answered a wish that told it the key."""
    return wish is not None and wish.outcome is not None and key in decode_wish(wish.payload).keys
