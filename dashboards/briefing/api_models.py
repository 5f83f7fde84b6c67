"""What the JSON API answers, as types; ``/openapi.json`` is made from them.

Times are UTC (RFC 3339 with ``Z``), levels are dB re 20 micropascal. ``null`` stands for not
measured or not known, never for zero.
"""

from datetime import datetime
from importlib.metadata import version
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from sensor.contract.messages import Flag, SourceKind, Trigger
from sensor.contract.quantities import SpeedMethod, SpeedRefusal


class Answer(BaseModel):
    """Root of all answers; made from objects with attributes of the same names."""

    model_config = ConfigDict(from_attributes=True, frozen=True)


class Problem(Answer):
    """What was wrong and what to do about it, in a sentence."""

    detail: str


class HourOut(Answer):
    """Equivalent level of the last hour, over the measured part of it."""

    laeq_db: float | None
    measured_s: float
    whole_s: float


class NodeOut(Answer):
    """A sensor node now."""

    id: str
    site: Annotated[str | None, Field(description="null: it hangs nowhere that is known")]
    online: Annotated[bool | None, Field(description="null: it has never said")]
    online_changed_at: datetime | None
    last_time: Annotated[datetime | None, Field(description="of its newest stored message")]
    last_received_at: datetime | None
    acked_seq: Annotated[int, Field(description="every message up to this one is stored")]
    highest_seq: int
    chain_breaks: int
    laeq_now_db: Annotated[float | None, Field(description="LAeq of the last second")]
    last_hour: HourOut
    simulated: bool


class EventOut(Answer):
    """One noise peak or pass-by. Speed is indicative, with its 95 % interval."""

    id: str
    node: str
    site: str | None
    start: datetime
    duration_s: float
    lafmax_db: float
    lae_db: float
    laeq_db: float
    background_laf90_db: float | None
    emergence_db: float | None
    source: SourceKind
    source_probability: float | None
    speed_kmh: float | None
    speed_low_kmh: float | None
    speed_high_kmh: float | None
    speed_method: SpeedMethod | None
    speed_refused: SpeedRefusal | None
    direction: Literal[1, -1] | None
    trigger: Trigger
    simulated: Annotated[bool, Field(description="it never happened")]
    flags: list[Flag]


class SiteOut(Answer):
    """A place where nodes measure, and its day so far in local time."""

    id: str
    name: str
    municipality: str
    latitude: float | None
    longitude: float | None
    time_zone: str
    nodes: list[str]
    nodes_online: int
    events_today: int
    measured_today_s: float
    latest_event: EventOut | None
    simulated: bool


class LevelsOut(Answer):
    """Levels interval by interval; all arrays are of equal length."""

    node: str
    start: list[datetime]
    interval_s: list[int]
    laeq_db: list[float | None]
    lafmax_db: list[float | None]
    lceq_db: list[float | None]
    simulated: list[bool]


class SummaryOut(Answer):
    """How much the ledger holds."""

    messages: int
    by_kind: dict[str, int]
    quarantined: int
    sites: int
    nodes: int
    nodes_online: int


class QuarterOut(Answer):
    """A quarter-hour at a site."""

    start: datetime
    laeq_db: Annotated[float | None, Field(description="null: less than half was measured")]
    measured_s: float
    events: Annotated[int | None, Field(description="null: too few to be told")]


class SiteQuartersOut(Answer):
    """The quarter-hours of the last day at a site, the oldest first; only those that are over."""

    site: str
    name: str
    municipality: str
    simulated: bool
    quarters: list[QuarterOut]


class ProblemOut(Answer):
    """What is wrong with a part of the server, in a sentence."""

    part: str
    text: str


class HealthOut(Answer):
    """How the server does."""

    status: Annotated[
        Literal["ok", "not_ready", "failed"], Field(description="failed: only a restart helps")
    ]
    live: bool
    ready: bool
    problems: list[ProblemOut]
    version: str = version("skolro")
