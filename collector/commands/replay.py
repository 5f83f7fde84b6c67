"""``skolro collector replay``: an emptied output filled again."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated
from zoneinfo import ZoneInfo

import typer

from collector.commands.opened import ConfigOption, Opened, opened
from collector.commands.progress import progress_bar
from collector.commands.wording import some
from collector.config import CollectorConfig
from collector.errors import OutputError
from collector.figures.figures import Figures
from collector.outputs import OUTPUTS, Output
from collector.replay import Replay, Replayed
from sensor.contract.errors import ConfigError


def replay(
    config: ConfigOption,
    output: Annotated[str, typer.Option(help=f"Which output: {', '.join(OUTPUTS)}.")],
    start: Annotated[
        str, typer.Option("--from", metavar="DATE", help="2026-11-01, or 2026-11-01T06:00.")
    ],
    end: Annotated[
        str | None, typer.Option("--to", metavar="DATE", help="Excluded; else now.")
    ] = None,
) -> None:
    """Write a period of the ledger to an output once more, as when that was emptied.

    Nothing is there twice afterwards. The collector may be at work meanwhile.
    """
    with opened(config) as collector:
        begin = _time(collector.config, "--from", start)
        stop = datetime.now(UTC) if end is None else _time(collector.config, "--to", end)
        if begin >= stop:
            raise ConfigError(f"--from {start} is not before --to: there is nothing between them")
        target = _opened_output(collector.config, output)
        try:
            wanted = target.takes_figures
            figures = Figures.of(collector.ledger, collector.config) if wanted else None
            replaying = Replay(collector.engine, collector.ledger, target, figures)
            with progress_bar(f"Writing to {output}") as told:
                done = replaying.run(begin, stop, told)
        finally:
            target.close()
        _say(collector, done, begin, stop, output)


def _time(config: CollectorConfig, option: str, text: str) -> datetime:
    try:
        at = datetime.fromisoformat(text)
    except ValueError as error:
        raise ConfigError(f"{option} {text} is no date: write it as in 2026-11-01") from error
    # A date without a zone is one of the people there.
    return at.replace(tzinfo=ZoneInfo(config.page.time_zone)) if at.tzinfo is None else at


def _opened_output(config: CollectorConfig, name: str) -> Output:
    if name not in OUTPUTS:
        raise OutputError(f"there is no output {name}: name one of {', '.join(OUTPUTS)}")
    output = OUTPUTS[name](config)
    if output is None:
        raise OutputError(f"the configuration has no [{name}]: say there where it is")
    return output


def _say(collector: Opened, done: Replayed, begin: datetime, stop: datetime, output: str) -> None:
    typer.echo(
        f"{output} has got what the ledger holds from {collector.local(begin)} to "
        f"{collector.local(stop)}: {some(done.messages, 'message')}, {some(done.points, 'point')}."
    )
    if done.rejected:
        typer.echo(f"It refused {some(done.rejected, 'point')}: see output_rejected in the ledger.")
    if done.expired:
        typer.echo(f"It keeps {some(done.expired, 'point')} no longer: too old.")
