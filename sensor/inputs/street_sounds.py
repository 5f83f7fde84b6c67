"""The sounds of a street, synthesised: engines, tyres, music, children, a bell, a dog.

Every function returns pressure over time of one source, of any level: :func:`scaled` gives it
the level that it should have.  Spectra and rhythms are plausible rather than measured; what is
exact is the level, and later the motion (:mod:`sensor.inputs.propagation`).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray
from scipy.fft import irfft, next_fast_len, rfft, rfftfreq

from sensor.acoustics.weighting import weighting_db

FloatArray: TypeAlias = NDArray[np.float64]
Gain: TypeAlias = Callable[[FloatArray], FloatArray]

REFERENCE_PA = 20e-6
FAST_S = 0.125

_TABLE = 4096


def a_weighting(frequency_hz: FloatArray) -> FloatArray:
    """Factor of the analytic A-weighting; nothing below 1 Hz."""
    gain = 10.0 ** (weighting_db("A", np.maximum(frequency_hz, 1.0)) / 20.0)
    return np.asarray(np.where(frequency_hz < 1.0, 0.0, gain), dtype=np.float64)


def filtered(signal: FloatArray, sample_rate: int, gain: Gain) -> FloatArray:
    """`signal` with its spectrum multiplied by `gain(frequency_hz)`, without a shift in time."""
    frames = next_fast_len(len(signal) + sample_rate // 10, real=True)
    spectrum = rfft(signal, frames) * gain(rfftfreq(frames, 1.0 / sample_rate))
    return np.asarray(irfft(spectrum, frames)[: len(signal)])


def lafmax_db(pressure_pa: FloatArray, sample_rate: int) -> float:
    """LAFmax of a sound that stands alone, by the analytic A-weighting.

    Parameters
    ----------
    pressure_pa : ndarray, shape (frames,)
    sample_rate : int
    """
    from scipy.signal import lfilter  # noqa: PLC0415 - see sensor/acoustics/filtering.py: costs seconds and 80 MB

    weighted = filtered(pressure_pa, sample_rate, a_weighting)
    decay = np.exp(-1.0 / (FAST_S * sample_rate))
    fast = lfilter([1.0 - decay], [1.0, -decay], np.square(weighted))
    return float(10.0 * np.log10(np.max(fast) / REFERENCE_PA**2))


def scaled(signal: FloatArray, sample_rate: int, level_db: float) -> FloatArray:
    """`signal` with the LAFmax `level_db`."""
    return signal * float(10.0 ** ((level_db - lafmax_db(signal, sample_rate)) / 20.0))


def noise(rng: np.random.Generator, frames: int, sample_rate: int, gain: Gain) -> FloatArray:
    """Noise with the spectrum `gain`; it joins its own end without a seam."""
    spectrum = rfft(rng.standard_normal(frames))
    return np.asarray(irfft(spectrum * gain(rfftfreq(frames, 1.0 / sample_rate)), frames))


def resonances(*centre_and_width_hz: tuple[float, float], floor: float = 0.03) -> Gain:
    """Peaks of gain 1 at each centre, over a `floor` in between."""

    def gain(frequency_hz: FloatArray) -> FloatArray:
        peaks = [
            1.0 / (1.0 + np.square((frequency_hz - centre) / (width / 2.0)))
            for centre, width in centre_and_width_hz
        ]
        return np.asarray(floor + np.sum(peaks, axis=0))

    return gain


def wander(
    rng: np.random.Generator, duration_s: float, time_s: FloatArray, every_s: float
) -> FloatArray:
    """A curve of unit spread that changes its mind every `every_s`."""
    knots = np.arange(int(duration_s / every_s) + 3)
    return np.interp(time_s / every_s, knots, rng.standard_normal(len(knots)))


def engine(
    rng: np.random.Generator,
    duration_s: float,
    sample_rate: int,
    firing_hz: float,
    exhaust: Gain,
    roughness: float,
) -> FloatArray:
    """A piston engine: one pulse a firing, through its exhaust.

    Parameters
    ----------
    firing_hz : float
        Firings a second; wanders by a percent or two.
    exhaust : callable
        Gain of the exhaust over frequency.
    roughness : float
        Spread of the pulses' strength from one firing to the next.
    """
    frames = round(duration_s * sample_rate)
    time_s = np.arange(frames) / sample_rate
    rate_hz = firing_hz * (1.0 + 0.012 * wander(rng, duration_s, time_s, 1.5))
    firings = np.cumsum(rate_hz) / sample_rate
    # A tenth is left for the rate to wander and for the Doppler shift.
    harmonics = np.arange(1.0, min(0.45 * sample_rate / firing_hz, _TABLE / 4))
    strength = exhaust(firing_hz * harmonics) / np.sqrt(harmonics)
    turn = np.exp(2j * np.pi * rng.random(len(harmonics)))
    spectrum = np.zeros(_TABLE // 2 + 1, dtype=np.complex128)
    spectrum[1 : len(harmonics) + 1] = strength * turn
    table = irfft(spectrum, _TABLE)
    pulse = np.interp(firings % 1.0, np.arange(_TABLE + 1) / _TABLE, np.append(table, table[0]))
    strokes = 1.0 + roughness * rng.standard_normal(int(firings[-1]) + 2)
    hiss = noise(rng, frames, sample_rate, exhaust)
    pulse *= np.interp(firings, np.arange(len(strokes)), strokes)
    return np.asarray(pulse / np.std(pulse) + 0.15 * hiss / np.std(hiss))


def moped(rng: np.random.Generator, duration_s: float, sample_rate: int) -> FloatArray:
    """A small two-stroke at high revolutions: every turn fires."""
    exhaust = resonances((260.0, 250.0), (850.0, 700.0), (2300.0, 1800.0))
    return engine(rng, duration_s, sample_rate, rng.uniform(95.0, 140.0), exhaust, 0.12)


def car(rng: np.random.Generator, duration_s: float, sample_rate: int) -> FloatArray:
    """Tyres on asphalt, broad about 1 kHz, and a quiet four-cylinder engine."""
    frames = round(duration_s * sample_rate)
    tyres = noise(rng, frames, sample_rate, resonances((900.0, 900.0), (120.0, 200.0), floor=0.02))
    exhaust = resonances((110.0, 90.0), (420.0, 300.0), floor=0.01)
    motor = engine(rng, duration_s, sample_rate, rng.uniform(50.0, 80.0), exhaust, 0.05)
    return tyres / np.std(tyres) + 0.35 * motor / np.std(motor)


def a_tractor(rng: np.random.Generator, duration_s: float, sample_rate: int) -> FloatArray:
    """An old five-cylinder car with a leaking exhaust, and its music."""
    exhaust = resonances((90.0, 80.0), (330.0, 350.0), (1100.0, 900.0), floor=0.02)
    motor = engine(rng, duration_s, sample_rate, rng.uniform(55.0, 85.0), exhaust, 0.10)
    beat = music(rng, len(motor), sample_rate)
    return 0.5 * motor / np.std(motor) + beat / np.std(beat)


def music(rng: np.random.Generator, frames: int, sample_rate: int) -> FloatArray:
    """Dance music heard through a car's body: a bar of drum, bass, chord and cymbal, repeated."""
    beat_s = 60.0 / rng.uniform(122.0, 140.0)
    time_s = np.arange(round(4 * beat_s * sample_rate)) / sample_rate
    in_beat_s = time_s % beat_s
    drop_hz = 48.0 * in_beat_s + 3.0 * (1.0 - np.exp(-in_beat_s / 0.03))
    drum = np.sin(2 * np.pi * drop_hz) * np.exp(-in_beat_s / 0.14)
    root_hz = 55.0 * 2.0 ** (rng.integers(0, 5) / 12.0)
    offbeat = in_beat_s > beat_s / 2
    bass = np.where(offbeat, 2.0 * (root_hz * time_s % 1.0) - 1.0, 0.0)
    chord = sum(
        np.sin(2 * np.pi * 4.0 * root_hz * 2.0 ** (step / 12.0) * time_s) for step in (0, 3, 7)
    )
    cymbal = rng.standard_normal(len(time_s)) * np.exp(-((time_s + beat_s / 2) % beat_s) / 0.03)
    bar = 1.6 * drum + 0.7 * bass + 0.25 * np.asarray(chord) + 0.5 * cymbal
    bar = filtered(bar, sample_rate, lambda hz: 1.0 / np.sqrt(1.0 + np.square(hz / 350.0)))
    return np.resize(bar, frames)


