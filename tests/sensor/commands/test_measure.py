"""``skolro sensor measure``: the tool with which anybody can check the meter."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import numpy as np
import pytest
import soundfile
import typer
from typer.testing import CliRunner

from sensor.commands.measure import measure
from sensor.errors import InputError, MeterError, SensorError
from tests.sensor.acoustics.signals import burst, noise, tone

FULL_SCALE_PA = 20.0
RECORDINGS = Path(__file__).parents[3].parent / "shared" / "reference" / "audio" / "esc10"

app = typer.Typer()
app.command()(measure)


def _write(path: Path, sound: np.ndarray, rate: int, subtype: str = "PCM_24") -> Path:
    soundfile.write(path, sound / FULL_SCALE_PA, rate, subtype=subtype)
    return path


def _run(*arguments: object) -> str:
    words = [str(argument) for argument in arguments]
    result = CliRunner().invoke(app, words, catch_exceptions=False)
    assert result.exit_code == 0
    return result.stdout


def _lines(*arguments: object) -> list[dict[str, Any]]:
    told = _run(*arguments, "--json", "--full-scale-pa", FULL_SCALE_PA)
    return [json.loads(line) for line in told.splitlines()]


def test_one_object_a_second_with_all_quantities(tmp_path: Path) -> None:
    path = _write(tmp_path / "tone.wav", tone(1000, 94, 3.5, 48_000), 48_000)
    lines = _lines(path)
    assert [line["second"] for line in lines] == [0, 1, 2, 3]
    assert [line["duration_s"] for line in lines] == [1, 1, 1, 0.5]
    for line in lines:
        assert line["file"] == str(path)
        assert line["overload"] is False
        for name in ("laeq_db", "lceq_db", "lzeq_db"):
            assert line[name] == pytest.approx(94, abs=0.01)
    settled = lines[2]
    assert settled["lcpeak_db"] == pytest.approx(97.01, abs=0.02)
    for name in ("lafmax_db", "lafmin_db", "laf10_db", "laf50_db", "laf90_db", "lae_db"):
        assert settled[name] == pytest.approx(94, abs=0.02)
    assert settled["lasmax_db"] == pytest.approx(93.8, abs=0.3)


@pytest.mark.parametrize(("rate", "channels"), [(16_000, 1), (44_100, 2), (96_000, 4)])
def test_any_rate_and_number_of_channels(tmp_path: Path, rate: int, channels: int) -> None:
    sound = np.zeros((2 * rate, channels))
    sound[:, 0] = tone(1000, 80, 2.0, rate)
    path = tmp_path / "tone.flac"
    soundfile.write(path, sound / FULL_SCALE_PA, rate, subtype="PCM_24")
    assert _lines(path)[1]["laeq_db"] == pytest.approx(80, abs=0.01)


def test_blocks_do_not_show(tmp_path: Path) -> None:
    sound = noise(1, 48_000) + burst(2000, 90, 0.1, 48_000, start_s=0.6, total_s=1.0)
    path = _write(tmp_path / "street.wav", sound, 48_000)
    expected = _lines(path)
    for block_ms in (0.0208, 3.7, 1000, 60_000):
        assert _lines(path, "--block-ms", block_ms) == expected


def test_bands_and_periods(tmp_path: Path) -> None:
    path = _write(tmp_path / "tone.wav", tone(1000, 80, 4.0, 48_000), 48_000)
    (whole,) = _lines(path, "--period", 0, "--bands")
    assert whole["duration_s"] == 4
    assert list(whole["bands_db"])[:2] == ["25", "31.5"]
    assert len(whole["bands_db"]) == 30
    assert whole["bands_db"]["1000"] == pytest.approx(80, abs=0.05)
    assert [line["second"] for line in _lines(path, "--period", 2)] == [0, 2]
    assert [line["second"] for line in _lines(path, "--period", 0.5)][:3] == [0, 0.5, 1]


def test_a_response_file_is_undone_and_its_error_shown(tmp_path: Path) -> None:
    path = _write(tmp_path / "tone.wav", tone(100, 80, 2.0, 48_000), 48_000)
    response = tmp_path / "response.txt"
    response.write_text("20 -6\n100 -3\n1000 0\n20000 0\n")
    words = [str(path), "--json", "--full-scale-pa", "20", "--response", str(response)]
    result = CliRunner().invoke(app, words, catch_exceptions=False)
    second = json.loads(result.stdout.splitlines()[1])
    assert second["lzeq_db"] == pytest.approx(83, abs=0.1)
    assert "undone within 0." in result.stderr


def test_overload_is_told(tmp_path: Path) -> None:
    sound = np.clip(tone(200, 126, 1.0, 48_000), -FULL_SCALE_PA, FULL_SCALE_PA * (1 - 2**-23))
    path = _write(tmp_path / "loud.wav", sound, 48_000)
    assert _lines(path)[0]["overload"] is True


def test_without_a_scale_samples_are_pascals(tmp_path: Path) -> None:
    path = tmp_path / "float.wav"
    soundfile.write(path, tone(1000, 100, 1.0, 48_000), 48_000, subtype="FLOAT")
    result = CliRunner().invoke(app, [str(path), "--json"], catch_exceptions=False)
    line = json.loads(result.stdout)
    assert line["laeq_db"] == pytest.approx(100, abs=0.01)
    assert line["overload"] is False
    assert "relative" in result.stderr


def test_a_table_for_people(tmp_path: Path) -> None:
    path = _write(tmp_path / "tone.wav", tone(1000, 94, 2.0, 48_000), 48_000)
    told = _run(path, "--full-scale-pa", FULL_SCALE_PA)
    assert "LAeq" in told
    assert "LCpeak" in told
    assert told.count("94.00") >= 2


def test_a_plot(tmp_path: Path) -> None:
    path = _write(tmp_path / "a<b>.wav", noise(1, 96_000), 48_000)
    plot = tmp_path / "levels.svg"
    _run(path, "--bands", "--plot", plot)
    text = plot.read_text(encoding="utf-8")
    root = ET.fromstring(text)  # noqa: S314 - our own file
    assert root.tag.endswith("svg")
    assert "LAeq" in text
    assert "data:image/png;base64," in text
    assert "a&lt;b&gt;.wav" in text


def _not_audio(folder: Path) -> Path:
    path = folder / "text.wav"
    path.write_text("this is no sound")
    return path


def _empty(folder: Path) -> Path:
    return _write(folder / "empty.wav", np.zeros(0), 48_000)


def _fast(folder: Path) -> Path:
    return _write(folder / "fast.wav", np.zeros(8000), 384_000)


@pytest.mark.parametrize(
    ("make", "error", "why"),
    [
        (lambda folder: folder / "none.wav", InputError, "no recording"),
        (_not_audio, InputError, "not a sound file"),
        (_empty, InputError, "no sound in it"),
        (_fast, MeterError, "384000 Hz"),
    ],
)
def test_wrong_files_are_told_in_one_sentence(
    tmp_path: Path, make: Any, error: type[SensorError], why: str
) -> None:
    path = make(tmp_path)
    with pytest.raises(error, match=why) as caught:
        CliRunner().invoke(app, [str(path)], catch_exceptions=False)
    assert path.name in str(caught.value)
    assert "\n" not in str(caught.value)


def test_wrong_wishes_are_told(tmp_path: Path) -> None:
    path = _write(tmp_path / "tone.wav", tone(1000, 94, 1.0, 48_000), 48_000)
    for words, why in (
        (["--channel", "1"], "channel"),
        (["--period", "0.3"], "0.125"),
        ([str(path), "--plot", "x.svg"], "one recording"),
        (["--plot", str(tmp_path / "no" / "x.svg")], "cannot be written"),
    ):
        with pytest.raises(SensorError, match=why):
            CliRunner().invoke(app, [str(path), *words], catch_exceptions=False)


@pytest.mark.recordings
@pytest.mark.skipif(not RECORDINGS.is_dir(), reason="the reference recordings are not here")
def test_real_recordings_are_measured() -> None:
    files = sorted(RECORDINGS.glob("*.ogg"))[:6]
    lines = _lines(*files, "--bands")
    assert {line["file"] for line in lines} == {str(path) for path in files}
    for line in lines:
        # Bands reach beyond so short an end, and digital silence has no levels.
        if line["duration_s"] < 0.5 or line["laeq_db"] is None or line["lafmin_db"] is None:
            continue
        assert line["lafmin_db"] <= line["laf90_db"] <= line["laf50_db"] <= line["laf10_db"]
        assert line["laf10_db"] <= line["lafmax_db"] + 0.01
        assert line["lcpeak_db"] >= line["lceq_db"]
        total = 10 * np.log10(sum(10 ** (level / 10) for level in line["bands_db"].values()))
        assert total <= line["lzeq_db"] + 0.2
