"""Hears beside the meter while somebody is in, and keeps what that somebody does from the meter."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from typing import Final

from sensor.blocks import AudioBlock
from sensor.commissioning.ears import Ears
from sensor.commissioning.listening import LONGEST_S, Heard, Listening
from sensor.contract.commissioning import ChannelNow

_QUIET_AGAIN_DB: Final = 10.0


class Hearing:
    """What is heard, and what is waited for. Not safe for threads: its owner sees to that.

    Parameters
    ----------
    ears : callable
        Makes new ones.
    channel : int
        The measured one.
    heard : callable
        Given what was waited for, once it is there, and what it was heard by.
    not_heard : callable
        Given what was waited for in vain.
    """

    def __init__(
        self,
        ears: Callable[[], Ears],
        channel: int,
        heard: Callable[[Listening, Heard], None],
        not_heard: Callable[[Listening], None],
    ) -> None:
        self._new_ears = ears
        self._channel = channel
        self._heard = heard
        self._not_heard = not_heard
        self.ears: Ears | None = None
        self.listening: Listening | None = None
        self._until = 0.0
        self._loud_db: float | None = None
        self._is_held = False

    def begin(self) -> None:
        """Begin to hear, or to hear with another sensitivity."""
        self.ears = self._new_ears()

    def end(self) -> None:
        """Hear no more."""
        self.ears = None
        self.stop()

    def listen(self, listening: Listening) -> None:
        """Wait for something."""
        self.listening = listening
        self._until = time.monotonic() + LONGEST_S

    def stop(self) -> None:
        """Wait for nothing."""
        self.listening = self._loud_db = None

    def await_quiet(self, level_db: float) -> None:
        """Take what is as loud as that for a calibrator that is not off yet."""
        self._loud_db = level_db
        self._until = time.monotonic() + LONGEST_S

    def now(self) -> tuple[ChannelNow, ...]:
        """What each channel heard in the last second."""
        return () if self.ears is None else self.ears.now()

    def street(self, block: AudioBlock) -> AudioBlock | None:
        """Hear a block, and return what of it is the street's: all, or nothing.

        What a tap or a calibrator is heard in is nobody's noise; the next block that is the
        street's tells that sound is missing before it.
        """
        if self.ears is not None and self._is_ours(block, self.ears):
            self._is_held = True
            return None
        if self._is_held:
            self._is_held = False
            return replace(block, gap=True)
        return block

    def _is_ours(self, block: AudioBlock, ears: Ears) -> bool:
        ears.hear(block)
        listening = self.listening
        if listening is not None:
            self._listen(listening, block)
        ours = listening is not None and listening.is_ours
        return ours or self._is_loud()

    def _listen(self, listening: Listening, block: AudioBlock) -> None:
        found = listening.process(block)
        if found is not None:
            self.listening = None
            self._heard(listening, found)
        elif time.monotonic() > self._until:
            self.listening = None
            self._not_heard(listening)

    def _is_loud(self) -> bool:
        if self._loud_db is None:
            return False
        now = self.now()
        level_db = now[self._channel].laf_db if self._channel < len(now) else None
        is_quiet = level_db is not None and level_db < self._loud_db - _QUIET_AGAIN_DB
        if is_quiet or time.monotonic() > self._until:
            self._loud_db = None
        return self._loud_db is not None