def voices(rng: np.random.Generator, duration_s: float, sample_rate: int) -> FloatArray:
    """Children who play and shout: glides of a high pitch through the formants of small mouths."""
    total = np.zeros(round(duration_s * sample_rate))
    for _ in range(int(rng.integers(3, 7))):
        child = np.zeros_like(total)
        at_s = rng.uniform(0.0, 0.8)
        while at_s < duration_s - 0.8:
            length_s = rng.uniform(0.15, 0.7)
            pitch_hz = rng.uniform(280.0, 520.0)
            call = _glide(rng, length_s, sample_rate, pitch_hz, pitch_hz * rng.uniform(0.75, 1.4))
            first = round(at_s * sample_rate)
            child[first : first + len(call)] += rng.uniform(0.3, 1.0) * call
            at_s += length_s + rng.exponential(0.6)
        mouth = resonances(
            (rng.uniform(700, 1100), 180.0), (rng.uniform(1500, 2600), 260.0), (3800.0, 500.0)
        )
        total += filtered(child, sample_rate, mouth)
    return total


def dog(rng: np.random.Generator, duration_s: float, sample_rate: int) -> FloatArray:
    """Barks: short falling calls with breath in them."""
    total = np.zeros(round(duration_s * sample_rate))
    at_s = 0.1
    while at_s < duration_s - 0.5:
        pitch_hz = rng.uniform(380.0, 520.0)
        bark = _glide(rng, rng.uniform(0.10, 0.18), sample_rate, pitch_hz, 0.6 * pitch_hz)
        bark += 0.3 * np.std(bark) * rng.standard_normal(len(bark)) * np.hanning(len(bark))
        first = round(at_s * sample_rate)
        total[first : first + len(bark)] += bark
        at_s += rng.uniform(0.3, 0.9)
    return filtered(total, sample_rate, resonances((750.0, 400.0), (1500.0, 700.0)))


