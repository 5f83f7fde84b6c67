"""What of the node the work at it needs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from sensor.config import NodeConfig
from sensor.contract.messages import Health, Message
from sensor.inputs import Input


@dataclass(frozen=True, slots=True)
class Node:
    """What of the node the work needs.

    Attributes
    ----------
    store : callable
        Takes a message into the outbox, and returns its number.
    acked_seq, waiting : callable
        Up to which number the ledger has all, and how many messages wait.
    connected : callable
        Whether the broker is reached.
    health : callable
        Makes a message about the node's state.
    adjust : callable
        Told when the sensitivity has changed, by the thread that hears.
    """

    config: NodeConfig
    source: Input
    store: Callable[[Message], int]
    acked_seq: Callable[[], int]
    waiting: Callable[[], int]
    connected: Callable[[], bool]
    health: Callable[[], Health]
    adjust: Callable[[], None]
