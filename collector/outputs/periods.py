"""Levels by the minute and by the hour.

A period is always computed from all that the ledger knows of it and its point is written over,
so late batches and refills end in the same points. An hour is the ledger's own projection; a
minute comes from the batch that covers it, and from the ledger where a batch covers only a part.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final, NamedTuple
from zoneinfo import ZoneInfo

from collector.ledger.ledger import Ledger, LevelHour
from collector.outputs.line_protocol import nanoseconds
from collector.outputs.measurements import (
    MEASURED,
    MEASURED_1H,
    SIMULATED,
    SOUND_LEVEL_1H,
    SOUND_LEVEL_1M,
    UNPLACED,
)
from collector.registry.inventory import Inventory, Site
from sensor.contract.messages import LevelBatch

_MINUTE_S: Final = 60
_HOUR: Final = timedelta(hours=1)


class _Minute(NamedTuple):
    node: str
    simulated: bool
    minute_s: int


@dataclass(slots=True)
class _Sums:
    """Sums over the intervals that begin within a minute; those not valid count as covered."""

    covered_s: int = 0
    valid_s: int = 0
    energy_s: float = 0.0
    c_valid_s: int = 0
    c_energy_s: float = 0.0
    lafmax_db: float = -math.inf

    def add(
        self,
        interval_s: int,
        laeq_db: float | None,
        lafmax_db: float | None,
        lceq_db: float | None,
    ) -> None:
        self.covered_s += interval_s
        if laeq_db is not None:
            self.valid_s += interval_s
            self.energy_s += interval_s * energy(laeq_db)
        if lceq_db is not None:
            self.c_valid_s += interval_s
            self.c_energy_s += interval_s * energy(lceq_db)
        if lafmax_db is not None:
            self.lafmax_db = max(self.lafmax_db, lafmax_db)


class TouchedPeriods:
    """The minutes and hours that batches of levels fall into, and their points."""

    def __init__(self) -> None:
        self._minutes: defaultdict[_Minute, _Sums] = defaultdict(_Sums)
        self._hours: defaultdict[str, set[datetime]] = defaultdict(set)

    def add(self, batch: LevelBatch) -> None:
        """Note what `batch` touches."""
        simulated = "simulated" in batch.flags
        span = timedelta(seconds=batch.interval_s * len(batch.laeq_db))
        self._hours[batch.node].update(_hours_between(batch.start, batch.start + span))
        if batch.interval_s > _MINUTE_S:
            return
        start_s = math.floor(batch.start.timestamp())
        values = zip(batch.laeq_db, batch.lafmax_db, batch.lceq_db, strict=True)
        for index, (laeq_db, lafmax_db, lceq_db) in enumerate(values):
            minute_s = _minute_of(start_s + index * batch.interval_s)
            sums = self._minutes[_Minute(batch.node, simulated, minute_s)]
            sums.add(batch.interval_s, laeq_db, lafmax_db, lceq_db)

    def minute_lines(self, ledger: Ledger, inventory: Inventory) -> Iterator[str]:
        """Lines of ``sound_level_1m``."""
        self._complete(ledger)
        for (node, simulated, minute_s), sums in self._minutes.items():
            if not sums.valid_s:
                continue
            at = datetime.fromtimestamp(minute_s, UTC)
            series = SOUND_LEVEL_1M.series(
                site_tag(inventory, node, at), node, origin_tag(simulated)
            )
            line = SOUND_LEVEL_1M.line(series, _minute_values(sums), nanoseconds(at))
            if line:
                yield line

    def hour_lines(self, ledger: Ledger, inventory: Inventory) -> Iterator[str]:
        """Lines of ``sound_level_1h``."""
        for node, hours in self._hours.items():
            for first, end in _runs(hours, _HOUR):
                yield from hour_lines(
                    ledger.level_hours(node=node, start=first, end=end), inventory
                )

    def _complete(self, ledger: Ledger) -> None:
        """Compute the minutes that are covered in part only from all that the ledger has."""
        partial: defaultdict[str, set[datetime]] = defaultdict(set)
        for (node, _, minute_s), sums in list(self._minutes.items()):
            if sums.covered_s < _MINUTE_S:
                partial[node].add(datetime.fromtimestamp(minute_s, UTC))
        for node, minutes in partial.items():
            for first, end in _runs(minutes, timedelta(seconds=_MINUTE_S)):
                self._reread(ledger, node, first, end)

    def _reread(self, ledger: Ledger, node: str, start: datetime, end: datetime) -> None:
        found: defaultdict[_Minute, _Sums] = defaultdict(_Sums)
        levels = ledger.levels(node, start, end)
        for at, interval_s, simulated, laeq_db, lafmax_db, lceq_db in zip(
            levels.start,
            levels.interval_s,
            levels.simulated,
            levels.laeq_db,
            levels.lafmax_db,
            levels.lceq_db,
            strict=True,
        ):
            if interval_s <= _MINUTE_S and start <= at < end:
                minute_s = _minute_of(math.floor(at.timestamp()))
                sums = found[_Minute(node, simulated, minute_s)]
                sums.add(interval_s, laeq_db, lafmax_db, lceq_db)
        self._minutes.update(found)


def hour_lines(hours: Iterable[LevelHour], inventory: Inventory) -> Iterator[str]:
    """Lines of ``sound_level_1h`` and ``measured_1h`` for `hours`."""
    for hour in hours:
        for line in (_hour_line(hour, inventory), _measured_line(hour)):
            if line:
                yield line


def energy(level_db: float) -> float:
    """10^(L/10), whose mean is what a mean level is made of."""
    return float(10 ** (level_db / 10))


def site_tag(inventory: Inventory, node: str, at: datetime) -> str:
    """Id of the site where `node` hung at that time."""
    site = inventory.site_of(node, at)
    return site.id if site else UNPLACED


def hour_series(site: Site, node: str, simulated: bool, hour: datetime) -> str:
    """Series of ``sound_level_1h`` that `hour` belongs to, by the site's local time."""
    tags = weekday_and_hour(hour, site.time_zone).values()
    return SOUND_LEVEL_1H.series(site.id, node, origin_tag(simulated), *tags)


