"""Measures the meter against the acceptance limits of its standards.

Every figure is what :class:`~sensor.acoustics.meter.SoundLevelMeter` itself reads of a synthesised
signal; none is taken from a filter's coefficients.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from sensor.acoustics.checks import CheckTable
from sensor.acoustics.conformance_bands import band_tables
from sensor.acoustics.conformance_meter import meter_tables

NOT_TESTED: Final = (
    "The microphone: sensitivity, frequency response, directional response, self-noise, wind.",
    "The converter and its anti-aliasing filter, the power supply, the clock's rate.",
    "Influence of temperature, humidity, static pressure, vibration and electromagnetic fields.",
    "Long-term stability of hardware (5.14, 5.15) and warm-up; arithmetic has none.",
    "Display, markings and instruction manual as the standards prescribe them.",
)


def conformance_tables(sample_rate: int) -> Iterator[CheckTable]:
    """Measure all tables of both standards at one sample rate, one after the other.

    Raises
    ------
    MeterError
        If the rate is outside 16 to 192 kHz.
    """
    yield from meter_tables(sample_rate)
    yield from band_tables(sample_rate)