def bell(rng: np.random.Generator, duration_s: float, sample_rate: int) -> FloatArray:
    """An electric school bell: a hammer on a gong of inharmonic partials."""
    strikes = np.zeros(round(duration_s * sample_rate))
    # The last half second only rings out.
    from scipy.signal import fftconvolve  # noqa: PLC0415 - see sensor/acoustics/filtering.py: costs seconds and 80 MB

    every = sample_rate / rng.uniform(11.0, 15.0)
    at = np.arange(0.0, max(0.1, duration_s - 0.5) * sample_rate, every).astype(int)
    strikes[at] = rng.uniform(0.8, 1.0, len(at))
    time_s = np.arange(round(0.4 * sample_rate)) / sample_rate
    base_hz = rng.uniform(820.0, 980.0)
    partials = [
        np.sin(2 * np.pi * base_hz * ratio * time_s) * np.exp(-time_s * 6.0 * ratio) / ratio
        for ratio in (1.0, 1.52, 2.31, 2.83)
    ]
    return np.asarray(fftconvolve(strikes, np.sum(partials, axis=0))[: len(strikes)])


def _glide(
    rng: np.random.Generator, length_s: float, sample_rate: int, from_hz: float, to_hz: float
) -> FloatArray:
    """A call whose pitch glides, with a little vibrato, swelling and dying away."""
    frames = round(length_s * sample_rate)
    time_s = np.arange(frames) / sample_rate
    pitch_hz = np.linspace(from_hz, to_hz, frames)
    pitch_hz *= 1.0 + 0.02 * np.sin(2 * np.pi * 6.0 * time_s + rng.uniform(0.0, 6.0))
    phase = np.cumsum(pitch_hz) / sample_rate
    return np.asarray(np.exp(-12.0 * (phase % 1.0)) * np.hanning(frames))
