"""``skolro sensor calibrate``: from the tone in a recording to the published check."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import soundfile
import typer
from typer.testing import CliRunner, Result

from sensor.acoustics.calibration import CalibrationStore
from sensor.acoustics.tone import CalibrationError
from sensor.commands.calibrate import calibrate
from sensor.contract import codec
from sensor.contract.messages import CalibrationCheck
from sensor.identity import load_or_make_key
from sensor.outbox import Outbox
from tests.sensor.acoustics.signals import noise, tone

RATE = 48_000

app = typer.Typer()
app.command()(calibrate)


@pytest.fixture
def config(tmp_path: Path) -> Path:
    path = tmp_path / "node.toml"
    path.write_text(
        'node = "ekskolan-1"\ndata_dir = "data"\n'
        f'[input]\nkind = "recording"\npath = "{tmp_path / "tone.wav"}"\nreal_time = false\n'
        "full_scale_pa = 20.0\n"
    )
    return path


def _play(config: Path, sound: np.ndarray) -> None:
    soundfile.write(config.parent / "tone.wav", sound / 20.0, RATE, subtype="PCM_24")


def _run(config: Path, *words: str) -> Result:
    fixed = ["--config", str(config), "--serial", "S-1", "--certificate", "C-2"]
    return CliRunner().invoke(app, [*fixed, *words], catch_exceptions=False)


def _published(config: Path) -> list[CalibrationCheck]:
    data = config.parent / "data"
    outbox = Outbox(data / "outbox.sqlite", "ekskolan-1", load_or_make_key(data))
    try:
        messages = [codec.decode(pending.payload) for pending in outbox.pending()]
    finally:
        outbox.close()
    return [message for message in messages if isinstance(message, CalibrationCheck)]


def test_the_first_check_is_stored_and_published(config: Path) -> None:
    _play(config, np.concatenate([noise(1, RATE, 60), tone(1000, 92.5, 7.0, RATE)]))
    line = json.loads(_run(config, "--json").stdout)
    assert line["result"] == "initial"
    assert line["calibrator_level_db"] == 94
    assert line["measured_db"] == pytest.approx(92.5, abs=0.01)
    assert line["frequency_hz"] == pytest.approx(1000, abs=0.1)
    store = CalibrationStore(config.parent / "data" / "calibration.json")
    assert store.sensitivity == pytest.approx(10 ** (1.5 / 20), rel=1e-3)
    assert store.records[0].calibrator_serial == "S-1"
    (check,) = _published(config)
    assert check.result == "initial"
    assert check.calibrator_certificate == "C-2"
    assert check.deviation_db == pytest.approx(-1.5, abs=0.01)
    assert check.sensitivity == pytest.approx(store.sensitivity)


def test_later_checks_judge_the_drift(config: Path) -> None:
    results = []
    for level_db in (92.5, 92.7, 93.2, 91.0):
        _play(config, tone(1000, level_db, 6.0, RATE))
        results.append(json.loads(_run(config, "--json").stdout)["result"])
    assert results == ["initial", "ok", "drift", "invalid"]
    assert [check.result for check in _published(config)] == results


def test_another_recording_can_be_listened_to(config: Path, tmp_path: Path) -> None:
    path = tmp_path / "other.wav"
    soundfile.write(path, tone(1000, 114, 6.0, RATE) / 20.0, RATE, subtype="PCM_24")
    told = _run(config, "--input", f"recording:{path}").stdout
    assert "114 dB" in told
    assert "First calibration" in told


@pytest.mark.parametrize(
    ("sound", "words", "why"),
    [
        (noise(1, 8 * RATE, 85), [], "pure tone"),
        (tone(440, 94, 8.0, RATE), [], "440 Hz"),
        (tone(1000, 94, 3.0, RATE), [], "only 3 s"),
        (tone(1000, 70, 8.0, RATE), [], "--calibrator-level"),
        (tone(1000, 94, 8.0, RATE), ["--input", "radio"], "recording:PATH"),
    ],
)
def test_what_is_no_calibrator_changes_nothing(
    config: Path, sound: np.ndarray, words: list[str], why: str
) -> None:
    _play(config, sound)
    with pytest.raises(CalibrationError, match=why):
        _run(config, *words)
    assert not (config.parent / "data" / "calibration.json").exists()


def test_a_calibrator_at_the_wrong_level_is_not_believed(config: Path) -> None:
    _play(config, tone(1000, 94, 6.0, RATE))
    _run(config)
    _play(config, tone(1000, 114, 6.0, RATE))
    with pytest.raises(CalibrationError, match="check its level"):
        _run(config, "--calibrator-level", "94")
