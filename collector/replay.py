"""From the ledger to an output once more, as into one that was emptied.

It writes beside the forwarder and leaves its cursor alone, so a collector can be at work meanwhile.
What the output holds already is written over by the same.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from itertools import islice
from typing import Final, TypeVar

from sqlalchemy import Engine

from collector.database.database import reading
from collector.forwarder import BACK_OFF
from collector.ledger import measures
from collector.ledger.ledger import Ledger, StoredMessage
from collector.outputs import (
    FigureSource,
    Output,
    OutputRejects,
    OutputUnavailableError,
    WriteResult,
)
from sensor.contract.codec import KINDS

log = logging.getLogger(__name__)

PATIENCE_S: Final = 600.0
"""How long an output that is away is waited for."""

_BATCH: Final = 500
# What begins earlier may reach into the period.
_LONGEST_BATCH: Final = timedelta(hours=1)

_Item = TypeVar("_Item")


@dataclass(frozen=True, slots=True)
class Replayed:
    """What was written again: messages and the points made of them, refused and too old ones."""

    messages: int = 0
    points: int = 0
    rejected: int = 0
    expired: int = 0


class Replay:
    """Writes a period of the ledger to `output`.

    Parameters
    ----------
    engine, ledger
        The open ledger.
    output : Output
        Where to.
    figures : FigureSource, optional
        What the analysis says is written, too.
    patience_s : float
        How long `output` may be away.
    """

    def __init__(
        self,
        engine: Engine,
        ledger: Ledger,
        output: Output,
        figures: FigureSource | None = None,
        *,
        patience_s: float = PATIENCE_S,
    ) -> None:
        self._engine = engine
        self._ledger = ledger
        self._output = output
        self._figures = figures
        self._rejects = OutputRejects(engine)
        self._patience_s = patience_s
        self._done = Replayed()

    def run(
        self,
        start: datetime,
        end: datetime,
        progress: Callable[[int, int], None] | None = None,
    ) -> Replayed:
        """Write all whose content begins within [`start`, `end`), hours of pruned messages too.

        Parameters
        ----------
        progress : callable, optional
            Told after each batch how many messages are done, and of how many.

        Raises
        ------
        OutputUnavailableError
            The output was away for too long; running it again does no harm.
        """
        self._done = Replayed()
        begin = start - _LONGEST_BATCH
        with reading(self._engine) as connection:
            total = measures.count(connection, begin, end)
        registry = self._ledger.registry
        for hours in _batches(self._ledger.level_hours(start=begin, end=end)):
            self._write(0, partial(self._output.write_hours, hours, registry))
        for batch in self._messages(begin, end):
            self._write(len(batch), partial(self._output.write, batch, self._ledger, registry))
            if progress is not None:
                progress(self._done.messages, total)
        for unit in self._figures.everything(begin, end) if self._figures else ():
            self._write(0, partial(self._output.replace, unit))
        return self._done

    def _messages(self, begin: datetime, end: datetime) -> Iterator[list[StoredMessage]]:
        # Node by node in the order of time: that is how InfluxDB likes it best.
        for node in self._ledger.node_states():
            for kind in KINDS:
                yield from _batches(self._ledger.messages(node, kind, begin, end))

    def _write(self, messages: int, write: Callable[[], WriteResult]) -> None:
        began = time.monotonic()
        result = self._written(write)
        self._rejects.put(self._output.name, result.rejected)
        before = self._done
        self._done = Replayed(
            messages=before.messages + messages,
            points=before.points + result.points,
            rejected=before.rejected + len(result.rejected),
            expired=before.expired + result.expired,
        )
        took_s = time.monotonic() - began
        time.sleep(max(0.0, messages / self._output.messages_per_s - took_s))

    def _written(self, write: Callable[[], WriteResult]) -> WriteResult:
        failures = 0
        give_up_at = time.monotonic() + self._patience_s
        while True:
            try:
                return write()
            except OutputUnavailableError as error:
                failures += 1
                wait_s = BACK_OFF.wait_s(failures, error.retry_after_s)
                if time.monotonic() + wait_s > give_up_at:
                    raise
                if failures == 1:
                    log.warning("waiting: %s", error)
                time.sleep(wait_s)


def _batches(items: Iterable[_Item]) -> Iterator[list[_Item]]:
    rest = iter(items)
    while batch := list(islice(rest, _BATCH)):
        yield batch
