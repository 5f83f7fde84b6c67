"""What is found when a node is commissioned, step by step, and what of it stays open.

The node keeps it while somebody works, sends it along with what is measured right now, and signs
it in the end; the server shows and quotes it. Both draw the same conclusions, which are here.
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal, TypeAlias, get_args

from msgspec import Meta, Struct

from sensor.contract.quantities import (
    Count,
    Decibel,
    LevelDifference,
    Metres,
    Seconds,
    ShortText,
    SpeedKmh,
    SpeedMethod,
    SpeedRefusal,
    require,
    require_utc,
)

MOST_DRIVES = 60
MOST_CHANNELS = 64

Step: TypeAlias = Literal[
    "levels", "order", "calibrator", "place", "drives", "radar", "network", "clock", "delivery"
]

STEPS: tuple[Step, ...] = get_args(Step)
"""In the order in which they are offered."""

OpenPoint: TypeAlias = Literal[
    "calibrator_invalid",  # off by more than 1 dB: what was measured before is not valid
    "calibrator_not_done",
    "calibrator_unrepeated",  # the meter was adjusted, and no second check has confirmed it
    "clock_not_done",
    "clock_unsure",  # not synchronised, or off by more than a tenth of a second
    "delivery_not_done",
    "delivery_open",  # no confirmation that a message is in the ledger
    "distance_unlike_configured",  # the node computes speeds with another distance
    "distance_unsure",  # two measurements of one distance differ by more than 0.4 m
    "drives_direction",  # a direction that the node did not tell, or told wrong
    "drives_few",
    "drives_not_done",
    "drives_off",  # the mean error is beyond 5 %
    "drives_one_way",
    "levels_not_done",
    "levels_overload",
    "levels_unequal",  # two microphones side by side that differ by more than 3 dB
    "levels_unlike_sound",  # a dead, stuck or implausible channel
    "network_away",  # the broker was not reached
    "network_not_done",
    "network_weak",
    "order_not_done",
    "order_wrong",
    "place_not_done",
    "position_not_told",
    "radar_angle",  # sees vehicles only at more than 30 degrees from the road
    "radar_not_done",
]

MOST_CHANNEL_DIFFERENCE_DB = 3.0
MOST_CLOCK_OFFSET_S = 0.1
LEAST_DRIVES = 10
MOST_DRIVE_ERROR_PERCENT = 5.0
MOST_RADAR_ANGLE_DEG = 30.0
MOST_DISTANCE_DIFFERENCE_M = 0.4
WEAK_SIGNAL_DBM = -75.0
WEAK_QUALITY_PERCENT = 30.0

KnownBy: TypeAlias = Literal["gps", "speedometer"]
Angle: TypeAlias = Annotated[float, Meta(ge=0, le=90)]


class ConfiguredMounting(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where the microphones hang as the node is told: speeds are computed with this."""

    distance_m: Metres
    distance_back_m: Metres | None
    spacing_m: Metres | None
    mic_height_m: Metres


