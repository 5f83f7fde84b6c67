"""The messages, as structs: the one place where the wire is defined.

Field names carry units, times are UTC, decibels are re 20 micropascal. ``null`` stands for
"not validly measured", never for zero or silence. ``docs/contract.schema.json`` is generated
from this file.
"""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime, timedelta
from typing import Annotated, Literal, TypeAlias, TypedDict

from msgspec import Meta, Struct
from msgspec.structs import replace

VERSION = 1
"""Version of the wire; a collector refuses what is newer than itself, with that reason."""

NODE_PATTERN = r"^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$"
GENESIS = "0" * 64
"""``prev`` of a node's first message."""

NodeId: TypeAlias = Annotated[str, Meta(pattern=NODE_PATTERN, description="id of the node")]
Sequence: TypeAlias = Annotated[
    int,
    Meta(ge=1, lt=2**53, description="number of the message in the node's whole life, no gaps"),
]
Sha256: TypeAlias = Annotated[str, Meta(pattern=r"^[0-9a-f]{64}$")]
Decibel: TypeAlias = Annotated[float, Meta(ge=-50, le=200)]
LevelDifference: TypeAlias = Annotated[float, Meta(ge=-250, le=250)]
Probability: TypeAlias = Annotated[float, Meta(ge=0, le=1)]
Count: TypeAlias = Annotated[int, Meta(ge=0, lt=2**53)]
Seconds: TypeAlias = Annotated[float, Meta(ge=0, le=1e10)]
SpeedKmh: TypeAlias = Annotated[float, Meta(ge=0, le=500)]
ShortText: TypeAlias = Annotated[str, Meta(max_length=200)]

BAND_CENTRES = (
    "25", "31.5", "40", "50", "63", "80", "100", "125", "160", "200", "250", "315", "400", "500",
    "630", "800", "1000", "1250", "1600", "2000", "2500", "3150", "4000", "5000", "6300", "8000",
    "10000", "12500", "16000", "20000",
)  # fmt: skip
"""Nominal mid-band frequencies in Hz of the third octaves (IEC 61260-1:2014, table E.1)."""

Spectrum: TypeAlias = dict[str, Decibel | None]
"""Third-octave Leq by nominal centre; a band that the sample rate cannot carry is left out."""

Flag: TypeAlias = Literal[
    "calibration_due",  # the last check is too old, or there never was one
    "calibration_invalid",  # the last check drifted more than 1 dB
    "clock_step",  # the wall clock was set while this was measured
    "clock_unsure",  # the wall clock has not been synchronised
    "cut",  # ended by the limit on length or because the node stopped
    "gap",  # sound is missing within
    "microphone_fault",  # dead, stuck or implausible microphone
    "overload",  # the input reached its full scale
    "rain_suspected",
    "simulated",  # never happened
    "under_range",  # at or below the self-noise of the microphone
    "wind_suspected",
]

Trigger: TypeAlias = Literal["level", "emergence", "radar"]

SourceKind: TypeAlias = Literal[
    "moped_motorcycle",
    "car",
    "heavy_vehicle",
    "vehicle",  # traffic, kind not told apart
    "revving",  # revving, skidding, racing
    "horn",
    "siren",
    "music",
    "voices",
    "bell",
    "wind_rain",
    "animal",
    "tool",
    "aircraft_train_boat",
    "impulse",
    "unconfirmed",  # engine-like, but a machine that is no vehicle sounds the same
    "unsure",  # the model ran and could not tell
    "unclassified",  # no model ran
]

SpeedMethod: TypeAlias = Literal["stereo", "doppler", "radar", "fused"]

SpeedRefusal: TypeAlias = Literal[
    "not_configured",  # no distance, or no second microphone or radar
    "no_vehicle",  # nothing that sounds like traffic
    "too_quiet",
    "stationary",
    "tonal_machine",
    "two_vehicles",
    "no_harmonics",
    "disagreement",  # the methods contradict each other
    "too_short",
    "gap",
    "overload",
    "too_uncertain",
]


def _require(holds: bool, text: str) -> None:
    # msgspec turns a ValueError of __post_init__ into its own ValidationError with the path.
    if not holds:
        raise ValueError(text)


