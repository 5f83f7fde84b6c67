"""Whether a second engine is heard beside the one that was followed."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from sensor.passby import doppler, harmonics
from sensor.passby.doppler import Harmonic
from sensor.passby.harmonics import LineSpectra, Rates

# It is there when this much is left, or less that is a large part of the first.
_SCORE, _WEAK_SCORE, _PART = 6.5, 4.5, 0.33
_STILL_MPS = 0.01
_DRIFTS_PER_S = np.linspace(-0.2, 0.2, 11)
# When the other one may be nearest, in units of R / v.
_OFFSETS = (-3.0, -1.5, 0.0, 1.5, 3.0)


def second_engine(spectra: LineSpectra, rates: Rates, found: Harmonic, c_mps: float) -> bool:
    """Whether an engine is left in `spectra` when the harmonics of `rates` are taken out.

    `spectra` are of the sound as it was heard; `found` is the engine that `rates` belong to.
    """
    log_hz = np.interp(spectra.heard_s, rates.heard_s, rates.log_hz)
    combs = harmonics.comb_map(harmonics.without_harmonics(spectra, log_hz))
    track = found.track
    still = replace(track, speed_mps=_STILL_MPS)
    unit_s = track.slant_m / track.speed_mps
    tracks = [replace(track, heard_s=track.heard_s + offset * unit_s) for offset in _OFFSETS]
    second = doppler.search(combs, still, [still, *tracks], _DRIFTS_PER_S, c_mps)
    return second.score > _SCORE or second.score > max(_WEAK_SCORE, _PART * found.score)
