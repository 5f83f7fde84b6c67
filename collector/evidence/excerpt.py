"""``registry.json`` and ``keys.json``: what people told the system about the place.

No node signed this: it holds because the exporting authority says so under its seal.
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from msgspec import Meta, Struct

from sensor.contract.messages import NodeId, Sequence
from sensor.contract.quantities import Count, ShortText

_Text = Annotated[str, Meta(max_length=4000)]
_Metres = Annotated[float, Meta(gt=0, le=500)]


class Mounting(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """How a microphone hangs; what nobody has told is None.

    Attributes
    ----------
    distance_m, distance_back_m : float, optional
        Horizontally to the middle of the lane of direction 1, and of the other one.
    spacing_m : float, optional
        Between two microphones.
    facade_m : float, optional
        To the nearest wall that reflects, behind the microphone.
    bearing_deg : float, optional
        Compass direction from the microphone straight to the road.
    """

    microphone: ShortText | None = None
    mic_height_m: _Metres | None = None
    distance_m: _Metres | None = None
    distance_back_m: _Metres | None = None
    spacing_m: _Metres | None = None
    facade_m: _Metres | None = None
    bearing_deg: Annotated[float, Meta(ge=0, lt=360)] | None = None


class Site(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The place."""

    id: str
    name: _Text
    municipality: _Text
    latitude: Annotated[float, Meta(ge=-90, le=90)] | None
    longitude: Annotated[float, Meta(ge=-180, le=180)] | None
    time_zone: Annotated[str, Meta(max_length=60)]


class Placement(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where a node hung, from `since` until `until` (excluded)."""

    site: str
    since: datetime
    until: datetime | None
    mounting: Mounting

    def holds_at(self, at: datetime) -> bool:
        """Whether the node hung there at that time."""
        return self.since <= at and (self.until is None or at < self.until)


class Calibration(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A check with a sound calibrator, as the node's own message `seq` tells it."""

    seq: Sequence
    time: datetime
    calibrator_level_db: float
    calibrator_serial: str
    calibrator_certificate: str
    measured_db: float
    deviation_db: float
    standard_deviation_db: float
    frequency_hz: float
    sensitivity: float
    result: str
    simulated: bool


class Node(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A node, where it hung, and which of its messages are given.

    Every message from `first_seq` to `last_seq` that the ledger has is in ``messages.jsonl``.
    Beside these there are only checks with a calibrator before and after, the last record of a
    commissioning before, keys that were announced before, and absences that were told after. Both
    are 0 where it sent nothing then.
    """

    id: NodeId
    first_seq: Count
    last_seq: Count
    placements: tuple[Placement, ...]
    calibrations: tuple[Calibration, ...]


class SpeedLimit(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A posted limit: on `weekdays` (ISO, Monday is 1) between two local times of day."""

    kmh: Annotated[float, Meta(gt=0, le=200)]
    since: datetime
    weekdays: tuple[Annotated[int, Meta(ge=1, le=7)], ...]
    from_time: Annotated[str, Meta(pattern=r"^\d\d:\d\d$")]
    to_time: Annotated[str, Meta(pattern=r"^\d\d:\d\d$")]
    source: _Text


class Guideline(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A guideline value."""

    quantity: Annotated[str, Meta(max_length=60)]
    value_db: Annotated[float, Meta(ge=0, le=200)]
    source: _Text
    note: _Text


class AcceptedGap(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Numbers that somebody at the authority decided not to wait for."""

    node: NodeId
    first_seq: Sequence
    last_seq: Sequence
    reason: _Text
    accepted_at: datetime


class Pruning(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Retention at work: the content of messages that came in before a time was removed."""

    kind: str
    received_before: datetime
    count: int


class Excerpt(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """All of ``registry.json``; nodes by id, limits and guidelines as they were added."""

    site: Site
    nodes: tuple[Node, ...]
    speed_limits: tuple[SpeedLimit, ...]
    guidelines: tuple[Guideline, ...]
    accepted_gaps: tuple[AcceptedGap, ...]
    prunings: tuple[Pruning, ...]


class Key(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A public key of a node (Ed25519 as a JWK), named by its RFC 7638 thumbprint.

    `announced_seq` and `last_seq` are the numbers of the node's messages that announced it and
    the one after it; None: it was registered by hand, and: none has followed.
    """

    node: NodeId
    kid: Annotated[str, Meta(pattern=r"^[A-Za-z0-9_-]{43}$", max_length=43)]
    kty: Annotated[str, Meta(pattern="^OKP$")] = "OKP"
    crv: Annotated[str, Meta(pattern="^Ed25519$")] = "Ed25519"
    x: Annotated[str, Meta(pattern=r"^[A-Za-z0-9_-]{43}$", max_length=43)]
    since: datetime
    revoked_at: datetime | None
    announced_seq: Sequence | None
    last_seq: Sequence | None


class Keys(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """All of ``keys.json``: a JWK Set that any JOSE library reads."""

    keys: tuple[Key, ...]
