"""Third octaves: IEC 61260-1:2014 (mask of class 1: confidence very high; the rest: medium)."""

from __future__ import annotations

import numpy as np
import pytest

from sensor.acoustics import SoundLevelMeter
from sensor.acoustics.bands import NOMINAL_HZ, SecondAnalysis, third_octaves
from tests.sensor.acoustics.signals import (
    blocks,
    burst,
    feed,
    known,
    noise,
    read,
    table,
    tone,
)

MASK = table("iec61260_1_2014_mask_third_octave")
OTHER = {row["clause"]: row for row in table("iec61260_1_2014_other_limits")}


def _attenuations_db(analysis: SecondAnalysis, rate: int, frequency_hz: float) -> np.ndarray:
    """Attenuation of a tone in every step and band, shape (8, bands)."""
    time = np.arange(analysis.frames) / rate
    signal = np.sqrt(2) * np.sin(2 * np.pi * frequency_hz * time + 0.4)
    energies = analysis.mean_squares(signal)
    return -10 * np.log10(energies + 1e-30)


def _mask_points(centre_hz: float) -> list[tuple[float, float, float]]:
    points = []
    for row in MASK:
        for omega in (float(row["omega_high"]), float(row["omega_low"])):
            # The edge has one limit from inside and another from outside.
            nudge = {"inside": 1 - 1e-5, "outside": 1 + 1e-5}.get(row["side_of_edge"], 1.0)
            frequency = centre_hz * omega**nudge
            points.append((frequency, float(row["class1_min"]), float(row["class1_max"])))
    return points


@pytest.mark.parametrize(
    ("rate", "every"), [(16_000, 5), (32_000, 6), (44_100, 3), (48_000, 1), (96_000, 7)]
)
def test_bands_pass_the_mask_at_every_breakpoint(rate: int, every: int) -> None:
    bands = third_octaves(rate)
    analysis = SecondAnalysis(rate, bands)
    for number, band in list(enumerate(bands))[::-every]:
        for frequency, least, most in _mask_points(band.centre_hz):
            if not 2 < frequency < rate / 2:
                continue
            attenuation = _attenuations_db(analysis, rate, frequency)[:, number]
            assert attenuation.min() >= least, (band.nominal_hz, frequency)
            assert attenuation.max() <= most, (band.nominal_hz, frequency)


def test_tones_at_the_decimation_images_stay_out() -> None:
    rate = 48_000
    bands = third_octaves(rate)
    analysis = SecondAnalysis(rate, bands)
    slow_rate = rate / 16
    for band in bands[:12]:
        for image in range(1, 8):
            for sign in (-1, 1):
                frequency = image * slow_rate + sign * band.centre_hz
                assert (
                    _attenuations_db(analysis, rate, frequency).min(axis=0)[bands.index(band)] > 70
                )


def test_mid_band_frequencies_are_the_standards() -> None:
    bands = third_octaves(48_000)
    assert [band.nominal_hz for band in bands] == list(NOMINAL_HZ)
    for band in bands:
        assert band.centre_hz == pytest.approx(band.nominal_hz, rel=0.02)
        assert band.upper_hz / band.lower_hz == pytest.approx(10**0.1)
    assert bands[16].centre_hz == pytest.approx(1000)


def test_a_low_rate_offers_the_bands_that_it_carries() -> None:
    assert third_octaves(16_000)[-1].nominal_hz == 6300
    assert third_octaves(32_000)[-1].nominal_hz == 12_500
    assert third_octaves(44_100)[-1].nominal_hz == 20_000


@pytest.mark.parametrize("rate", [44_100, 48_000])
@pytest.mark.parametrize("place", [0.0, 0.37, 0.91])
def test_effective_bandwidth(rate: int, place: float) -> None:
    """5.12: the flat spectrum of a click reads as if every band were a rectangle."""
    sound = np.zeros(3 * rate)
    sound[round((1 + place) * rate)] = 1.0
    meter = SoundLevelMeter(rate, period_s=0)
    (reading,), _ = feed(meter, blocks(sound, rate, rate))
    click_db = -10 * np.log10(4e-10 * 3 * rate)
    limit = float(OTHER["5.12.2"]["class1"].lstrip("+-"))
    for band in third_octaves(rate):
        width = band.upper_hz - band.lower_hz
        expected = click_db + 10 * np.log10(width / (rate / 2))
        measured = (reading.bands_db or {})[band.nominal_hz]
        assert abs(measured - expected) < limit
        if band.upper_hz < rate / 2:
            assert measured == pytest.approx(expected, abs=0.1)