def weekday_and_hour(at: datetime, time_zone: str) -> dict[str, str]:
    """What `at` is on the local clock, as ``weekday`` (``1`` is Monday) and ``hour``."""
    local = at.astimezone(ZoneInfo(time_zone))
    return {"weekday": str(local.isoweekday()), "hour": f"{local.hour:02}"}


def origin_tag(simulated: bool) -> str:
    """Value of the tag that keeps what is simulated out of the series of what was measured."""
    return SIMULATED if simulated else MEASURED


def hour_of(time: datetime) -> datetime:
    """Beginning of the hour that `time` falls into."""
    return time.replace(minute=0, second=0, microsecond=0)


def _minute_of(time_s: int) -> int:
    return time_s - time_s % _MINUTE_S


def _hours_between(start: datetime, end: datetime) -> Iterator[datetime]:
    hour = hour_of(start)
    while hour < end:
        yield hour
        hour += _HOUR


def _runs(starts: Iterable[datetime], step: timedelta) -> list[tuple[datetime, datetime]]:
    """Join periods of `step` that follow each other to (first start, end)."""
    runs: list[tuple[datetime, datetime]] = []
    for start in sorted(starts):
        first = runs.pop()[0] if runs and runs[-1][1] == start else start
        runs.append((first, start + step))
    return runs


def _minute_values(sums: _Sums) -> dict[str, float | None]:
    return {
        "laeq_db": _level(sums.energy_s, sums.valid_s),
        "energy": sums.energy_s / sums.valid_s if sums.valid_s else None,
        "lafmax_db": sums.lafmax_db,
        "lceq_db": _level(sums.c_energy_s, sums.c_valid_s),
        "valid_s": float(sums.valid_s),
    }


def _level(energy_s: float, valid_s: int) -> float | None:
    return 10 * math.log10(energy_s / valid_s) if valid_s else None


def _hour_line(hour: LevelHour, inventory: Inventory) -> str | None:
    series = hour_series(inventory.sites[hour.site], hour.node, hour.simulated, hour.hour)
    values = {
        "laeq_db": 10 * math.log10(hour.energy),
        "energy": hour.energy,
        "lafmax_db": hour.lafmax_db,
        "valid_s": float(hour.valid_s),
    }
    return SOUND_LEVEL_1H.line(series, values, nanoseconds(hour.hour))


def _measured_line(hour: LevelHour) -> str | None:
    series = MEASURED_1H.series(hour.site, hour.node, origin_tag(hour.simulated))
    return MEASURED_1H.line(series, {"valid_s": float(hour.valid_s)}, nanoseconds(hour.hour))
