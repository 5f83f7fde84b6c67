"""What an output is: something that is fed from the ledger and can be refilled from it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol, TypeAlias

from collector.errors import OutputError
from collector.ledger.ledger import Ledger, LevelHour, StoredMessage
from collector.outputs.line_protocol import Measurement
from collector.registry.registry import Registry


class OutputUnavailableError(OutputError):
    """Nothing is wrong with the data: try the same again later.

    `retry_after_s` is how long the output asked to be left alone, where it did.
    """

    def __init__(self, text: str, retry_after_s: float | None = None) -> None:
        super().__init__(text)
        self.retry_after_s = retry_after_s


@dataclass(frozen=True, slots=True)
class RejectedLine:
    """One record that the output will never take, and the reason it gave."""

    line: str
    reason: str


@dataclass(frozen=True, slots=True)
class WriteResult:
    """What became of a write.

    Attributes
    ----------
    points : int
        Records that the output holds now.
    rejected : tuple of RejectedLine
        Records that it refused, each on its own.
    expired : int
        Records that are older than the output keeps.
    """

    points: int = 0
    rejected: tuple[RejectedLine, ...] = ()
    expired: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Stretch:
    """What a measurement now holds of something, such as the episodes of a day.

    Attributes
    ----------
    lines : tuple of str
        The points, in line protocol.
    clear : bool
        Whether what stood there before may be more than these points write over, so that it must
        be removed first: all points with `tags` within [`start`, `end`), or at any time where
        these are None.
    """

    measurement: Measurement
    lines: tuple[str, ...]
    clear: bool = False
    tags: Mapping[str, str] = field(default_factory=dict)
    start: datetime | None = None
    end: datetime | None = None


Unit: TypeAlias = list[Stretch]
"""What is written at once."""


class FigureSource(Protocol):
    """Whoever knows figures of the analysis; a collector without its libraries has none."""

    def due(self, output: str) -> Iterator[Unit]:
        """Yield all that is due for the output of that name; each must be written before the next.

        Where that fails, let go of the iterator: what was due is due again.
        """

    def everything(self, start: datetime, end: datetime) -> Iterator[Unit]:
        """Yield all figures of [`start`, `end`), and all that say how things are now."""


class Output(Protocol):
    """Something that shows the ledger's content elsewhere.

    Writing the same messages again must leave the output as it was.

    Attributes
    ----------
    name : str
        Names its cursor in the ledger.
    messages_per_s : float
        Most messages a second while catching up, so that it can serve others meanwhile.
    takes_figures : bool
        Whether it shows what the analysis says, too.
    """

    name: str
    takes_figures: bool
    messages_per_s: float

    def write(
        self, messages: Sequence[StoredMessage], ledger: Ledger, registry: Registry
    ) -> WriteResult:
        """Write what `messages` say; when it returns, the output has got it durably.

        Raises
        ------
        OutputUnavailableError
            It cannot be said whether everything was written: the same must be written again.
        """

    def write_hours(self, hours: Sequence[LevelHour], registry: Registry) -> WriteResult:
        """Write the levels of `hours`, whose messages may have been pruned.

        Raises
        ------
        OutputUnavailableError
            As in :meth:`write`.
        """

    def replace(self, stretches: Sequence[Stretch]) -> WriteResult:
        """Put these in the place of what the output held of them.

        Raises
        ------
        OutputUnavailableError
            As in :meth:`write`.
        """

    def close(self) -> None:
        """Let go of connections."""
