"""What the ledger hands out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from typing import Any, NamedTuple

from collector.errors import LedgerError
from sensor.contract.codec import decode
from sensor.contract.messages import Ack, Message


@dataclass(frozen=True)
class StoredMessage:
    """A message as it was received, with its place in the ledger.

    `payload` is empty once the message is pruned; there is no `message` in it then.
    """

    position: int
    node: str
    seq: int
    kind: str
    received_at: datetime
    payload: bytes
    signature: str

    @cached_property
    def message(self) -> Message:
        """The message, decoded once; :class:`LedgerError` if it was pruned."""
        if not self.payload:
            raise LedgerError(
                f"message {self.seq} of {self.node} was pruned: its hash and signature are left"
            )
        return decode(self.payload)


class TouchedHour(NamedTuple):
    """An hour in which contents begin that came in, of one node and kind."""

    node: str
    kind: str
    hour: datetime


@dataclass(frozen=True, slots=True)
class AppendResult:
    """What became of a batch.

    Attributes
    ----------
    acked : mapping
        Of each node that the batch held a message of: the number up to which all are durable.
    missing : mapping
        Of those whose number did not move: the first stretches that are waited for.
    """

    acked: Mapping[str, int]
    stored: int
    duplicates: int
    quarantined: int
    missing: Mapping[str, Sequence[tuple[int, int]]] = field(default_factory=dict)

    def acks(self) -> dict[str, Ack]:
        """What each node is to hear."""
        return {
            node: Ack(seq=seq, missing=tuple(self.missing.get(node, ())))
            for node, seq in self.acked.items()
        }


def together(results: Sequence[AppendResult]) -> AppendResult:
    """Return what became of batches, in their order, as though they had been one."""
    acked: dict[str, int] = {}
    missing: dict[str, Sequence[tuple[int, int]]] = {}
    for result in results:
        acked |= result.acked
        missing |= result.missing
    return AppendResult(
        acked=acked,
        missing=missing,
        stored=sum(result.stored for result in results),
        duplicates=sum(result.duplicates for result in results),
        quarantined=sum(result.quarantined for result in results),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class EventRow:
    """An event as lists show it; the whole message stands at `position`."""

    position: int
    node: str
    site: str | None
    id: str
    start: datetime
    duration_s: float
    trigger: str
    lafmax_db: float
    lae_db: float
    laeq_db: float
    background_laf90_db: float | None
    emergence_db: float | None
    source: str
    source_probability: float | None
    speed_kmh: float | None
    speed_low_kmh: float | None
    speed_high_kmh: float | None
    direction: int | None
    speed_method: str | None
    speed_refused: str | None
    simulated: bool
    flags: list[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class LevelSeries:
    """Levels interval by interval, in order of time; all sequences are of equal length.

    None stands for not validly measured; an interval that no message tells of is left out.
    """

    node: str
    start: list[datetime]
    interval_s: list[int]
    laeq_db: list[float | None]
    lafmax_db: list[float | None]
    lceq_db: list[float | None]
    simulated: list[bool]


@dataclass(frozen=True, slots=True, kw_only=True)
class LevelHour:
    """The level of one node at one site in the hour from `hour` on.

    `energy` is the mean of 10^(LAeq/10) over the `valid_s` seconds that were measured.
    """

    node: str
    site: str
    hour: datetime
    simulated: bool
    energy: float
    lafmax_db: float | None
    valid_s: int


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeHour:
    """How one node did in the hour from `hour` on; None: not told.

    Attributes
    ----------
    reports : int, optional
        How many it sent about itself; of them came in at once (`prompt`), and told of a faulty
        microphone, a weak supply (`under_voltage`), a slowed processor (`throttled`) or a clock
        that nobody leads (`clock_unsure`).
    uptime_s, memory_available_bytes, disk_free_bytes, microphone_lowest_db : float, optional
        The lowest that was told.
    background_db_s, background_s : float, optional
        The sum of LAF90 times the seconds that it was measured over, and those seconds; without
        weather, faults and what was thinned.

    The others are the highest that was told.
    """

    node: str
    hour: datetime
    simulated: bool
    reports: int | None = None
    prompt: int | None = None
    microphone_bad: int | None = None
    under_voltage: int | None = None
    throttled: int | None = None
    clock_unsure: int | None = None
    outbox_depth: int | None = None
    disk_free_bytes: int | None = None
    disk_written_bytes: int | None = None
    disk_errors: int | None = None
    memory_available_bytes: int | None = None
    uptime_s: float | None = None
    cpu_load: float | None = None
    cpu_own_share: float | None = None
    cpu_temperature_c: float | None = None
    disk_worn_share: float | None = None
    clock_offset_s: float | None = None
    microphone_lowest_db: float | None = None
    outbox_oldest_s: float | None = None
    background_db_s: float | None = None
    background_s: float | None = None

    @property
    def background_db(self) -> float | None:
        """Mean LAF90 of the hour."""
        if self.background_db_s is None or not self.background_s:
            return None
        return self.background_db_s / self.background_s


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeState:
    """Where a node stands, as far as the ledger knows.

    Attributes
    ----------
    acked_seq, highest_seq : int
        Every message up to the first is there; the second is the newest that is.
    chain_breaks : int
        Neighbours in the chain that do not fit together.
    missing : int
        Messages that the collector waits for, since it has later ones.
    thinned, lost, accepted : int
        Messages that are not there and that nobody waits for: thinned to minute values or lost,
        as the node says itself, and accepted to be missing by somebody here.
    replays, forks : int
        How often a message came that was there already: as it was (sent again, by the node or by
        somebody else; harmless), and with another content (refused).
    online : bool, optional
        None: the node has never said.
    simulated : bool
        Whether its newest message says that it tells of what never happened.
    health : mapping, optional
        The node's newest ``health`` message.
    """

    node: str
    acked_seq: int = 0
    highest_seq: int = 0
    head_sha256: str | None = None
    chain_breaks: int = 0
    missing: int = 0
    thinned: int = 0
    lost: int = 0
    accepted: int = 0
    replays: int = 0
    forks: int = 0
    last_time: datetime | None = None
    last_received_at: datetime | None = None
    simulated: bool = False
    online: bool | None = None
    online_changed_at: datetime | None = None
    health: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class Counts:
    """How much there is: messages, pruned ones too, and how often something was refused."""

    messages: int
    by_kind: Mapping[str, int]
    quarantined: int
