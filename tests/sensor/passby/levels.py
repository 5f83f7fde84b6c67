"""Steps and readings as the meter gives them, from a course of the sound level."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.signal import lfilter

from sensor.acoustics.readings import LevelReading, LevelStep
from sensor.passby.detector import Detection, EventDetector

SAMPLE_RATE = 48_000
STEP = SAMPLE_RATE // 8
CENTRES_HZ = (25, 31.5, 40, 50, 63, 80, 100, 125, 160, 200, 250, 315, 400, 500, 630, 800, 1000,
              1250, 1600, 2000, 2500, 3150, 4000, 5000, 6300, 8000, 10000)  # fmt: skip

Level = Callable[[NDArray[np.float64]], NDArray[np.float64]]
"""Momentary level in dB at times in seconds."""


def steps_of(level: Level, seconds: float, *, lc_la_db: float = 3.0) -> list[LevelStep]:
    """The steps of a sound whose momentary level is `level`, by 1 ms, weighted F."""
    milliseconds = int(seconds * 8) * 125
    energy = 10 ** (level(np.arange(milliseconds) / 1000) / 10)
    decay = np.exp(-0.001 / 0.125)
    fast, _ = lfilter([1 - decay], [1, -decay], energy, zi=[decay * energy[0]])
    lafmax_db = 10 * np.log10(fast.reshape(-1, 125).max(axis=1))
    laeq_db = 10 * np.log10(energy.reshape(-1, 125).mean(axis=1))
    return [
        LevelStep(i * STEP, STEP, SAMPLE_RATE, float(f), float(e), float(e) + lc_la_db, True, False)
        for i, (f, e) in enumerate(zip(lafmax_db, laeq_db, strict=True))
    ]


def readings_of(
    steps: Sequence[LevelStep], bands_db: dict[float, float] | None = None
) -> list[LevelReading]:
    """One reading a second; `bands_db` is relative to LAeq."""
    seconds = [steps[i : i + 8] for i in range(0, len(steps) - 7, 8)]
    readings = []
    for eight in seconds:
        laeq_db = float(10 * np.log10(np.mean([10 ** (s.laeq_db / 10) for s in eight])))
        readings.append(
            LevelReading(
                start_frame=eight[0].start_frame,
                frames=SAMPLE_RATE,
                sample_rate=SAMPLE_RATE,
                laeq_db=laeq_db,
                lceq_db=laeq_db + 3,
                lafmax_db=max(s.lafmax_db for s in eight),
                lcpeak_db=laeq_db + 12,
                bands_db={hz: laeq_db + x for hz, x in bands_db.items()} if bands_db else None,
                valid=True,
                measured_frames=SAMPLE_RATE,
            )
        )
    return readings


def run(
    detector: EventDetector, steps: Iterable[LevelStep], readings: Iterable[LevelReading] = ()
) -> list[tuple[int, Detection]]:
    """Play a stream; each event with the frame at which it was given out, -1 after the end."""
    waiting = list(readings)
    found: list[tuple[int, Detection]] = []
    for step in steps:
        now = step.start_frame + step.frames
        ready = [r for r in waiting if r.end_frame <= now]
        del waiting[: len(ready)]
        found += [(now, event) for event in detector.process(ready, [step])]
    return found + [(-1, event) for event in detector.flush()]


def passes(
    *at_s: float, peak_db: float = 80.0, speed_mps: float = 12.0, floor_db: float = 46.0
) -> Level:
    """Vehicles 7.5 m away, nearest at the times given, over a steady background."""

    def level(t: NDArray[np.float64]) -> NDArray[np.float64]:
        energy = np.full(t.shape, 10 ** (floor_db / 10))
        for nearest_s in at_s:
            energy += 10 ** (peak_db / 10) / (1 + (speed_mps * (t - nearest_s) / 7.5) ** 2)
        return np.asarray(10 * np.log10(energy))

    return level


def constant(level_db: float) -> Level:
    """A level that does not change."""
    return lambda t: np.full(t.shape, level_db)


def bursts(*on_s: tuple[float, float], level_db: float, floor_db: float = 46.0) -> Level:
    """`level_db` from each first to each second time, `floor_db` otherwise."""

    def level(t: NDArray[np.float64]) -> NDArray[np.float64]:
        on = np.zeros(t.shape, dtype=bool)
        for first_s, last_s in on_s:
            on |= (t >= first_s) & (t < last_s)
        return np.where(on, level_db, floor_db)

    return level
