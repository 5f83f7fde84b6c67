"""``skolro sensor measure``: levels of recordings."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from sensor.acoustics.meter import SoundLevelMeter
from sensor.acoustics.plot import level_figure
from sensor.acoustics.readings import LevelReading, LevelStep, combine
from sensor.acoustics.response import ResponseFilter, load_response_filter
from sensor.errors import InputError, MeterError
from sensor.inputs import Input, RecordingConfig, open_input

LEVELS = (
    "laeq_db", "lafmax_db", "lafmin_db", "lasmax_db", "lceq_db", "lcpeak_db", "lae_db",
    "lzeq_db", "laf10_db", "laf50_db", "laf90_db",
)  # fmt: skip
SHOWN = ("laeq_db", "lafmax_db", "lafmin_db", "lasmax_db", "lceq_db", "lcpeak_db", "laf90_db")
WIDTH = 110
HEADINGS = ("LAeq", "LAFmax", "LAFmin", "LASmax", "LCeq", "LCpeak", "LAF90")


def measure(  # noqa: PLR0913, PLR0917 - one for each option
    files: Annotated[list[Path], typer.Argument(help="Recordings: anything libsndfile reads.")],
    full_scale_pa: Annotated[
        float | None, typer.Option(min=1e-6, help="Pressure in pascal at digital full scale.")
    ] = None,
    block_ms: Annotated[
        float, typer.Option(min=0.01, help="Length of the blocks fed to the meter.")
    ] = 100.0,
    bands: Annotated[bool, typer.Option(help="Third octaves from 25 Hz to 20 kHz too.")] = False,
    period: Annotated[
        float, typer.Option(help="Seconds a reading, a multiple of 0.125; 0: the whole file.")
    ] = 1.0,
    channel: Annotated[int, typer.Option(min=0, help="Channel that is measured.")] = 0,
    response: Annotated[
        Path | None, typer.Option(help="Response file of the microphone, to be undone.")
    ] = None,
    plot: Annotated[Path | None, typer.Option(help="Draw the levels into this SVG.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object a reading.")] = False,
) -> None:
    """Measure the levels of recordings, one reading a second.

    Without --full-scale-pa the samples are taken as pascals: levels are then relative.
    """
    if plot is not None and len(files) > 1:
        raise InputError(f"One plot shows one recording, not {len(files)}: name a single file.")
    if full_scale_pa is None:
        typer.echo(
            "No --full-scale-pa: samples are taken as pascals, levels are relative.", err=True
        )
    for path in files:
        source = RecordingConfig(
            path=str(path), full_scale_pa=full_scale_pa, real_time=False, block_s=block_ms / 1000
        )
        readings: list[LevelReading] = []
        steps: list[LevelStep] = []
        with open_input(source) as sound:
            for more_readings, more_steps in _measured(
                sound, _meter(path, sound, channel, response, bands, period)
            ):
                if as_json:
                    for reading in more_readings:
                        typer.echo(json.dumps(_as_dict(path, reading)))
                readings += more_readings
                steps += more_steps
        if not as_json:
            Console(width=WIDTH).print(_table(path, readings))
        if plot is not None:
            level_figure(path.name, readings, steps).write(plot)


def _meter(
    path: Path, sound: Input, channel: int, response: Path | None, bands: bool, period_s: float
) -> SoundLevelMeter:
    if channel >= sound.channels:
        raise InputError(
            f"{path} has {sound.channels} channel(s): there is no channel {channel}, count from 0"
        )
    try:
        return SoundLevelMeter(
            sound.sample_rate,
            full_scale_pa=sound.full_scale_pa,
            period_s=period_s,
            bands=bands,
            channel=channel,
            correction=None if response is None else _correction(response, sound.sample_rate),
        )
    except MeterError as error:
        raise MeterError(f"{path}: {error}") from error


def _measured(
    sound: Input, meter: SoundLevelMeter
) -> Iterator[tuple[list[LevelReading], list[LevelStep]]]:
    for block in sound.blocks():
        yield meter.process(block)
    yield meter.flush()


def _correction(response: Path, sample_rate: int) -> ResponseFilter:
    correction = load_response_filter(response, sample_rate)
    typer.echo(f"{response}: undone within {correction.error_db:.2f} dB.", err=True)
    return correction


def _as_dict(path: Path, reading: LevelReading) -> dict[str, object]:
    second = reading.start_frame / reading.sample_rate
    line: dict[str, object] = {
        "file": str(path),
        "second": int(second) if second.is_integer() else round(second, 6),
        "duration_s": round(reading.frames / reading.sample_rate, 6),
    }
    for name in LEVELS:
        level = getattr(reading, name)
        line[name] = None if level is None else round(level, 2)
    if reading.bands_db is not None:
        line["bands_db"] = {
            f"{centre_hz:g}": round(level, 2) for centre_hz, level in reading.bands_db.items()
        }
    line |= {
        "overload": reading.overload,
        "under_range": reading.under_range,
        "gap": reading.gap,
        "valid": reading.valid,
    }
    return line


def _table(path: Path, readings: list[LevelReading]) -> Table:
    table = Table(title=f"{path} (dB)", header_style="bold")
    for heading in ("second", *HEADINGS, ""):
        table.add_column(heading, justify="right")
    for reading in readings:
        table.add_row(f"{reading.start_frame / reading.sample_rate:g}", *_cells(reading))
    table.add_section()
    if len(readings) > 1:
        table.add_row("all", *_cells(combine(readings)), style="bold")
    return table


def _cells(reading: LevelReading) -> list[str]:
    levels = [getattr(reading, name) for name in SHOWN]
    flags = [name for name in ("overload", "gap", "under_range", "stuck") if getattr(reading, name)]
    return ["–" if level is None else f"{level:.2f}" for level in levels] + [" ".join(flags)]