@pytest.mark.parametrize("frequency", [25.1, 28.18, 100, 354.8, 1000, 1122, 5011, 11_220, 19_000])
def test_bands_add_up_to_z(frequency: float) -> None:
    """5.16: a tone anywhere, at edges of bands and of tiers too, keeps its energy."""
    reading = read(tone(frequency, 90.0, 4.0, 48_000), 48_000, bands=True)[2]
    total = 10 * np.log10(sum(10 ** (level / 10) for level in (reading.bands_db or {}).values()))
    assert total == pytest.approx(90.0, abs=0.1)
    assert total == pytest.approx(known(reading.lzeq_db), abs=0.1)


def test_bands_of_noise_add_up_to_z() -> None:
    rate = 48_000
    white = np.fft.rfft(noise(8, 8 * rate))
    frequency = np.fft.rfftfreq(8 * rate, 1 / rate)
    white[(frequency < 23) | (frequency > 22_000)] = 0
    for reading in read(np.fft.irfft(white), rate, bands=True)[1:-1]:
        total = 10 * np.log10(
            sum(10 ** (level / 10) for level in (reading.bands_db or {}).values())
        )
        assert total == pytest.approx(known(reading.lzeq_db), abs=0.1)


@pytest.mark.parametrize("band_hz", [31.5, 1000, 16_000])
def test_level_linearity(band_hz: float) -> None:
    """5.13: a tone's level comes through over 100 dB, beside nothing else."""
    exact = 1000 * 10 ** (round(10 * np.log10(band_hz / 1000)) / 10)
    for level in range(20, 141, 10):
        reading = read(tone(exact, level, 3.0, 48_000), 48_000, bands=True)[1]
        assert (reading.bands_db or {})[band_hz] == pytest.approx(level, abs=0.01)


@pytest.mark.parametrize("seconds_per_decade", [2.0, 3.3, 5.0])
def test_time_invariance(seconds_per_decade: float) -> None:
    """5.14: a sweep gives every band the energy of the time it spends there."""
    rate, first_hz, last_hz = 48_000, 10.0, 23_000.0
    sweep_s = seconds_per_decade * np.log10(last_hz / first_hz)
    growth = np.log(10) / seconds_per_decade
    time = np.arange(int(rate * sweep_s)) / rate
    phase = 2 * np.pi * first_hz / growth * np.expm1(growth * time)
    silence = np.zeros(rate)
    sweep = 2e-5 * 1e4 * np.sqrt(2) * np.sin(phase)
    meter = SoundLevelMeter(rate, period_s=0)
    (reading,), _ = feed(meter, blocks(np.concatenate([silence, sweep, silence]), rate, 4800))
    share = 0.1 * seconds_per_decade / (reading.frames / rate)
    limit = float(OTHER["5.14.3"]["class1"].lstrip("+-"))
    for hz, level in (reading.bands_db or {}).items():
        assert abs(level - 80 - 10 * np.log10(share)) < limit, hz


def test_each_second_keeps_its_own_energy() -> None:
    """The bands belong to the same second as the other levels, from the first to the last."""
    rate = 48_000
    bursts = [
        burst(frequency, 90, 0.3, rate, start_s=second + 0.35, total_s=4.4)
        for second, frequency in enumerate((4000, 250, 1000, 8000))
    ]
    for reading in read(np.sum(bursts, axis=0), rate, bands=True)[:4]:
        levels = reading.bands_db or {}
        total = 10 * np.log10(sum(10 ** (level / 10) for level in levels.values()))
        assert total == pytest.approx(known(reading.lzeq_db), abs=0.05)
        assert (
            max(levels, key=levels.__getitem__)
            == (4000, 250, 1000, 8000)[reading.start_frame // rate]
        )


@pytest.mark.parametrize("frames", [48, 480, 4800, 14_400, 30_000])
@pytest.mark.parametrize("frequency", [31.5, 250, 1000, 8000])
def test_a_last_part_of_a_second_keeps_its_level(frames: int, frequency: float) -> None:
    signal = tone(frequency, 94.0, 3.0, 48_000)[: 2 * 48_000 + frames]
    last = read(signal, 48_000, bands=True)[-1]
    assert last.frames == frames
    total = 10 * np.log10(sum(10 ** (level / 10) for level in (last.bands_db or {}).values()))
    assert total == pytest.approx(94.0, abs=0.3)
