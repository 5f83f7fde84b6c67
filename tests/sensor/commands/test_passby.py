"""``skolro sensor passby`` on recordings that it is given."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from pathlib import Path
from xml.etree import ElementTree as ET

import numpy as np
import pytest
import soundfile
import typer
from typer.testing import CliRunner, Result

from sensor.commands.passby import passby
from sensor.errors import InputError
from tests.sensor.passby.generator import CHECK_SEED, Scenario, scenario, synthesise

RECORDINGS = Path(__file__).parents[3] / "../shared/reference/passby"
Run = Callable[..., Result]


@pytest.fixture
def run() -> Run:
    app = typer.Typer()
    app.command()(passby)
    return lambda *arguments: CliRunner().invoke(app, [str(one) for one in arguments])


@pytest.fixture(scope="module")
def recording(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Scenario]:
    made = scenario("normal", CHECK_SEED + 2)
    file = tmp_path_factory.mktemp("passby") / "pass.wav"
    soundfile.write(file, synthesise(made), made.sample_rate)
    return file, made


def place(made: Scenario) -> list[object]:
    return [
        "--distance", made.distance_m, "--spacing", made.spacing_m,
        "--mic-height", made.mic_height_m, "--temperature", made.temperature_c,
    ]  # fmt: skip


def test_one_object_a_file(run: Run, recording: tuple[Path, Scenario], tmp_path: Path) -> None:
    file, made = recording
    noise = tmp_path / "noise.wav"
    soundfile.write(noise, 0.1 * np.random.default_rng(1).normal(size=(96_000, 2)), 24_000)
    result = run(file, noise, "--json", *place(made))
    assert result.exit_code == 0, result.output
    found, refused = [json.loads(line) for line in result.stdout.splitlines()]
    assert found["speed_kmh"] == pytest.approx(made.speeds_kmh[0], rel=0.2)
    assert found["low_kmh"] < found["speed_kmh"] < found["high_kmh"]
    assert found["direction"] == made.directions[0]
    assert found["method"] in {"stereo", "fused"}
    assert refused["refused"] == "no_vehicle"
    assert refused["text"]


def test_a_table_for_people(run: Run, recording: tuple[Path, Scenario]) -> None:
    file, made = recording
    result = run(file, *place(made))
    assert result.exit_code == 0, result.output
    assert file.name in result.stdout
    assert "km/h" in result.stdout


def test_each_direction_has_the_distance_of_its_lane(
    run: Run, recording: tuple[Path, Scenario]
) -> None:
    file, made = recording
    (direction,) = made.directions
    own, other = ("--distance", "--distance-back")[:: 1 if direction == 1 else -1]
    lanes = [own, made.distance_m, other, made.distance_m + 3.2, *place(made)[2:]]
    one_lane, two_lanes, swapped = (
        json.loads(run(file, "--json", *told).stdout)
        for told in (place(made), lanes, [other, made.distance_m, own, 30, *place(made)[2:]])
    )
    assert two_lanes == one_lane
    assert swapped.get("speed_kmh") != one_lane["speed_kmh"]


def test_the_plot_is_a_drawing(run: Run, recording: tuple[Path, Scenario], tmp_path: Path) -> None:
    file, made = recording
    drawing = tmp_path / "why.svg"
    assert run(file, "--plot", drawing, *place(made)).exit_code == 0
    text = drawing.read_text(encoding="utf-8")
    assert ET.parse(drawing).getroot().tag.endswith("svg")  # noqa: S314  # our own drawing
    assert "delay of channel 1" in text
    assert f"{file.name}:" in text


def test_what_is_no_recording_is_explained(run: Run, tmp_path: Path) -> None:
    file = tmp_path / "text.wav"
    file.write_text("not a sound", encoding="utf-8")
    result = run(file, "--distance", 6)
    assert isinstance(result.exception, InputError)
    assert "not a sound file" in str(result.exception)


def test_one_drawing_for_one_recording(run: Run, recording: tuple[Path, Scenario]) -> None:
    file, _ = recording
    result = run(file, file, "--distance", 6, "--plot", "x.svg")
    assert isinstance(result.exception, InputError)


def test_a_drawing_is_called_what_it_is(run: Run, recording: tuple[Path, Scenario]) -> None:
    file, _ = recording
    result = run(file, "--distance", 6, "--plot", "x.png")
    assert isinstance(result.exception, InputError)
    assert ".svg" in str(result.exception)


@pytest.mark.recordings
def test_the_reference_recordings(run: Run) -> None:
    if not RECORDINGS.is_dir():
        pytest.skip("the recordings of ../shared/reference/passby are not here")
    with (RECORDINGS / "truth.csv").open(encoding="utf-8") as table:
        truths = list(csv.DictReader(table))
    errors = []
    for truth in truths:
        result = run(
            RECORDINGS / truth["file"], "--json",
            "--distance", truth["d_nominal_m"], "--spacing", truth["baseline_m"],
            "--mic-height", truth["mic_height_m"], "--temperature", truth["temp_c"],
        )  # fmt: skip
        found = json.loads(result.stdout)
        if truth["case"] in {"noise_only", "idling_stationary"}:
            assert "refused" in found, truth["file"]
        elif truth["case"] == "normal":
            errors.append(found["speed_kmh"] - float(truth["speed_kmh"]))
            assert found["direction"] == int(truth["direction"]), truth["file"]
            assert abs(errors[-1]) < 0.2 * float(truth["speed_kmh"]), truth["file"]
        elif truth["case"] == "two_vehicles" and "refused" not in found:
            speeds = (float(truth["speed_kmh"]), float(truth["speed2_kmh"]))
            assert any(found["low_kmh"] <= speed <= found["high_kmh"] for speed in speeds)
    assert np.sqrt(np.mean(np.square(errors))) < 2.3
