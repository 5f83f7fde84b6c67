"""From messages, registry and request to the report and its tables: a pure function in two steps.

Export calls it on what the ledger holds, verification on ``messages.jsonl``; there is no other way
to a number of a summary.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from math import nan
from typing import Final
from zoneinfo import ZoneInfo

import numpy as np
from msgspec import UNSET

from collector.analysis.episodes import EDITIONS, Episode, Pass, episodes, passes
from collector.analysis.levels import Floats, PeriodLevels, period_levels
from collector.evidence import excerpt
from collector.evidence.figures import results
from collector.evidence.figures.calibrations import calibration_figures
from collector.evidence.figures.chains import ChainWalk
from collector.evidence.figures.commissionings import commissioning_figures
from collector.evidence.figures.readings import EventMessage, Left, Readings, Sifted
from collector.evidence.figures.report import (
    Counts,
    CoverageFigures,
    Gap,
    NodeFigures,
    Report,
)
from collector.evidence.lines import Held
from collector.evidence.request import Request
from collector.evidence.uncertainty import level_budget
from sensor.contract.messages import CalibrationCheck

_QUARTER_S: Final = 900.0
_PLACES: Final = 3


@dataclass(frozen=True, slots=True)
class NodeRows:
    """What one node brought, by quarter-hours.

    Attributes
    ----------
    quarters : PeriodLevels
        Of what counts.
    lafmax_db : list of float
        Of each quarter, NaN where nothing counts.
    excluded_s : list of float
        Validly measured and left out.
    """

    node: str
    quarters: PeriodLevels
    lafmax_db: list[float]
    excluded_s: list[float]
    levels_left_s: dict[str, float]
    sifted: Sifted


@dataclass(frozen=True, slots=True)
class Evaluated:
    """A report, and what its tables are made of; all in order of time."""

    report: Report
    rows: tuple[NodeRows, ...]
    events: tuple[EventMessage, ...]
    passes: tuple[Pass, ...]
    episodes: tuple[Episode, ...]
    left: tuple[Left, ...]


class Evaluation:
    """Takes all messages of a summary one by one, in order of node and number."""

    def __init__(self, request: Request, registry: excerpt.Excerpt) -> None:
        self._request = request
        self._registry = registry
        gaps = registry.accepted_gaps
        self._walks = {
            node.id: ChainWalk(
                node, tuple((g.first_seq, g.last_seq) for g in gaps if g.node == node.id)
            )
            for node in registry.nodes
        }
        self._readings = {
            node.id: Readings(node, registry.site.id, request) for node in registry.nodes
        }

    def add(self, one: Held) -> None:
        """Take a message; :class:`KeyError` where the registry does not know its node."""
        self._walks[one.node].add(one)
        self._readings[one.node].add(one)

    def checks_of(self, node: str) -> tuple[CalibrationCheck, ...]:
        """The checks with a calibrator that a node told of, in order of number."""
        return tuple(self._readings[node].checks)

    def finish(self) -> Evaluated:
        """Return what all of them come to."""
        all_readings = self._readings.values()
        simulated = not any(one.anything_measured for one in all_readings)
        simulated = simulated and any(one.batches or one.events for one in all_readings)
        rows = tuple(self._rows(one, simulated) for one in all_readings)
        heard = sorted(
            (one for row in rows for one in row.sifted.events),
            key=lambda one: (one.event.start, one.event.node, one.seq),
        )
        found = passes(results.noise(one) for one in heard)
        groups = episodes(found, EDITIONS[self._request.episode_rules - 1])
        left = sorted(
            (one for row in rows for one in row.sifted.left),
            key=lambda one: (one.start_s, one.node, one.first_seq, one.kind),
        )
        report = self._report(rows, heard, found, groups, left, simulated)
        return Evaluated(report, rows, tuple(heard), tuple(found), tuple(groups), tuple(left))

    def _rows(self, readings: Readings, simulated: bool) -> NodeRows:
        sifted = readings.sift(simulated=simulated)
        edges = _edges_s(self._request, _QUARTER_S)
        quarters = period_levels(sifted.start_s, sifted.interval_s, sifted.laeq_db, edges)
        # Where it was left out at one moment and counts at the same, it counts.
        out = period_levels(
            sifted.left_start_s, sifted.left_interval_s, np.zeros(len(sifted.left_start_s)), edges
        )
        room_s = quarters.end_s - quarters.start_s - quarters.measured_s
        excluded_s = np.minimum(out.measured_s, np.maximum(room_s, 0.0))
        return NodeRows(
            node=readings.node.id,
            quarters=PeriodLevels(
                quarters.start_s,
                quarters.end_s,
                quarters.laeq_db,
                np.round(quarters.measured_s, _PLACES),
            ),
            lafmax_db=_maxima(sifted, edges),
            excluded_s=np.round(excluded_s, _PLACES).tolist(),
            levels_left_s=readings.excluded_s(sifted),
            sifted=sifted,
        )

    def _report(
        self,
        rows: Sequence[NodeRows],
        heard: Sequence[EventMessage],
        found: Sequence[Pass],
        groups: Sequence[Episode],
        left: Sequence[Left],
        simulated: bool,
    ) -> Report:
        request, site = self._request, self._registry.site
        zone = ZoneInfo(site.time_zone)
        coverage = self._coverage(rows)
        hours = results.Hours(_first_hour(request), coverage.hour_measured_s)
        limits = self._registry.speed_limits
        speeds_all, speeds, refused = results.speeds_of(found, limits, site.time_zone)
        u95_db = level_budget(self._registry).expanded
        records = tuple(
            record
            for one in self._readings.values()
            for record in commissioning_figures(one, request, simulated=simulated)
        )
        by_node = [(row, results.hours_of(row.quarters)) for row in rows]
        return Report(
            format="skolro-report-1",
            request=request,
            simulated=simulated,
            level_u95_db=u95_db,
            coverage=coverage,
            chains=tuple(walk.figures() for walk in self._walks.values()),
            calibrations=tuple(
                calibration_figures(one, request, simulated=simulated)
                for one in self._readings.values()
            ),
            commissionings=records or UNSET,
            counts=_counts(heard, found, left),
            passes=results.frequency(sum(p.confirmed for p in found), coverage.measured_s),
            episodes=results.frequency(len(groups), coverage.measured_s),
            by_hour=results.by_hour(hours, found, groups, zone),
            by_day=results.by_day(
                request.start,
                request.end,
                hours,
                [(row.quarters, row.lafmax_db) for row in rows],
                found,
                groups,
                zone,
            ),
            levels=tuple(
                results.levels_of(row.node, row.quarters, row.lafmax_db, there, site.time_zone)
                for row, there in by_node
            ),
            guidelines=tuple(
                one
                for row, there in by_node
                for one in results.guidelines_of(
                    row.node,
                    self._registry.guidelines,
                    row.quarters,
                    there,
                    found,
                    site.time_zone,
                    u95_db,
                )
            ),
            speeds=speeds,
            speeds_all=speeds_all,
            speeds_refused=refused,
            worst=results.worst_of(heard, found, limits, site.time_zone),
        )

    def _coverage(self, rows: Sequence[NodeRows]) -> CoverageFigures:
        asked_s = hour_asked_s(self._request)
        measured = [by_hours(self._request, row.quarters.measured_s.tolist()) for row in rows]
        excluded = [by_hours(self._request, row.excluded_s) for row in rows]
        most = [max(there, default=0.0) for there in _columns(measured, len(asked_s))]
        out = [
            min(max(there, default=0.0), max(asked - used, 0.0))
            for there, asked, used in zip(
                _columns(excluded, len(asked_s)), asked_s, most, strict=True
            )
        ]
        return CoverageFigures(
            asked_s=self._request.seconds,
            measured_s=round(sum(most), _PLACES),
            gaps=self._gaps(asked_s, [used + left for used, left in zip(most, out, strict=True)]),
            hour_measured_s=tuple(round(seconds, _PLACES) for seconds in most),
            hour_excluded_s=tuple(round(seconds, _PLACES) for seconds in out),
            nodes=tuple(self._node(row) for row in rows),
        )

    def _gaps(self, asked_s: Sequence[float], measured_s: Sequence[float]) -> tuple[Gap, ...]:
        first = _first_hour(self._request)
        found: list[tuple[int, int]] = []
        for hour, (asked, measured) in enumerate(
            zip(asked_s, measured_s, strict=True), start=first
        ):
            if measured >= 0.5 * asked:
                continue
            if found and found[-1][1] == hour:
                found[-1] = (found[-1][0], hour + 1)
            else:
                found.append((hour, hour + 1))
        return tuple(Gap(start=_time(begin), end=_time(end)) for begin, end in found)

    def _node(self, row: NodeRows) -> NodeFigures:
        readings = self._readings[row.node]
        measured_s = round(float(row.quarters.measured_s.sum()), _PLACES)
        excluded_s = round(sum(row.excluded_s), _PLACES)
        health = readings.health
        offsets = [abs(h.clock_offset_s) for h in health if h.clock_offset_s is not None]
        return NodeFigures(
            node=row.node,
            measured_s=measured_s,
            excluded_s={r: round(s, _PLACES) for r, s in row.levels_left_s.items()},
            missing_s=max(0.0, round(self._request.seconds - measured_s - excluded_s, _PLACES)),
            health_messages=len(health),
            unsynchronised=sum(one.clock_synchronised is False for one in health),
            largest_clock_offset_s=results.kept(max(offsets, default=nan)),
            microphone_faults=sum(one.microphone not in {"ok", "unknown"} for one in health),
            versions=tuple(sorted({one.version for one in health})),
        )


def hour_asked_s(request: Request) -> list[float]:
    """How much of each hour, from the period's first to its last, was asked for."""
    edges = _edges_s(request, 3600.0)
    first_s, last_s = request.start.timestamp(), request.end.timestamp()
    asked = np.minimum(edges[1:], last_s) - np.maximum(edges[:-1], first_s)
    return [float(seconds) for seconds in asked]


