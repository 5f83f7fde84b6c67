"""The event that is going on."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sensor.contract.messages import Trigger
from sensor.passby.trace import extent, parting, peak_of

if TYPE_CHECKING:
    from sensor.acoustics.readings import LevelStep


class OpenEvent:
    """An event that has begun and not ended.

    Parameters
    ----------
    steps : list of LevelStep
        From as far back as the event may reach to the step that opened it.
    trigger : {'level', 'emergence', 'radar'}
        What opened it.
    release_db : float
        The level that it must stay above, fixed when it opened.
    fall_db : float
        How far below its own peak it still goes on.
    background_db : float, optional
        LAF90 when it opened.
    """

    def __init__(
        self,
        steps: list[LevelStep],
        trigger: Trigger,
        *,
        release_db: float,
        fall_db: float,
        background_db: float | None,
    ) -> None:
        self.steps = steps
        self.levels_db = [step.lafmax_db for step in steps]
        self.trigger = trigger
        self.release_db = release_db
        self.background_db = background_db
        self.quiet_steps = 0
        self._fall_db = fall_db
        self._peak = peak_of(self.levels_db)
        self.heard = self.levels_db[self._peak] >= release_db
        self._radar_from = self._radar_to = len(steps) - 1

    @property
    def edge_db(self) -> float:
        """The level that ends the event once it stays below it."""
        peak_db = self.levels_db[self._peak]
        return max(self.release_db, peak_db - self._fall_db)

    def add(self, step: LevelStep, *, radar: bool) -> None:
        """Take in the next step; `radar` tells whether the radar saw something during it."""
        self.steps.append(step)
        self.levels_db.append(step.lafmax_db)
        last = len(self.steps) - 1
        if radar:
            self._radar_to = last
        if not step.lafmax_db <= self.levels_db[self._peak]:
            self._peak = peak_of(self.levels_db)
        self.heard = self.heard or step.lafmax_db >= self.release_db
        # What the radar opened before it could be heard lives by the radar until it is heard.
        lives = step.lafmax_db >= self.edge_db or (radar and not self.heard)
        self.quiet_steps = 0 if lives else self.quiet_steps + 1

    def dip_before(self, level_db: float, split_db: float, split_steps: int) -> int | None:
        """Index of the dip after which `level_db` belongs to another pass, or None."""
        if not self.heard:
            return None
        return parting(self.levels_db, self._peak, level_db, split_db, split_steps)

    def cut_off(self, index: int) -> list[LevelStep]:
        """Remove the steps from `index` on and return them."""
        rest = self.steps[index:]
        del self.steps[index:], self.levels_db[index:]
        return rest

    def span(self, hold_steps: int) -> tuple[int, int]:
        """First and last step of the event itself, without pre-roll."""
        if not self.heard:
            return self._radar_from, self._radar_to
        return extent(self.levels_db, self._peak, self.edge_db, hold_steps)
