"""``skolro demo``."""

from __future__ import annotations

import dataclasses
import json
import signal
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from deploy.demo import DEMO_ACCOUNTS, HISTORY, Demo, Summary
from deploy.demo_folder import DemoFolder, DemoNode, Table, demo_nodes
from deploy.errors import DeployError
from sensor.inputs import RecordingConfig, open_input

console = Console(stderr=True, highlight=False)


def demo(
    source: Annotated[
        str,
        typer.Option(
            "--input",
            metavar="street|recording:PATH|microphone",
            help="What the first node hears; a real source has no simulated history.",
        ),
    ] = "street",
    full_scale_pa: Annotated[
        float | None,
        typer.Option(min=1e-6, help="Peak pressure in pascal at full scale of a real source."),
    ] = None,
    for_s: Annotated[
        float | None, typer.Option("--for", min=0, help="End by itself after so many seconds.")
    ] = None,
    data: Annotated[
        Path | None,
        typer.Option(help="Keep everything in this folder; else it is temporary."),
    ] = None,
    port: Annotated[int, typer.Option(min=1, max=65535, help="Port of the page.")] = 8080,
    influxdb: Annotated[
        str | None, typer.Option(metavar="URL", help="Feed this InfluxDB too.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Summary as JSON.")] = False,
) -> None:
    """Run the whole pipeline on this machine: broker, collector, three nodes, briefing page.

    Two schools that do not exist, with eight weeks of simulated history and events every few
    tens of seconds. Ctrl-C ends it.
    """
    nodes = demo_nodes(_input_table(source, full_scale_pa))
    with _folder(data) as path:
        summary = _run(DemoFolder(path, port, influxdb), nodes, for_s)
    _print(summary, as_json=as_json)


def _run(folder: DemoFolder, nodes: list[DemoNode], for_s: float | None) -> Summary:
    with Demo(folder, nodes) as running, _stop_event() as stop:
        address = running.start_server()
        console.print(f"Briefing page: [bold]{address}[/]  (Ctrl-C ends the demo)")
        console.print(f"Log in as {', '.join(DEMO_ACCOUNTS)}", soft_wrap=True)
        console.print(f"with the password [bold]{running.password}[/]")
        for node in nodes:
            if not node.simulated:
                running.start_node(node)
        _load_histories(running, [node for node in nodes if node.simulated], stop)
        running.watch(stop, for_s)
        running.end_nodes()
        return running.summary()


def _load_histories(running: Demo, nodes: list[DemoNode], stop: threading.Event) -> None:
    columns = (
        TextColumn("Simulated history"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("days of measuring"),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=console, transient=True) as progress:
        task = progress.add_task("", total=len(nodes) * HISTORY.days)
        for number, node in enumerate(nodes, start=1):
            for days in running.load_history(node):
                progress.update(task, advance=days)
                if stop.is_set():
                    return
            progress.update(task, completed=number * HISTORY.days)
            running.start_node(node)


def _input_table(source: str, full_scale_pa: float | None) -> Table | None:
    """The first node's ``[input]``; None for the simulated street."""
    kind, _, path = source.partition(":")
    if source == "street":
        if full_scale_pa is not None:
            raise DeployError("--full-scale-pa goes with a recording or a microphone: leave it out")
        return None
    scale: Table = {} if full_scale_pa is None else {"full_scale_pa": full_scale_pa}
    if source == "microphone":
        return {"kind": "microphone", **scale}
    if kind == "recording" and path:
        absolute = str(Path(path).expanduser().resolve())
        # Opened once here, so that a wrong file is told before anything is started.
        open_input(RecordingConfig(path=absolute, full_scale_pa=full_scale_pa)).close()
        return {"kind": "recording", "path": absolute, **scale}
    raise DeployError(f"--input {source} is not known: give street, recording:PATH or microphone")


@contextmanager
def _folder(data: Path | None) -> Iterator[Path]:
    if data is None:
        with tempfile.TemporaryDirectory(prefix="skolro-demo-") as temporary:
            yield Path(temporary)
        return
    try:
        data.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise DeployError(f"--data {data} cannot be made: {error.strerror}") from error
    yield data


@contextmanager
def _stop_event() -> Iterator[threading.Event]:
    """An event that Ctrl-C and SIGTERM set."""
    stop = threading.Event()
    signals = (signal.SIGINT, signal.SIGTERM)
    before = {number: signal.signal(number, lambda *_: stop.set()) for number in signals}
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _print(summary: Summary, *, as_json: bool) -> None:
    if as_json:
        typer.echo(json.dumps(dataclasses.asdict(summary), ensure_ascii=False))
        return
    typer.echo(
        f"{summary.nodes} nodes, {summary.messages} messages, {len(summary.events)} events in this "
        f"run, {summary.lost} lost, {summary.quarantined} quarantined."
    )
