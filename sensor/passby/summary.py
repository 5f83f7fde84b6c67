"""An event in figures, from the steps and readings it spans."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

from sensor.acoustics.levels import LEVEL_FLOOR_DB
from sensor.contract.messages import Flag, Trigger

if TYPE_CHECKING:
    from sensor.acoustics.readings import LevelReading, LevelStep


@dataclass(frozen=True, slots=True)
class Detection:
    """One event.

    Parameters
    ----------
    start_frame, end_frame : int
        What it spans, with the pre-roll; the end is the end of the last step above the release
        threshold.
    sample_rate : int
        Frames a second.
    trigger : {'level', 'emergence', 'radar'}
        What opened it.
    lafmax_db : float
        Highest A-weighted level with time weighting F.
    lafmax_frame : int
        First frame of the 125 ms step in which it was reached.
    lae_db, laeq_db : float
        Sound exposure level and equivalent level of the span.
    lcpeak_db : float, optional
        Highest C-weighted peak of the seconds that the span touches.
    background_laf90_db : float, optional
        The background before the event; None while too little was known of it.
    emergence_db : float, optional
        LAFmax above that background.
    bands_db : dict of str to float, optional
        Third-octave Leq by nominal centre, as the wire names it; None without a filter bank.
    trace_lafmax_db : tuple of float or None
        LAFmax of each second from the start; None where nothing was measured.
    flags : frozenset of str
        Those that the sound itself gives; calibration and clock are not known here.
    """

    start_frame: int
    end_frame: int
    sample_rate: int
    trigger: Trigger
    lafmax_db: float
    lafmax_frame: int
    lae_db: float
    laeq_db: float
    lcpeak_db: float | None
    background_laf90_db: float | None
    emergence_db: float | None
    bands_db: dict[str, float] | None
    trace_lafmax_db: tuple[float | None, ...]
    flags: frozenset[Flag]

    @property
    def duration_s(self) -> float:
        """Length of the span in seconds."""
        return (self.end_frame - self.start_frame) / self.sample_rate


def summarise(
    steps: Sequence[LevelStep],
    readings: Sequence[LevelReading],
    trigger: Trigger,
    background_db: float | None,
) -> Detection | None:
    """Return what `steps` amount to, or None where none of them is valid.

    Parameters
    ----------
    steps : sequence of LevelStep
        The span of the event.
    readings : sequence of LevelReading
        Those of its seconds, and possibly others.
    trigger, background_db
        As in :class:`Detection`, which is given without flags.
    """
    valid = [step for step in steps if step.valid and not math.isnan(step.lafmax_db)]
    if not valid:
        return None
    rate, start, end = steps[0].sample_rate, steps[0].start_frame, _end(steps[-1])
    loudest = max(valid, key=lambda step: step.lafmax_db)
    touched = _touched(readings, start, end)
    lae_db = _db(sum(_exposure(step) for step in valid) / rate)
    peaks_db = [r.lcpeak_db for r in touched if r.lcpeak_db is not None]
    return Detection(
        start_frame=start,
        end_frame=end,
        sample_rate=rate,
        trigger=trigger,
        lafmax_db=loudest.lafmax_db,
        lafmax_frame=loudest.start_frame,
        lae_db=lae_db,
        laeq_db=lae_db - 10 * math.log10(sum(step.frames for step in valid) / rate),
        lcpeak_db=max(peaks_db, default=None),
        background_laf90_db=background_db,
        emergence_db=None if background_db is None else loudest.lafmax_db - background_db,
        bands_db=_bands(valid, touched),
        trace_lafmax_db=_trace(steps),
        flags=frozenset(),
    )


def flags_of(steps: Sequence[LevelStep], readings: Sequence[LevelReading]) -> set[Flag]:
    """Flags that `steps` and the `readings` of their seconds give."""
    flags: set[Flag] = set()
    touched = _touched(readings, steps[0].start_frame, _end(steps[-1]))
    jumps = any(_end(a) != b.start_frame for a, b in pairwise(steps))
    if jumps or any(r.gap for r in touched) or any(not s.valid and not s.overload for s in steps):
        flags.add("gap")
    if any(step.overload for step in steps):
        flags.add("overload")
    return flags


def lceq_of(steps: Sequence[LevelStep]) -> float | None:
    """C-weighted equivalent level of the valid `steps`, or None."""
    levels = [(10 ** (s.lceq_db / 10) * s.frames, s.frames) for s in steps if s.valid]
    energy, frames = (sum(column) for column in zip(*levels, strict=True)) if levels else (0, 0)
    return _db(energy / frames) if frames and energy > 0 else None


def normalised_7m5_db(lafmax_db: float, distance_m: float) -> float:
    """LAFmax as it would be 7.5 m from the vehicle: 6 dB a doubling of the distance.

    Parameters
    ----------
    lafmax_db : float
        As measured.
    distance_m : float
        From the microphone to the vehicle at its nearest, > 0. A vehicle is no point and the
        ground is no mirror: below 4 m and beyond 20 m the figure is a guide only.
    """
    return lafmax_db + 20 * math.log10(distance_m / 7.5)


def _touched(readings: Sequence[LevelReading], start: int, end: int) -> list[LevelReading]:
    return [r for r in readings if r.start_frame < end and _end(r) > start]


def _end(step: LevelStep | LevelReading) -> int:
    return step.start_frame + step.frames


def _db(energy: float) -> float:
    return 10 * math.log10(energy)


def _exposure(step: LevelStep) -> float:
    return float(10 ** (step.laeq_db / 10)) * step.frames


def _bands(steps: Sequence[LevelStep], readings: Sequence[LevelReading]) -> dict[str, float] | None:
    """Leq of each band over `steps`.

    A reading spans a whole second, of which the event may fill a part. Its energy is given to
    that part as its A-weighted energy is; anything coarser dilutes a short event. The reading of
    the last second may still be under way when the event is given out: it is left out.
    """
    energy: dict[float, float] = {}
    frames = 0
    for reading in readings:
        inside = [step for step in steps if _lies_in(step, reading)]
        if not reading.bands_db or reading.laeq_db is None or not inside:
            continue
        frames += sum(step.frames for step in inside)
        exposure = sum(_exposure(step) for step in inside)
        share = min(1.0, exposure / (10 ** (reading.laeq_db / 10) * reading.frames))
        for centre, level_db in reading.bands_db.items():
            part = share * 10 ** (level_db / 10) * reading.frames
            energy[centre] = energy.get(centre, 0.0) + part
    levels_db = {f"{hz:g}": _db(e / frames) for hz, e in energy.items() if e > 0}
    # A small share of a silent band would be less than the meter ever shows.
    return {name: max(level_db, LEVEL_FLOOR_DB) for name, level_db in levels_db.items()} or None


def _lies_in(step: LevelStep, reading: LevelReading) -> bool:
    middle = step.start_frame + step.frames // 2
    return reading.start_frame <= middle < _end(reading)


def _trace(steps: Sequence[LevelStep]) -> tuple[float | None, ...]:
    start, rate = steps[0].start_frame, steps[0].sample_rate
    seconds: list[float | None] = [None] * math.ceil((_end(steps[-1]) - start) / rate)
    for step in steps:
        if step.valid and not math.isnan(step.lafmax_db):
            second = (step.start_frame - start) // rate
            so_far = seconds[second]
            seconds[second] = step.lafmax_db if so_far is None else max(so_far, step.lafmax_db)
    return tuple(seconds)
