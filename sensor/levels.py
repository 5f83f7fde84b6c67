"""Readings of the meter, gathered into the batches that travel."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from sensor.acoustics.meter import LevelReading, combine
from sensor.blocks import StreamClock
from sensor.contract.messages import Flag, LevelBatch, Spectrum, draft


def rounded(level_db: float | None) -> float | None:
    """To the 0.1 dB that travel; what is missing stays missing."""
    return None if level_db is None else round(level_db, 1)


def spectrum(bands_db: Mapping[str, float] | None) -> Spectrum | None:
    """Third octaves as they travel."""
    if bands_db is None:
        return None
    return {nominal: rounded(level_db) for nominal, level_db in bands_db.items()}


def _by_name(bands_db: Mapping[float, float] | None) -> Spectrum | None:
    return spectrum({f"{hz:g}": level for hz, level in bands_db.items()} if bands_db else None)


class LevelBatcher:
    """Gathers one-second readings into level batches that end on whole minutes of UTC.

    Seconds that never came are filled with null, so that the place of a value tells its time.

    Parameters
    ----------
    node : str
        Who measures.
    clock : StreamClock
        Dates the readings.
    interval_s, batch_s : int
        One value every `interval_s`, one batch every `batch_s`.
    """

    def __init__(self, node: str, clock: StreamClock, interval_s: int, batch_s: int) -> None:
        self._node = node
        self._clock = clock
        self._interval_s = interval_s
        self._batch_s = max(batch_s, interval_s)
        self._readings: list[LevelReading] = []
        self._flags: set[Flag] = set()
        self._start: datetime | None = None

    def add(self, reading: LevelReading, flags: frozenset[Flag] = frozenset()) -> list[LevelBatch]:
        """Take the reading of one second; return the batch before it when this one begins anew."""
        start = self._clock.time_of(reading.start_frame)
        done = self.flush() if self._start is not None and self._ends_before(start) else []
        if not self._readings:
            self._start = start
        self._readings.append(reading)
        self._flags |= flags
        return done

    def flush(self) -> list[LevelBatch]:
        """Return the unfinished batch, if there is one."""
        if not self._readings or self._start is None:
            return []
        batch = self._batch(self._start)
        self._readings, self._flags, self._start = [], set(), None
        return [batch]

    def _ends_before(self, start: datetime) -> bool:
        # By the minute in which a second begins, as everybody counts who reads the batch.
        return self._batch_number(start) != self._batch_number(self._start or start)

    def _batch_number(self, start: datetime) -> int:
        return int(start.timestamp()) // self._batch_s

    def _batch(self, start: datetime) -> LevelBatch:
        intervals = [combine(part) if part else None for part in self._intervals()]
        whole = combine(self._readings)
        flags = self._flags
        if whole.gap or len(self._readings) < self._seconds():
            flags.add("gap")
        if whole.overload:
            flags.add("overload")
        if whole.under_range:
            flags.add("under_range")
        return LevelBatch(
            **draft(self._node),
            start=start,
            interval_s=self._interval_s,
            laeq_db=tuple(rounded(r.laeq_db) if r else None for r in intervals),
            lafmax_db=tuple(rounded(r.lafmax_db) if r else None for r in intervals),
            lceq_db=tuple(rounded(r.lceq_db) if r else None for r in intervals),
            laf10_db=rounded(whole.laf10_db),
            laf50_db=rounded(whole.laf50_db),
            laf90_db=rounded(whole.laf90_db),
            lcpeak_db=rounded(whole.lcpeak_db),
            bands_db=_by_name(whole.bands_db),
            flags=tuple(sorted(flags)),
        )

    def _second_of(self, reading: LevelReading) -> int:
        return (reading.start_frame - self._readings[0].start_frame) // reading.sample_rate

    def _seconds(self) -> int:
        return self._second_of(self._readings[-1]) + 1

    def _intervals(self) -> Sequence[list[LevelReading]]:
        count = -(-self._seconds() // self._interval_s)
        parts: list[list[LevelReading]] = [[] for _ in range(count)]
        for reading in self._readings:
            parts[self._second_of(reading) // self._interval_s].append(reading)
        return parts
