"""Weeks of simulated measurements, to show and to try what the server makes of them.

Everything carries the flag ``simulated`` and is signed and chained by its node like any other
message, so that it takes the same way into the ledger.  One seed gives the same history.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from heapq import merge
from typing import NamedTuple

import numpy as np
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from deploy.history_calendar import BoolArray, hours, seed_of
from deploy.history_events import happenings, heard
from deploy.history_levels import background, batches, levels, weather_flags
from deploy.history_reports import event_message
from sensor.contract.codec import encode
from sensor.contract.messages import (
    GENESIS,
    CalibrationCheck,
    Health,
    Message,
    SpeedMethod,
    draft,
    placed,
)
from sensor.contract.signature import payload_hash, sign
from sensor.contract.topics import topic

_HOUR = timedelta(hours=1)
_HEALTH_EVERY = timedelta(hours=6)
# Farther than the first lane, or behind a fence: each node hears a little less than at 7 m.
_FARTHEST_DB = 4.0


class Signed(NamedTuple):
    """A message as it travels."""

    topic: str
    payload: bytes
    signature: str


def simulate_history(
    node: str,
    seed: int,
    start: datetime,
    end: datetime,
    *,
    site: str | None = None,
    activity: float = 1.0,
    speed_method: SpeedMethod = "stereo",
    time_zone: str = "Europe/Stockholm",
) -> Iterator[Message]:
    """Yield what `node` would have sent from `start` to `end`, in order of time.

    Parameters
    ----------
    node : str
        Id of the node.
    seed : int
        How this node hears what happens: background, distance, outages, measurement errors.
    start, end : datetime
        First and last moment; from the next whole hour to the last whole minute.
    site : str, optional
        Where it hangs, by default the node's id without its last part.  What happens at a site
        depends on the site alone, so that its nodes tell of the same.
    activity : float
        How much happens, relative to an ordinary school street.
    speed_method : str
        How the node's speeds are measured.
    time_zone : str
        Zone of the daily rhythm.

    Yields
    ------
    CalibrationCheck, Health, LevelBatch, Event
        Drafts: :func:`sign_chain` gives them their places.
    """
    first = start.replace(minute=0, second=0, microsecond=0)
    first += _HOUR if first < start else timedelta(0)
    last = end.replace(second=0, microsecond=0)
    count = -int((first - last) // _HOUR)
    if count <= 0:
        return
    rng = np.random.default_rng(seed_of("node", node, seed))
    place = site or node.rpartition("-")[0] or node
    when = hours(place, first, count, time_zone)
    street = background(when, rng)
    things = happenings(place, when, activity)
    total_s = (last - first).total_seconds()
    detected = [
        one
        for one in heard(
            things, rng, street.laf90_db, street.valid, float(rng.uniform(0.0, _FARTHEST_DB))
        )
        if one.end_s < total_s
    ]
    measured = levels(street, detected, rng)
    events = [
        event_message(
            node, one, first, rng, speed_method, weather_flags(when, int(one.start_s // 3600))
        )
        for one in detected
    ]
    own: list[Message] = list(_own_state(node, first, last, street.valid))
    yield from merge(
        own,
        batches(node, when, street, measured, rng, last),
        events,
        key=lambda message: message.time,
    )


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
