"""The sound level meter: pressure in, levels out (IEC 61672-1:2013)."""

from __future__ import annotations

from collections import deque
from math import gcd
from typing import Final

import numpy as np
from numpy.typing import NDArray

from sensor.acoustics.bands import ThirdOctaveBank
from sensor.acoustics.framing import Framer, Hole, Run
from sensor.acoustics.grid import STEPS_PER_SECOND, Grid
from sensor.acoustics.measurement import StepMeasurement, StepMeter
from sensor.acoustics.readings import (
    LevelReading,
    LevelStep,
    combine,
)
from sensor.acoustics.response import ResponseFilter
from sensor.acoustics.units import unit_reading
from sensor.acoustics.weighting import check_rate
from sensor.blocks import AudioBlock
from sensor.errors import MeterError

__all__ = ["LevelReading", "LevelStep", "SoundLevelMeter", "combine"]

LONGEST_PERIOD_S: Final = 86_400


class SoundLevelMeter:
    """An integrating sound level meter with a third-octave bank.

    Sound is measured on a grid of 125 ms counted from frame 0 (:mod:`sensor.acoustics.grid`), so
    levels do not depend on the blocks it came in. Each step is handed on with the block that ends
    it, each reading with the block that ends its period or, with the bank on, 0.4 s later: a third
    octave needs the sound after the period as well.

    Parameters
    ----------
    sample_rate : int
        16 to 192 kHz.
    full_scale_pa : float, optional
        Pressure at the limit of the input; without it, overload is told by flat tops.
    period_s : float
        Length of a reading, a multiple of 0.125 s, on a grid counted from frame 0; 0 makes one
        reading of everything up to :meth:`flush`.
    bands : bool
        Measure third octaves from 25 Hz to 20 kHz too.
    channel : int
        Channel that is measured.
    sensitivity : float
        Factor from the pressure of the blocks to true pressure, as a calibration found it.
    correction : ResponseFilter, optional
        Filter that undoes the microphone's response.
    microphone_floor_db : float, optional
        A-weighted level that the microphone's own noise always exceeds; a period below it is under
        range and has no levels.

    Raises
    ------
    MeterError
        If the rate, the period or the channel is none that the meter can use.
    """

    def __init__(
        self,
        sample_rate: int,
        *,
        full_scale_pa: float | None = None,
        period_s: float = 1.0,
        bands: bool = True,
        channel: int = 0,
        sensitivity: float = 1.0,
        correction: ResponseFilter | None = None,
        microphone_floor_db: float | None = None,
    ) -> None:
        check_rate(sample_rate)
        if channel < 0:
            raise MeterError(f"Channel {channel} cannot be measured: the first channel is 0.")
        self.sample_rate = sample_rate
        self._period_steps = _period_steps(period_s)
        # Energies are summed up to a second; longer periods are combined from such units.
        self._unit_steps = _unit_steps(self._period_steps)
        self._floor_db = microphone_floor_db
        self._framer = Framer(Grid(sample_rate), channel)
        self._steps = StepMeter(Grid(sample_rate), full_scale_pa)
        self._sensitivity = sensitivity
        self._correction = correction
        self._bank = ThirdOctaveBank(sample_rate) if bands else None
        self._clear()

    def process(self, block: AudioBlock) -> tuple[list[LevelReading], list[LevelStep]]:
        """Measure the next block.

        Returns
        -------
        readings : list of LevelReading
        steps : list of LevelStep
            Those completed by this block, in order.

        Raises
        ------
        MeterError
            If the block has another sample rate than the meter, or not its channel.
        """
        readings: list[LevelReading] = []
        steps: list[LevelStep] = []
        for piece in self._framer.process(block):
            measured, broken = self._measure(piece)
            steps += [step.level_step(self.sample_rate) for step in measured]
            readings += broken
            readings += self._collect()
        return readings, steps

    def adjust(self, sensitivity: float) -> None:
        """Measure with another factor from nominal to true pressure from the next block on."""
        self._sensitivity = sensitivity

    def flush(self) -> tuple[list[LevelReading], list[LevelStep]]:
        """End the stream: what is unfinished comes out as it is, and the meter is as new."""
        readings: list[LevelReading] = []
        steps: list[LevelStep] = []
        for piece in self._framer.flush():
            measured, _ = self._measure(piece)
            steps += [step.level_step(self.sample_rate) for step in measured]
        readings += self._finish()
        self.reset()
        return readings, steps

    def reset(self) -> None:
        """Forget the stream and everything measured in it."""
        self._framer.reset()
        self._steps.reset()
        if self._correction is not None:
            self._correction.reset()
        if self._bank is not None:
            self._bank.reset()
        self._clear()

    def _clear(self) -> None:
        self._next_step: int | None = None
        self._waiting: deque[StepMeasurement] = deque()
        self._ready: deque[StepMeasurement] = deque()
        self._unit: list[StepMeasurement] = []
        self._period: LevelReading | None = None

    def _measure(self, piece: Run | Hole) -> tuple[list[StepMeasurement], list[LevelReading]]:
        """Measurements of a piece, and the readings that a restart of the stream cut short."""
        cut_short: list[LevelReading] = []
        if self._next_step not in (None, piece.first_step):
            cut_short = self._finish()
        self._next_step = piece.first_step + piece.steps
        if isinstance(piece, Hole):
            self._end_bank()
            measured = self._steps.skip(piece)
            if self._correction is not None:
                self._correction.reset()
            self._ready.extend(measured)
            return measured, cut_short
        pressure_pa = piece.pressure_pa
        if self._sensitivity != 1.0:
            pressure_pa = pressure_pa * self._sensitivity
        if self._correction is not None:
            pressure_pa = self._correction.process(pressure_pa)
        measured = self._steps.process(piece, pressure_pa)
        if self._bank is None:
            self._ready.extend(measured)
        else:
            self._waiting.extend(measured)
            self._accept(self._bank.process(pressure_pa, piece.first_step))
        return measured, cut_short

    def _accept(self, bands_pa2: NDArray[np.float64]) -> None:
        """Pair band energies with the steps that waited for them."""
        for energies in bands_pa2:
            step = self._waiting.popleft()
            step.bands_pa2 = energies
            self._ready.append(step)

    def _end_bank(self) -> None:
        if self._bank is not None:
            self._accept(self._bank.flush())

    def _collect(self) -> list[LevelReading]:
        """Readings whose steps are all there."""
        readings = []
        while self._ready:
            step = self._ready.popleft()
            self._unit.append(step)
            if (step.step + 1) % self._unit_steps == 0:
                readings += self._end_unit()
        return readings

    def _end_unit(self) -> list[LevelReading]:
        end_step = self._unit[-1].step + 1
        bands = () if self._bank is None else self._bank.bands
        unit = unit_reading(self._unit, self.sample_rate, self._floor_db, bands)
        self._unit = []
        self._period = unit if self._period is None else combine((self._period, unit))
        if not self._period_steps or end_step % self._period_steps:
            return []
        return self._end_period()

    def _end_period(self) -> list[LevelReading]:
        period, self._period = self._period, None
        return [] if period is None else [period]

    def _finish(self) -> list[LevelReading]:
        """Everything unfinished, as readings."""
        self._end_bank()
        readings = self._collect()
        if self._unit:
            readings += self._end_unit()
        return readings + self._end_period()


def _period_steps(period_s: float) -> int:
    in_range = 0 <= period_s <= LONGEST_PERIOD_S
    steps = round(period_s * STEPS_PER_SECOND) if in_range else 0
    if not in_range or abs(steps - period_s * STEPS_PER_SECOND) > 1e-9:
        text = (
            f"A period of {period_s} s cannot be measured: give a multiple of 0.125 s up to "
            f"{LONGEST_PERIOD_S} s, or 0 for all of it."
        )
        raise MeterError(text)
    return steps


def _unit_steps(period_steps: int) -> int:
    if 0 < period_steps < STEPS_PER_SECOND:
        return period_steps
    return gcd(period_steps, STEPS_PER_SECOND) or STEPS_PER_SECOND
