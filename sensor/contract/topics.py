"""Names of the MQTT topics.

``skolro/v1/<node>/<kind>``: the stored kinds, ``live``, ``status`` and ``enrol`` from the node;
``ack`` and ``config`` from the collector.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final, NamedTuple

from sensor.contract.codec import KINDS
from sensor.contract.errors import ContractError
from sensor.contract.messages import NODE_PATTERN

ROOT: Final = "skolro/v1"
LIVE: Final = "live"
STATUS: Final = "status"
ENROL: Final = "enrol"
ACK: Final = "ack"
CONFIG: Final = "config"

ONLINE: Final = b"online"
OFFLINE: Final = b"offline"

FROM_NODE: Final = (*KINDS, LIVE, STATUS, ENROL)
TO_NODE: Final = (ACK, CONFIG)
_NODE: Final = re.compile(NODE_PATTERN)


class Topic(NamedTuple):
    """A topic taken apart."""

    node: str
    kind: str


def topic(node: str, kind: str) -> str:
    """Name of the topic of `kind` at `node`."""
    return f"{ROOT}/{node}/{kind}"


@lru_cache(maxsize=2**16)
def parse(name: str) -> Topic:
    """Node and kind of a topic that nodes publish on; :class:`ContractError` for any other."""
    head, _, kind = name.rpartition("/")
    root, _, node = head.rpartition("/")
    if root != ROOT or not _NODE.fullmatch(node) or kind not in FROM_NODE:
        raise ContractError(f"{name[:120]!r} is not a topic that a node publishes on")
    return Topic(node, kind)


def subscriptions(share: str | None = None) -> list[tuple[str, int]]:
    """What a collector subscribes to, each with its QoS; shared between collectors by `share`."""
    prefix = f"$share/{share}/" if share else ""
    stored = [(f"{prefix}{ROOT}/+/{kind}", 1) for kind in (*KINDS, ENROL)]
    return [*stored, (f"{ROOT}/+/{STATUS}", 1), (f"{ROOT}/+/{LIVE}", 0)]
