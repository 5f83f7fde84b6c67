"""The weeks of a simulated town as its nodes would have sent them.

Everything carries the flag ``simulated`` and is signed and chained by its node like any other
message, so that it takes the same way into the ledger.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from heapq import merge
from itertools import islice
from typing import Final, NamedTuple

import numpy as np
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from deploy.town.clock import BoolArray, seed_of
from deploy.town.hearing import Detection, heard
from deploy.town.levels import background, batches, levels, weather_flags
from deploy.town.outages import MINUTES
from deploy.town.passes import happenings
from deploy.town.reports import event_message
from deploy.town.town import HOUR, Town
from sensor.contract.codec import encode
from sensor.contract.messages import (
    GENESIS,
    CalibrationCheck,
    Event,
    Health,
    Message,
    draft,
    placed,
)
from sensor.contract.quantities import SpeedMethod
from sensor.contract.signature import payload_hash, sign
from sensor.contract.topics import topic

_HEALTH_EVERY: Final = timedelta(hours=6)
# Farther than the first lane, or behind a fence: each node hears a little less than at 7 m.
_FARTHEST_DB: Final = 4.0


class Signed(NamedTuple):
    """A message as it travels."""

    topic: str
    payload: bytes
    signature: str


@dataclass(frozen=True, slots=True)
class NodeHistory:
    """What one node would have sent.

    Attributes
    ----------
    messages : iterator of Message
        Drafts in order of time; :func:`sign_chain` gives them their places.
    episode_events : mapping
        The truth behind them: ids of the events that belong to each episode, by its number.
    """

    messages: Iterator[Message]
    episode_events: Mapping[int, tuple[str, ...]]


def node_history(
    town: Town, node: str, end: datetime, *, speed_method: SpeedMethod = "stereo"
) -> NodeHistory:
    """What `node` would have sent from the town's first hour to the whole minute before `end`.

    Parameters
    ----------
    town : Town
        Must last until `end`.
    node : str
        One of the town's; its id decides how it hears: background, distance, measuring errors.
    """
    first, last = town.when.start, end.replace(second=0, microsecond=0)
    hours = -int((first - last) // HOUR)
    if hours <= 0:
        return NodeHistory(iter(()), {})
    when = town.when.until(hours)
    rng = np.random.default_rng(seed_of("node", node, town.seed))
    valid = town.valid_minutes(node)[: hours * MINUTES].copy()
    # The node is there when a live one takes over.
    valid[-MINUTES:] = True
    street = background(when, valid, rng)
    things = happenings(town, town.site_index(dict(town.nodes)[node]))
    farther_db = float(rng.uniform(0.0, _FARTHEST_DB))
    total_s = (last - first).total_seconds()
    detected = [
        one for one in heard(things, rng, street.laf90_db, valid, farther_db) if one.end_s < total_s
    ]
    measured = levels(street, detected, rng)
    events = [
        event_message(
            node, one, first, rng, speed_method, weather_flags(when, int(one.start_s // 3600))
        )
        for one in detected
    ]
    own: list[Message] = list(_own_state(node, first, last, valid))
    messages = merge(
        own,
        batches(node, when, street, measured, rng, last),
        events,
        key=lambda message: message.time,
    )
    return NodeHistory(messages, _episode_events(detected, events))


def _episode_events(detected: list[Detection], events: list[Event]) -> dict[int, tuple[str, ...]]:
    found: dict[int, tuple[str, ...]] = {}
    for one, event in zip(detected, events, strict=True):
        number = one.happening.episode
        if number is not None:
            found[number] = (*found.get(number, ()), event.id)
    return found


def sign_chain(
    messages: Iterable[Message], key: Ed25519PrivateKey, seq: int = 1, prev: str = GENESIS
) -> Iterator[Signed]:
    """Give `messages` their places in their node's chain, and sign them.

    Parameters
    ----------
    messages : iterable of Message
        Of one node.
    key : Ed25519PrivateKey
        The node's key.
    seq, prev
        Place of the first one, and hash of the payload before it.
    """
    for number, message in enumerate(messages, start=seq):
        payload = encode(placed(message, number, prev))
        yield Signed(topic(message.node, message.kind), payload, sign(payload, key))
        prev = payload_hash(payload)


def chunks(items: Iterable[Signed], size: int) -> Iterator[list[Signed]]:
    """Yield `items` in lists of `size`, to be stored at once."""
    iterator = iter(items)
    while chunk := list(islice(iterator, size)):
        yield chunk


def _own_state(
    node: str, first: datetime, last: datetime, valid: BoolArray
) -> Iterator[CalibrationCheck | Health]:
    """The check at the beginning, and the node's state while it is up."""
    yield CalibrationCheck(
        **draft(node, first),
        calibrator_level_db=94.0,
        calibrator_serial="simulated",
        calibrator_certificate="simulated",
        measured_db=94.0,
        deviation_db=0.0,
        standard_deviation_db=0.02,
        frequency_hz=1000.0,
        sensitivity=1.0,
        result="initial",
        flags=("simulated",),
    )
    down = np.flatnonzero(~valid)
    at = first + timedelta(seconds=30)
    while at < last:
        minute = int((at - first) // timedelta(minutes=1))
        if valid[minute]:
            before = down[: np.searchsorted(down, minute)]
            up_since = int(before[-1]) + 1 if len(before) else 0
            yield _health(node, at, 60.0 * (minute - up_since), first)
        at += _HEALTH_EVERY


def _health(node: str, at: datetime, uptime_s: float, calibrated_at: datetime) -> Health:
    return Health(
        **draft(node, at),
        version="simulated",
        uptime_s=uptime_s,
        input="simulated history",
        microphone="ok",
        outbox_depth=0,
        disk_free_bytes=None,
        memory_rss_bytes=None,
        cpu_load=None,
        cpu_temperature_c=None,
        clock_offset_s=None,
        clock_synchronised=True,
        overflows=0,
        events_dropped=0,
        calibrated_at=calibrated_at,
        flags=("simulated",),
    )
