"""``skolro sensor update``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from sensor.clock import boot_s, boot_time
from sensor.contract.logs import LogFormat, last_word_logged, set_up_logging
from sensor.contract.messages import Boot
from sensor.errors import UpdateError, UpdateLaterError
from sensor.updating.configs import Configs
from sensor.updating.fetching import Store
from sensor.updating.journal import Journal
from sensor.updating.judging import Timing
from sensor.updating.places import Places
from sensor.updating.running import run_tool
from sensor.updating.software import Software
from sensor.updating.updater import Updater

_AS_USUAL = Places()
_TIMES = Timing()
_CHECK_S = 120.0


def update(  # noqa: PLR0913, PLR0917 - one argument an option
    config: Annotated[Path, typer.Option(help="The node's configuration.")] = _AS_USUAL.config,
    program: Annotated[Path, typer.Option(help="Folder of the releases.")] = _AS_USUAL.program,
    state: Annotated[Path, typer.Option(help="Folder of what it remembers.")] = _AS_USUAL.state,
    exchange: Annotated[
        Path, typer.Option(help="Folder shared with skolro sensor run.")
    ] = _AS_USUAL.exchange,
    measured_s: Annotated[
        float, typer.Option(min=1, help="Seconds that what is new must measure to be kept.")
    ] = _TIMES.measured_s,
    silent_s: Annotated[
        float, typer.Option(min=1, help="After so many seconds without it is returned from.")
    ] = _TIMES.silent_s,
    unheard_s: Annotated[
        float, typer.Option(min=1, help="So long no acknowledgement may come.")
    ] = _TIMES.unheard_s,
    check: Annotated[
        bool, typer.Option("--check", help="Only say whether it could go on from its state.")
    ] = False,
    log_format: Annotated[
        LogFormat, typer.Option("--log-format", help="Lines for people, or JSON for machines.")
    ] = "human",
) -> None:
    """Bring the node to what its server wishes, or back to what worked; then end.

    Started by the service manager when a wish comes, at each start, and every few minutes.
    """
    set_up_logging(log_format)
    places = Places(program=program, config=config, state=state, exchange=exchange)
    timing = Timing(measured_s=measured_s, silent_s=silent_s, unheard_s=unheard_s)
    with last_word_logged(log_format):
        if check:
            Journal(state).load()
            typer.echo(f"{places.node()} can be updated from {places.running()}.")
            return
        _run(places, timing)


def _run(places: Places, timing: Timing) -> None:
    boot = boot_time()
    if not isinstance(boot, Boot):
        raise UpdateError("the system does not tell its starts apart: no update can be watched")
    places.running()
    try:
        files = places.state / "files"
        files.mkdir(parents=True, exist_ok=True)
        store = Store(files, places.config.with_name("ca.pem"))
        configs = Configs(places, lambda new, old: _check(places, new, old))
        Updater(places, Software(places, store), configs, timing, boot.id, boot_s).run()
    except OSError as error:
        raise UpdateError(
            f"the updater cannot go on ({error.strerror}: {error.filename}): free the disk, or "
            "give it to its user"
        ) from error


def _check(places: Places, new: Path, old: Path) -> None:
    """Have the release that measures look at a configuration."""
    program = str(places.current / "bin" / "skolro")
    command = [program, "sensor", "check-config", "--config", str(new), "--instead-of", str(old)]
    try:
        run_tool(command, _CHECK_S)
    except UpdateLaterError:
        raise
    except UpdateError as error:
        # Whoever reads it knows the file by another name than it has here for a moment.
        sentence = str(error).replace(str(new), "the new node.toml")
        raise UpdateError(sentence.partition("check-config: ")[2] or sentence) from error
