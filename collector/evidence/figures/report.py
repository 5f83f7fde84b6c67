"""``report.json``: every number that the document shows, and some more.

Levels in dB(A) re 20 micropascal, speeds in km/h, times in UTC. None: not measured, or not for
long enough to tell.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Literal, TypeAlias

from msgspec import UNSET, Struct, UnsetType

from collector.evidence.excerpt import Calibration, Mounting
from collector.evidence.request import Request
from sensor.contract.commissioning import LeftOut, OpenPoint, Position, Step

CalibrationState: TypeAlias = Literal["between_checks", "checked_before", "unchecked", "invalid"]
Verdict: TypeAlias = Literal["above", "not_above", "within_uncertainty", "not_measured"]


class Interval(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A value with the ends of its 95 % interval; an open end is None."""

    value: float | None
    low: float | None
    high: float | None


class Share(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`count` of `of`, with the 95 % interval of the share (0 to 1)."""

    count: int
    of: int
    low: float | None
    high: float | None


class ChainFigures(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How whole a node's messages are, from `first_seq` to `last_seq`.

    Attributes
    ----------
    messages, pruned : int
        Those that are there, and those of them whose content retention has removed.
    outside : int
        Checks, records, keys and absences from before or after.
    thinned, lost, accepted : int
        Not there, as the node told itself or as somebody at the authority accepted.
    missing : int
        Not there, and nobody says why; `missing_seqs` has the first stretches.
    broken : int
        Messages that do not follow from the one before; `breaks` has the first.
    """

    node: str
    first_seq: int
    last_seq: int
    messages: int
    pruned: int
    outside: int
    thinned: int
    lost: int
    accepted: int
    missing: int
    missing_seqs: tuple[tuple[int, int], ...]
    broken: int
    breaks: tuple[int, ...]


class CalibrationFigures(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The checks that stand around what a node measured.

    Attributes
    ----------
    before, after : Calibration, optional
        The last check before the period began, and the first one after it ended.
    within : tuple of Calibration
    largest_drift_db : float, optional
        The largest deviation that a check within or after found.
    state : {"between_checks", "checked_before", "unchecked", "invalid"}
        Whether levels stand between two checks, after one only, beside none, or some of them
        before one that found the meter more than 1 dB off (these are left out).
    """

    node: str
    before: Calibration | None
    within: tuple[Calibration, ...]
    after: Calibration | None
    largest_drift_db: float | None
    state: CalibrationState


class DriveFigures(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Drives past a node at known speeds; `error_percent` is the mean error, None without any."""

    count: int
    error_percent: Interval | None


class Difference(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A measure of a place that is not the same everywhere; what nobody told is None.

    Attributes
    ----------
    field : str
        As in :class:`collector.evidence.excerpt.Mounting`.
    registry, record, node : float, optional
        As it is registered, as it was measured on the spot, and as the node computed with then.
    """

    field: str
    registry: float | None
    record: float | None
    node: float | None


class CommissioningFigures(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A record of how a node was commissioned, which is its message `seq`.

    Attributes
    ----------
    here : bool
        Whether the node hung at the site then, as the registry says.
    checked : tuple of str
        Steps that were done, whatever they found.
    measured : Mounting
        Measured on the spot: means of two where it was measured twice.
    differences : tuple of Difference
    """

    node: str
    seq: int
    begun_at: datetime
    signed_at: datetime
    technician: str
    organisation: str
    here: bool
    checked: tuple[Step, ...]
    left_out: tuple[LeftOut, ...]
    open_points: tuple[OpenPoint, ...]
    drives: DriveFigures | None
    radar_angle_deg: float | None
    position: Position | None
    measured: Mounting
    differences: tuple[Difference, ...]
    remarks: str


class NodeFigures(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Of one node: how much of the period was measured, and what casts doubt on it.

    Attributes
    ----------
    measured_s : float
        Validly measured and used.
    excluded_s : mapping
        Validly measured and left out, by reason.
    missing_s : float
        The rest of the period: not measured.
    health_messages, unsynchronised : int
        How often the node told of its state, and how often of an unsure clock.
    largest_clock_offset_s : float, optional
    microphone_faults : int
        How often it told of a microphone that was not well.
    versions : tuple of str
        Of its software.
    """

    node: str
    measured_s: float
    excluded_s: Mapping[str, float]
    missing_s: float
    health_messages: int
    unsynchronised: int
    largest_clock_offset_s: float | None
    microphone_faults: int
    versions: tuple[str, ...]


class Gap(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Consecutive hours of which less than half was measured, be it used or left out."""

    start: datetime
    end: datetime


class CoverageFigures(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How much of the period was measured at the site.

    Where several nodes measured, an hour counts as measured for as long as the node did that
    measured most of it.
    """

    asked_s: float
    measured_s: float
    gaps: tuple[Gap, ...]
    hour_measured_s: tuple[float, ...]
    hour_excluded_s: tuple[float, ...]
    nodes: tuple[NodeFigures, ...]


class HourFigures(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One hour of the local day over all days."""

    hour: int
    measured_s: float
    passes: int
    episodes: int


class DayFigures(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One local day (`date` as 2026-11-22); its levels are of the node that had the highest."""

    date: str
    asked_s: float
    measured_s: float
    passes: int
    episodes: int
    laeq_db: float | None
    lafmax_db: float | None


class Frequency(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How often, and its 95 % interval as if each came by itself (Jeffreys)."""

    count: int
    measured_s: float
    per_day: Interval


class LevelFigures(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Levels of one node over the period, each with the seconds that it rests on."""

    node: str
    laeq_db: float | None
    measured_s: float
    lafmax_db: float | None
    lday_db: float | None
    levening_db: float | None
    lnight_db: float | None
    lden_db: float | None
    part_measured_s: tuple[float, float, float]
    part_possible_s: tuple[float, float, float]


class GuidelineFigures(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A guideline value beside what one node measured; see :mod:`collector.analysis.guidelines`."""

    node: str
    quantity: str
    value_db: float
    source: str
    note: str
    found: float | None
    allowed: float
    exceedances: int
    of: int
    measured_s: float
    possible_s: float
    verdict: Verdict


class SpeedFigures(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Speeds of confirmed passes while one limit held (None: while none is known to have)."""

    limit_kmh: float | None
    passes: int
    measured: int
    v50_kmh: Interval
    v85_kmh: Interval
    uncertainty_kmh: float | None
    over_limit: Share
    over_30: Share


class WorstEvent(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One of the loudest events that are passes of vehicles."""

    id: str
    node: str
    seq: int
    sha256: str
    start: datetime
    duration_s: float
    lafmax_db: float
    lae_db: float
    background_laf90_db: float | None
    source: str
    source_probability: float | None
    speed_kmh: float | None
    speed_low_kmh: float | None
    speed_high_kmh: float | None
    speed_refused: str | None
    limit_kmh: float | None
    trace_lafmax_db: tuple[float | None, ...]


class Counts(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What was heard, but for what is left out.

    Attributes
    ----------
    events : int
        All that began within the period.
    passes, unconfirmed : int
        Vehicles for sure, and perhaps; what several nodes heard is one.
    others : int
        Events of other sources.
    excluded : mapping
        Events that were left out, by reason.
    """

    events: int
    passes: int
    unconfirmed: int
    others: int
    excluded: Mapping[str, int]


class Report(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """All of it.

    Attributes
    ----------
    simulated : bool
        Whether it tells of what never happened.
    level_u95_db : float
        Expanded uncertainty of every level.
    commissionings : tuple of CommissioningFigures, or UNSET
        Left away where there is no record, as in summaries of before there were any.
    """

    format: Literal["skolro-report-1"]
    request: Request
    simulated: bool
    level_u95_db: float
    coverage: CoverageFigures
    chains: tuple[ChainFigures, ...]
    calibrations: tuple[CalibrationFigures, ...]
    commissionings: tuple[CommissioningFigures, ...] | UnsetType = UNSET
    counts: Counts
    passes: Frequency
    episodes: Frequency
    by_hour: tuple[HourFigures, ...]
    by_day: tuple[DayFigures, ...]
    levels: tuple[LevelFigures, ...]
    guidelines: tuple[GuidelineFigures, ...]
    speeds: tuple[SpeedFigures, ...]
    speeds_all: SpeedFigures
    speeds_refused: Mapping[str, int]
    worst: tuple[WorstEvent, ...]
