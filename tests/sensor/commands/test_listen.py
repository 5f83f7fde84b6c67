"""``listen``: events of recordings, with thresholds to try."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile
from numpy.typing import NDArray

from sensor.commands.listen import listen
from sensor.contract.errors import ConfigError
from sensor.errors import InputError
from tests.sensor.passby.model import model_dir

RATE = 48_000
FULL_SCALE_PA = 2.0


def two_bells(path: Path, *, channels: int = 1) -> Path:
    """Two tones of 80 dB over a background of some 45 dB, on the last channel."""
    t = np.arange(32 * RATE) / RATE
    on = ((t >= 16) & (t < 18)) | ((t >= 24) & (t < 27))
    noise_pa = 20e-6 * 10 ** (45 / 20) * np.random.default_rng(1).standard_normal(t.size)
    tone_pa = 0.2 * np.sqrt(2) * np.sin(2 * np.pi * 1000 * t) * on
    sound: NDArray[np.float64] = np.zeros((t.size, channels))
    sound[:, -1] = (noise_pa + tone_pa) / FULL_SCALE_PA
    soundfile.write(path, sound, RATE, subtype="PCM_24")
    return path


def listened(
    capsys: pytest.CaptureFixture[str], path: Path, **options: object
) -> list[dict[str, object]]:
    defaults: dict[str, object] = {"full_scale_pa": FULL_SCALE_PA, "model": path.parent}
    listen([path], as_json=True, **(defaults | options))  # type: ignore[arg-type] # as a command line
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


def test_events_come_with_levels_and_times(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    first, second = listened(capsys, two_bells(tmp_path / "two.wav"))
    assert first["file"] == str(tmp_path / "two.wav")
    assert 15 <= float(str(first["start_s"])) <= 16
    assert first["lafmax_db"] == pytest.approx(80, abs=0.1)
    assert second["lae_db"] == pytest.approx(80 + 10 * np.log10(3), abs=0.1)
    assert first["background_laf90_db"] == pytest.approx(45, abs=3)
    assert {first["trigger"], second["trigger"]} == {"level"}
    assert first["source"] == {"kind": "unclassified", "probability": None, "scores": None}


def test_thresholds_can_be_tried(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = two_bells(tmp_path / "two.wav")
    assert listened(capsys, path, thresholds=["level_db=90", "emergence_floor_db=90"]) == []
    (only,) = listened(capsys, path, thresholds=["maximum_per_hour=1"])
    assert only["duration_s"] == pytest.approx(2.9, abs=0.2)


def test_a_channel_is_chosen(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = two_bells(tmp_path / "stereo.wav", channels=2)
    assert listened(capsys, path) == []
    assert len(listened(capsys, path, channel=1)) == 2
    with pytest.raises(InputError, match="no channel 2"):
        listened(capsys, path, channel=2)


def test_a_node_lends_its_thresholds(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    config = tmp_path / "node.toml"
    config.write_text(
        'node = "n1"\n[input]\nkind = "recording"\npath = "x.wav"\n'
        "[detector]\nlevel_db = 90\nemergence_floor_db = 90\n"
    )
    assert listened(capsys, two_bells(tmp_path / "two.wav"), config=config) == []


@pytest.mark.parametrize(
    ("setting", "text"),
    [
        ("levle_db=60", "level_db"),
        ("level_db", "no value"),
        ("level_db=3", ">= 30"),
        ("level_db=x", "float"),
    ],
)
def test_a_wrong_threshold_is_explained(tmp_path: Path, setting: str, text: str) -> None:
    with pytest.raises(ConfigError, match=text):
        listen([tmp_path / "x.wav"], thresholds=[setting], model=tmp_path)


def test_sources_are_named_with_the_model(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    events = listened(capsys, two_bells(tmp_path / "two.wav"), model=model_dir())
    for event in events:
        source = event["source"]
        assert isinstance(source, dict)
        assert source["kind"] not in {"unclassified", "car", "vehicle", "moped_motorcycle"}
        assert source["scores"]["traffic"] < 0.2


def test_for_people_there_is_a_table(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = two_bells(tmp_path / "two.wav")
    listen([path], full_scale_pa=FULL_SCALE_PA, model=tmp_path)
    shown = capsys.readouterr()
    assert "LAFmax" in shown.out
    assert shown.out.count("unclassified") == 2
    assert "model fetch" in shown.err


def test_nothing_heavy_is_imported_for_its_help() -> None:
    code = "import skolro, sys; sys.exit('numpy' in sys.modules or 'sensor.passby' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
