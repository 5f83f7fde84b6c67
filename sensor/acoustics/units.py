"""From the measurements of steps to the reading of a unit of up to a second."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from sensor.acoustics.bands import Band
from sensor.acoustics.histogram import LevelHistogram
from sensor.acoustics.levels import (
    LEVEL_FLOOR_DB,
    above_floor_db,
    level_db,
    measured_level_db,
)
from sensor.acoustics.measurement import StepMeasurement
from sensor.acoustics.readings import LevelReading, exposure_db, percentiles_db


def unit_reading(
    steps: list[StepMeasurement],
    sample_rate: int,
    floor_db: float | None,
    bands: Sequence[Band],
) -> LevelReading:
    """Reading of consecutive steps, up to a second; an invalid one makes all of it invalid.

    Parameters
    ----------
    steps : list of StepMeasurement
    sample_rate : int
    floor_db : float or None
        A-weighted level below which the microphone cannot read.
    bands : sequence of Band
        Those whose energies the steps hold; empty without a bank.
    """
    start = steps[0].start_frame
    frames = steps[-1].start_frame + steps[-1].frames - start
    intact = all(step.valid for step in steps)
    laeq_db = measured_level_db(sum(step.a_energy for step in steps) / frames)
    under_range = intact and (laeq_db is None or (floor_db is not None and laeq_db < floor_db))
    flags = LevelReading(
        start,
        frames,
        sample_rate,
        overload=any(step.overload for step in steps),
        gap=any(step.gap for step in steps),
        under_range=under_range,
        stuck=intact and all(step.stuck for step in steps),
    )
    # Silence is a measurement, unless the microphone is known to hear its own noise at least.
    if not intact or (under_range and floor_db is not None):
        return flags
    fast_db = [step.fast_db for step in steps if step.fast_db is not None]
    histogram = LevelHistogram.of(np.concatenate(fast_db)) if fast_db else None
    laf10_db, laf50_db, laf90_db = percentiles_db(histogram)
    mean_pa = sum(step.sum_pa for step in steps) / frames
    return replace(
        flags,
        laeq_db=laeq_db,
        lafmax_db=measured_level_db(max(step.fast_max_pa2 for step in steps)),
        lafmin_db=above_floor_db(min((float(f.min()) for f in fast_db), default=LEVEL_FLOOR_DB)),
        lasmax_db=measured_level_db(max(step.slow_max_pa2 for step in steps)),
        lceq_db=measured_level_db(sum(step.c_energy for step in steps) / frames),
        lcpeak_db=measured_level_db(max(step.c_peak_pa for step in steps) ** 2),
        lae_db=exposure_db(laeq_db, frames / sample_rate),
        lzeq_db=measured_level_db(sum(step.z_energy for step in steps) / frames - mean_pa**2),
        laf10_db=laf10_db,
        laf50_db=laf50_db,
        laf90_db=laf90_db,
        bands_db=_bands_db(steps, frames, bands) if bands else None,
        valid=True,
        measured_frames=frames,
        histogram=histogram,
    )


def _bands_db(
    steps: list[StepMeasurement], frames: int, bands: Sequence[Band]
) -> dict[float, float]:
    energies = sum(
        (step.bands_pa2 * step.frames for step in steps if step.bands_pa2 is not None),
        start=np.zeros(len(bands)),
    )
    return {
        band.nominal_hz: level_db(energy / frames)
        for band, energy in zip(bands, energies.tolist(), strict=True)
    }
