"""What the phone asks for, each kind by the last part of its address."""

from __future__ import annotations

from typing import Annotated, Final, Literal, TypeAlias

from msgspec import Meta, Struct

from sensor.contract.commissioning import KnownBy, Position, Step, TwiceMeasured
from sensor.contract.quantities import Metres, ShortText

_Named = Annotated[ShortText, Meta(min_length=1)]
_Event = Annotated[str, Meta(pattern=r"^[0-9a-f]{16}$", max_length=16)]


class Begin(Struct, frozen=True, forbid_unknown_fields=True):
    """Somebody begins; what an earlier commissioning found is put away."""

    technician: _Named
    organisation: ShortText


class Levels(Struct, frozen=True, forbid_unknown_fields=True):
    """Measure all channels for some seconds."""


class ListenForTap(Struct, frozen=True, forbid_unknown_fields=True):
    """A tap at this microphone comes next."""

    microphone: Literal[0, 1]


class Calibrate(Struct, frozen=True, forbid_unknown_fields=True):
    """A calibrator is on the microphone; without a level, 94 or 114 dB is told by ear."""

    serial: _Named
    certificate: ShortText
    level_db: Annotated[float, Meta(ge=60, le=140)] | None


class Stop(Struct, frozen=True, forbid_unknown_fields=True):
    """Listen for nothing any more."""


class AddDrive(Struct, frozen=True, forbid_unknown_fields=True):
    """That pass was ours, at this speed."""

    event: _Event
    known_kmh: Annotated[float, Meta(ge=5, le=130)]
    known_by: KnownBy
    direction: Literal[1, -1] | None


class RemoveDrive(Struct, frozen=True, forbid_unknown_fields=True):
    """It was not."""

    event: _Event


class CheckNetwork(Struct, frozen=True, forbid_unknown_fields=True):
    """Look at the way out of the place."""


class CheckClock(Struct, frozen=True, forbid_unknown_fields=True):
    """Look at the clock; `phone_s` is the phone's, in seconds since 1970."""

    phone_s: Annotated[float, Meta(ge=0, le=1e11)]


class Deliver(Struct, frozen=True, forbid_unknown_fields=True):
    """Send a message, and wait until it is in the ledger."""


class Place(Struct, frozen=True, forbid_unknown_fields=True):
    """What was measured on the spot."""

    position: Position | None
    mic_height_m: Metres
    distance_m: TwiceMeasured
    distance_back_m: TwiceMeasured | None
    spacing_m: Metres | None
    facade_m: Metres | None
    bearing_deg: Annotated[float, Meta(ge=0, lt=360)] | None
    towards: ShortText


class LeaveOut(Struct, frozen=True, forbid_unknown_fields=True):
    """A step is not done, for a reason; an empty one takes that back."""

    step: Step
    reason: ShortText


class Sign(Struct, frozen=True, forbid_unknown_fields=True):
    """It is over: sign what was found."""

    remarks: Annotated[str, Meta(max_length=1000)]


class Leave(Struct, frozen=True, forbid_unknown_fields=True):
    """The phone is put away: close the door."""


Request: TypeAlias = (
    Begin
    | Levels
    | ListenForTap
    | Calibrate
    | Stop
    | AddDrive
    | RemoveDrive
    | CheckNetwork
    | CheckClock
    | Deliver
    | Place
    | LeaveOut
    | Sign
    | Leave
)

REQUESTS: Final[dict[str, type[Request]]] = {
    "begin": Begin,
    "levels": Levels,
    "tap": ListenForTap,
    "calibrator": Calibrate,
    "stop": Stop,
    "drive": AddDrive,
    "no-drive": RemoveDrive,
    "network": CheckNetwork,
    "clock": CheckClock,
    "delivery": Deliver,
    "place": Place,
    "leave-out": LeaveOut,
    "sign": Sign,
    "leave": Leave,
}
