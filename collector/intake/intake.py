"""From received to durable: one thread that commits what has come in, batch by batch."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from queue import SimpleQueue
from typing import Final

from msgspec import Struct

from collector.errors import LedgerError
from collector.ledger.ledger import Ledger
from collector.ledger.verification import Received, Refused
from sensor.contract import topics
from sensor.contract.errors import ContractError
from sensor.contract.messages import Ack

log = logging.getLogger(__name__)

BATCH: Final = 1500
"""Messages that are committed at once at most; under light load each commits as it comes."""

_FIRST_PAUSE_S: Final = 0.5
_LONGEST_PAUSE_S: Final = 30.0


class Incoming(Struct, frozen=True):
    """A message with what the broker needs to hear about it.

    Attributes
    ----------
    mid, qos : int
        The broker's number for the transmission, and its quality of service.
    connection : int
        On which connection it came; numbers hold for that one only.
    """

    received: Received
    mid: int = 0
    qos: int = 0
    connection: int = 0


class Intake:
    """Commits to the ledger, and tells `done` afterwards.

    A ledger that cannot store now is tried again until it can; nothing is confirmed meanwhile.

    Parameters
    ----------
    ledger : Ledger
        Where messages go.
    done : callable
        Called in the intake's thread after the commit, with the batch and, by node, what it is
        to hear of what is durable and what is missing.
    """

    def __init__(
        self, ledger: Ledger, done: Callable[[Sequence[Incoming], Mapping[str, Ack]], None]
    ) -> None:
        self._ledger = ledger
        self._done = done
        self._queue: SimpleQueue[Incoming | None] = SimpleQueue()
        self._in_work = 0
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="intake", daemon=True)
        self.trouble: str | None = None
        self.failure: Exception | None = None
        self.attempts = 0

    @property
    def is_alive(self) -> bool:
        """Whether it is at work."""
        return self._thread.is_alive()

    @property
    def pending(self) -> int:
        """How many were received and are not durable yet."""
        return self._queue.qsize() + self._in_work

    def start(self) -> None:
        """Begin to commit."""
        self._thread.start()

    def put(self, incoming: Incoming) -> None:
        """Hand over what came in; returns at once."""
        self._queue.put(incoming)

    def stop(self) -> None:
        """Finish the batch at hand, unless the ledger cannot store, and end.

        What has not been confirmed will be delivered again.
        """
        self._stopping.set()
        self._queue.put(None)
        if self._thread.is_alive():
            self._thread.join()

    def _run(self) -> None:
        try:
            while not self._stopping.is_set():
                if batch := self._next_batch():
                    self._commit(batch)
                    self._in_work = 0
        except Exception as error:
            # Whoever watches the collector must see this: a silent stop would look like calm.
            log.exception("the intake has failed; nothing is stored until a restart")
            self.failure = error

    def _next_batch(self) -> list[Incoming]:
        first = self._queue.get()
        # Only this thread takes from the queue, so what qsize() saw is there.
        rest = [self._queue.get() for _ in range(min(self._queue.qsize(), BATCH - 1))]
        batch = [item for item in (first, *rest) if item is not None]
        self._in_work = len(batch)
        return batch

    def _commit(self, batch: Sequence[Incoming]) -> None:
        pause_s = _FIRST_PAUSE_S
        since = time.monotonic()
        while True:
            self.attempts += 1
            try:
                acks = self._store(batch)
            except LedgerError as error:
                if self.trouble is None:
                    log.error("nothing is acknowledged until the ledger can store: %s", error)
                self.trouble = str(error)
                if self._stopping.wait(pause_s):
                    return
                pause_s = min(2 * pause_s, _LONGEST_PAUSE_S)
                continue
            break
        if self.trouble is not None:
            log.warning("the ledger stores again after %.0f s", time.monotonic() - since)
            self.trouble = None
        self._done(batch, acks)

    def _store(self, batch: Sequence[Incoming]) -> Mapping[str, Ack]:
        statuses: list[Received] = []
        messages: list[Received] = []
        for item in batch:
            (statuses if _is_status(item.received) else messages).append(item.received)
        acks: dict[str, Ack] = {}
        online = self._note_online(statuses) if statuses else []
        if messages:
            acks |= self._ledger.append(messages).acks()
        if online:
            # A node that is back learns where the ledger stands, whatever became of earlier acks.
            acks |= self._ledger.standings(online)
        return acks

    def _note_online(self, statuses: Sequence[Received]) -> list[str]:
        """Store who is there and who is not, and return who is."""
        known = self._ledger.registry.inventory().nodes
        online: dict[str, tuple[bool, datetime]] = {}
        for received in statuses:
            node = topics.parse(received.topic).node
            if node not in known:
                detail = f"node {node} is not registered"
                self._ledger.refuse(Refused(received, "unknown_node", detail))
            elif received.payload not in (topics.ONLINE, topics.OFFLINE):
                detail = "a status is online or offline"
                self._ledger.refuse(Refused(received, "undecodable", detail))
            else:
                online[node] = (received.payload == topics.ONLINE, received.received_at)
        self._ledger.set_all_online(online)
        return [node for node, (is_online, _) in online.items() if is_online]


def _is_status(received: Received) -> bool:
    try:
        return topics.parse(received.topic).kind == topics.STATUS
    except ContractError:
        return False
