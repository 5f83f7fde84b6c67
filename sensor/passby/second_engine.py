"""Whether a second engine is heard beside the one that was followed."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from sensor.passby import doppler, harmonics
from sensor.passby.doppler import Harmonic
from sensor.passby.geometry import FloatArray
from sensor.passby.harmonics import CombMap, LineSpectra, Rates

# One vehicle leaves up to 4, by chance; two leave 5 and more where the second one matters.
_SCORE = 4.3
_STILL_MPS = 0.01
_DRIFTS_PER_S = np.linspace(-0.04, 0.04, 5)
# When the other one may be nearest, in units of R / v of the first.
_OFFSETS = (-3.0, -2.0, -1.0, 0.0, 1.0, 2.0, 3.0)
# How its speed and its distance may compare: the same lane, or another.
_OTHERS = ((0.8, 1.0), (1.2, 1.0), (1.0, 1.6))
# What is left of an engine looks like one that turns at a simple multiple of its rate.
_KIN = np.log([1 / 3, 1 / 2, 2 / 3, 1.0, 3 / 2, 2.0, 5 / 2, 3.0])
_KIN_WIDTH = 0.012


def second_engine(spectra: LineSpectra, rates: Rates, found: Harmonic, c_mps: float) -> bool:
    """Whether an engine is left in `spectra` when the harmonics of `rates` are taken out.

    `spectra` are of the sound as it was heard; `found` is the engine that `rates` belong to.
    """
    return rest_of(spectra, rates, found, c_mps).score > _SCORE


def rest_of(spectra: LineSpectra, rates: Rates, found: Harmonic, c_mps: float) -> Harmonic:
    """What looks most like a second engine, be it one or chance."""
    log_hz = np.interp(spectra.heard_s, rates.heard_s, rates.log_hz)
    combs = harmonics.comb_map(harmonics.without_harmonics(spectra, log_hz))
    track = found.track
    still = replace(track, speed_mps=_STILL_MPS)
    unit_s = track.slant_m / track.speed_mps
    tracks = [
        replace(
            track,
            heard_s=track.heard_s + offset * unit_s,
            speed_mps=track.speed_mps * faster,
            slant_m=track.slant_m * further,
        )
        for offset in _OFFSETS
        for faster, further in _OTHERS
    ]
    return doppler.search(_without_kin(combs, log_hz), still, tracks, _DRIFTS_PER_S, c_mps)


def _without_kin(combs: CombMap, log_hz: FloatArray) -> CombMap:
    """The map with nothing near simple multiples of `log_hz`, shape (frames,)."""
    score = combs.score.copy()
    for kin in _KIN:
        near = np.abs(combs.log_hz - (log_hz + kin)[:, np.newaxis]) < _KIN_WIDTH
        score[near] = np.minimum(score[near], 0.0)
    return CombMap(combs.heard_s, combs.log_hz, score)
