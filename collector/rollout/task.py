"""The thread that tells nodes what is wished of them, hears what they say, and goes from wave to
wave. It has no key: it passes on what was signed.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Final, Protocol

from sqlalchemy import Engine

from collector.ledger.ledger import Ledger
from collector.registry.wishes import NodeWish, Rollout, Wishes
from collector.rollout.waves import decide, outcomes
from sensor.contract.errors import SkolroError

log = logging.getLogger(__name__)

EVERY_S: Final = 5.0


class Teller(Protocol):
    """Whoever can tell nodes something by way of the broker."""

    @property
    def connection(self) -> int:
        """Rises with each new connection: what was told before is told again."""

    @property
    def is_connected(self) -> bool:
        """Whether anything can be told right now."""

    def tell(self, node: str, payload: bytes, signature: str) -> None:
        """Have the broker keep a wish for `node`; an empty one takes back what it keeps."""


class RolloutTask:
    """Looks every few seconds what is to be told.

    Parameters
    ----------
    engine : Engine
        Where wishes are.
    ledger : Ledger
        Where what nodes say arrives.
    teller : Teller
        Who tells them.
    """

    def __init__(
        self,
        engine: Engine,
        ledger: Ledger,
        teller: Teller,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._wishes = Wishes(engine)
        self._ledger = ledger
        self._teller = teller
        self._now = now
        self._told: dict[str, bytes] = {}
        self._connection = -1
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="rollout", daemon=True)

    def start(self) -> None:
        """Begin, in a thread."""
        self._thread.start()

    def stop(self) -> None:
        """End after what is being done."""
        self._stopping.set()
        if self._thread.is_alive():
            self._thread.join()

    def step(self) -> None:
        """Hear, decide and tell, once.

        Raises
        ------
        LedgerError
            The database cannot be read or written; nothing is lost.
        """
        newest = self._wishes.newest()
        if not newest:
            return
        now = self._now()
        states = self._ledger.node_states()
        found = outcomes(newest, states)
        for key, (outcome, reason) in found.items():
            log.info("%s, wish %d: %s %s", key.node, key.number, outcome, reason)
        self._wishes.note(found, now)
        rollout = self._wishes.rollout()
        if rollout is not None and rollout.end is None:
            self._move(rollout, now)
        self._tell(self._wishes.newest())

    def _move(self, rollout: Rollout, now: datetime) -> None:
        members = self._wishes.members(rollout.id)
        decision = decide(rollout, members, self._ledger.node_states(), now)
        if decision.step == "release":
            log.info("%s goes to wave %d: %s", rollout.version, decision.wave, decision.reason)
            self._wishes.release(rollout.id, decision.wave, now)
        elif decision.step != "wait":
            level = logging.INFO if decision.step == "done" else logging.ERROR
            log.log(level, "%s is %s: %s", rollout.version, decision.step, decision.reason)
            self._wishes.end(rollout.id, decision.step, decision.reason, now)

    def _tell(self, newest: dict[str, NodeWish]) -> None:
        if not self._teller.is_connected:
            return
        if self._connection != self._teller.connection:
            # The broker may have lost what it kept.
            self._connection = self._teller.connection
            self._told.clear()
        for node, wish in newest.items():
            if wish.withdrawn_at is not None:
                payload, signature = b"", ""
            elif wish.released_at is not None:
                payload, signature = wish.payload, wish.signature
            else:
                continue
            if self._told.get(node) != payload:
                self._teller.tell(node, payload, signature)
                self._told[node] = payload

    def _run(self) -> None:
        while not self._stopping.is_set():
            try:
                self.step()
            except SkolroError as error:
                log.error("updates of nodes wait: %s", error)
            except Exception:
                log.exception("updates of nodes have failed; they are tried again")
            self._stopping.wait(EVERY_S)
