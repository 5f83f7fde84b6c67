"""Everything that is measured in one step of the grid."""

from __future__ import annotations

from dataclasses import dataclass
from math import nan

import numpy as np
from numpy.typing import NDArray

from sensor.acoustics.ballistics import TimeWeighting
from sensor.acoustics.framing import Hole, Run
from sensor.acoustics.grid import Grid
from sensor.acoustics.levels import level_db, levels_db
from sensor.acoustics.overload import OverloadDetector
from sensor.acoustics.peak import PeakDetector
from sensor.acoustics.readings import LevelStep
from sensor.acoustics.weighting import FrequencyWeighting

Array = NDArray[np.float64]

# F is within 0.1 dB of its final value after this many steps (half a second).
SETTLING_STEPS = 4


@dataclass(slots=True, eq=False)
class StepMeasurement:
    """Energies (sums of squares), extremes and flags of one step.

    `fast_db` is LAF once a millisecond, or None while F still rises after a beginning; `bands_pa2`
    comes later than the rest, since a third octave needs the sound after the step as well.
    """

    step: int
    start_frame: int
    frames: int
    valid: bool
    gap: bool = False
    overload: bool = False
    stuck: bool = False
    a_energy: float = 0.0
    c_energy: float = 0.0
    z_energy: float = 0.0
    sum_pa: float = 0.0
    fast_max_pa2: float = 0.0
    slow_max_pa2: float = 0.0
    c_peak_pa: float = 0.0
    fast_db: Array | None = None
    bands_pa2: Array | None = None

    def level_step(self, sample_rate: int) -> LevelStep:
        """The step as others see it."""
        levels = (nan, nan, nan)
        if self.valid:
            levels = (
                level_db(self.fast_max_pa2),
                level_db(self.a_energy / self.frames),
                level_db(self.c_energy / self.frames),
            )
        return LevelStep(
            self.start_frame, self.frames, sample_rate, *levels, self.valid, self.overload
        )


class StepMeter:
    """Measures runs of steps; holds the state of all filters.

    Parameters
    ----------
    grid : Grid
    full_scale_pa : float or None
        Pressure at the limit of the input, when it is known.
    """

    def __init__(self, grid: Grid, full_scale_pa: float | None) -> None:
        self._grid = grid
        self._weighting = FrequencyWeighting(grid.sample_rate)
        self._ballistics = TimeWeighting()
        self._peak = PeakDetector()
        self._overload = OverloadDetector(full_scale_pa)
        self._settling = SETTLING_STEPS

    def reset(self) -> None:
        """Begin anew, out of silence."""
        self._weighting.reset()
        self._ballistics.reset()
        self._peak.reset()
        self._settling = SETTLING_STEPS

    def skip(self, hole: Hole) -> list[StepMeasurement]:
        """Steps without a measurement; what follows begins anew."""
        self.reset()
        return [
            self._empty(step, valid=False, gap=hole.gap)
            for step in range(hole.first_step, hole.first_step + hole.steps)
        ]

    def process(self, run: Run, pressure_pa: Array) -> list[StepMeasurement]:
        """Measure the steps of a run.

        Parameters
        ----------
        run : Run
            As it came from the input: overload and stuck samples show here.
        pressure_pa : ndarray, shape (frames,)
            The same sound, corrected for the microphone.
        """
        measured = run.pressure_pa.size
        pressure_pa = self._padded(pressure_pa, run)
        a_pa, c_pa = self._weighting.process(pressure_pa)
        if measured < a_pa.size:
            # Held rather than cut off, which would ring between the samples.
            a_pa[measured:], c_pa[measured:] = 0.0, c_pa[measured - 1]
        slices = self._grid.slice_energies(a_pa, run.first_step, run.steps)
        fast, slow = self._ballistics.process(slices)
        places = self._grid.step_slices(run.first_step, run.steps)
        peaks = self._peak.process(c_pa, places)
        fast_db = levels_db(fast)
        measurements = []
        for index, place in enumerate(places):
            step = self._empty(run.first_step + index, valid=True)
            raw = run.pressure_pa[place]
            step.frames = raw.size
            lowest, highest = float(raw.min()), float(raw.max())
            step.overload = self._overload.process(raw, lowest, highest)
            step.stuck = lowest == highest
            there = slice(place.start, place.start + raw.size)
            step.sum_pa = float(pressure_pa[there].sum())
            step.z_energy = _energy(pressure_pa[there])
            step.a_energy, step.c_energy = _energy(a_pa[there]), _energy(c_pa[there])
            seen = self._grid.slices_in(raw.size)
            step.fast_max_pa2 = float(fast[index, :seen].max())
            step.slow_max_pa2 = float(slow[index, :seen].max())
            step.c_peak_pa = peaks[index]
            if self._settling:
                self._settling -= 1
            else:
                step.fast_db = fast_db[index, :seen]
            measurements.append(step)
        return measurements

    def _empty(self, step: int, *, valid: bool, gap: bool = False) -> StepMeasurement:
        start = self._grid.step_start(step)
        return StepMeasurement(step, start, self._grid.step_start(step + 1) - start, valid, gap)

    def _padded(self, pressure_pa: Array, run: Run) -> Array:
        """The last step of a stream, filled up with silence."""
        end = self._grid.step_start(run.first_step + run.steps)
        missing = end - self._grid.step_start(run.first_step) - pressure_pa.size
        return np.pad(pressure_pa, (0, missing)) if missing else pressure_pa


def _energy(signal: Array) -> float:
    return float(np.dot(signal, signal))
