"""How much a second engine is heard beside the one that was followed."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from sensor.passby import doppler, harmonics
from sensor.passby.doppler import Harmonic
from sensor.passby.geometry import FloatArray
from sensor.passby.harmonics import CombMap, LineSpectra, Rates

# A stretch of fewer frames than this tells nothing.
_FEWEST_FRAMES = 8
_STILL_MPS = 0.01
_DRIFTS_PER_S = np.linspace(-0.04, 0.04, 5)
# When the other one may be nearest, in units of R / v of the first.
_OFFSETS = (-3.0, -2.0, -1.0, 0.0, 1.0, 2.0, 3.0)
# How its speed and its distance may compare: the same lane, or another.
_OTHERS = ((0.8, 1.0), (1.2, 1.0), (1.0, 1.6))
# What is left of an engine looks like one that turns at a simple multiple of its rate, within this
# much of it.  Half orders are low, so a comb further beside them still meets their lines.
_KIN = dict.fromkeys((1 / 3, 2 / 3, 1.0, 3 / 2, 2.0, 5 / 2, 3.0), 0.012) | {1 / 2: 0.04}


def second_engine(spectra: LineSpectra, rates: Rates, found: Harmonic, c_mps: float) -> float:
    """Evidence for an engine that is left when the harmonics of `rates` are taken out.

    In standard deviations of one frame: what looks most like an engine all the time, or before or
    after the nearest point.  Where the harmonics of two engines cross, one may be followed before
    and the other after: the shift is then neither's, and of each engine only half is left.

    `spectra` are of the sound as it was heard; `found` is the engine that `rates` belong to.  One
    vehicle leaves up to 3.4, and one in 80 up to 4.2.
    """
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
    combs = _without_kin(combs, log_hz)
    before = combs.heard_s < track.heard_s
    return max(
        doppler.search(combs.during(frames), still, tracks, _DRIFTS_PER_S, c_mps).score
        for frames in (before | True, before, ~before)
        if np.count_nonzero(frames) >= _FEWEST_FRAMES
    )


def _without_kin(combs: CombMap, log_hz: FloatArray) -> CombMap:
    """The map with nothing near simple multiples of `log_hz`, shape (frames,)."""
    score = combs.score.copy()
    for ratio, width in _KIN.items():
        near = np.abs(combs.log_hz - (log_hz + np.log(ratio))[:, np.newaxis]) < width
        score[near] = np.minimum(score[near], 0.0)
    return CombMap(combs.heard_s, combs.log_hz, score)
