"""``skolro sensor passby``: how fast something drove past, from recordings."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import numpy as np
import typer
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table

from sensor.errors import InputError
from sensor.inputs.recording import RecordingConfig, RecordingInput
from sensor.passby.geometry import Geometry
from sensor.passby.plot import speed_figure
from sensor.passby.results import Analysis, SpeedEstimate
from sensor.passby.speed import analyse_sound


def passby(  # noqa: PLR0913, PLR0917 - one argument an option
    files: Annotated[list[Path], typer.Argument(help="Recordings of one pass-by each.")],
    distance: Annotated[
        float,
        typer.Option(
            min=0.5,
            max=100,
            help="From the microphones to the middle of the lane, in m; that of direction 1 (from "
            "channel 0 to channel 1) where --distance-back is given.",
        ),
    ],
    distance_back: Annotated[
        float | None,
        typer.Option(min=0.5, max=100, help="To the lane of the other direction, in m."),
    ] = None,
    spacing: Annotated[
        float | None,
        typer.Option(min=0.05, max=5, help="Between two microphones along the road, in m."),
    ] = None,
    mic_height: Annotated[
        float, typer.Option(min=0.1, max=20, help="Height of the microphones, in m.")
    ] = 2.0,
    temperature: Annotated[
        float, typer.Option(min=-40, max=50, help="Temperature of the air, in °C.")
    ] = 15.0,
    distance_uncertainty: Annotated[
        float,
        typer.Option(min=0.05, max=10, help="Standard uncertainty of the distance, in m."),
    ] = 0.4,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object a file.")] = False,
    plot: Annotated[
        Path | None, typer.Option(help="Draw spectrogram, track and fit into this SVG file.")
    ] = None,
) -> None:
    """Measure the speed of what drives past in recordings, with its 95 % interval.

    With --spacing the delays between the first two channels are used, else the Doppler shift of
    the engine in the first one.
    """
    if plot is not None and len(files) != 1:
        raise InputError(f"--plot draws one recording, and {len(files)} were given: give one.")
    if plot is not None and plot.suffix.lower() != ".svg":
        raise InputError(f"--plot draws SVG, which {plot.name} would hide: let it end in .svg.")
    geometry = Geometry(
        distance_m={1: distance, -1: distance if distance_back is None else distance_back},
        distance_uncertainty_m=distance_uncertainty,
        spacing_m=spacing,
        mic_height_m=mic_height,
        temperature_c=temperature,
    )
    rows = []
    for file in files:
        sound, sample_rate = _read(file)
        analysis = analyse_sound(sound, sample_rate, geometry)
        rows.append((file, analysis))
        if as_json:
            typer.echo(json.dumps(as_dict(file, analysis), ensure_ascii=False))
        if plot is not None:
            speed_figure(sound, sample_rate, analysis, file.name).write(plot)
    if not as_json:
        Console().print(_table(rows))


def _read(file: Path) -> tuple[NDArray[np.float64], int]:
    """The whole recording, shape (frames, channels), and its sample rate."""
    config = RecordingConfig(path=str(file), real_time=False, block_s=1.0)
    with RecordingInput(config) as recording:
        blocks = [block.pressure_pa for block in recording.blocks()]
    return np.concatenate(blocks).astype(np.float64), recording.sample_rate


def as_dict(file: Path, analysis: Analysis) -> dict[str, object]:
    """What ``--json`` prints for one file."""
    outcome = analysis.outcome
    if not isinstance(outcome, SpeedEstimate):
        return {"file": str(file), "refused": outcome.reason, "text": outcome.text}
    return {
        "file": str(file),
        "speed_kmh": round(outcome.speed_kmh, 1),
        "low_kmh": round(outcome.low_kmh, 1),
        "high_kmh": round(outcome.high_kmh, 1),
        "direction": outcome.direction,
        "method": outcome.method,
        "nearest_s": round(outcome.nearest_s, 2),
    }


def _table(rows: list[tuple[Path, Analysis]]) -> Table:
    table = Table(box=None)
    for heading in ("file", "km/h", "95 %", "direction", "method"):
        table.add_column(heading, justify="right" if heading in {"km/h", "95 %"} else "left")
    for file, analysis in rows:
        outcome = analysis.outcome
        if not isinstance(outcome, SpeedEstimate):
            table.add_row(file.name, "–", "–", "", f"{outcome.reason}: {outcome.text}")
            continue
        interval = f"{outcome.low_kmh:.0f}–{outcome.high_kmh:.0f}"
        way = {1: "0 → 1", -1: "1 → 0", None: "unknown"}[outcome.direction]
        table.add_row(file.name, f"{outcome.speed_kmh:.1f}", interval, way, outcome.method)
    return table
