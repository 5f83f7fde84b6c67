"""The messages, as structs: the one place where the wire is defined.

Field names carry units, times are UTC, decibels are re 20 micropascal. ``null`` stands for
"not validly measured", never for zero or silence. ``docs/contract.schema.json`` is generated
from this file.
"""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime
from typing import Annotated, Literal, TypeAlias, TypedDict

from msgspec import UNSET, Meta, Struct, UnsetType
from msgspec.structs import replace

from sensor.contract.commissioning import CommissioningNow, Findings, OpenPoint
from sensor.contract.quantities import (
    Count,
    Decibel,
    LevelDifference,
    Probability,
    Seconds,
    ShortText,
    SpeedKmh,
    SpeedMethod,
    SpeedRefusal,
    require,
    require_utc,
)

VERSION = 1
"""Version of the wire; a collector refuses what is newer than itself, with that reason."""

NODE_PATTERN = r"^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$"
GENESIS = "0" * 64
"""``prev`` of a node's first message."""

LONGEST_EVENT_S = 3600
"""Seconds that an :class:`Event` lasts at most."""

MOST_ABSENT = 500
"""Numbers that one :class:`Absence` tells the hashes of at most."""

MOST_ASKED = 20
"""Stretches of numbers that one :class:`Ack` asks for at most."""

NodeId: TypeAlias = Annotated[str, Meta(pattern=NODE_PATTERN, description="id of the node")]
Sequence: TypeAlias = Annotated[
    int,
    Meta(ge=1, lt=2**53, description="number of the message in the node's whole life, no gaps"),
]
Sha256: TypeAlias = Annotated[str, Meta(pattern=r"^[0-9a-f]{64}$", max_length=64)]
PublicKey: TypeAlias = Annotated[
    str,
    Meta(
        pattern=r"^[A-Za-z0-9_-]{43}$",
        max_length=43,
        description="Ed25519, 32 bytes as base64url",
    ),
]

BAND_CENTRES = (
    "25", "31.5", "40", "50", "63", "80", "100", "125", "160", "200", "250", "315", "400", "500",
    "630", "800", "1000", "1250", "1600", "2000", "2500", "3150", "4000", "5000", "6300", "8000",
    "10000", "12500", "16000", "20000",
)  # fmt: skip
"""Nominal mid-band frequencies in Hz of the third octaves (IEC 61260-1:2014, table E.1)."""

_CENTRES = frozenset(BAND_CENTRES)

Spectrum: TypeAlias = dict[str, Decibel | None]
"""Third-octave Leq by nominal centre; a band that the sample rate cannot carry is left out."""

Flag: TypeAlias = Literal[
    "calibration_due",  # the last check is too old, or there never was one
    "calibration_invalid",  # the last check drifted more than 1 dB
    "clock_step",  # the wall clock was set while this was measured
    "clock_unsure",  # the wall clock has not been synchronised
    "commissioning",  # somebody was at work at the node, and tapped, called and drove past
    "cut",  # ended by the limit on length or because the node stopped
    "gap",  # sound is missing within
    "microphone_fault",  # dead, stuck or implausible microphone
    "overload",  # the input reached its full scale
    "rain_suspected",
    "simulated",  # never happened
    "thinned",  # minute values, since there was no room for what was measured by the second
    "under_range",  # at or below the self-noise of the microphone
    "wind_suspected",
]

