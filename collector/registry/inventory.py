"""What the registry knows, as values: sites, nodes, where they hung, their keys, what applies."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from collector.config import require_time_zone
from collector.errors import RegistryError
from sensor.contract.messages import NODE_PATTERN
from sensor.contract.signature import public_key_from_text, thumbprint

WEEKDAYS: Final = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
"""In the order of ISO 8601."""

_ID: Final = re.compile(NODE_PATTERN)
_TIME_OF_DAY: Final = re.compile(r"(?:[01]\d|2[0-3]):[0-5]\d|24:00")


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """A place where nodes measure."""

    id: str
    name: str
    municipality: str = ""
    latitude: float | None = None
    longitude: float | None = None
    time_zone: str = "Europe/Stockholm"
    note: str = ""

    def __post_init__(self) -> None:
        require_id(self.id, "site")
        _require(bool(self.name.strip()), f"the site {self.id} needs a name")
        _require(
            (self.latitude is None) == (self.longitude is None),
            f"the site {self.id} needs both latitude and longitude, or neither",
        )
        for name, value, most in (
            ("latitude", self.latitude, 90),
            ("longitude", self.longitude, 180),
        ):
            _require(
                value is None or -most <= value <= most,
                f"the {name} of site {self.id} is {value}: give degrees within ±{most}",
            )
        try:
            require_time_zone(self.time_zone)
        except ValueError as error:
            raise RegistryError(f"the site {self.id}: {error}") from error


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """A measuring node."""

    id: str
    note: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Placement:
    """Where a node hung, from `since` until `until` (excluded; None: still there).

    `geometry` holds what the evaluation needs of the place, such as distances in metres.
    """

    node: str
    site: str
    since: datetime
    until: datetime | None = None
    geometry: Mapping[str, Any] = field(default_factory=dict)

    def holds_at(self, at: datetime) -> bool:
        """Whether the node hung here at that time."""
        return self.since <= at and (self.until is None or at < self.until)


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeKey:
    """A public key of a node; `kid` is its RFC 7638 thumbprint.

    `announced_seq` and `last_seq` are the numbers of the node's messages that announced it and
    the one after it; None: somebody registered it here, and: none has followed.
    """

    kid: str
    node: str
    public_key: Ed25519PublicKey
    since: datetime
    revoked_at: datetime | None = None
    announced_seq: int | None = None
    last_seq: int | None = None

    @classmethod
    def from_text(
        cls, node: str, public_key_text: str, since: datetime, revoked_at: datetime | None = None
    ) -> NodeKey:
        """Return the key written as base64url; :class:`ContractError` where it is none."""
        public_key = public_key_from_text(public_key_text)
        return cls(
            kid=thumbprint(public_key),
            node=node,
            public_key=public_key,
            since=since,
            revoked_at=revoked_at,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class SpeedLimit:
    """A posted limit: on `weekdays` (ISO, Monday is 1) between two local times of day."""

    site: str
    kmh: float
    since: datetime
    weekdays: tuple[int, ...] = (1, 2, 3, 4, 5, 6, 7)
    from_time: str = "00:00"
    to_time: str = "24:00"
    source: str = ""

    def __post_init__(self) -> None:
        _require(0 < self.kmh <= 130, f"a speed limit of {self.kmh} km/h is none")
        _require(
            bool(self.weekdays) and set(self.weekdays) <= set(range(1, 8)),
            f"the weekdays of a speed limit are 1 (Monday) to 7, not {self.weekdays}",
        )
        for value in (self.from_time, self.to_time):
            _require(
                _TIME_OF_DAY.fullmatch(value) is not None,
                f"{value!r} is no time of day: write it as 07:30",
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class Guideline:
    """A guideline value at a site, with where it comes from."""

    site: str
    quantity: str
    value_db: float
    source: str
    note: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Patrol:
    """A traffic check at a site; `id` is None until it is logged.

    Attributes
    ----------
    version : int
        Raised by each change.
    changed_by, changed_at : str, datetime
        Who logged or last changed it (empty: somebody at the server itself), and when.
    """

    site: str
    start: datetime
    end: datetime
    note: str = ""
    id: int | None = None
    version: int = 1
    changed_by: str = ""
    changed_at: datetime | None = None

    def __post_init__(self) -> None:
        _require(
            self.start < self.end,
            f"a patrol at {self.site} must end after it begins: {self.end} is not after "
            f"{self.start}",
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Inventory:
    """The whole registry at one moment; never changes.

    Attributes
    ----------
    version : int
        Counts the registry's changes.
    placements : mapping
        Of each node, in order of time.
    keys : mapping
        By thumbprint, revoked ones too.
    patrols : tuple
        In order of time.
    """

    version: int
    sites: Mapping[str, Site]
    nodes: Mapping[str, Node]
    placements: Mapping[str, tuple[Placement, ...]]
    keys: Mapping[str, NodeKey]
    speed_limits: tuple[SpeedLimit, ...]
    guidelines: tuple[Guideline, ...]
    patrols: tuple[Patrol, ...] = ()

    def site_of(self, node: str, at: datetime | None = None) -> Site | None:
        """Where `node` hung at that time (now unless told); None: nowhere that is known."""
        moment = at or datetime.now(UTC)
        for placement in reversed(self.placements.get(node, ())):
            if placement.holds_at(moment):
                return self.sites[placement.site]
        return None

    def keys_of(self, node: str) -> tuple[NodeKey, ...]:
        """All keys that `node` has or had."""
        return tuple(key for key in self.keys.values() if key.node == node)


def require_id(value: str, what: str) -> None:
    """Return if `value` can name a `what`; raise :class:`RegistryError` if not."""
    _require(
        _ID.fullmatch(value) is not None,
        f"{value[:80]!r} cannot name a {what}: use 1 to 63 of a-z, 0-9 and -, no - at the ends",
    )


def _require(holds: bool, text: str) -> None:
    if not holds:
        raise RegistryError(text)
