"""Recordings: every format, its level, and what is no recording."""

from __future__ import annotations

from base64 import b64decode
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile

from sensor.errors import InputError
from sensor.inputs.recording import RecordingConfig, RecordingInput
from tests.sensor.inputs.streams import RATE, joined, measured, played, tone_pa

REFERENCE = Path(__file__).parents[3] / "../shared/reference/audio/esc10"


def _written(path: Path, seconds: float = 1.0, rate: int = RATE, channels: int = 1) -> Path:
    noise = np.random.default_rng(1).uniform(-0.5, 0.5, (round(seconds * rate), channels))
    soundfile.write(path, noise, rate)
    return path


@pytest.mark.parametrize("name", ["a.wav", "a.flac", "a.aiff", "a.w64"])
@pytest.mark.parametrize(("rate", "channels"), [(16_000, 1), (44_100, 2), (96_000, 6)])
def test_lossless_formats_arrive_as_they_are(
    tmp_path: Path, name: str, rate: int, channels: int
) -> None:
    path = _written(tmp_path / name, 0.37, rate, channels)
    source = RecordingInput(RecordingConfig(path=str(path), full_scale_pa=10.0, real_time=False))
    expected, _ = soundfile.read(path, dtype="float32", always_2d=True)
    assert (source.sample_rate, source.channels) == (rate, channels)
    np.testing.assert_array_equal(played(source), expected * np.float32(10.0))


