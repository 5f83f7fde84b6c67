"""Two nodes at two sites with levels, events and health, and what InfluxDB must say of them."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

from collector.ledger.ledger import Ledger, Received
from sensor.contract.messages import LevelBatch, Message, Source, Speed
from tests.peers import FakeNode, event, health, levels

NODES = {"ekskolan-1": "ekskolan", "askolan-1": "askolan"}
MINUTES = 150


def start_of_town() -> datetime:
    """A full hour a few hours ago, so that values by the second are still kept."""
    return datetime.now(UTC).replace(minute=0, second=0, microsecond=0) - timedelta(hours=4)


def messages_of(node: str, start: datetime) -> list[Message]:
    """What `node` makes in :data:`MINUTES`; its batches do not begin with the minute."""
    phase = timedelta(seconds=20 if node == "ekskolan-1" else 0)
    made: list[Message] = []
    for minute in range(MINUTES):
        at = start + phase + timedelta(minutes=minute)
        level_db = None if minute == 7 else 45.0 + minute % 11 + (2.5 if phase else 0.0)
        made.append(levels(node, at, level_db, laf10_db=level_db, laf90_db=41.5, lcpeak_db=90.0))
        if minute % 10 == 3:
            made.append(_event(node, at, minute))
        if minute % 5 == 0:
            made.append(health(node, at, outbox_depth=minute))
    return made


def _event(node: str, at: datetime, minute: int) -> Message:
    if minute % 20 == 3:
        speed = Speed(speed_kmh=30.0 + minute, low_kmh=28.0, high_kmh=500.0, direction=-1,
                      method="stereo")  # fmt: skip
        return event(node, at, 80.0 + minute / 10, speed=speed)
    source = Source(kind="voices", probability=0.6)
    return event(node, at, 70.0, source=source, speed=None, speed_refused="no_vehicle")


def signed_town(start: datetime, ledger: Ledger) -> list[Received]:
    """Register the nodes and return what they sent, in the order of their clocks."""
    sent: list[tuple[datetime, Received]] = []
    for name, site in NODES.items():
        node = FakeNode(name)
        node.register(ledger.registry, site, start - timedelta(days=1))
        sent += [(message.time, node.signed(message)) for message in messages_of(name, start)]
    return [received for _, received in sorted(sent, key=lambda pair: pair[0])]


def mean_db(levels_db: Iterable[float]) -> float:
    """Energy mean, by its definition."""
    values = list(levels_db)
    return 10 * math.log10(sum(10 ** (level / 10) for level in values) / len(values))


def seconds_of(messages: Iterable[Message]) -> dict[datetime, float]:
    """LAeq of each valid second."""
    return {
        batch.start + timedelta(seconds=index * batch.interval_s): level_db
        for batch in messages
        if isinstance(batch, LevelBatch)
        for index, level_db in enumerate(batch.laeq_db)
        if level_db is not None
    }


def means_by(seconds: dict[datetime, float], period_s: int) -> dict[int, tuple[float, int]]:
    """Energy mean and number of valid seconds of each period that has any."""
    periods: defaultdict[int, list[float]] = defaultdict(list)
    for at, level_db in seconds.items():
        second = int(at.timestamp())
        periods[second - second % period_s].append(level_db)
    return {start: (mean_db(values), len(values)) for start, values in periods.items()}
