"""``skolro sensor calibrate``: check the node with a sound calibrator."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import msgspec
import typer

from sensor.acoustics.calibration import (
    CALIBRATION_FILE,
    CalibrationRecord,
    CalibrationStore,
    Calibrator,
    check_message,
    judge,
)
from sensor.acoustics.tone import CalibrationError, CalibratorTone, ToneFinder
from sensor.agent import OUTBOX_FILE
from sensor.config import NodeConfig, load_node_config
from sensor.identity import load_or_make_key
from sensor.inputs import Input, InputConfig, RecordingConfig, open_input
from sensor.outbox import Outbox


def calibrate(
    config: Annotated[Path, typer.Option("--config", help="The node's configuration, node.toml.")],
    serial: Annotated[str, typer.Option(help="Serial number of the calibrator.")],
    certificate: Annotated[str, typer.Option(help="Number of its calibration certificate.")],
    calibrator_level: Annotated[
        float | None,
        typer.Option(min=60, max=140, help="What it gives in dB; else 94 or 114 is told by ear."),
    ] = None,
    frequency: Annotated[
        float, typer.Option(min=100, max=4000, help="Frequency of its tone in Hz.")
    ] = 1000.0,
    source: Annotated[
        str | None,
        typer.Option("--input", help="recording:PATH, to listen to a file instead of the node."),
    ] = None,
    timeout: Annotated[
        float, typer.Option(min=6, max=600, help="Seconds of sound to listen to at most.")
    ] = 60.0,
    as_json: Annotated[bool, typer.Option("--json", help="The result as one JSON object.")] = False,
) -> None:
    """Check the node with a sound calibrator, and adjust it where it has drifted.

    Put the calibrator on the microphone and switch it on: the tone is found by itself once it has
    been stable for five seconds. The result is kept on the node and published.
    """
    node = load_node_config(config)
    store = CalibrationStore(Path(node.data_dir) / CALIBRATION_FILE)
    with open_input(_input_config(node, source)) as sound:
        if not as_json:
            typer.echo(f"Listening to {sound.description} ...", err=True)
        tone = _tone(sound, node, store.sensitivity, frequency, timeout)
    calibrator = Calibrator(serial, certificate, calibrator_level)
    record = judge(tone, calibrator, store.newest, datetime.now(UTC))
    _publish(node, record)
    store.append(record)
    typer.echo(msgspec.json.encode(record).decode() if as_json else _told(record))


def _input_config(node: NodeConfig, source: str | None) -> InputConfig:
    if source is None:
        return node.input
    kind, _, path = source.partition(":")
    if kind != "recording" or not path:
        raise CalibrationError(f"--input {source} is no source: give recording:PATH")
    return RecordingConfig(
        path=path,
        full_scale_pa=getattr(node.input, "full_scale_pa", None),
        real_time=False,
    )


def _tone(
    sound: Input, node: NodeConfig, sensitivity: float, frequency_hz: float, timeout_s: float
) -> CalibratorTone:
    finder = ToneFinder(
        sound.sample_rate,
        frequency_hz,
        full_scale_pa=sound.full_scale_pa,
        channel=node.meter.channel,
        sensitivity=sensitivity,
    )
    heard = 0
    for block in sound.blocks():
        tone = finder.process(block)
        if tone is not None:
            return tone
        heard += block.frames
        if heard >= timeout_s * sound.sample_rate:
            break
    raise CalibrationError(
        f"no calibrator was heard in {heard / sound.sample_rate:.0f} s: {finder.why_not}; "
        "put it on the microphone, switch it on and try again"
    )


def _publish(node: NodeConfig, record: CalibrationRecord) -> None:
    """Into the outbox, from where the agent sends it."""
    data_dir = Path(node.data_dir)
    key = load_or_make_key(data_dir)
    outbox = Outbox(data_dir / OUTBOX_FILE, node.node, key, node.outbox)
    try:
        outbox.append(check_message(node.node, record))
    finally:
        outbox.close()


def _told(record: CalibrationRecord) -> str:
    what = {
        "initial": "first calibration: the meter is adjusted",
        "ok": "within 0.5 dB: nothing is changed",
        "drift": "drifted by more than 0.5 dB: the meter is adjusted, and data are flagged",
        "invalid": (
            "drifted by more than 1 dB: the meter is adjusted, and what was measured since the "
            "check before is not valid"
        ),
    }[record.result]
    return (
        f"Tone of {record.frequency_hz:.1f} Hz, {record.measured_db:.2f} dB "
        f"(scatter {record.standard_deviation_db:.3f} dB), calibrator "
        f"{record.calibrator_level_db:g} dB: deviation {record.deviation_db:+.2f} dB.\n"
        f"{what[0].upper()}{what[1:]}. Sensitivity {record.sensitivity:.5f}."
    )