def by_hours(request: Request, quarters_s: Sequence[float]) -> list[float]:
    """Sums of quarter-hours by the hours of :func:`hour_asked_s`."""
    starts = _edges_s(request, _QUARTER_S)[:-1]
    index = (starts // 3600.0).astype(np.int64) - _first_hour(request)
    sums = np.bincount(index, quarters_s, minlength=len(hour_asked_s(request)))
    return [round(seconds, _PLACES) for seconds in sums.tolist()]


def _edges_s(request: Request, length_s: float) -> Floats:
    first = np.floor(request.start.timestamp() / length_s)
    last = np.ceil(request.end.timestamp() / length_s)
    return np.arange(first, last + 1) * length_s


def _first_hour(request: Request) -> int:
    return int(request.start.timestamp() // 3600)


def _time(hour: int) -> datetime:
    return datetime.fromtimestamp(hour * 3600, UTC)


def _columns(rows: Sequence[Sequence[float]], length: int) -> list[list[float]]:
    return [[row[index] for row in rows] for index in range(length)]


def _maxima(sifted: Sifted, edges: Floats) -> list[float]:
    """Greatest LAFmax of each quarter; NaN where there is none."""
    found = np.full(len(edges) - 1, -np.inf)
    known = ~np.isnan(sifted.lafmax_db)
    index = np.searchsorted(edges, sifted.start_s[known], side="right") - 1
    np.maximum.at(found, index, sifted.lafmax_db[known])
    return [nan if level == -np.inf else level for level in found.tolist()]


def _counts(heard: Sequence[EventMessage], found: Sequence[Pass], left: Sequence[Left]) -> Counts:
    taken = {(one.node, one.id) for p in found for one in p.heard}
    excluded = Counter(one.reason for one in left if one.kind == "event")
    return Counts(
        events=len(heard) + sum(excluded.values()),
        passes=sum(p.confirmed for p in found),
        unconfirmed=sum(not p.confirmed for p in found),
        others=sum((one.event.node, one.event.id) not in taken for one in heard),
        excluded=dict(sorted(excluded.items())),
    )
