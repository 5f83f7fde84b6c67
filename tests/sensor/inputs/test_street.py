"""The simulated street: reproducible, true to its truth, plausible."""

from __future__ import annotations

from pathlib import Path

import msgspec
import numpy as np
import pytest
from numpy.typing import NDArray

from sensor.errors import InputError
from sensor.inputs.street import StreetConfig, StreetInput
from sensor.inputs.street_scene import CHARACTERS, Happening, Truth
from sensor.inputs.street_sounds import lafmax_db
from tests.sensor.inputs.streams import RATE, measured, played, tone_pa

QUIET = {"event_interval_s": 86_400.0}
SILENT = {"ambient_laf90_db": 10.0}
VEHICLES: tuple[Happening, ...] = ("car", "moped", "a_tractor")


def _street(**settings: object) -> StreetInput:
    return StreetInput(msgspec.convert({"real_time": False, **settings}, StreetConfig))


def _one(kind: Happening, seed: int = 0, **settings: object) -> tuple[NDArray[np.float32], Truth]:
    """The first thing that happens in a street where only `kind` happens."""
    source = _street(
        seed=seed, events=[kind], event_interval_s=100.0, duration_s=50.0, **(SILENT | settings)
    )
    sound = played(source)
    (truth,) = source.truth
    rate = source.sample_rate
    return sound[round(truth.start_s * rate) : round(truth.end_s * rate)], truth


@pytest.mark.parametrize("block_s", [0.0213, 0.1, 0.7])
def test_the_same_seed_is_the_same_street_in_any_blocks(block_s: float) -> None:
    settings = {"seed": 3, "sample_rate": 16_000, "event_interval_s": 8.0, "duration_s": 20.3}
    whole = _street(**settings, block_s=1.0)
    cut = _street(**settings, block_s=block_s)
    np.testing.assert_array_equal(played(cut), played(whole))
    assert cut.truth == whole.truth
    assert whole.truth


def test_another_seed_is_another_street() -> None:
    one, other = (played(_street(seed=seed, duration_s=1.0)) for seed in (1, 2))
    assert np.abs(np.corrcoef(one[:, 0], other[:, 0])[0, 1]) < 0.3


@pytest.mark.parametrize("rate", [16_000, 44_100, 48_000])
def test_it_lasts_as_long_as_it_shall(rate: int) -> None:
    sound = played(_street(sample_rate=rate, channels=2, duration_s=1.2345))
    assert sound.shape == (round(1.2345 * rate), 2)
    assert np.isfinite(sound).all()


@pytest.mark.parametrize(("seed", "level_db"), [(1, 30.0), (2, 45.0), (3, 60.0)])
def test_the_background_is_the_level_asked_for(seed: int, level_db: float) -> None:
    source = _street(seed=seed, duration_s=60.0, ambient_laf90_db=level_db, **QUIET)
    readings, _ = measured(played(source), RATE, period_s=0.0)
    assert readings[0].laf90_db == pytest.approx(level_db, abs=1.0)
    # Wind is low: it lifts C much more than A.
    assert readings[0].lceq_db is not None
    assert readings[0].laeq_db is not None
    assert readings[0].lceq_db > readings[0].laeq_db + 5.0


@pytest.mark.parametrize("kind", sorted(CHARACTERS))
def test_the_truth_has_the_level_that_the_meter_reads(kind: Happening) -> None:
    sound, truth = _one(kind, seed=4)
    _, steps = measured(sound, RATE)
    assert max(step.lafmax_db for step in steps) == pytest.approx(truth.lafmax_db, abs=0.3)


@pytest.mark.parametrize("seed", range(2))
@pytest.mark.parametrize("kind", sorted(CHARACTERS))
def test_levels_are_what_such_things_have(kind: Happening, seed: int) -> None:
    _, truth = _one(kind, seed, sample_rate=16_000)
    low_db, high_db = CHARACTERS[kind].level_db
    if kind in VEHICLES:
        # The far lane is quieter.
        away_db = 20 * np.log10(truth.distance_m / 7.0)
        low_db, high_db = low_db - away_db, high_db - away_db
    assert low_db - 1.0 <= truth.lafmax_db <= high_db + 2.5


