"""``skolro sensor listen``: the events in recordings, for trying thresholds."""

from __future__ import annotations

import difflib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import msgspec
import typer
from rich.box import SIMPLE
from rich.console import Console
from rich.table import Table

from sensor.acoustics.meter import SoundLevelMeter
from sensor.blocks import RecentSound
from sensor.commands.model_fetch import model_folder
from sensor.config import load_node_config
from sensor.contract.errors import ConfigError
from sensor.contract.messages import Source
from sensor.errors import InputError
from sensor.inputs.recording import RecordingConfig, RecordingInput
from sensor.passby.detector import Detection, DetectorConfig, EventDetector
from sensor.passby.thresholds import BUFFER_S
from sensor.passby.vehicle import VehicleClassifier, load_classifier

LEVELS = (
    "lafmax_db", "lae_db", "laeq_db", "lcpeak_db", "background_laf90_db", "emergence_db",
)  # fmt: skip
RUNNERS_UP = 3
WORTH_SHOWING = 0.05


def listen(
    files: Annotated[list[Path], typer.Argument(help="Recordings: anything libsndfile reads.")],
    full_scale_pa: Annotated[
        float | None, typer.Option(min=1e-6, help="Pressure in pascal at digital full scale.")
    ] = None,
    laeq_db: Annotated[
        float | None, typer.Option(help="Known LAeq of each whole file, instead.")
    ] = None,
    channel: Annotated[int, typer.Option(min=0, help="Channel that is measured.")] = 0,
    config: Annotated[
        Path | None, typer.Option(help="A node's configuration, for its thresholds and model.")
    ] = None,
    thresholds: Annotated[
        list[str] | None,
        typer.Option("--set", help="A threshold, as in --set level_db=65; may be repeated."),
    ] = None,
    model: Annotated[
        Path | None, typer.Option(help="Folder of the model of sound sources.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object an event.")] = False,
) -> None:
    """Find the events in recordings: levels, kind of source and probabilities.

    Without --full-scale-pa or --laeq-db samples are taken as pascals: thresholds in dB then mean
    little.
    """
    detector_config = _config(config, thresholds or [])
    folder = model_folder(model, config)
    classifier = load_classifier(folder)
    if classifier is None:
        _tell(f"no model in {folder}, so sources stay unclassified: skolro sensor model fetch")
    if full_scale_pa is None and laeq_db is None:
        _tell("no --full-scale-pa: samples are taken as pascals, levels are relative")
    for path in files:
        recording = RecordingConfig(
            path=str(path), full_scale_pa=full_scale_pa, laeq_db=laeq_db, real_time=False
        )
        with RecordingInput(recording) as source:
            if channel >= source.channels:
                raise InputError(
                    f"{path} has {source.channels} channel(s): there is no channel {channel}, "
                    "count from 0"
                )
            listener = Listener(source, detector_config, classifier, channel)
            if as_json:
                for event, kind in listener.events():
                    typer.echo(json.dumps(_as_dict(path, event, kind)))
            else:
                Console().print(_table(path, list(listener.events())))
            if listener.dropped:
                _tell(f"{path}: {listener.dropped} more events, over maximum_per_hour")


class Listener:
    """What a node does with its sound, for a recording.

    Parameters
    ----------
    source : RecordingInput
        The recording.
    config : DetectorConfig
        Thresholds.
    classifier : VehicleClassifier, optional
        Without it sources stay unclassified.
    channel : int
        Channel that is measured and classified.
    """

    def __init__(
        self,
        source: RecordingInput,
        config: DetectorConfig,
        classifier: VehicleClassifier | None,
        channel: int,
    ) -> None:
        self._source = source
        self._classifier = classifier
        self._channel = channel
        self._detector = EventDetector(config, source.sample_rate)
        self._recent = RecentSound(BUFFER_S)

    @property
    def dropped(self) -> int:
        """Events given up by the limit on rate."""
        return self._detector.dropped

    def events(self) -> Iterator[tuple[Detection, Source]]:
        """Yield the events of the whole recording, in order."""
        source = self._source
        meter = SoundLevelMeter(
            source.sample_rate, full_scale_pa=source.full_scale_pa, channel=self._channel
        )
        for block in source.blocks():
            self._recent.add(block)
            for event in self._detector.process(*meter.process(block)):
                yield event, self._kind(event)
        for event in [*self._detector.process(*meter.flush()), *self._detector.flush()]:
            yield event, self._kind(event)

    def _kind(self, event: Detection) -> Source:
        sound = self._recent.cut(event.start_frame, event.end_frame)
        if self._classifier is None or sound is None:
            return Source()
        return self._classifier.classify(sound.pressure_pa[:, self._channel], sound.sample_rate)


