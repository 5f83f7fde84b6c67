"""A node without a network to work at: its outbox is real, its sound is what a test plays."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from sensor.blocks import AudioBlock
from sensor.commissioning import requests as ask
from sensor.commissioning.node import Node
from sensor.commissioning.work import Work
from sensor.config import Mounting, NodeConfig
from sensor.contract import codec
from sensor.contract.messages import Message
from sensor.identity import load_or_make_key
from sensor.inputs import StreetConfig
from sensor.inputs.simulated_radar import SimulatedRadarConfig
from sensor.inputs.street import StreetInput
from sensor.outbox import Outbox
from tests.peers import health
from tests.sensor.commissioning.sounds import blocks

NODE = "ekskolan-1"
BEGIN = ask.Begin(technician="Anna Ek", organisation="Kungsbacka kommun")
PLACE = ask.Place(
    position=None, mic_height_m=2.5, distance_m=(7.0, 7.1), distance_back_m=(10.0, 10.2),
    spacing_m=0.3, facade_m=None, bearing_deg=None, towards="centrum",
)  # fmt: skip


def node_config(folder: Path, **changes: Any) -> NodeConfig:
    """A node with two microphones and a radar."""
    values: dict[str, Any] = {
        "input": StreetConfig(channels=2),
        "radar": SimulatedRadarConfig(),
        "mounting": Mounting(distance_m=7.0, distance_back_m=10.0, spacing_m=0.3),
        **changes,
    }
    return NodeConfig(node=NODE, data_dir=str(folder), **values)


class Bench:
    """Work at a node.

    Attributes
    ----------
    heard : list of AudioBlock
        What of what was played was left to the meter.
    acked_seq : int
        Up to which number the ledger is said to have all.
    adjusted : int
        How often the sensitivity was said to have changed.
    """

    def __init__(self, config: NodeConfig, source: StreetInput, outbox: Outbox) -> None:
        self.heard: list[AudioBlock] = []
        self.acked_seq = 0
        self.adjusted = 0
        self.outbox = outbox
        self._frame = 0
        self.work = Work(
            Node(
                config=config,
                source=source,
                store=outbox.append,
                acked_seq=lambda: self.acked_seq,
                waiting=lambda: outbox.depth,
                connected=lambda: True,
                health=lambda: health(NODE, datetime.now(UTC)),
                adjust=self._adjust,
            )
        )

    def _adjust(self) -> None:
        self.adjusted += 1

    def play(self, sound: NDArray[Any]) -> None:
        """Let the node hear it, after what it heard before."""
        for block in blocks(sound, self._frame):
            street = self.work.street(block)
            if street is not None:
                self.heard.append(street)
        self._frame += len(sound)

    def stored(self) -> list[Message]:
        """All messages in the outbox."""
        return [codec.decode(pending.payload) for pending in self.outbox.pending(limit=1000)]


@contextmanager
def bench(folder: Path, **changes: Any) -> Iterator[Bench]:
    """Somebody has come in at a node whose data are in `folder`."""
    config = node_config(folder, **changes)
    assert isinstance(config.input, StreetConfig)
    with (
        StreetInput(config.input) as source,
        Outbox(folder / "outbox.sqlite", NODE, load_or_make_key(folder)) as outbox,
    ):
        made = Bench(config, source, outbox)
        made.work.begin_hearing()
        yield made
        made.work.end_hearing()
