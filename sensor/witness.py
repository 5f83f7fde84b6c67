"""Shows the updater what this process has achieved, and hands on what the server wishes."""

from __future__ import annotations

import logging
from hashlib import sha256
from importlib.metadata import version
from pathlib import Path
from typing import Final

from msgspec import UNSET, UnsetType

from sensor.clock import boot_s, boot_time
from sensor.contract.messages import Boot, Live, UpdateReport
from sensor.outbox import Outbox
from sensor.updating.exchange import Exchange, Proof

log = logging.getLogger(__name__)

LOOK_S: Final = 2.0
"""How often it is said what was achieved."""


class Witness:
    """Of one run, from its start on.

    Parameters
    ----------
    folder : Path
        What is shared with the updater.
    outbox : Outbox
        Knows what the collector has acknowledged.
    config : Path
        The configuration of this run.
    """

    def __init__(self, folder: Path, outbox: Outbox, config: Path) -> None:
        self._exchange = Exchange(folder)
        self._outbox = outbox
        self._config_sha256 = sha256(config.read_bytes()).hexdigest()
        self._started_s = boot_s()
        self._first_seq = outbox.last_seq + 1
        self._valid_s = 0
        self._told = self._exchange.reported()

    def saw(self, live: Live) -> None:
        """Take note of a second that was measured, or was not."""
        self._valid_s = 0 if live.laeq_db is None else self._valid_s + 1

    def look(self, microphone: str) -> bool:
        """Show what was achieved; whether there is news of the updater."""
        boot = boot_time()
        proof = Proof(
            boot=boot.id if isinstance(boot, Boot) else "",
            started_s=self._started_s,
            version=version("skolro"),
            config_sha256=self._config_sha256,
            valid_s=self._valid_s,
            microphone=microphone,
            first_seq=self._first_seq,
            acked_seq=self._outbox.acked_seq,
        )
        try:
            self._exchange.show(proof)
        except OSError as error:
            log.error("the updater cannot be shown that this works: %s", error)
        told, self._told = self._told, self._exchange.reported()
        return told != self._told

    def wished(self, payload: bytes, signature: str) -> None:
        """Hand on what came as a wish of the server; whether it is one, the updater looks."""
        if self._exchange.wish() == (payload, signature):
            return
        try:
            self._exchange.hand_on(payload, signature)
        except OSError as error:
            log.error("what the server wishes cannot be handed on: %s", error)
        else:
            log.info("the server wishes something: the updater is told")

    @property
    def report(self) -> UpdateReport | UnsetType:
        """What the updater says of the wishes."""
        return self._told


def report_of(witness: Witness | None) -> UpdateReport | UnsetType:
    """What is reported of updates; UNSET: nothing, as nobody updates this node."""
    return UNSET if witness is None else witness.report
