"""What the commands about patterns and patrols print, as tables, JSON and drawings."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.testing import CliRunner

from collector.commands.patrol_add import patrol_add
from collector.commands.patrol_list import patrol_list
from collector.commands.patrol_remove import patrol_remove
from collector.commands.patterns_effect import patterns_effect
from collector.commands.patterns_episodes import patterns_episodes
from collector.commands.patterns_levels import patterns_levels
from collector.commands.patterns_plan import patterns_plan
from collector.commands.patterns_rates import patterns_rates
from collector.commands.patterns_speed import patterns_speed
from collector.errors import AnalysisError, RegistryError
from collector.ledger.ledger import Ledger
from collector.registry.registry import Guideline, Registry, SpeedLimit
from sensor.contract.errors import SkolroError
from sensor.contract.messages import Message
from tests.collector.conftest import ONLY_SQLITE
from tests.peers import FakeNode, event, levels

# A Monday, 00:00 in Stockholm.
START = datetime(2026, 9, 6, 22, 0, tzinfo=UTC)
WEEKS = 8
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
PATROL = START + 4 * 7 * DAY

pytestmark = ONLY_SQLITE


@pytest.fixture
def config(tmp_path: Path, database_url: str, ledger: Ledger, registry: Registry) -> Path:
    """Eight weeks at two schools: laps on Fridays, at one of them until there is a patrol."""
    for site in ("ekskolan", "askolan"):
        node = FakeNode(f"{site}-1")
        node.register(registry, site, START)
        batch = [node.signed(one) for one in weeks_of(node.name, patrolled=site == "ekskolan")]
        ledger.append(batch)
    registry.add_speed_limit(SpeedLimit(site="ekskolan", kmh=30, since=START))
    registry.set_guideline(
        Guideline(site="ekskolan", quantity="laeq_24h", value_db=45.0, source="NV")
    )
    path = tmp_path / "collector.toml"
    path.write_text(f'ledger = "{database_url}"\n')
    return path


def weeks_of(node: str, *, patrolled: bool) -> Iterable[Message]:
    """What a node measures: every hour, and laps on Friday evenings until there is a patrol."""
    for hour in range(WEEKS * 168):
        at = START + hour * HOUR
        yield levels(
            node, at, interval_s=3600, count=1, laf10_db=53.0, laf50_db=49.0, laf90_db=45.0
        )
    for week in range(WEEKS):
        if patrolled and week >= 4:
            continue
        for outing in range(4):
            evening = START + (7 * week + 4) * DAY + (20 + 0.5 * outing) * HOUR
            for lap in range(6):
                yield event(node, evening + lap * timedelta(seconds=90))


def run(command: Callable[..., None], *arguments: str | Path) -> str:
    """Run a command as the command line does, and return what it printed."""
    app = typer.Typer()
    app.command()(command)
    result = CliRunner().invoke(app, [str(one) for one in arguments])
    if isinstance(result.exception, SkolroError):
        raise result.exception
    assert result.exit_code == 0, result.output
    return result.stdout


def told(command: Callable[..., None], *arguments: str | Path) -> Any:
    """What the command prints as JSON."""
    return json.loads(run(command, "--json", *arguments))


def at_site(config: Path, site: str = "ekskolan") -> tuple[str | Path, ...]:
    """The options that every command takes."""
    return ("--site", site, "--config", config)


def test_patrols_are_logged_listed_and_taken_back(config: Path) -> None:
    said = run(
        patrol_add, "--start", "2026-10-09T20:00", "--end", "2026-10-09T22:00",
        "--note", "two cars", *at_site(config),
    )  # fmt: skip
    assert "Patrol 1" in said
    (one,) = told(patrol_list, "--config", config)
    assert (one["start"], one["note"]) == ("2026-10-09T18:00:00Z", "two cars")
    assert told(patrol_list, "--site", "askolan", "--config", config) == []
    run(patrol_remove, "1", "--config", config)
    assert told(patrol_list, "--config", config) == []
    with pytest.raises(RegistryError, match="no patrol '1'"):
        run(patrol_remove, "1", "--config", config)


def test_a_patrol_must_end_after_it_begins(config: Path) -> None:
    with pytest.raises(RegistryError, match="must end after it begins"):
        run(
            patrol_add, "--start", "2026-10-09T22:00", "--end", "2026-10-09T20:00",
            *at_site(config),
        )  # fmt: skip


def test_all_of_it(config: Path, tmp_path: Path) -> None:
    # One ledger for all: it takes long to make.
    _rates(config, tmp_path)
    _episodes(config, tmp_path)
    _plan(config, tmp_path)
    _effect(config, tmp_path)
    _levels(config, tmp_path)
    _speed(config, tmp_path)
    _errors(config, tmp_path)


def _drawn(path: Path, said: str) -> bool:
    text = path.read_text(encoding="utf-8")
    return text.startswith("<svg") and said in text


def _rates(config: Path, folder: Path) -> None:
    plot = folder / "rates.svg"
    answer = told(patterns_rates, "--plot", plot, *at_site(config, "askolan"))
    best = max(answer["rates"], key=lambda row: row["rate"])
    assert (best["weekday"], best["hour"]) in {("Fri", 20), ("Fri", 21)}
    assert best["low"] < best["rate"] < best["high"]
    assert sum(row["count"] for row in answer["rates"]) == 4 * WEEKS
    assert sum(row["measured_h"] for row in answer["rates"]) == pytest.approx(168 * WEEKS)
    assert _drawn(plot, "Episodes an hour of measuring, by hour of the week")
    assert _drawn(plot, "2026-11-01 23:00")
    school = told(patterns_rates, "--days", "school", *at_site(config, "askolan"))["rates"]
    assert {row["days"] for row in school} == {"school day"}
    assert "Fri 20–21" in run(patterns_rates, *at_site(config, "askolan"))


def _episodes(config: Path, folder: Path) -> None:
    plot = folder / "episodes.svg"
    answer = told(patterns_episodes, "--from", "2026-09-07", "--plot", plot, *at_site(config))
    assert len(answer["episodes"]) == 16
    first = answer["episodes"][0]
    assert (first["passes"], first["reasons"][0]["code"]) == (6, "repeated_passes")
    assert _drawn(plot, "Episodes by day and hour")
    shown = run(patterns_episodes, "--from", "2026-09-07", *at_site(config))
    assert "6 times within 8 min" in shown
    assert "Fri 2026-09-11 20:00–20:07" in shown
    few = ("--from", "2026-09-11", "--to", "2026-09-11T20:15")
    assert len(told(patterns_episodes, *few, *at_site(config))["episodes"]) == 1


def _plan(config: Path, folder: Path) -> None:
    plot = folder / "plan.svg"
    answer = told(patterns_plan, "--patrols", "1", "--plot", plot, "--config", config)
    (window,) = answer["windows"]
    assert window["site"] == "askolan"
    assert window["start"] == "2026-11-06T19:00:00Z"
    assert _drawn(plot, "Week from Sun 2026-11-01 23:00.")
    shown = run(patterns_plan, "--patrols", "1", "--config", config)
    assert "Fri 2026-11-06 20:00–22:00" in shown
    assert "would be missed" in shown
    missed = shown.split("The next best windows, not chosen:")[1]
    assert "would need another crew" in missed
    assert "another crew" not in run(patterns_plan, "--crews", "9", "--config", config)


def _effect(config: Path, folder: Path) -> None:
    with pytest.raises(AnalysisError, match="no patrol at ekskolan is logged"):
        run(patterns_effect, *at_site(config))
    start, end = (f"{PATROL + hours * HOUR:%Y-%m-%dT%H:%M}Z" for hours in (18, 20))
    run(patrol_add, "--start", start, "--end", end, *at_site(config))
    plot = folder / "effect.svg"
    answer = told(patterns_effect, "--plot", plot, *at_site(config))
    assert (answer["count_before"], answer["count_after"]) == (16, 0)
    assert answer["own_ratio"]["high"] < 1
    # One other site cannot tell how much sites change by themselves.
    assert answer["ratio"]["ratio"] < 0.1
    assert answer["ratio"]["high"] > 1
    assert answer["comparison"] == ["askolan"]
    assert _drawn(plot, "Episodes after patrols at Ekskolan, relative to before")
    shown = run(patterns_effect, *at_site(config))
    assert "fell" in shown
    assert "So few sites hardly tell" in shown


def _levels(config: Path, folder: Path) -> None:
    plot = folder / "levels.svg"
    days = ("--by", "day", "--from", "2026-09-07", "--to", "2026-09-14", "--plot", plot)
    (node,) = told(patterns_levels, *days, *at_site(config))["nodes"]
    assert len(node["periods"]) == 7
    assert {(p["laeq_db"], p["measured_s"]) for p in node["periods"]} == {(50.0, 86400.0)}
    assert node["periods"][0]["laf10_db"] == pytest.approx(53.0, abs=0.1)
    (guideline,) = node["guidelines"]
    assert (guideline["exceeded"], guideline["coverage"]) == (True, 1.0)
    assert _drawn(plot, "LAeq by day, dB(A)")
    shown = run(patterns_levels, "--by", "hour", *at_site(config))
    assert "laeq_24h (NV): cannot be told, since a part of the day was never measured" in run(
        patterns_levels, "--from", "2026-10-30T10:00", "--to", "2026-10-30T12:00", *at_site(config)
    )
    assert "Lden 56.4 dB" in shown
    assert run(patterns_levels, "--by", "minute", *at_site(config)).count("ekskolan-1 │") >= 60
    # A batch of an hour has no percentiles of a minute.
    (node,) = told(patterns_levels, "--by", "minute", *at_site(config))["nodes"]
    assert {(one["laeq_db"], one["laf10_db"]) for one in node["periods"]} == {(50.0, None)}
    autumn = ("--from", "2026-10-25T02:00+02:00", "--to", "2026-10-25T03:00+01:00")
    twice = run(patterns_levels, *autumn, *at_site(config))
    assert twice.count("2026-10-25 02:00  ") == twice.count("2026-10-25 02:00 again ") == 1


def _speed(config: Path, folder: Path) -> None:
    plot = folder / "speed.svg"
    answer = told(patterns_speed, "--from", "2026-09-07", "--plot", plot, *at_site(config))
    assert (answer["all"]["passes"], answer["all"]["v85_kmh"]["value"]) == (96, 42.0)
    # The lower end of 39 to 45 km/h lies above 30 + 3.
    assert answer["all"]["over_limit"]["count"] == 96
    assert list(answer["by_hour"]) == ["20", "21"]
    assert _drawn(plot, "Speeds of passing vehicles")
    assert "indicative" in run(patterns_speed, "--from", "2026-09-07", *at_site(config))


def _errors(config: Path, folder: Path) -> None:
    with pytest.raises(RegistryError, match="no site 'nowhere'"):
        run(patterns_speed, *at_site(config, "nowhere"))
    with pytest.raises(AnalysisError, match="--from 'soon' is no time"):
        run(patterns_rates, "--from", "soon", *at_site(config))
    with pytest.raises(AnalysisError, match="from 2027-01-01 00:00 to 2026-11-01 23:00 is empty"):
        run(patterns_rates, "--from", "2027-01-01", *at_site(config))
    with pytest.raises(AnalysisError, match=r"x\.png is drawn as SVG: name it .*x\.svg"):
        run(patterns_rates, "--plot", folder / "x.png", *at_site(config))
    with pytest.raises(AnalysisError, match="cannot be written"):
        run(patterns_rates, "--plot", folder / "none" / "x.svg", *at_site(config))


def test_a_ledger_without_measurements_says_so(
    tmp_path: Path, database_url: str, ledger: Ledger
) -> None:
    path = tmp_path / "collector.toml"
    path.write_text(f'ledger = "{database_url}"\n')
    assert ledger.site_days() == []
    with pytest.raises(AnalysisError, match="nothing was measured at ekskolan yet"):
        run(patterns_rates, *at_site(path))


def test_what_is_only_simulated_says_so(
    tmp_path: Path, database_url: str, ledger: Ledger, registry: Registry
) -> None:
    path = tmp_path / "collector.toml"
    path.write_text(f'ledger = "{database_url}"\n')
    node = FakeNode("ekskolan-1")
    node.register(registry, "ekskolan", START)
    flagged = [event(node.name, START + lap * HOUR / 60, flags=("simulated",)) for lap in range(6)]
    ledger.append([node.signed(one) for one in flagged])
    assert "Simulated: none of this happened." in run(patterns_episodes, *at_site(path))
    answer = told(patterns_episodes, *at_site(path))
    assert (answer["simulated"], len(answer["episodes"])) == (True, 1)
