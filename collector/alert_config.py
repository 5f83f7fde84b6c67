"""Who is told what, when and how: the tables ``[alerts]`` of the collector's configuration."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Final, Literal, TypeAlias

from msgspec import Meta, Struct

from collector.roles import Role

AlertKind: TypeAlias = Literal[
    "episode",  # an episode is under way at a site
    "night_level",  # the level of the last minutes is over a limit at night
    "node_silent",  # nothing has come from a node for long
    "dead_microphone",  # a node says that it hears nothing it could believe
    "calibration_due",  # a node's last check with a calibrator is old, failed, or there was none
    "disk",  # little room is left on the server or on a node
    "card",  # a node's card fails, or is worn
    "under_voltage",  # a node's supply is too weak
    "clock",  # a node's clock is not led by others, or is off
    "outbox",  # what a node measures waits for long, although it is heard
    "drift",  # a node's background has drifted from its neighbours'
    "server",  # a part of the collector has not worked for minutes
    "certificate",  # a certificate that the server stands on ends soon
    "update",  # a node went back from what it was to run, or refused it
]

MessageKind: TypeAlias = AlertKind | Literal["weekly"]
"""What messages are about; the weekly mail is about all of it."""

KINDS_OF: Final[Mapping[Role, tuple[AlertKind, ...]]] = {
    Role.POLICE: ("episode",),
    Role.MUNICIPALITY: ("episode", "night_level"),
    Role.TECHNICIAN: (
        "node_silent", "dead_microphone", "calibration_due", "disk", "card", "under_voltage",
        "drift", "server", "certificate", "update",
    ),
    Role.ADMINISTRATOR: (
        "node_silent", "dead_microphone", "disk", "server", "certificate", "update",
    ),
    Role.SCHOOL: ("episode",),
}  # fmt: skip
"""What each role is told at once unless its recipient says otherwise."""

_Hours = Annotated[str, Meta(pattern=r"^(?:[01]\d|2[0-3]):[0-5]\d-(?:[01]\d|2[0-3]):[0-5]\d$")]
_Minutes = Annotated[float, Meta(gt=0, le=10_080)]
_Days = Annotated[float, Meta(ge=0, le=36_500)]
_Megabytes = Annotated[float, Meta(ge=0)]
_Name = Annotated[str, Meta(min_length=1, max_length=80)]


class AlertRules(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The limits from which on something is worth a message.

    Attributes
    ----------
    episode_minutes : float
        For how long after its last pass an episode counts as under way.
    night : str
        Local hours in which levels are watched.
    night_laeq_db : float
        Highest LAeq over `night_minutes` that is not told; wind and rain are left out.
    silent_minutes : float
        For how long nothing may come from a node.
    calibration_days, calibration_warning_days : float
        How old a check with a calibrator may get, and how long before that it is told.
    server_free_mb, node_free_mb : float
        Least room on the disk of the server's ledger and of a node.
    card_worn_share, card_gb_a_day : float
        Used part of a card's life, and what may be written to it a day: 10 GB fill a card of
        32 GB three times a week, which it bears for some years.
    clock_s : float
        How far a node's clock may be off.
    outbox_hours, outbox_messages : float, int
        For how long a message may wait in a node that is heard, and how many.
    drift_db, neighbour_km : float
        Change of a node's background against its neighbours' that is told, and how far apart
        neighbours may be.
    problem_minutes : float
        For how long a part of the collector may not work.
    certificate_days : float
        How long before its end a certificate of the server is told of; an authority's is a year.
    """

    episode_minutes: _Minutes = 10.0
    night: _Hours = "22:00-06:00"
    night_laeq_db: Annotated[float, Meta(ge=20, le=140)] = 65.0
    night_minutes: Annotated[float, Meta(ge=1, le=60)] = 15.0
    silent_minutes: _Minutes = 30.0
    calibration_days: _Days = 365.0
    calibration_warning_days: _Days = 14.0
    server_free_mb: _Megabytes = 2000.0
    node_free_mb: _Megabytes = 200.0
    card_worn_share: Annotated[float, Meta(gt=0, le=1)] = 0.8
    card_gb_a_day: Annotated[float, Meta(gt=0)] = 10.0
    clock_s: Annotated[float, Meta(gt=0)] = 1.0
    outbox_hours: Annotated[float, Meta(gt=0)] = 6.0
    outbox_messages: Annotated[int, Meta(ge=1)] = 2000
    drift_db: Annotated[float, Meta(ge=1, le=50)] = 2.0
    neighbour_km: Annotated[float, Meta(ge=0, le=1000)] = 10.0
    problem_minutes: _Minutes = 5.0
    certificate_days: _Days = 60.0


class Recipient(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Somebody who is told, over one or several ways.

    Attributes
    ----------
    urls, urls_file : tuple of str, str
        Apprise's addresses; secrets, so that they can stand in a file of their own, one a line.
    kinds : tuple of str, optional
        Of what; as the role has it unless told.
    sites : tuple of str, optional
        Ids of sites; all unless told.
    quiet : str, optional
        Local hours in which nothing is sent, such as ``22:00-06:30``; it comes afterwards.
    simulated : bool
        Whether what is simulated is told, too; it never happened, so nobody real should be.
    weekly : bool, optional
        Whether they get the weekly mail about the nodes; technicians do unless told.
    """

    name: _Name
    role: Role
    urls: tuple[str, ...] = ()
    urls_file: str | None = None
    kinds: tuple[AlertKind, ...] | None = None
    sites: tuple[str, ...] | None = None
    language: Literal["sv", "en"] = "sv"
    quiet: _Hours | None = None
    simulated: bool = False
    weekly: bool | None = None

    @property
    def wants_weekly(self) -> bool:
        """Whether the weekly mail is for them."""
        return self.role is Role.TECHNICIAN if self.weekly is None else self.weekly

    def wants(self, kind: AlertKind, site: str | None, simulated: bool) -> bool:
        """Whether this is for them; what is of no site is for everybody who takes its kind."""
        kinds = KINDS_OF[self.role] if self.kinds is None else self.kinds
        here = self.sites is None or site is None or site in self.sites
        return kind in kinds and here and (self.simulated or not simulated)


class Weekly(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """When the weekly mail comes, by the local time of the pages."""

    day: Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"] = "mon"
    time: Annotated[str, Meta(pattern=r"^(?:[01]\d|2[0-3]):[0-5]\d$")] = "07:00"


class Alerts(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """All about alerts; without the table ``[alerts]`` there are none.

    Attributes
    ----------
    every_s : float
        How often the rules are asked.
    """

    every_s: Annotated[float, Meta(ge=0.05, le=3600)] = 15.0
    rules: AlertRules = AlertRules()
    weekly: Weekly = Weekly()
    recipients: tuple[Recipient, ...] = ()

    def __post_init__(self) -> None:
        names = [one.name for one in self.recipients]
        twice = {name for name in names if names.count(name) > 1}
        if twice:
            raise ValueError(f"there are two recipients called {min(twice)!r}: rename one")
        for one in self.recipients:
            if not one.urls and one.urls_file is None:
                raise ValueError(f"the recipient {one.name!r} needs urls or urls_file")
