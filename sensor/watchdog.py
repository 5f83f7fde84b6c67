"""Tells the service manager that the node measures, and lets it restart one that hangs."""

from __future__ import annotations

from sensor.contract.systemd import Notifier
from sensor.inputs import Input


class Watchdog:
    """Fed only while sound goes through the node.

    A microphone that is gone gives none, and a restart brings none back: the node says in its
    health that it is lost, and is left alone.

    Parameters
    ----------
    notifier : Notifier
        Speaks to the service manager.
    source : Input
        Where the sound comes from.
    """

    def __init__(self, notifier: Notifier, source: Input) -> None:
        self._notifier = notifier
        self._source = source
        self._blocks = 0
        self._blocks_before = 0

    def passed(self) -> None:
        """Say that a block was measured."""
        self._blocks += 1

    def feed(self) -> None:
        """Feed the watchdog if anything was measured since the last time."""
        lost = self._source.state == "lost"
        measured, self._blocks_before = self._blocks - self._blocks_before, self._blocks
        if measured or lost:
            self._notifier.alive()
            self._notifier.status("the microphone is gone" if lost else "measuring")
