"""``skolro sensor rotate-key``: the node's next key."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from sensor.agent import OUTBOX_FILE
from sensor.config import load_node_config
from sensor.contract.signature import thumbprint
from sensor.identity import announced_key, load_or_make_key, make_next_key
from sensor.outbox import Outbox


def rotate_key(
    config: Annotated[Path, typer.Option("--config", help="The node's configuration, node.toml.")],
) -> None:
    """Make a new key, and announce it under the signature of the one so far.

    The collector takes it over by itself, and a node that runs goes on with it. The private key
    never leaves the node.
    """
    node = load_node_config(config)
    data_dir = Path(node.data_dir)
    key = load_or_make_key(data_dir)
    with Outbox(data_dir / OUTBOX_FILE, node.node, key, node.outbox) as outbox:
        following = make_next_key(data_dir)
        seq = outbox.rotate(following)
        announced_key(data_dir, outbox.public_key)
    typer.echo(
        f"Message {seq} announces the key {thumbprint(following.public_key())}, which signs what "
        "follows."
    )
