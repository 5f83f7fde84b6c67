"""What the messages of one node tell, gathered message by message and then sifted."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from math import nan
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from collector.analysis.levels import Floats
from collector.evidence import excerpt
from collector.evidence.figures.exclusions import InvalidSpans, Reason, by_flags
from collector.evidence.lines import Held
from collector.evidence.request import Request
from sensor.contract.messages import CalibrationCheck, Commissioning, Event, Health, LevelBatch


class Batch(NamedTuple):
    """A batch of levels; the arrays have one value an interval, NaN where nothing was valid."""

    seq: int
    start: datetime
    interval_s: int
    flags: tuple[str, ...]
    laeq_db: Floats
    lafmax_db: Floats


class EventMessage(NamedTuple):
    """An event's message."""

    seq: int
    sha256: str
    event: Event


class Left(NamedTuple):
    """Something that was left out: levels over consecutive messages, or one event."""

    node: str
    kind: str
    reason: Reason
    start_s: float
    end_s: float
    measured_s: float
    first_seq: int
    last_seq: int
    event: str


@dataclass(frozen=True, slots=True)
class Sifted:
    """What of one node counts.

    Attributes
    ----------
    start_s, interval_s, laeq_db, lafmax_db : ndarray of shape (n,)
        Of the intervals that count and began within the period; POSIX seconds, levels NaN where
        nothing was valid.
    left_start_s, left_interval_s : ndarray of shape (m,)
        Validly measured intervals that were left out.
    left : list of Left
    events : list of EventMessage
    """

    start_s: Floats
    interval_s: Floats
    laeq_db: Floats
    lafmax_db: Floats
    left_start_s: Floats
    left_interval_s: Floats
    left: list[Left]
    events: list[EventMessage]