def _config(path: Path | None, settings: list[str]) -> DetectorConfig:
    base = load_node_config(path).detector if path else DetectorConfig()
    values = msgspec.to_builtins(base)
    for setting in settings:
        key, equals, value = (part.strip() for part in setting.partition("="))
        if not equals:
            raise ConfigError(f"--set {setting} has no value: write --set level_db=65")
        if key not in values:
            near = difflib.get_close_matches(key, values, n=1) or sorted(values)
            raise ConfigError(f"--set {setting} is no threshold: known is {', '.join(near)}")
        values[key] = value
    try:
        return msgspec.convert(values, DetectorConfig, strict=False)
    except msgspec.ValidationError as error:
        what, _, key = str(error).partition(" - at `$.")
        raise ConfigError(f"--set {key.rstrip('`')} is no use: {what.lower()}") from error


def _as_dict(path: Path, event: Detection, source: Source) -> dict[str, object]:
    def rounded(level_db: float | None) -> float | None:
        return None if level_db is None else round(level_db, 2)

    return {
        "file": str(path),
        "start_s": round(event.start_frame / event.sample_rate, 3),
        "duration_s": round(event.duration_s, 3),
        "trigger": event.trigger,
        **{name: rounded(getattr(event, name)) for name in LEVELS},
        "lafmax_s": round(event.lafmax_frame / event.sample_rate, 3),
        "bands_db": {hz: rounded(level) for hz, level in (event.bands_db or {}).items()} or None,
        "source": msgspec.to_builtins(source),
        "trace_lafmax_db": [rounded(level) for level in event.trace_lafmax_db],
        "flags": sorted(event.flags),
    }


def _table(path: Path, events: list[tuple[Detection, Source]]) -> Table:
    table = Table(
        title=f"{path} (s and dB)" if events else f"{path}: no events",
        title_justify="left",
        box=SIMPLE,
        pad_edge=False,
        padding=(0, 1, 0, 0),
        show_header=bool(events),
    )
    for column in ("from", "for", "LAFmax", "LAE", "LAF90", "above"):
        table.add_column(column, justify="right", no_wrap=True)
    table.add_column("trigger", no_wrap=True)
    table.add_column("source, runners-up", no_wrap=True)
    table.add_column("flags", no_wrap=True)
    for event, source in events:
        seconds = (event.start_frame / event.sample_rate, event.duration_s)
        levels = (event.lafmax_db, event.lae_db, event.background_laf90_db, event.emergence_db)
        figures = ["–" if x is None else f"{x:.1f}" for x in (*seconds, *levels)]
        flags = "\n".join(sorted(event.flags))
        table.add_row(*figures, event.trigger, "\n".join(_ranked(source)), flags)
    return table


def _ranked(source: Source) -> list[str]:
    """The source and the groups that came closest to it."""
    score = "" if source.probability is None else f" {source.probability:.2f}"
    others = {kind: x for kind, x in (source.scores or {}).items() if kind != source.kind}
    best = sorted(others.items(), key=lambda item: -item[1])[:RUNNERS_UP]
    runners_up = [f"{kind} {score:.2f}" for kind, score in best if score >= WORTH_SHOWING]
    return [f"[bold]{source.kind}[/]{score}", *runners_up]


def _tell(text: str) -> None:
    typer.echo(f"skolro: {text}", err=True)