class Equipment(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What the node has; a step for what it has not is left away."""

    input: ShortText
    channels: Annotated[int, Meta(ge=1, le=MOST_CHANNELS)]
    measured_channel: Annotated[int, Meta(ge=0, lt=MOST_CHANNELS)]
    radar: ShortText | None
    mounting: ConfiguredMounting | None


class ChannelLevels(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A channel over some seconds: LAF at most and least, LAeq, and what is wrong with it."""

    laeq_db: Decibel | None
    lafmax_db: Decibel | None
    lafmin_db: Decibel | None
    overload: bool
    state: Literal["ok", "dead", "stuck", "implausible"]


class LevelFindings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Every channel over the same `seconds`; the difference is of the second from the first."""

    at: datetime
    seconds: Seconds
    channels: Annotated[tuple[ChannelLevels, ...], Meta(min_length=1, max_length=MOST_CHANNELS)]
    difference_db: LevelDifference | None

    def __post_init__(self) -> None:
        require_utc(self.at, "at")


class Tap(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A clap or tap at the microphone `asked`, counted as channels are, and which heard it nearest.

    `level_difference_db` and `delay_ms` are of channel 1 after channel 0; `nearest` is None where
    they contradict each other or tell nothing.
    """

    asked: Literal[0, 1]
    nearest: Literal[0, 1] | None
    level_difference_db: LevelDifference
    delay_ms: Annotated[float, Meta(ge=-100, le=100)] | None


class OrderFindings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The last tap at each microphone."""

    at: datetime
    taps: Annotated[tuple[Tap, ...], Meta(min_length=2, max_length=2)]

    def __post_init__(self) -> None:
        require_utc(self.at, "at")

    @property
    def right(self) -> bool:
        """Whether the channels are in the order of the microphones."""
        return all(tap.nearest == tap.asked for tap in self.taps)


class CalibratorFindings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The last check with a calibrator; the whole of it is the node's message `seq`.

    `repeated` says that it confirmed one before, made in the same hour.
    """

    at: datetime
    seq: Annotated[int, Meta(ge=1, lt=2**53)]
    calibrator_level_db: Decibel
    calibrator_serial: ShortText
    measured_db: Decibel
    deviation_db: LevelDifference
    standard_deviation_db: Annotated[float, Meta(ge=0, le=100)]
    result: Literal["initial", "ok", "drift", "invalid"]
    repeated: bool

    def __post_init__(self) -> None:
        require_utc(self.at, "at")


class Measured(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What one way of measuring says of a pass: a speed with its 95 % interval, or why not."""

    method: SpeedMethod
    speed_kmh: SpeedKmh | None = None
    low_kmh: SpeedKmh | None = None
    high_kmh: SpeedKmh | None = None
    direction: Literal[1, -1] | None = None
    refused: SpeedRefusal | None = None

    def __post_init__(self) -> None:
        told = (self.speed_kmh, self.low_kmh, self.high_kmh)
        require(
            all(value is None for value in told)
            if self.refused is not None
            else all(value is not None for value in told),
            "a speed needs its interval, and a refusal has neither",
        )


class Pass(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A vehicle that went past while drives were watched for.

    Attributes
    ----------
    event : str
        Of the message that tells of it as of any other.
    combined : Measured, optional
        What that message says, from all ways together; None: no speed was looked for.
    by : tuple of Measured
        What each way says by itself.
    radar_seen_kmh : float, optional
        The highest speed along its line of sight that a radar kept seeing.
    """

    at: datetime
    event: Annotated[str, Meta(pattern=r"^[0-9a-f]{16}$", max_length=16)]
    lafmax_db: Decibel
    combined: Measured
    by: Annotated[tuple[Measured, ...], Meta(max_length=3)]
    radar_seen_kmh: SpeedKmh | None

    def __post_init__(self) -> None:
        require_utc(self.at, "at")


class Drive(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A pass at a known speed, in a known direction where that was told."""

    passed: Pass
    known_kmh: Annotated[float, Meta(ge=5, le=130)]
    known_by: KnownBy
    direction: Literal[1, -1] | None


class RadarFindings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How near to the line of driving the radar's line of sight comes, from drives at known speed.

    `cosine` is the speed along the line of sight as part of the known one, with its 95 % interval.
    """

    at: datetime
    drives: Annotated[int, Meta(ge=1, le=MOST_DRIVES)]
    cosine: Annotated[float, Meta(gt=0, le=2)]
    low: Annotated[float, Meta(ge=-2, le=4)]
    high: Annotated[float, Meta(ge=-2, le=4)]
    angle_deg: Angle

    def __post_init__(self) -> None:
        require_utc(self.at, "at")


class NetworkFindings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The interface that leads out of the place, and how well it hears the other side."""

    at: datetime
    interface: ShortText
    link: Literal["wifi", "ethernet", "mobile", "unknown"]
    signal_dbm: Annotated[float, Meta(ge=-200, le=50)] | None
    quality_percent: Annotated[float, Meta(ge=0, le=100)] | None
    broker_reached: bool

    def __post_init__(self) -> None:
        require_utc(self.at, "at")


class ClockFindings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The node's clock as its system tells of it; None: it does not tell.

    Attributes
    ----------
    offset_s, error_s : float, optional
        What is still to be added to it, and the most by which it may differ from true time.
    server : str, optional
        Whom it follows.
    phone_offset_s : float
        What the phone's clock shows less the node's, which only catches what is grossly wrong.
    """

    at: datetime
    synchronised: bool | None
    offset_s: Annotated[float, Meta(ge=-1e10, le=1e10)] | None
    error_s: Seconds | None
    server: ShortText | None
    phone_offset_s: Annotated[float, Meta(ge=-1e11, le=1e11)]

    def __post_init__(self) -> None:
        require_utc(self.at, "at")


class DeliveryFindings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How long the node's message `seq` took until it was confirmed to be in the ledger."""

    at: datetime
    seq: Annotated[int, Meta(ge=1, lt=2**53)]
    seconds: Seconds | None
    waiting: Count

    def __post_init__(self) -> None:
        require_utc(self.at, "at")


class Position(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """WGS 84, from the phone with the accuracy it tells (95 %), or written by hand."""

    latitude: Annotated[float, Meta(ge=-90, le=90)]
    longitude: Annotated[float, Meta(ge=-180, le=180)]
    accuracy_m: Annotated[float, Meta(ge=0, le=1e6)] | None
    source: Literal["phone", "hand"]


TwiceMeasured: TypeAlias = tuple[Metres, Metres]


class PlaceFindings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where the microphones hang as measured on the spot, distances twice.

    Attributes
    ----------
    distance_m, distance_back_m : tuple of float, optional
        Horizontally to the middle of the lane of direction 1, and of the other one.
    towards : str
        What lies where direction 1 leads, such as the centre of the town.
    """

    at: datetime
    position: Position | None
    mic_height_m: Metres
    distance_m: TwiceMeasured
    distance_back_m: TwiceMeasured | None
    spacing_m: Metres | None
    facade_m: Metres | None
    bearing_deg: Annotated[float, Meta(ge=0, lt=360)] | None
    towards: ShortText

    def __post_init__(self) -> None:
        require_utc(self.at, "at")


class LeftOut(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A step that somebody decided not to do, and why."""

    step: Step
    reason: Annotated[ShortText, Meta(min_length=1)]


class Findings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The results of all steps so far; None and empty: not done."""

    equipment: Equipment
    levels: LevelFindings | None = None
    order: OrderFindings | None = None
    calibrator: CalibratorFindings | None = None
    drives: Annotated[tuple[Drive, ...], Meta(max_length=MOST_DRIVES)] = ()
    radar: RadarFindings | None = None
    network: NetworkFindings | None = None
    clock: ClockFindings | None = None
    delivery: DeliveryFindings | None = None
    place: PlaceFindings | None = None
    left_out: Annotated[tuple[LeftOut, ...], Meta(max_length=len(STEPS))] = ()

    def applies(self, step: Step) -> bool:
        """Whether the node has what a step checks."""
        match step:
            case "order":
                return self.equipment.channels > 1
            case "radar":
                return self.equipment.radar is not None
            case "drives":
                return self.equipment.mounting is not None
            case _:
                return True

    def is_done(self, step: Step) -> bool:
        """Whether a step has a result."""
        return bool(getattr(self, step))


class ChannelNow(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a channel hears right now: the highest LAF of the last second."""

    laf_db: Decibel | None
    overload: bool


class CommissioningNow(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What whoever looks from elsewhere sees of a commissioning; never stored.

    Attributes
    ----------
    listening : str, optional
        What the node waits for.
    radar_kmh : float, optional
        What the radar sees right now, along its line of sight.
    passes : tuple of Pass
        The latest vehicles, newest first, while drives are watched for.
    signed_seq : int, optional
        The message that it ended with.
    """

    begun_at: datetime
    technician: ShortText
    findings: Findings
    channels: Annotated[tuple[ChannelNow, ...], Meta(max_length=MOST_CHANNELS)]
    listening: Literal["levels", "tap_0", "tap_1", "calibrator", "delivery"] | None
    radar_kmh: SpeedKmh | None
    passes: Annotated[tuple[Pass, ...], Meta(max_length=10)]
    signed_seq: Annotated[int, Meta(ge=1, lt=2**53)] | None

    def __post_init__(self) -> None:
        require_utc(self.begun_at, "begun_at")