@dataclass(slots=True)
class Readings:
    """One node's messages of the period, as they come."""

    node: excerpt.Node
    site: str
    request: Request
    batches: list[Batch] = field(default_factory=list)
    events: list[EventMessage] = field(default_factory=list)
    checks: list[CalibrationCheck] = field(default_factory=list)
    commissionings: list[Commissioning] = field(default_factory=list)
    health: list[Health] = field(default_factory=list)
    anything_measured: bool = False

    def add(self, one: Held) -> None:
        """Take a message; what is not of the period is passed over, but for checks and records."""
        match one.message:
            case LevelBatch() as batch:
                self._add_batch(batch)
            case Event(start=start) as event if self._within(start):
                self.events.append(EventMessage(one.seq, one.sha256, event))
                self._note_origin(event.flags)
            case CalibrationCheck() as check:
                self.checks.append(check)
            case Commissioning() as record:
                self.commissionings.append(record)
            case Health(time=time) as health if self._within(time):
                self.health.append(health)
            case _:
                pass

    def _within(self, at: datetime) -> bool:
        return self.request.start <= at < self.request.end

    def _add_batch(self, batch: LevelBatch) -> None:
        length_s = batch.interval_s * len(batch.laeq_db)
        begins = batch.start.timestamp()
        if begins >= self.request.end.timestamp():
            return
        if begins + length_s <= self.request.start.timestamp():
            return
        levels, maxima = _numbers(batch.laeq_db), _numbers(batch.lafmax_db)
        self.batches.append(
            Batch(batch.seq, batch.start, batch.interval_s, batch.flags, levels, maxima)
        )
        self._note_origin(batch.flags)

    def _note_origin(self, flags: Sequence[str]) -> None:
        self.anything_measured = self.anything_measured or "simulated" not in flags

    def sift(self, *, simulated: bool) -> Sifted:
        """Return what counts of what was measured, or of what was simulated."""
        invalid = InvalidSpans(self.checks)
        events, left = self._sift_events(invalid, simulated)
        kept: list[Batch] = []
        dropped: list[tuple[Batch, Reason]] = []
        for batch in self.batches:
            reason = self._reason(batch.start, batch.flags, invalid, simulated)
            if reason is None:
                kept.append(batch)
            else:
                dropped.append((batch, reason))
        start_s, interval_s, within = self._times(kept)
        out_start_s, out_interval_s, out_within = self._times([batch for batch, _ in dropped])
        valid = out_within & ~np.isnan(_joined(batch.laeq_db for batch, _ in dropped))
        return Sifted(
            start_s=start_s[within],
            interval_s=interval_s[within],
            laeq_db=_joined(batch.laeq_db for batch in kept)[within],
            lafmax_db=_joined(batch.lafmax_db for batch in kept)[within],
            left_start_s=out_start_s[valid],
            left_interval_s=out_interval_s[valid],
            left=[*self._stretches(dropped), *left],
            events=events,
        )

    def _reason(
        self, at: datetime, flags: tuple[str, ...], invalid: InvalidSpans, simulated: bool
    ) -> Reason | None:
        if ("simulated" in flags) != simulated:
            return "simulated"
        if not any(p.site == self.site and p.holds_at(at) for p in self.node.placements):
            return "elsewhere"
        if invalid and at in invalid:
            return "calibration_invalid"
        return by_flags(flags)

    def _sift_events(
        self, invalid: InvalidSpans, simulated: bool
    ) -> tuple[list[EventMessage], list[Left]]:
        latest = {one.event.id: one.seq for one in self.events}
        kept, left = [], []
        for one in self.events:
            event = one.event
            reason = self._reason(event.start, event.flags, invalid, simulated)
            if latest[event.id] != one.seq:
                reason = "superseded"
            if reason is None:
                kept.append(one)
                continue
            start_s = event.start.timestamp()
            end_s = start_s + event.duration_s
            row = (start_s, end_s, event.duration_s, one.seq, one.seq, event.id)
            left.append(Left(self.node.id, "event", reason, *row))
        return kept, left

    def _times(self, batches: Sequence[Batch]) -> tuple[Floats, Floats, NDArray[np.bool_]]:
        """Starts and lengths of all intervals, and which began within the period."""
        counts = np.array([len(batch.laeq_db) for batch in batches], dtype=np.int64)
        step_s = np.repeat(_numbers(batch.interval_s for batch in batches), counts)
        begins = np.repeat(_numbers(batch.start.timestamp() for batch in batches), counts)
        ends = np.cumsum(counts)
        index = np.arange(int(ends[-1]) if len(ends) else 0) - np.repeat(ends - counts, counts)
        starts = np.asarray(begins + step_s * index, dtype=np.float64)
        within = (starts >= self.request.start.timestamp()) & (
            starts < self.request.end.timestamp()
        )
        return starts, step_s, within

    def _stretches(self, dropped: Sequence[tuple[Batch, Reason]]) -> list[Left]:
        """Join what follows each other for the same reason, so that a rainy day is one row."""
        found: list[Left] = []
        first_s, last_s = self.request.start.timestamp(), self.request.end.timestamp()
        for batch, reason in dropped:
            begins = batch.start.timestamp()
            starts = begins + batch.interval_s * np.arange(len(batch.laeq_db))
            within = (starts >= first_s) & (starts < last_s)
            valid_s = float(batch.interval_s * np.sum(within & ~np.isnan(batch.laeq_db)))
            start_s = max(begins, first_s)
            end_s = min(begins + batch.interval_s * len(starts), last_s)
            before = found[-1] if found else None
            if before and before.reason == reason and abs(before.end_s - start_s) < 1.0:
                found[-1] = before._replace(
                    end_s=end_s, measured_s=before.measured_s + valid_s, last_seq=batch.seq
                )
            else:
                row = (start_s, end_s, valid_s, batch.seq, batch.seq, "")
                found.append(Left(self.node.id, "levels", reason, *row))
        return found

    def excluded_s(self, sifted: Sifted) -> dict[str, float]:
        """Seconds of levels that were left out, by reason."""
        sums: defaultdict[str, float] = defaultdict(float)
        for left in sifted.left:
            if left.kind == "levels":
                sums[left.reason] += left.measured_s
        return dict(sorted((reason, seconds) for reason, seconds in sums.items() if seconds))


def _numbers(values: Iterable[float | None]) -> Floats:
    return np.array([nan if value is None else value for value in values], dtype=np.float64)


def _joined(parts: Iterable[Floats]) -> Floats:
    return np.concatenate([np.zeros(0), *parts])
