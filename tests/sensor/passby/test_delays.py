"""Delays between two channels, where they are known."""

from __future__ import annotations

import numpy as np
import pytest

from sensor.passby.delays import cross_spectra, delay_map
from sensor.passby.geometry import FloatArray

RATE = 16_000
BAND_HZ = (200.0, 4000.0)


def delayed(frames: int, loud: FloatArray) -> FloatArray:
    """A second of noise in noise, later in channel 1 by `frames`."""
    random = np.random.default_rng(3)
    source = random.normal(size=loud.size + frames) * np.pad(loud, (frames, 0), mode="edge")
    sound = np.stack([source[frames:], source[: loud.size]], axis=1)
    return np.asarray(sound + 0.1 * random.normal(size=sound.shape))


def loud_in_the_middle() -> FloatArray:
    loud = np.zeros(3 * RATE)
    loud[RATE : 2 * RATE] = 1.0
    return loud


def test_the_delay_map_peaks_at_the_delay() -> None:
    spectra = cross_spectra(delayed(8, loud_in_the_middle()), RATE, 0.032, BAND_HZ)
    delays = delay_map(spectra, 1e-3)
    best_s = delays.delay_s[np.argmax(delays.score.sum(axis=0))]
    assert best_s == pytest.approx(8 / RATE, abs=delays.delay_s[1] - delays.delay_s[0])


def test_quiet_moments_weigh_nothing() -> None:
    spectra = cross_spectra(delayed(8, loud_in_the_middle()), RATE, 0.032, BAND_HZ)
    loud = (spectra.time_s > 1.1) & (spectra.time_s < 1.9)
    quiet = spectra.time_s < 0.9
    assert spectra.weight[quiet].mean() < 0.05 * spectra.weight[loud].mean()


def test_what_stands_still_is_no_evidence_for_movement() -> None:
    always = 0.7 + 0.3 * np.sin(np.arange(3 * RATE) / RATE * 6.0)
    delays = delay_map(cross_spectra(delayed(5, always), RATE, 0.032, BAND_HZ), 1e-3)
    assert delays.standing > 30.0
    assert delays.moving().standing < 0.4 * delays.standing


def test_merging_bins_keeps_weight_and_direction() -> None:
    spectra = cross_spectra(delayed(0, loud_in_the_middle()), RATE, 0.064, BAND_HZ)
    merged = spectra.merged(4)
    kept = merged.hz.size * 4
    np.testing.assert_allclose(merged.weight.sum(), spectra.weight[:, :kept].sum())
    heavy = merged.weight > 20.0
    assert np.median(np.abs(np.angle(merged.phasor[heavy]))) < 0.2


def test_sums_along_a_shifted_track_are_those_along_each() -> None:
    spectra = cross_spectra(delayed(8, loud_in_the_middle()), RATE, 0.032, BAND_HZ)
    delays = delay_map(spectra, 1e-3)
    frames = delays.time_s.size
    seen_s = 8e-4 * np.tanh(np.arange(1 - frames, frames) / 10.0)
    sums = delays.along_shifted(seen_s, 7)
    assert sums.size == len(range(0, frames, 7))
    for index, nearest in enumerate(range(0, frames, 7)):
        track_s = seen_s[frames - 1 - nearest : 2 * frames - 1 - nearest]
        assert sums[index] == pytest.approx(float(np.sum(delays.along(track_s))))