AbsenceReason: TypeAlias = Literal[
    "thinned",  # levels by the second, given up for minute values
    "lost",  # not kept any more, or lost with the disk
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


def require_node_id(node: str) -> None:
    """Return if `node` is an id as a whole; raise :class:`ValueError` if not."""
    # The `$` of a pattern lets a line end through.
    require(not node.endswith("\n"), "node must be an id, without a line end")


def _require_head(node: str, time: datetime) -> None:
    require_node_id(node)
    require_utc(time, "time")


def _require_flags(flags: tuple[str, ...]) -> None:
    require(not flags or list(flags) == sorted(set(flags)), "flags must be sorted and unique")


def _require_bands(bands_db: Spectrum | None) -> None:
    unknown = (bands_db or {}).keys() - _CENTRES
    require(not unknown, f"bands_db has no third octave called {', '.join(sorted(unknown))}")


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
        _require_head(self.node, self.time)


class Boot(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """When a message was made by the clock that nobody sets: seconds since the node was started.

    Between two messages of one `id` the difference of `s` is the time that really passed,
    whatever became of the wall clock; see docs/outbox.md for what follows of it.
    """

    id: Annotated[
        str, Meta(pattern=r"^[0-9a-f]{8}$", max_length=8, description="of this start of the node")
    ]
    s: Seconds


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
    boot: Boot | UnsetType = UNSET

    def __post_init__(self) -> None:
        _require_head(self.node, self.time)
        require_utc(self.start, "start")
        _require_flags(self.flags)
        _require_bands(self.bands_db)
        same = len(self.laeq_db) == len(self.lafmax_db) == len(self.lceq_db)
        require(same, "laeq_db, lafmax_db and lceq_db must be of equal length")
        # Whoever looks for what covers a moment then needs to look back an hour at most.
        require(self.interval_s * len(self.laeq_db) <= 3600, "a batch may span an hour at most")


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
        require(
            self.low_kmh <= self.speed_kmh <= self.high_kmh,
            "speed_kmh must lie within low_kmh and high_kmh",
        )


class Event(Stored, frozen=True, kw_only=True):
    """One noise peak or pass-by.

    Exactly one of `speed` and `speed_refused` is given. `lafmax_7m5_db` is LAFmax normalised to
    7.5 m, where the node is configured to. `trace_lafmax_db` has one value a second from `start`.
    """

    kind: Literal["event"] = "event"
    id: Annotated[str, Meta(pattern=r"^[0-9a-f]{16}$", max_length=16)]
    start: datetime
    duration_s: Annotated[float, Meta(gt=0, le=LONGEST_EVENT_S)]
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
    boot: Boot | UnsetType = UNSET

    def __post_init__(self) -> None:
        _require_head(self.node, self.time)
        require_utc(self.start, "start")
        _require_flags(self.flags)
        _require_bands(self.bands_db)
        require(
            (self.speed is None) != (self.speed_refused is None),
            "either speed or speed_refused must be given, and not both",
        )


class TimeSource(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Whom a node's clock follows, by its time service.

    `error_s` is the most by which the clock may differ from true time, with all that is uncertain
    on the way to it (RFC 5905); `age_s` is how long ago `server` last led the clock.
    """

    server: ShortText
    stratum: Annotated[int, Meta(ge=0, le=16)]
    error_s: Seconds
    age_s: Seconds


class UpdateReport(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What became of the server's wishes; see docs/updates.md.

    Attributes
    ----------
    wish : int
        Number of the newest wish that the node believes; 0: none yet.
    config_version : int
        Of the configuration that it measures with; 0: what its card brought.
    state : str
        What it does about the wish.
    reason : str
        Why, in one sentence, where it is not done.
    """

    wish: Count
    config_version: Count
    state: Literal[
        "current",  # what was wished runs, and has shown that it works
        "fetching",  # files are on their way, or being installed
        "trying",  # the new one runs and is watched
        "returned",  # it did not work: the last good one runs again
        "refused",  # it was not begun, and will not be
        "waiting",  # it cannot be done now, and is tried again
    ]
    reason: ShortText = ""


class Health(Stored, frozen=True, kw_only=True):
    """The node's own state; sent at start, then every few minutes.

    `events_dropped`, `overflows` and `microphone_replugged` count over the node's run
    (`uptime_s`). `clock_offset_s` is what is still to be added to the clock: positive when it is
    slow. `time_source` is there while the time service leads the clock. What an older node does not
    know, or the machine does not tell, is left out.

    Attributes
    ----------
    cpu_own_share : float
        Of one core's time, what measuring took since the report before.
    under_voltage, throttled : bool
        Whether the supply is too weak right now, and whether the processor is slowed down; with
        `_since_boot`, whether it ever was since the node was started.
    disk_written_bytes : int
        To the card or disk that the outbox is on, since the node was started.
    disk_worn_share : float
        Of its life, what the card says it has used at most.
    disk_errors : int
        Faults that the file system counted, in all its life.
    disk_read_only : bool
        Whether nothing can be written any more.
    root : str
        How the system's own part of the card is kept, as it was chosen when the card was made.
    root_used_share : float
        Used part of the memory that holds what was written to a root that is read-only.
    system_current_at : datetime
        When there was last no package left to upgrade; told by nodes that see to it themselves.
    microphone_lowest_db : float
        Lowest LAeq of a second since the report before, believed or not: what is left of a
        microphone that grows deaf or wet is its own noise.
    microphone_replugged : int
        How often it was gone and came back.
    outbox_oldest_s : float
        Age of the oldest message that waits; left out where none does.
    update : UpdateReport
        What became of the server's wishes; told by nodes that can be updated from afar.
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
    time_source: TimeSource | UnsetType = UNSET
    cpu_own_share: Annotated[float, Meta(ge=0, le=1000)] | UnsetType = UNSET
    memory_available_bytes: Count | UnsetType = UNSET
    under_voltage: bool | UnsetType = UNSET
    under_voltage_since_boot: bool | UnsetType = UNSET
    throttled: bool | UnsetType = UNSET
    throttled_since_boot: bool | UnsetType = UNSET
    disk_written_bytes: Count | UnsetType = UNSET
    disk_worn_share: Probability | UnsetType = UNSET
    disk_errors: Count | UnsetType = UNSET
    disk_read_only: bool | UnsetType = UNSET
    root: (
        Literal[
            "writable",  # as any system
            "read_only",  # what is written there is gone at the next start
            "opened",  # read-only again from the next start on
            "refused",  # read-only was wished for, and the card has no room for it
        ]
        | UnsetType
    ) = UNSET
    root_used_share: Probability | UnsetType = UNSET
    system_current_at: datetime | UnsetType = UNSET
    microphone_lowest_db: Decibel | UnsetType = UNSET
    microphone_replugged: Count | UnsetType = UNSET
    outbox_oldest_s: Seconds | UnsetType = UNSET
    update: UpdateReport | UnsetType = UNSET
    flags: tuple[Flag, ...] = ()
    boot: Boot | UnsetType = UNSET

    def __post_init__(self) -> None:
        _require_head(self.node, self.time)
        _require_flags(self.flags)
        if self.calibrated_at is not None:
            require_utc(self.calibrated_at, "calibrated_at")
        if self.system_current_at is not UNSET:
            require_utc(self.system_current_at, "system_current_at")


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
    boot: Boot | UnsetType = UNSET

    def __post_init__(self) -> None:
        _require_head(self.node, self.time)
        _require_flags(self.flags)


class Absent(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Consecutive numbers, `last` included, whose messages the node has no more.

    `sha256` has the hash of each one's payload, so that the chain can be followed over them; it
    is null where the node cannot tell any more.
    """

    first: Sequence
    last: Sequence
    sha256: Annotated[tuple[Sha256, ...], Meta(max_length=MOST_ABSENT)] | None

    def __post_init__(self) -> None:
        require(self.first <= self.last, "first must not be over last")
        require(
            self.sha256 is None or len(self.sha256) == self.last - self.first + 1,
            "sha256 must have one hash for each number",
        )


class Absence(Stored, frozen=True, kw_only=True):
    """What the node no longer has and will never send, so that nobody waits for it.

    `instead` has the numbers of the messages with what is left of it, which are `thinned`.
    """

    kind: Literal["absence"] = "absence"
    reason: AbsenceReason
    absent: Annotated[tuple[Absent, ...], Meta(min_length=1, max_length=MOST_ABSENT)]
    instead: Annotated[tuple[Sequence, ...], Meta(max_length=MOST_ABSENT)] = ()
    flags: tuple[Flag, ...] = ()
    boot: Boot | UnsetType = UNSET

    def __post_init__(self) -> None:
        _require_head(self.node, self.time)
        _require_flags(self.flags)
        ends = [0, *(number for part in self.absent for number in (part.first, part.last))]
        in_order = all(ends[i] < ends[i + 1] for i in range(0, len(ends) - 1, 2))
        require(in_order, "absent must be in order and not overlap")
        require(ends[-1] < self.seq, "only what came before can be absent")


class KeyChange(Stored, frozen=True, kw_only=True):
    """The node's next key, announced under the signature of the one before.

    What follows is signed with the new one; nothing after this message is by the old one.
    """

    kind: Literal["key"] = "key"
    public_key: PublicKey
    flags: tuple[Flag, ...] = ()
    boot: Boot | UnsetType = UNSET

    def __post_init__(self) -> None:
        _require_head(self.node, self.time)
        _require_flags(self.flags)


class Commissioning(Stored, frozen=True, kw_only=True):
    """How a node was commissioned: what was checked, measured and left out, by whom, and when.

    `time` is when `technician` signed it off. `open_points` is what did not hold or was not done;
    see :func:`sensor.contract.commissioning.open_points`.
    """

    kind: Literal["commissioning"] = "commissioning"
    begun_at: datetime
    technician: Annotated[ShortText, Meta(min_length=1)]
    organisation: ShortText
    findings: Findings
    open_points: Annotated[tuple[OpenPoint, ...], Meta(max_length=50)]
    remarks: Annotated[str, Meta(max_length=1000)] = ""
    flags: tuple[Flag, ...] = ()
    boot: Boot | UnsetType = UNSET

    def __post_init__(self) -> None:
        _require_head(self.node, self.time)
        require_utc(self.begun_at, "begun_at")
        _require_flags(self.flags)
        require(
            list(self.open_points) == sorted(set(self.open_points)),
            "open_points must be sorted and unique",
        )


Message: TypeAlias = (
    LevelBatch | Event | Health | CalibrationCheck | Absence | KeyChange | Commissioning
)
"""Everything that is numbered, signed, chained and stored."""


class Live(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One reading a second, that began at `time`, for those who look right now; never stored.

    `commissioning` is there while somebody is at work at the node.
    """

    v: Annotated[int, Meta(ge=1, le=VERSION)] = VERSION
    node: NodeId
    time: datetime
    laeq_db: Decibel | None
    lafmax_db: Decibel | None
    flags: tuple[Flag, ...] = ()
    commissioning: CommissioningNow | UnsetType = UNSET

    def __post_init__(self) -> None:
        _require_head(self.node, self.time)
        _require_flags(self.flags)


class Enrolment(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A new node tells the key that it has made, with the secret that it was given to do so once.

    The signature beside it is by that very key, so that nobody enrols a key that is not theirs.
    """

    v: Annotated[int, Meta(ge=1, le=VERSION)] = VERSION
    node: NodeId
    secret: Annotated[str, Meta(pattern=r"^[A-Z2-7]{26}$", max_length=26)]
    public_key: PublicKey

    def __post_init__(self) -> None:
        require_node_id(self.node)


EnrolmentResult: TypeAlias = Literal[
    "accepted",
    "used",  # another key has been enrolled with this secret: the card was copied
    "expired",
    "unknown",  # no such secret was given to this node, or a newer one took its place
]


class Ack(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """From the collector: every message up to `seq` is durable.

    A node ignores what it does not know here, so that a collector can be newer than its nodes.

    Attributes
    ----------
    missing : tuple of (int, int)
        The first stretches of numbers that the collector asks for, since it has later ones.
    highest_seq, head_sha256 : int and str, optional
        The newest message that the collector has, told to a node that has just come online: one
        that has lost its memory continues there.
    enrolment : str, optional
        What became of the node's :class:`Enrolment`.
    """

    seq: Count
    missing: Annotated[tuple[tuple[Sequence, Sequence], ...], Meta(max_length=MOST_ASKED)] = ()
    highest_seq: Count | None = None
    head_sha256: Sha256 | None = None
    enrolment: EnrolmentResult | None = None


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


def draft(node: str, time: datetime | None = None, *, seq: int = 1) -> Draft:
    """Return the head of a new message, dated now unless told; the outbox gives it its place."""
    return Draft(node=node, seq=seq, prev=GENESIS, time=time or datetime.now(UTC))


def placed(message: Message, seq: int, prev: str) -> Message:
    """Return `message` at its place in its node's chain."""
    return replace(message, seq=seq, prev=prev)
