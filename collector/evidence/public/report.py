"""``report.json`` and ``registry.json`` of the public form, made of the full ones alone.

Only what is named here is told; whatever else a full report has or will have stays out.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Annotated, Final, Literal

import msgspec
from msgspec import Meta, Struct

from collector.evidence import excerpt
from collector.evidence.figures import report as figures
from collector.evidence.public.suppression import Shown, shown, shown_parts
from collector.evidence.request import Request

_QUARTER_S: Final = 900


class Coverage(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How much was measured; see :class:`.figures.report.CoverageFigures`."""

    asked_s: float
    measured_s: float
    hour_measured_s: tuple[float, ...]
    hour_excluded_s: tuple[float, ...]


class Excluded(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Measured time of one node that was left out for one reason."""

    node: str
    reason: str
    excluded_s: float


class Frequency(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How often, and its 95 % interval; None where the count is hidden."""

    count: Shown
    per_day: figures.Interval | None


class Hour(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One hour of the local day over all days."""

    hour: int
    measured_s: float
    passes: Shown
    episodes: Shown


class Day(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One local day."""

    date: str
    asked_s: float
    measured_s: float
    laeq_db: float | None
    passes: Shown
    episodes: Shown


class Levels(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Mean levels of one node: the highest one is a single event's."""

    node: str
    measured_s: float
    laeq_db: float | None
    lday_db: float | None
    levening_db: float | None
    lnight_db: float | None
    lden_db: float | None


class Guideline(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A guideline value beside what one node measured; `found` is None where it is hidden."""

    node: str
    quantity: str
    value_db: float
    source: str
    found: float | None
    allowed: float
    measured_s: float
    possible_s: float
    verdict: figures.Verdict


class Speeds(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Speeds of passes: all of them are in one of the four counts.

    `v50_kmh` and `v85_kmh` are whole, and given where at least as many passes were faster, and as
    many slower, as a count must have to be shown.
    """

    v50_kmh: int | None
    v85_kmh: int | None
    over_limit: Shown
    not_over: Shown
    without_limit: Shown
    not_measured: Shown


class Report(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """All of it.

    Attributes
    ----------
    small_count : int
        Fewer than this are hidden, and what would give them away.
    pruned : bool
        Whether retention has removed the content of some messages.
    """

    format: Literal["skolro-public-report-1"]
    request: Request
    small_count: Annotated[int, Meta(ge=1)]
    simulated: bool
    pruned: bool
    level_u95_db: float
    coverage: Coverage
    excluded: tuple[Excluded, ...]
    passes: Frequency
    episodes: Frequency
    by_hour: tuple[Hour, ...]
    by_day: tuple[Day, ...]
    levels: tuple[Levels, ...]
    guidelines: tuple[Guideline, ...]
    speeds: Speeds


def public_report(full: figures.Report, small_count: int) -> Report:
    """Return what of a report may be told to anybody."""
    hours, days = full.by_hour, full.by_day
    hour_shown = _both(hours, small_count)
    day_shown = _both(days, small_count)
    coverage = full.coverage
    return Report(
        format="skolro-public-report-1",
        request=full.request,
        small_count=small_count,
        simulated=full.simulated,
        pruned=any(chain.pruned for chain in full.chains),
        level_u95_db=full.level_u95_db,
        coverage=Coverage(
            asked_s=coverage.asked_s,
            measured_s=coverage.measured_s,
            hour_measured_s=coverage.hour_measured_s,
            hour_excluded_s=coverage.hour_excluded_s,
        ),
        excluded=tuple(
            Excluded(node=node.node, reason=reason, excluded_s=seconds)
            for node in coverage.nodes
            for reason, seconds in sorted(node.excluded_s.items())
        ),
        passes=_frequency(full.passes, small_count),
        episodes=_frequency(full.episodes, small_count),
        by_hour=tuple(
            Hour(hour=one.hour, measured_s=one.measured_s, passes=passes, episodes=episodes)
            for one, passes, episodes in zip(hours, *hour_shown, strict=True)
        ),
        by_day=tuple(
            Day(
                date=one.date,
                asked_s=one.asked_s,
                measured_s=one.measured_s,
                laeq_db=one.laeq_db,
                passes=passes,
                episodes=episodes,
            )
            for one, passes, episodes in zip(days, *day_shown, strict=True)
        ),
        levels=tuple(_levels(one) for one in full.levels),
        guidelines=tuple(_guideline(one, small_count) for one in full.guidelines),
        speeds=_speeds(full.speeds_all, small_count),
    )


def _both(
    rows: Sequence[figures.HourFigures] | Sequence[figures.DayFigures], small_count: int
) -> tuple[tuple[Shown, ...], tuple[Shown, ...]]:
    """Passes and episodes of each row, both of which add up to a number that is told."""
    return (
        shown_parts([_known(one.passes, one.measured_s) for one in rows], small_count),
        shown_parts([_known(one.episodes, one.measured_s) for one in rows], small_count),
    )


def _known(count: int, measured_s: float) -> int | None:
    return count if count or measured_s else None


def _frequency(one: figures.Frequency, small_count: int) -> Frequency:
    count = shown(one.count, small_count)
    return Frequency(count=count, per_day=None if count.hidden else one.per_day)


def _levels(one: figures.LevelFigures) -> Levels:
    return Levels(
        node=one.node,
        measured_s=one.measured_s,
        laeq_db=one.laeq_db,
        lday_db=one.lday_db,
        levening_db=one.levening_db,
        lnight_db=one.lnight_db,
        lden_db=one.lden_db,
    )


def _guideline(one: figures.GuidelineFigures, small_count: int) -> Guideline:
    # A rate of passes times the hours is a number of passes.
    counts = one.quantity == "lafmax_5_an_hour"
    return Guideline(
        node=one.node,
        quantity=one.quantity,
        value_db=one.value_db,
        source=one.source,
        found=None if counts and one.exceedances < small_count else one.found,
        allowed=one.allowed,
        measured_s=one.measured_s,
        possible_s=one.possible_s,
        verdict=one.verdict,
    )


def _speeds(one: figures.SpeedFigures, small_count: int) -> Speeds:
    over = one.over_limit
    parts = [
        over.count,
        over.of - over.count,
        one.measured - over.of,
        one.passes - one.measured,
    ]
    over_limit, not_over, without_limit, not_measured = shown_parts(parts, small_count)
    return Speeds(
        v50_kmh=_whole(one.v50_kmh.value, 0.5 * one.measured, small_count),
        v85_kmh=_whole(one.v85_kmh.value, 0.15 * one.measured, small_count),
        over_limit=over_limit,
        not_over=not_over,
        without_limit=without_limit,
        not_measured=not_measured,
    )


def _whole(value: float | None, faster: float, small_count: int) -> int | None:
    return None if value is None or faster < small_count else round(value)


class Place(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where a node hung at the site, from and until which quarter-hour."""

    since: datetime
    until: datetime | None
    mounting: excerpt.Mounting


class Calibration(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A check with a sound calibrator, and the quarter-hour in which it was made."""

    quarter: datetime
    calibrator_level_db: float
    calibrator_serial: str
    calibrator_certificate: str
    deviation_db: float
    result: str
    simulated: bool


class Node(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A node; how many messages it sent is not told, since they could be counted."""

    id: str
    places: tuple[Place, ...]
    calibrations: tuple[Calibration, ...]


class Registry(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The place, what hung there, and what holds there."""

    site: excerpt.Site
    nodes: tuple[Node, ...]
    speed_limits: tuple[excerpt.SpeedLimit, ...]
    guidelines: tuple[excerpt.Guideline, ...]


def public_registry(full: excerpt.Excerpt) -> Registry:
    """Return what of a registry may be told to anybody."""
    return Registry(
        site=full.site,
        nodes=tuple(_node(node, full.site.id) for node in full.nodes),
        speed_limits=tuple(
            msgspec.structs.replace(one, since=quarter_of(one.since)) for one in full.speed_limits
        ),
        guidelines=full.guidelines,
    )


def _node(node: excerpt.Node, site: str) -> Node:
    return Node(
        id=node.id,
        places=tuple(
            Place(
                since=quarter_of(one.since),
                until=None if one.until is None else quarter_of(one.until),
                mounting=one.mounting,
            )
            for one in node.placements
            if one.site == site
        ),
        calibrations=tuple(
            Calibration(
                quarter=quarter_of(one.time),
                calibrator_level_db=one.calibrator_level_db,
                calibrator_serial=one.calibrator_serial,
                calibrator_certificate=one.calibrator_certificate,
                deviation_db=one.deviation_db,
                result=one.result,
                simulated=one.simulated,
            )
            for one in node.calibrations
        ),
    )


def quarter_of(at: datetime) -> datetime:
    """The beginning of the quarter-hour in which a time lies."""
    return datetime.fromtimestamp(at.timestamp() // _QUARTER_S * _QUARTER_S, UTC)
