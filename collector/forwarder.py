"""The forwarder: from the ledger to an output, in order, and nothing left out.

The cursor stands in the ledger and moves only when the output has got everything up to it.
What was written before a crash is written again, which changes nothing there.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Final

from collector.back_off import BackOff
from collector.ledger.ledger import Ledger
from collector.outputs import FigureSource, Output, OutputRejects, Unit, WriteResult
from collector.registry.registry import Registry
from sensor.contract.errors import SkolroError

log = logging.getLogger(__name__)

_BATCH: Final = 500
_IDLE_S: Final = 1.0
BACK_OFF: Final = BackOff(first_s=0.5, longest_s=60.0)
"""For outputs that refuse everything."""


@dataclass(frozen=True, slots=True)
class ForwarderState:
    """How it goes.

    Attributes
    ----------
    position : int
        Up to where in the ledger the output has got everything.
    messages, points, rejected, expired : int
        Since the forwarder was made.
    failing : str, optional
        Why nothing gets through at the moment.
    failing_since : datetime, optional
        Since when that is so.
    """

    position: int = 0
    messages: int = 0
    points: int = 0
    rejected: int = 0
    expired: int = 0
    failing: str | None = None
    failing_since: datetime | None = None


class Forwarder:
    """Carries what the ledger has got to `output`, in a thread of its own.

    Parameters
    ----------
    rejects : OutputRejects
        Takes the single records that the output refuses.
    batch_size : int
        Most messages written at once.
    figures : FigureSource, optional
        What the analysis says is forwarded, too, whenever the output has got all messages.
    """

    def __init__(
        self,
        ledger: Ledger,
        registry: Registry,
        output: Output,
        rejects: OutputRejects,
        *,
        batch_size: int = _BATCH,
        figures: FigureSource | None = None,
    ) -> None:
        self._ledger = ledger
        self._registry = registry
        self._output = output
        self._rejects = rejects
        self._batch_size = batch_size
        self._figures = figures
        self._due: Iterator[Unit] = iter(())
        self._state = ForwarderState(ledger.cursor(output.name))
        self._stopping = threading.Event()
        self.failure: Exception | None = None
        # A daemon: a crash elsewhere must end the process, and here it does no harm.
        self._thread = threading.Thread(
            target=self._run, name=f"forward-{output.name}", daemon=True
        )

    @property
    def name(self) -> str:
        """The output's name."""
        return self._output.name

    @property
    def state(self) -> ForwarderState:
        """How it goes."""
        return self._state

    @property
    def is_alive(self) -> bool:
        """Whether it runs."""
        return self._thread.is_alive()

    def start(self) -> None:
        """Begin to forward in a thread."""
        self._thread.start()

    def stop(self) -> None:
        """End after the write that is under way, and let go of the output."""
        self._stopping.set()
        if self._thread.is_alive():
            self._thread.join()
        self._output.close()

    def step(self) -> int:
        """Forward one batch and return its size; 0 means that the output has got everything.

        Raises
        ------
        OutputUnavailableError, LedgerError
            Nothing was lost: the cursor stands where it stood.
        """
        position = self._ledger.cursor(self._output.name)
        messages = self._ledger.after(position, self._batch_size)
        if not messages:
            self._state = replace(self._state, position=position, failing=None, failing_since=None)
            return 0
        result = self._output.write(messages, self._ledger, self._registry)
        # Before the cursor: a crash in between must not lose what was refused.
        self._rejects.put(self._output.name, result.rejected)
        self._ledger.set_cursor(self._output.name, messages[-1].position)
        self._count(messages[-1].position, len(messages), result)
        return len(messages)

    def step_figures(self) -> bool:
        """Forward one unit of figures that is due; False means that nothing is.

        Raises
        ------
        OutputUnavailableError, LedgerError
            What was due is due again.
        """
        if self._figures is None:
            return False
        try:
            unit = next(self._due, None)
            if unit is None:
                self._due = self._figures.due(self._output.name)
                unit = next(self._due, None)
            if unit is None:
                return False
            result = self._output.replace(unit)
        except BaseException:
            self._due = iter(())
            raise
        self._rejects.put(self._output.name, result.rejected)
        self._count(self._state.position, 0, result)
        return True

    def pause_s(self, count: int, took_s: float) -> float:
        """Seconds to wait after a batch of `count` messages that took `took_s`."""
        if count < self._batch_size:
            return _IDLE_S
        return max(0.0, count / self._output.messages_per_s - took_s)

    def _count(self, position: int, messages: int, result: WriteResult) -> None:
        before = self._state
        self._state = ForwarderState(
            position=position,
            messages=before.messages + messages,
            points=before.points + result.points,
            rejected=before.rejected + len(result.rejected),
            expired=before.expired + result.expired,
        )
        for line in result.rejected:
            log.warning("%s refuses a line for good: %s", self._output.name, line.reason)

    def _run(self) -> None:
        try:
            self._forward()
        except Exception as error:
            # Whoever watches the collector must see this: a silent stop would look like calm.
            log.exception("forwarding to %s has failed; it goes on after a restart", self.name)
            self.failure = error

    def _forward(self) -> None:
        failures = 0
        while not self._stopping.is_set():
            began = time.monotonic()
            try:
                count = self.step()
                more = count < self._batch_size and self.step_figures()
            except SkolroError as error:
                failures += 1
                wait_s = BACK_OFF.wait_s(failures, getattr(error, "retry_after_s", None))
                self._note_failure(error)
            else:
                self._note_success(failures)
                failures = 0
                wait_s = 0.0 if more else self.pause_s(count, time.monotonic() - began)
            self._stopping.wait(wait_s)

    def _note_failure(self, error: Exception) -> None:
        if self._state.failing is None:
            log.warning("forwarding to %s waits: %s", self._output.name, error)
        since = self._state.failing_since or datetime.now(UTC)
        self._state = replace(self._state, failing=str(error), failing_since=since)

    def _note_success(self, failures: int) -> None:
        if failures:
            log.info("forwarding to %s goes on; tried in vain: %d", self._output.name, failures)