def _require_utc(value: datetime, name: str) -> None:
    _require(value.utcoffset() == timedelta(0), f"{name} must be UTC, written with a Z")


def _require_flags(flags: tuple[str, ...]) -> None:
    _require(list(flags) == sorted(set(flags)), "flags must be sorted and unique")


def _require_bands(bands_db: Spectrum | None) -> None:
    unknown = sorted(set(bands_db or ()) - set(BAND_CENTRES))
    _require(not unknown, f"bands_db has no third octave called {', '.join(unknown)}")


class Stored(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What every stored message begins with.

    Attributes
    ----------
    v : int
        Version of the wire.
    node : str
        Who measured.
    seq : int
        Counts the node's stored messages without a gap for its whole life; given by the outbox.
    prev : str
        SHA-256 (hex) of the payload of the node's previous message; :data:`GENESIS` at first.
    time : datetime
        When the message was made, by the node's wall clock.
    """

    v: Annotated[int, Meta(ge=1, le=VERSION)] = VERSION
    node: NodeId
    seq: Sequence
    prev: Sha256
    time: datetime

    def __post_init__(self) -> None:
        _require_utc(self.time, "time")


class LevelBatch(Stored, frozen=True, kw_only=True):
    """Levels of consecutive intervals.

    The arrays are of equal length, one value an interval of `interval_s`; null where nothing
    was validly measured. The scalars and the spectrum hold for the valid part of the batch.
    """

    kind: Literal["levels"] = "levels"
    start: datetime
    interval_s: Annotated[int, Meta(ge=1, le=3600)]
    laeq_db: Annotated[tuple[Decibel | None, ...], Meta(min_length=1, max_length=3600)]
    lafmax_db: Annotated[tuple[Decibel | None, ...], Meta(min_length=1, max_length=3600)]
    lceq_db: Annotated[tuple[Decibel | None, ...], Meta(min_length=1, max_length=3600)]
    laf10_db: Decibel | None
    laf50_db: Decibel | None
    laf90_db: Decibel | None
    lcpeak_db: Decibel | None
    bands_db: Spectrum | None
    flags: tuple[Flag, ...] = ()

    def __post_init__(self) -> None:
        _require_utc(self.time, "time")
        _require_utc(self.start, "start")
        _require_flags(self.flags)
        _require_bands(self.bands_db)
        same = len(self.laeq_db) == len(self.lafmax_db) == len(self.lceq_db)
        _require(same, "laeq_db, lafmax_db and lceq_db must be of equal length")
        # Whoever looks for what covers a moment then needs to look back an hour at most.
        _require(self.interval_s * len(self.laeq_db) <= 3600, "a batch may span an hour at most")


class Source(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The kind of source, and how sure the model was.

    `scores` holds the groups' mean scores, so that the decision can be repeated and disputed.
    """

    kind: SourceKind = "unclassified"
    probability: Probability | None = None
    scores: dict[str, Probability] | None = None


class Speed(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An indicative speed with its 95 % interval.

    `direction` is 1 from channel 0 towards channel 1 (or towards the radar), -1 the other way.
    """

    speed_kmh: SpeedKmh
    low_kmh: SpeedKmh
    high_kmh: SpeedKmh
    direction: Literal[1, -1] | None
    method: SpeedMethod

    def __post_init__(self) -> None:
        _require(
            self.low_kmh <= self.speed_kmh <= self.high_kmh,
            "speed_kmh must lie within low_kmh and high_kmh",
        )


class Event(Stored, frozen=True, kw_only=True):
    """One noise peak or pass-by.

    Exactly one of `speed` and `speed_refused` is given. `lafmax_7m5_db` is LAFmax normalised to
    7.5 m, where the node is configured to. `trace_lafmax_db` has one value a second from `start`.
    """

    kind: Literal["event"] = "event"
    id: Annotated[str, Meta(pattern=r"^[0-9a-f]{16}$")]
    start: datetime
    duration_s: Annotated[float, Meta(gt=0, le=3600)]
    trigger: Trigger
    lafmax_db: Decibel
    lafmax_7m5_db: Decibel | None = None
    lae_db: Decibel
    laeq_db: Decibel
    lcpeak_db: Decibel | None = None
    background_laf90_db: Decibel | None
    emergence_db: LevelDifference | None
    bands_db: Spectrum | None
    source: Source
    speed: Speed | None
    speed_refused: SpeedRefusal | None
    trace_lafmax_db: Annotated[tuple[Decibel | None, ...], Meta(max_length=3600)]
    flags: tuple[Flag, ...] = ()

    def __post_init__(self) -> None:
        _require_utc(self.time, "time")
        _require_utc(self.start, "start")
        _require_flags(self.flags)
        _require_bands(self.bands_db)
        _require(
            (self.speed is None) != (self.speed_refused is None),
            "either speed or speed_refused must be given, and not both",
        )


class Health(Stored, frozen=True, kw_only=True):
    """The node's own state; sent at start, then every few minutes.

    `events_dropped` and `overflows` count over the node's run (`uptime_s`).
    """

    kind: Literal["health"] = "health"
    version: ShortText
    uptime_s: Seconds
    input: ShortText
    microphone: Literal["ok", "dead", "stuck", "implausible", "lost", "unknown"]
    outbox_depth: Count
    disk_free_bytes: Count | None
    memory_rss_bytes: Count | None
    cpu_load: Annotated[float, Meta(ge=0, le=10_000)] | None
    cpu_temperature_c: Annotated[float, Meta(ge=-60, le=150)] | None
    clock_offset_s: Annotated[float, Meta(ge=-1e10, le=1e10)] | None
    clock_synchronised: bool | None
    overflows: Count
    events_dropped: Count
    calibrated_at: datetime | None
    flags: tuple[Flag, ...] = ()

    def __post_init__(self) -> None:
        _require_utc(self.time, "time")
        _require_flags(self.flags)
        if self.calibrated_at is not None:
            _require_utc(self.calibrated_at, "calibrated_at")


class CalibrationCheck(Stored, frozen=True, kw_only=True):
    """A check with a sound calibrator.

    `deviation_db` is what the meter read minus the calibrator's level, before any adjustment;
    `result` says what follows: over 0.5 dB is `drift`, over 1 dB `invalid`. `sensitivity` is the
    factor from the input's nominal to true pressure that holds from this check on.
    """

    kind: Literal["calibration"] = "calibration"
    calibrator_level_db: Decibel
    calibrator_serial: ShortText
    calibrator_certificate: ShortText
    measured_db: Decibel
    deviation_db: LevelDifference
    standard_deviation_db: Annotated[float, Meta(ge=0, le=100)]
    frequency_hz: Annotated[float, Meta(gt=0, le=200_000)]
    sensitivity: Annotated[float, Meta(gt=0, le=1e6)]
    result: Literal["initial", "ok", "drift", "invalid"]
    flags: tuple[Flag, ...] = ()

    def __post_init__(self) -> None:
        _require_utc(self.time, "time")
        _require_flags(self.flags)


Message: TypeAlias = LevelBatch | Event | Health | CalibrationCheck
"""Everything that is numbered, signed, chained and stored."""


class Live(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One reading a second, that began at `time`, for those who look right now; never stored."""

    v: Annotated[int, Meta(ge=1, le=VERSION)] = VERSION
    node: NodeId
    time: datetime
    laeq_db: Decibel | None
    lafmax_db: Decibel | None
    flags: tuple[Flag, ...] = ()


class Ack(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """From the collector: every message up to `seq` is durable."""

    seq: Annotated[int, Meta(ge=0, lt=2**53)]


def event_id(node: str, start: datetime) -> str:
    """Id of the event that began at `start` at `node`: the same however often it is derived."""
    text = f"{node} {start.astimezone(UTC).isoformat()}"
    return hashlib.sha256(text.encode()).hexdigest()[:16]


class Draft(TypedDict):
    """The head of a message that has no place in a chain yet."""

    node: str
    seq: int
    prev: str
    time: datetime


def draft(node: str, time: datetime | None = None) -> Draft:
    """Return the head of a new message, dated now unless told; the outbox gives it its place."""
    return Draft(node=node, seq=1, prev=GENESIS, time=time or datetime.now(UTC))


def placed(message: Message, seq: int, prev: str) -> Message:
    """Return `message` at its place in its node's chain."""
    return replace(message, seq=seq, prev=prev)
