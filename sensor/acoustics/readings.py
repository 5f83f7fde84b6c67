"""What the sound level meter hands on: readings of a period, steps of 125 ms."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from sensor.acoustics.histogram import LevelHistogram
from sensor.acoustics.levels import above_floor_db, level_db, mean_square_pa2, measured_level_db
from sensor.errors import MeterError


@dataclass(frozen=True, slots=True)
class LevelReading:
    """Levels over one period; None where nothing valid was measured.

    Parameters
    ----------
    start_frame, frames : int
        The period, counted from the beginning of the stream.
    sample_rate : int
        Frames a second.
    laeq_db, lceq_db, lzeq_db : float or None
        Equivalent continuous levels; Z is flat but for the mean pressure, which is taken off.
    lafmax_db, lafmin_db, lasmax_db : float or None
        Extremes of the time-weighted level.
    lcpeak_db : float or None
        Highest instantaneous C-weighted level, found between the samples too.
    lae_db : float or None
        Sound exposure level.
    laf10_db, laf50_db, laf90_db : float or None
        Levels exceeded for that percentage of the time. They and the minimum leave out the first
        half second after the stream began or was broken, while F still rises.
    bands_db : dict or None
        Equivalent continuous level of each third octave by its nominal mid-band frequency in
        hertz, when the bank is on.
    overload : bool
        The input was driven to its limit; the levels are lower bounds.
    gap : bool
        Frames are missing in the period.
    under_range : bool
        The level is below what the microphone can show: it is none.
    valid : bool
        The levels stand for the period.
    stuck : bool
        All samples of the period were equal.
    measured_frames : int
        Frames behind the levels: fewer than `frames` where a longer period has gaps.
    histogram : LevelHistogram or None
        Distribution of LAF, from which longer periods take their percentiles.
    """

    start_frame: int
    frames: int
    sample_rate: int
    laeq_db: float | None = None
    lafmax_db: float | None = None
    lafmin_db: float | None = None
    lasmax_db: float | None = None
    lceq_db: float | None = None
    lcpeak_db: float | None = None
    lae_db: float | None = None
    lzeq_db: float | None = None
    laf10_db: float | None = None
    laf50_db: float | None = None
    laf90_db: float | None = None
    bands_db: dict[float, float] | None = None
    overload: bool = False
    gap: bool = False
    under_range: bool = False
    valid: bool = False
    stuck: bool = False
    measured_frames: int = 0
    histogram: LevelHistogram | None = field(default=None, repr=False, compare=False)

    @property
    def end_frame(self) -> int:
        """Frame after the last one."""
        return self.start_frame + self.frames


@dataclass(frozen=True, slots=True)
class LevelStep:
    """Levels over one step of the grid: the fine trace from which events are found.

    Never infinite: silence reads :data:`~sensor.acoustics.levels.LEVEL_FLOOR_DB`, and a step that
    is not valid reads NaN.
    """

    start_frame: int
    frames: int
    sample_rate: int
    lafmax_db: float
    laeq_db: float
    lceq_db: float
    valid: bool
    overload: bool


def combine(readings: Sequence[LevelReading]) -> LevelReading:
    """Reading of a longer period from consecutive shorter ones.

    Energies are averaged over the frames measured, extremes are the extremes, and percentiles come
    from the distributions added up. Readings that are not valid are left out of the levels, but
    not of the flags; the result is valid when any part is, and `measured_frames` says how much.

    Raises
    ------
    MeterError
        If there are none, or if they do not follow each other.
    """
    if not readings:
        raise MeterError("There are no level readings to combine: give at least one.")
    for earlier, later in pairwise(readings):
        if later.start_frame < earlier.end_frame or later.sample_rate != earlier.sample_rate:
            text = (
                f"The readings at frames {earlier.start_frame} and {later.start_frame} do not "
                "follow each other: combine readings of one stream in their order."
            )
            raise MeterError(text)
    valid = [reading for reading in readings if reading.valid]
    measured = sum(reading.measured_frames for reading in valid)
    histogram = LevelHistogram.sum_of(r.histogram for r in valid if r.histogram is not None)
    laf10_db, laf50_db, laf90_db = percentiles_db(histogram)
    laeq_db = _mean(valid, measured, lambda reading: reading.laeq_db)
    return LevelReading(
        start_frame=readings[0].start_frame,
        frames=readings[-1].end_frame - readings[0].start_frame,
        sample_rate=readings[0].sample_rate,
        laeq_db=laeq_db,
        lafmax_db=_extreme(max, (reading.lafmax_db for reading in valid)),
        lafmin_db=_extreme(min, (reading.lafmin_db for reading in valid)),
        lasmax_db=_extreme(max, (reading.lasmax_db for reading in valid)),
        lceq_db=_mean(valid, measured, lambda reading: reading.lceq_db),
        lcpeak_db=_extreme(max, (reading.lcpeak_db for reading in valid)),
        lae_db=exposure_db(laeq_db, measured / readings[0].sample_rate),
        lzeq_db=_mean(valid, measured, lambda reading: reading.lzeq_db),
        laf10_db=laf10_db,
        laf50_db=laf50_db,
        laf90_db=laf90_db,
        bands_db=_mean_bands(valid, measured),
        overload=any(reading.overload for reading in readings),
        gap=any(reading.gap for reading in readings),
        under_range=any(reading.under_range for reading in readings),
        valid=bool(valid),
        stuck=all(reading.stuck for reading in readings),
        measured_frames=measured,
        histogram=histogram,
    )


def exposure_db(laeq_db: float | None, duration_s: float) -> float | None:
    """Sound exposure level: all the energy of `duration_s` pressed into one second."""
    return measured_level_db(mean_square_pa2(laeq_db) * duration_s)


def percentiles_db(
    histogram: LevelHistogram | None,
) -> tuple[float | None, float | None, float | None]:
    """LAF10, LAF50 and LAF90 of a distribution."""
    if histogram is None:
        return None, None, None
    high, middle, low = (above_floor_db(histogram.exceeded_db(percent)) for percent in (10, 50, 90))
    return high, middle, low


def _mean(
    readings: Iterable[LevelReading], frames: int, level: Callable[[LevelReading], float | None]
) -> float | None:
    energy = sum(mean_square_pa2(level(reading)) * reading.measured_frames for reading in readings)
    return measured_level_db(energy / frames) if frames else None


def _extreme(
    choose: Callable[[Iterable[float]], float], levels: Iterable[float | None]
) -> float | None:
    there = [level for level in levels if level is not None]
    return choose(there) if there else None


def _mean_bands(readings: Sequence[LevelReading], frames: int) -> dict[float, float] | None:
    bands = [(reading.bands_db, reading.measured_frames) for reading in readings]
    if not frames or any(levels is None for levels, _ in bands):
        return None
    energies: dict[float, float] = {}
    for levels, measured in bands:
        for centre_hz, level in (levels or {}).items():
            energy = mean_square_pa2(level) * measured / frames
            energies[centre_hz] = energies.get(centre_hz, 0.0) + energy
    return {centre_hz: level_db(energy) for centre_hz, energy in energies.items()}