@pytest.mark.parametrize("kind", VEHICLES)
def test_a_pass_is_loudest_when_it_is_nearest(kind: Happening) -> None:
    sound, truth = _one(kind, seed=1, sample_rate=16_000)
    assert truth.nearest_s is not None
    envelope = np.convolve(np.square(sound[:, 0]), np.ones(8000), mode="same")
    loudest_s = truth.start_s + float(np.argmax(envelope)) / 16_000
    assert loudest_s == pytest.approx(truth.nearest_s, abs=0.5)


@pytest.mark.parametrize("seed", range(3))
def test_direction_and_lane_belong_together(seed: int) -> None:
    rate = 16_000
    sound, truth = _one("car", seed, channels=2, spacing_m=1.0, sample_rate=rate)
    assert truth.nearest_s is not None
    assert truth.direction is not None
    assert truth.distance_m == (7.0 if truth.direction == 1 else 10.0)
    nearest = round((truth.nearest_s - truth.start_s) * rate)
    before, after = sound[nearest - rate : nearest], sound[nearest : nearest + rate]
    # Coming from the side of channel 0, it is heard there first, and last once it has passed.
    assert np.sign(_lead(before)) == truth.direction
    assert np.sign(_lead(after)) == -truth.direction


def _lead(sound: NDArray[np.float32]) -> int:
    """By how many frames channel 0 is ahead of channel 1."""
    spectra = np.fft.rfft(sound, axis=0)
    across = np.fft.irfft(np.conj(spectra[:, 0]) * spectra[:, 1])
    lags = np.arange(-50, 51)
    return int(lags[np.argmax(across[lags])])


def test_the_pitch_of_a_moped_falls_as_it_passes() -> None:
    sound, truth = _one("moped", seed=2)
    assert truth.nearest_s is not None
    assert truth.speed_kmh is not None
    nearest = round((truth.nearest_s - truth.start_s) * RATE)
    coming, going = (
        sound[nearest + at : nearest + at + RATE, 0]
        for at in (round(-2.5 * RATE), round(1.5 * RATE))
    )
    mach = truth.speed_kmh / 3.6 / 340.0
    # Compare the spectra on a logarithmic axis: the shift is the ratio of the pitches.
    octaves = np.linspace(np.log2(90.0), np.log2(800.0), 6000)
    hz = np.fft.rfftfreq(8 * RATE, 1.0 / RATE)
    levels = [
        np.interp(
            2.0**octaves, hz, np.log(np.abs(np.fft.rfft(part * np.hanning(RATE), 8 * RATE)) + 1e-9)
        )
        for part in (coming, going)
    ]
    shifts = np.arange(-400, 401)
    likeness = [
        np.corrcoef(np.roll(levels[1], shift)[400:-400], levels[0][400:-400])[0, 1]
        for shift in shifts
    ]
    ratio = 2.0 ** (shifts[int(np.argmax(likeness))] * (octaves[1] - octaves[0]))
    # The pitch itself wanders by a percent or two.
    assert ratio == pytest.approx((1.0 + mach) / (1.0 - mach), abs=0.04)
    assert ratio > 1.02


def test_the_truth_is_written_as_it_becomes_known(tmp_path: Path) -> None:
    path = tmp_path / "truth.jsonl"
    source = _street(
        sample_rate=16_000,
        events=["dog", "bell"],
        event_interval_s=6.0,
        duration_s=40.0,
        truth_path=str(path),
    )
    played(source)
    lines = path.read_bytes().splitlines()
    assert [msgspec.json.decode(line, type=Truth) for line in lines] == source.truth
    assert len(lines) > 2


def test_a_truth_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="truth_path"):
        _street(truth_path=str(tmp_path / "no" / "folder" / "truth.jsonl"))


def test_it_says_that_it_is_simulated() -> None:
    source = _street(seed=17)
    assert source.simulated
    assert "simulated" in source.description
    assert "17" in source.description


def test_things_happen_as_often_as_asked_for() -> None:
    source = _street(
        events=["dog"], event_interval_s=10.0, sample_rate=16_000, duration_s=300.0, seed=5
    )
    played(source)
    assert 20 <= len(source.truth) <= 40


@pytest.mark.parametrize("hz", [125.0, 1000.0, 4000.0])
def test_the_level_of_a_lone_tone_is_a_weighted(hz: float) -> None:
    weight_db = {125.0: -16.1, 1000.0: 0.0, 4000.0: 1.0}[hz]
    level_db = lafmax_db(tone_pa(94.0, 3.0, hz=hz), RATE)
    assert level_db == pytest.approx(94.0 + weight_db, abs=0.1)