@pytest.mark.parametrize("name", ["a.ogg", "a.mp3"])
def test_lossy_formats_are_played(tmp_path: Path, name: str) -> None:
    soundfile.write(tmp_path / name, tone_pa(80.0, 2.0), RATE)
    path = str(tmp_path / name)
    sound = played(RecordingInput(RecordingConfig(path=path, real_time=False)))
    assert abs(len(sound) - 2 * RATE) < 0.1 * RATE
    middle = sound[RATE // 2 : -RATE // 2]
    assert 20 * np.log10(np.std(middle) / 20e-6) == pytest.approx(80.0, abs=0.3)


@pytest.mark.parametrize("block_s", [0.005, 0.1, 0.333, 1.0])
def test_blocks_have_the_length_asked_for(tmp_path: Path, block_s: float) -> None:
    path = _written(tmp_path / "a.wav", 1.23)
    config = RecordingConfig(path=str(path), real_time=False, block_s=block_s)
    with RecordingInput(config) as source:
        frames = [block.frames for block in source.blocks()]
    assert set(frames[:-1]) <= {round(block_s * RATE)}
    assert sum(frames) == round(1.23 * RATE)


@pytest.mark.parametrize("rate", [16_000, 44_100, 48_000])
def test_a_known_level_sets_the_scale(tmp_path: Path, rate: int) -> None:
    path = _written(tmp_path / "noise.flac", 3.0, rate)
    sound = played(RecordingInput(RecordingConfig(path=str(path), laeq_db=73.0, real_time=False)))
    readings, _ = measured(sound, rate, period_s=0.0)
    assert readings[0].laeq_db == pytest.approx(73.0, abs=0.05)


def test_full_scale_gives_a_calibrated_tone_its_level(tmp_path: Path) -> None:
    path = tmp_path / "tone.flac"
    soundfile.write(path, tone_pa(94.0, 3.0) / 28.2, RATE, subtype="PCM_24")
    config = RecordingConfig(path=str(path), full_scale_pa=28.2, real_time=False)
    readings, _ = measured(played(RecordingInput(config)), RATE)
    assert readings[1].laeq_db == pytest.approx(94.0, abs=0.05)


def test_without_a_level_samples_are_pascals(tmp_path: Path) -> None:
    path = tmp_path / "tone.wav"
    soundfile.write(path, tone_pa(100.0, 2.0), RATE, subtype="FLOAT")
    source = RecordingInput(RecordingConfig(path=str(path), real_time=False))
    # Floats beyond 1 are no overload: such a file has no full scale.
    assert source.full_scale_pa is None
    assert "not calibrated" in source.description
    readings, _ = measured(played(source), RATE)
    assert readings[1].laeq_db == pytest.approx(100.0, abs=0.05)
    pcm = RecordingInput(RecordingConfig(path=str(_written(tmp_path / "a.wav"))))
    assert pcm.full_scale_pa == 1.0
    pcm.close()


def test_repeating_goes_on_without_a_seam(tmp_path: Path) -> None:
    path = _written(tmp_path / "short.wav", 0.07)
    config = RecordingConfig(path=str(path), real_time=False, repeat=True)
    once, _ = soundfile.read(path, dtype="float32", always_2d=True)
    with RecordingInput(config) as source:
        blocks = [block for block, _ in zip(source.blocks(), range(10), strict=False)]
    assert {block.frames for block in blocks} == {4800}
    assert not any(block.gap for block in blocks)
    np.testing.assert_array_equal(joined(blocks), np.resize(once, (48_000, 1)))


def test_a_recording_is_no_simulation(tmp_path: Path) -> None:
    with RecordingInput(RecordingConfig(path=str(_written(tmp_path / "a.wav")))) as source:
        assert not source.simulated
        assert source.state == "ok"


def _missing(folder: Path) -> Path:
    return folder / "missing.wav"


def _folder(folder: Path) -> Path:
    return folder


def _text(folder: Path) -> Path:
    (folder / "letter.wav").write_text("Dear sir or madam")
    return folder / "letter.wav"


def _raw(folder: Path) -> Path:
    # libsndfile takes any .raw for sound, but not without being told its rate.
    (folder / "letter.raw").write_bytes(bytes(1000))
    return folder / "letter.raw"


def _no_bytes(folder: Path) -> Path:
    (folder / "empty.wav").touch()
    return folder / "empty.wav"


def _no_frames(folder: Path) -> Path:
    soundfile.write(folder / "silent.wav", np.zeros((0, 1)), RATE)
    return folder / "silent.wav"


def _slow(folder: Path) -> Path:
    return _written(folder / "slow.wav", 100.0, rate=2)


def _broad(folder: Path) -> Path:
    return _written(folder / "broad.wav", channels=65)


@pytest.mark.parametrize(
    "made", [_missing, _folder, _text, _raw, _no_bytes, _no_frames, _slow, _broad]
)
def test_what_is_no_recording_is_refused_with_its_path(
    tmp_path: Path, made: Callable[[Path], Path]
) -> None:
    path = made(tmp_path)
    with pytest.raises(InputError, match=str(path)) as caught:
        RecordingInput(RecordingConfig(path=str(path)))
    assert "\n" not in str(caught.value)


def test_a_file_whose_header_promises_too_much_plays_nothing_or_says_so(tmp_path: Path) -> None:
    # A FLAC file of 400 frames by its header, of which not one can be read.
    damaged = "ZkxhQwAAACIQABAAAAC9AAC9AyAA8AAAAZD/////AAAAAP/4AAABj0ZEAAAB08M="
    path = tmp_path / "damaged.flac"
    path.write_bytes(b64decode(damaged))
    with RecordingInput(RecordingConfig(path=str(path), real_time=False)) as source:
        assert list(source.blocks()) == []
    with pytest.raises(InputError, match="damaged: no sound"):
        RecordingInput(RecordingConfig(path=str(path), laeq_db=60.0))


def test_silence_has_no_level_to_scale_by(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "silence.wav", np.zeros(RATE), RATE)
    with pytest.raises(InputError, match="silent"):
        RecordingInput(RecordingConfig(path=str(tmp_path / "silence.wav"), laeq_db=70.0))


def test_samples_that_are_no_numbers_are_passed_on_for_the_meter_to_mark(tmp_path: Path) -> None:
    sound = tone_pa(80.0, 1.0)
    sound[30_000] = np.nan
    soundfile.write(tmp_path / "nan.wav", sound, RATE, subtype="FLOAT")
    config = RecordingConfig(path=str(tmp_path / "nan.wav"), real_time=False)
    assert np.isnan(played(RecordingInput(config))).sum() == 1


@pytest.mark.parametrize("rate", [8_000, 11_025, 12_000])
def test_a_file_of_a_low_rate_is_raised_to_one_that_the_meter_takes(
    tmp_path: Path, rate: int
) -> None:
    tone = 0.5 * np.sin(2 * np.pi * 440 * np.arange(2 * rate) / rate)
    soundfile.write(tmp_path / "low.wav", tone, rate, subtype="FLOAT")
    with RecordingInput(
        RecordingConfig(path=str(tmp_path / "low.wav"), laeq_db=70.0, real_time=False)
    ) as source:
        assert source.sample_rate == 2 * rate
        assert "raised 2 times" in source.description
        sound = np.concatenate([block.pressure_pa for block in source.blocks()])
    assert len(sound) == 4 * rate
    # 440 Hz is 4.2 dB down in A.
    expected_pa = 20e-6 * 10 ** ((70.0 + 4.2) / 20)
    assert np.std(sound) == pytest.approx(expected_pa, rel=0.02)


def test_a_file_cut_short_is_played_as_far_as_it_goes(tmp_path: Path) -> None:
    path = _written(tmp_path / "a.wav", 1.0)
    path.write_bytes(path.read_bytes()[: 44 + 2 * 30_000])
    assert len(played(RecordingInput(RecordingConfig(path=str(path), real_time=False)))) == 30_000


@pytest.mark.recordings
@pytest.mark.skipif(not REFERENCE.is_dir(), reason="the reference recordings are not here")
def test_real_recordings_are_played_whole() -> None:
    for path in sorted(REFERENCE.glob("*.ogg")):
        sound = played(RecordingInput(RecordingConfig(path=str(path), real_time=False)))
        assert len(sound) == soundfile.info(path).frames
