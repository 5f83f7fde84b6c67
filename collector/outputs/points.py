"""From stored messages to lines of InfluxDB."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from typing import Final, TypeAlias, assert_never

from msgspec import UNSET

from collector.ledger.ledger import Ledger, StoredMessage
from collector.outputs.line_protocol import FieldValue, nanoseconds
from collector.outputs.measurements import (
    EVENT,
    HOURS,
    NODE_HEALTH,
    RETENTION_POLICIES,
    SECONDS,
    SOUND_LEVEL,
    SOUND_LEVEL_1H,
    SOUND_LEVEL_1M,
    STATISTICS,
)
from collector.outputs.periods import (
    TouchedPeriods,
    energy,
    hour_of,
    hour_series,
    origin_tag,
    site_tag,
    weekday_and_hour,
)
from collector.registry.inventory import Inventory
from sensor.contract.messages import (
    Absence,
    CalibrationCheck,
    Commissioning,
    Event,
    Health,
    KeyChange,
    LevelBatch,
    Message,
)

LinesByPolicy: TypeAlias = dict[str | None, list[str]]
"""Lines by retention policy; None is the default one."""

_MICROSECOND: Final = timedelta(microseconds=1)
_MINUTE: Final = timedelta(minutes=1)
_HEALTH_AS_IT_IS: Final = frozenset(NODE_HEALTH.fields) - {
    "calibration_age_s",
    "clock_error_s",
    "flags",
}


def lines_of(
    messages: Iterable[StoredMessage],
    ledger: Ledger,
    inventory: Inventory,
    *,
    seconds_since: datetime,
) -> LinesByPolicy:
    """Return the points that `messages` add or change.

    Parameters
    ----------
    ledger : Ledger
        Asked for the rest of the minutes and hours that batches of levels fall into.
    seconds_since : datetime
        Values by the second that are older are left out, since InfluxDB no longer keeps them.
    """
    lines: LinesByPolicy = {policy: [] for policy in RETENTION_POLICIES}
    periods = TouchedPeriods()
    for stored in messages:
        if isinstance(stored.message, LevelBatch):
            periods.add(stored.message)
        for policy, line in _lines_of_one(stored.message, inventory, seconds_since):
            if line is not None:
                lines[policy].append(line)
    lines[None].extend(periods.minute_lines(ledger, inventory))
    lines[HOURS].extend(periods.hour_lines(ledger, inventory))
    return lines


_PolicyAndLine: TypeAlias = tuple[str | None, str | None]


def _lines_of_one(
    message: Message, inventory: Inventory, seconds_since: datetime
) -> Iterator[_PolicyAndLine]:
    match message:
        case LevelBatch():
            yield from _second_lines(message, inventory, seconds_since)
            yield from _statistics_lines(message, inventory)
        case Event():
            yield None, _event_line(message, inventory)
        case Health():
            yield None, _health_line(message, inventory)
        case CalibrationCheck() | Absence() | KeyChange() | Commissioning():
            return  # a node's health carries how old its check is; the rest is no measurement
        case _:
            assert_never(message)


def _second_lines(
    batch: LevelBatch, inventory: Inventory, since: datetime
) -> Iterator[_PolicyAndLine]:
    if batch.interval_s >= _MINUTE.seconds:
        return
    at = batch.start
    step = timedelta(seconds=batch.interval_s)
    series = SOUND_LEVEL.series(*_node_tags(batch, inventory, at))
    for laeq_db, lafmax_db, lceq_db in zip(
        batch.laeq_db, batch.lafmax_db, batch.lceq_db, strict=True
    ):
        values = {
            "laeq_db": laeq_db,
            "energy": None if laeq_db is None else energy(laeq_db),
            "lafmax_db": lafmax_db,
            "lceq_db": lceq_db,
        }
        if at >= since:
            yield SECONDS, SOUND_LEVEL.line(series, values, nanoseconds(at))
        at += step


def _statistics_lines(batch: LevelBatch, inventory: Inventory) -> Iterator[_PolicyAndLine]:
    """Percentiles, which hold for a whole batch: beside the minute or hour that it fills."""
    values = {name: getattr(batch, name) for name in STATISTICS}
    span = timedelta(seconds=batch.interval_s * len(batch.laeq_db))
    simulated = "simulated" in batch.flags
    hour = hour_of(batch.start)
    site = inventory.site_of(batch.node, batch.start)
    if span <= _MINUTE:
        minute = batch.start.replace(second=0, microsecond=0)
        series = SOUND_LEVEL_1M.series(*_node_tags(batch, inventory, minute))
        yield None, SOUND_LEVEL_1M.line(series, values, nanoseconds(minute))
    elif site and hour_of(batch.start + span - _MICROSECOND) == hour:
        series = hour_series(site, batch.node, simulated, hour)
        yield HOURS, SOUND_LEVEL_1H.line(series, values, nanoseconds(hour))


def _event_line(event: Event, inventory: Inventory) -> str | None:
    tags = _node_tags(event, inventory, event.start)
    speed = event.speed
    values: dict[str, FieldValue] = {
        "id": event.id,
        "seq": event.seq,
        "duration_s": event.duration_s,
        "lafmax_db": event.lafmax_db,
        "lafmax_7m5_db": event.lafmax_7m5_db,
        "lae_db": event.lae_db,
        "laeq_db": event.laeq_db,
        "energy": energy(event.laeq_db),
        "lcpeak_db": event.lcpeak_db,
        "background_laf90_db": event.background_laf90_db,
        "emergence_db": event.emergence_db,
        "source_probability": event.source.probability,
        "speed_kmh": speed.speed_kmh if speed else None,
        "speed_low_kmh": speed.low_kmh if speed else None,
        "speed_high_kmh": speed.high_kmh if speed else None,
        "direction": speed.direction if speed else None,
        "speed_method": speed.method if speed else None,
        "speed_refused": event.speed_refused,
        "flags": " ".join(event.flags),
        **_local_hour(event, inventory),
    }
    return EVENT.line(
        EVENT.series(*tags, event.source.kind, event.trigger), values, _event_time_ns(event)
    )


def _local_hour(event: Event, inventory: Inventory) -> dict[str, str]:
    """Weekday and hour at the site: fields, since as tags they would make 168 series of each."""
    site = inventory.site_of(event.node, event.start)
    return weekday_and_hour(event.start, site.time_zone) if site else {}


def _event_time_ns(event: Event) -> int:
    # Two events of one series at the same time would be one point; the id tells them apart below
    # the microsecond that times are given in.
    return nanoseconds(event.start) + int(event.id, 16) % 1000


def _health_line(health: Health, inventory: Inventory) -> str | None:
    calibrated_at = health.calibrated_at
    age = None if calibrated_at is None else (health.time - calibrated_at).total_seconds()
    values: dict[str, FieldValue] = {
        "calibration_age_s": age,
        "clock_error_s": health.time_source.error_s if health.time_source else None,
        "flags": " ".join(health.flags),
    }
    for name in _HEALTH_AS_IT_IS:
        value = getattr(health, name)
        values[name] = None if value is UNSET else value
    series = NODE_HEALTH.series(*_node_tags(health, inventory, health.time))
    return NODE_HEALTH.line(series, values, nanoseconds(health.time))


def _node_tags(
    message: LevelBatch | Event | Health, inventory: Inventory, at: datetime
) -> tuple[str, str, str]:
    origin = origin_tag("simulated" in message.flags)
    return site_tag(inventory, message.node, at), message.node, origin
