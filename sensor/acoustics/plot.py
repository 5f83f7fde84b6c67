"""Levels over time, and third octaves over time, as a drawing."""

from __future__ import annotations

from collections.abc import Sequence
from math import nan

import numpy as np

from sensor.acoustics.readings import LevelReading, LevelStep
from sensor.svg import COLOURS, Figure

LEFT, WIDTH, LEVELS_HEIGHT, BANDS_HEIGHT = 64, 800, 240, 240


def level_figure(
    title: str, readings: Sequence[LevelReading], steps: Sequence[LevelStep]
) -> Figure:
    """LAF every 125 ms, LAeq of each reading, and the bands below them when they were measured."""
    with_bands = any(reading.bands_db for reading in readings)
    height = LEVELS_HEIGHT + 120 + (BANDS_HEIGHT + 70 if with_bands else 0)
    figure = Figure(LEFT + WIDTH + 36, height, title)
    end_s = max(_end_s(readings[-1]), 0.125) if readings else 1.0
    _draw_levels(figure, readings, steps, end_s)
    if with_bands:
        _draw_bands(figure, readings, end_s)
    return figure


def _draw_levels(
    figure: Figure, readings: Sequence[LevelReading], steps: Sequence[LevelStep], end_s: float
) -> None:
    seen = [step.lafmax_db for step in steps if step.valid] or [0.0]
    low, high = 10 * np.floor(min(seen) / 10), 10 * np.ceil(max(seen) / 10 + 0.1)
    axes = figure.axes(LEFT, 60, WIDTH, LEVELS_HEIGHT, x=(0, end_s), y=(float(low), float(high)))
    axes.labels("time / s", "level / dB")
    for reading in readings:
        if not reading.valid:
            axes.span(reading.start_frame / reading.sample_rate, _end_s(reading), colour="#e8e8e8")
        elif reading.overload:
            axes.span(reading.start_frame / reading.sample_rate, _end_s(reading))
    times = [(step.start_frame + step.frames / 2) / step.sample_rate for step in steps]
    axes.line(times, [step.lafmax_db for step in steps], label="LAFmax in 125 ms", width=1.2)
    borders, laeq = [], []
    for reading in readings:
        borders += [reading.start_frame / reading.sample_rate, _end_s(reading), nan]
        level = nan if reading.laeq_db is None else reading.laeq_db
        laeq += [level, level, nan]
    axes.line(borders, laeq, label="LAeq", width=2.5, colour=COLOURS[1])


def _draw_bands(figure: Figure, readings: Sequence[LevelReading], end_s: float) -> None:
    centres = next(list(reading.bands_db) for reading in readings if reading.bands_db)
    columns = [
        [nan] * len(centres) if not reading.bands_db else list(reading.bands_db.values())
        for reading in readings
    ]
    values = np.array(columns).T
    high = float(np.nanmax(values))
    low = max(float(np.nanmin(values)), high - 60)
    top = 60 + LEVELS_HEIGHT + 70
    axes = figure.axes(LEFT, top, WIDTH, BANDS_HEIGHT, x=(0, end_s), y=(0, len(centres)))
    axes.labels("time / s", "third octave / Hz")
    axes.ticks(y=[(row + 0.5, f"{hz:g}") for row, hz in enumerate(centres) if row % 3 == 1])
    axes.image(values, low=low, high=max(high, low + 1), x=(0, len(readings) * _end_s(readings[0])))
    axes.note(f"Leq from {low:.0f} dB (dark) to {high:.0f} dB (light)")


def _end_s(reading: LevelReading) -> float:
    return reading.end_frame / reading.sample_rate
