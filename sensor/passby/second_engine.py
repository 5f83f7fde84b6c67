"""Whether a second engine is heard beside the one that was followed."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from sensor.passby import doppler, harmonics
from sensor.passby.doppler import Harmonic
from sensor.passby.geometry import FloatArray, Track, heard
from sensor.passby.harmonics import CombMap, LineSpectra, Rates

# Another engine spoils the first one's shift only where its lines have this part of the power that
# those of the first have within a second of its nearest point: in a quiet street a vehicle is heard
# that passes many seconds later.
_LEAST_PART = 0.06
_NEAREST_S = 1.0
# A stretch of fewer frames than this tells nothing.
_FEWEST_FRAMES = 8
_STILL_MPS = 0.01
_SLIPS_PER_S = np.linspace(-0.04, 0.04, 5)
# When the other one may be nearest, in units of R / v of the first.
_OFFSETS = (-3.0, -2.0, -1.0, 0.0, 1.0, 2.0, 3.0)
# How its speed and its distance may compare: the same lane, or another.
_OTHERS = ((0.8, 1.0), (1.2, 1.0), (1.0, 1.6))
# What is left of an engine looks like one that turns at a simple multiple of its rate, within this
# much of it.  Half orders are low, so a comb further beside them still meets their lines.
_KIN = dict.fromkeys((1 / 3, 2 / 3, 1.0, 3 / 2, 2.0, 5 / 2, 3.0), 0.012) | {1 / 2: 0.04}


@dataclass(frozen=True, slots=True)
class Suspicion:
    """What is taken for a second engine.

    Parameters
    ----------
    score : float
        Least evidence, in standard deviations of one frame.
    stretches_s : tuple of (float, float)
        From when to when it is asked for, seconds after the nearest point.
    """

    score: float
    stretches_s: tuple[tuple[float, float], ...]


# With one microphone nothing else parts two vehicles, so doubt is enough: a single one leaves up
# to 2.7, by chance.  Where the harmonics of two engines cross, one may be followed before and the
# other after; the shift is then neither's, and of each engine only half is left.
DOUBT = Suspicion(2.9, ((-2.0, 2.0), (-2.0, 0.0), (0.0, 2.0), (-1.0, 0.0), (0.0, 1.0)))
# With two the delays have told two vehicles from one already.
CLEAR = Suspicion(4.3, ((-2.0, 2.0),))


def second_engine(
    spectra: LineSpectra, rates: Rates, found: Harmonic, c_mps: float, suspicion: Suspicion
) -> bool:
    """Whether an engine is left in `spectra` when the harmonics of `rates` are taken out.

    `spectra` are of the sound as it was heard; `found` is the engine that `rates` belong to.
    """
    log_hz = np.interp(spectra.heard_s, rates.heard_s, rates.log_hz)
    rest = harmonics.without_harmonics(spectra, log_hz)
    combs = _without_kin(harmonics.comb_map(rest), log_hz)
    # A fit may end outside the sound.
    nearest_s = float(np.clip(found.track.heard_s, combs.heard_s[0], combs.heard_s[-1]))
    after_s = combs.heard_s - nearest_s
    nearest = np.abs(after_s) < _NEAREST_S
    lines = _line_powers(spectra.during(nearest), log_hz[nearest])
    for first_s, last_s in suspicion.stretches_s:
        frames = (after_s >= first_s) & (after_s < last_s)
        if np.count_nonzero(frames) < _FEWEST_FRAMES:
            continue
        score, other_log_hz = _strongest(combs.during(frames), found.track, c_mps)
        if score < suspicion.score:
            continue
        if _part_of_power(rest.during(frames), other_log_hz, log_hz[frames], lines) > _LEAST_PART:
            return True
    return False


def _line_powers(spectra: LineSpectra, log_hz: FloatArray) -> FloatArray:
    """Mean power of each line of the engine at `log_hz`, shape (orders,), above the noise."""
    rate_hz = np.exp(log_hz)[:, np.newaxis]
    orders = np.arange(1, int(spectra.hz[-1] / rate_hz.max()))
    bins = np.rint(orders * rate_hz / spectra.hz[1]).astype(np.intp)
    return np.asarray(np.maximum(np.mean(spectra.above_noise(bins), axis=0), 0.0))


def _part_of_power(
    rest: LineSpectra, other_log_hz: FloatArray, log_hz: FloatArray, lines: FloatArray
) -> float:
    """Power of an engine's lines in `rest` over that of the first one's `lines` next to them.

    Counted where the first one has none.
    """
    own_hz, other_hz = (np.exp(one)[:, np.newaxis] for one in (log_hz, other_log_hz))
    hz = np.arange(1, int(rest.hz[-1] / other_hz.max())) * other_hz
    bins = np.rint(hz / rest.hz[1]).astype(np.intp)
    free = np.take_along_axis(rest.noise, bins, axis=1) > 0.0
    nearest = np.clip(np.rint(hz / own_hz), 1, lines.size).astype(np.intp) - 1
    first = np.sum(lines[nearest][free])
    return float(np.sum(rest.above_noise(bins)[free]) / max(first, 1e-30))


def _strongest(combs: CombMap, track: Track, c_mps: float) -> tuple[float, FloatArray]:
    """What looks most like another engine beside that on `track`: evidence, and heard rates."""
    still = replace(track, speed_mps=_STILL_MPS)
    unit_s = track.slant_m / track.speed_mps
    tracks = [
        replace(
            track,
            heard_s=track.heard_s + offset * unit_s,
            speed_mps=track.speed_mps * faster,
            slant_m=track.slant_m * further,
            acceleration_mps2=0.0,
        )
        for offset in _OFFSETS
        for faster, further in _OTHERS
    ]
    other = doppler.search(combs, still, tracks, _SLIPS_PER_S, c_mps)
    drift = harmonics.log_drift(other.drift_per_s, heard(still, combs.heard_s, c_mps).emission_s)
    shift = np.log1p(heard(other.track, combs.heard_s, c_mps).range_rate)
    return other.score, other.log_hz + drift - shift


def _without_kin(combs: CombMap, log_hz: FloatArray) -> CombMap:
    """The map with nothing near simple multiples of `log_hz`, shape (frames,)."""
    score = combs.score.copy()
    for ratio, width in _KIN.items():
        near = np.abs(combs.log_hz - (log_hz + np.log(ratio))[:, np.newaxis]) < width
        score[near] = np.minimum(score[near], 0.0)
    return CombMap(combs.heard_s, combs.log_hz, score)
