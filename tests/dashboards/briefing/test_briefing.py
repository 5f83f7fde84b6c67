"""Briefing, effect and sites show what the commands compute, and nothing else."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import httpx
import pytest
import typer
from fastapi import FastAPI
from typer.testing import CliRunner

from collector.commands.patterns_effect import patterns_effect
from collector.commands.patterns_episodes import patterns_episodes
from collector.commands.patterns_levels import patterns_levels
from collector.commands.patterns_plan import patterns_plan
from collector.commands.patterns_speed import patterns_speed
from collector.registry.registry import Registry
from collector.roles import Role
from dashboards.briefing.language import language
from tests.dashboards.briefing.conftest import served, session_of
from tests.dashboards.briefing.reading import page, shown
from tests.dashboards.briefing.simulated import pages_of

STOCKHOLM = ZoneInfo("Europe/Stockholm")
T = language("sv")


@pytest.fixture(scope="module")
def app(simulated_town: Path) -> Iterator[FastAPI]:
    """The pages of the simulated town, which nobody changes here."""
    with pages_of(simulated_town) as made:
        yield made


@pytest.fixture(scope="module")
def reader(app: FastAPI) -> Iterator[httpx.Client]:
    """Somebody of the police."""
    with (
        served(app) as address,
        httpx.Client(base_url=address, cookies=session_of(app, Role.POLICE), timeout=60) as browser,
    ):
        yield browser


@pytest.fixture(scope="module")
def patrolled(app: FastAPI) -> str:
    """The site at which there were patrols."""
    registry: Registry = app.state.board.registry
    return registry.patrols()[0].site


def told(command: Callable[..., None], *arguments: str | Path) -> Any:
    """What a command prints as JSON."""
    typer_app = typer.Typer()
    typer_app.command()(command)
    result = CliRunner().invoke(typer_app, ["--json", *(str(one) for one in arguments)])
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


def plain(text: str) -> str:
    """A text with plain spaces."""
    return text.replace("\N{NO-BREAK SPACE}", " ")


def week_from(html: str) -> str:
    """When the week begins that a page plans."""
    found = re.search(r'data-week-from="([^"]+)"', html)
    assert found is not None
    return found[1]


@pytest.mark.parametrize(("patrols", "hours"), [(3, 2), (5, 1), (1, 4)])
def test_the_plan_is_that_of_the_command(
    simulated_town: Path, reader: httpx.Client, patrols: int, hours: int
) -> None:
    html = reader.get(f"/briefing?patrols={patrols}&hours={hours}").text
    text = shown(html)
    plan = told(
        patterns_plan, "--config", simulated_town, "--to", week_from(html),
        "--patrols", str(patrols), "--hours", str(hours),
    )  # fmt: skip
    assert len(plan["windows"]) == patrols == html.count('<li class="window card">')
    for window in plan["windows"]:
        start, end = (
            datetime.fromisoformat(window[key]).astimezone(STOCKHOLM) for key in ("start", "end")
        )
        decimals = 1 if window["expected"] >= 0.95 else 2
        low, expected, high = (
            T.number(window[key], decimals) for key in ("low", "expected", "high")
        )
        day = plain(T.sentence(T.day_and_date(start)))
        assert f"{day} kl. {start:%H}–{end:%H}" in text
        assert f"{expected} episoder väntas osäkerhetsintervall (95 %) {low}–{high}" in text
        assert f"Räkna med minst {low} i snitt." in text
        assert f"mätt i minst {window['measured_h']:.0f} tim" in text
    met, every = plan["expected_met"], plan["expected_all"]
    assert (
        f"Tiderna väntas möta {T.expected(met)} av veckans {T.expected(every)} episoder; "
        f"{T.expected(every - met)} missas."
    ) in text
    for site, count in plan["unmeasured_h"].items():
        assert (f"{site}: {count} tim" in text.lower()) == bool(count)


def test_the_effect_is_that_of_the_command(
    simulated_town: Path, reader: httpx.Client, patrolled: str
) -> None:
    html = reader.get("/briefing").text
    effect = told(
        patterns_effect, "--site", patrolled, "--config", simulated_town, "--to", week_from(html)
    )
    ratio = effect["ratio"]
    interval = f"{T.number(ratio['low'], 2)}–{T.number(ratio['high'], 2)}"
    for text in (shown(html), page(reader, f"/effect/{patrolled}")):
        assert f"{T.number(ratio['ratio'], 2)} gånger så många efter som före" in text
        assert f"osäkerhetsintervall (95 %) {interval}" in text
        if not effect["enough_data"]:
            assert f"upptäckts med {plain(T.percent(effect['power']))} sannolikhet" in text
    counted = (
        f"{effect['count_before']} episoder på {effect['before_weeks']} veckor före "
        f"({effect['measured_before_h']:.0f} tim mätta), {effect['count_after']} på "
        f"{effect['after_weeks']} veckor efter"
    )
    assert counted in text
    for kind in ("own_ratio", "town_ratio"):
        low, high = T.number(effect[kind]["low"], 2), T.number(effect[kind]["high"], 2)
        assert f"{T.number(effect[kind]['ratio'], 2)} {low}–{high}" in text


def test_a_sites_page_has_the_numbers_of_the_commands(
    simulated_town: Path, reader: httpx.Client, patrolled: str
) -> None:
    end = week_from(reader.get("/briefing").text)
    at = ("--site", patrolled, "--config", simulated_town, "--to", end)
    text = page(reader, f"/site/{patrolled}")
    speeds = told(patterns_speed, *at)["all"]
    for name, label in (("v50_kmh", "(V50)"), ("v85_kmh", "(V85)")):
        one = speeds[name]
        low, high = T.number(one["low"], 0), T.number(one["high"], 0)
        assert f"{label} {T.number(one['value'], 0)} km/h 95 %: {low}–{high}" in text
    over = speeds["over_limit"]
    assert f"{plain(T.percent(over['share']))} {over['count']} av {over['of']}" in text
    (node,) = told(patterns_levels, "--by", "day", *at)["nodes"]
    day = plain(T.level(node["lday_db"]))
    assert f"dag 06–18 {day}" in text
    assert f"Lden {plain(T.level(node['lden_db']))}" in text
    for guideline in node["guidelines"]:
        assert T.number(guideline["found"]) in text
    episodes = told(patterns_episodes, *at)["episodes"]
    assert f"{len(episodes)} episoder de senaste fyra veckorna" in text


def test_what_is_new_compares_with_the_plan_of_a_week_ago(
    reader: httpx.Client, simulated_town: Path
) -> None:
    html = reader.get("/briefing").text
    begin = datetime.fromisoformat(week_from(html))
    earlier = begin - timedelta(weeks=1)
    before = told(patterns_plan, "--config", simulated_town, "--to", earlier.isoformat())
    now = told(patterns_plan, "--config", simulated_town, "--to", begin.isoformat())

    def cells(plan: Any) -> list[tuple[str, set[int]]]:
        return [
            (one["site"], {(one["start_hour"] + n) % 168 for n in range(2)})
            for one in plan["windows"]
        ]

    new = [
        cell
        for cell in cells(now)
        if not any(cell[0] == old[0] and cell[1] & old[1] for old in cells(before))
    ]
    assert html.count('class="tag tag-new"') == len(new) == shown(html).count("Ny tid:")


def test_nonsense_in_the_address_ends_in_a_page_that_says_so(reader: httpx.Client) -> None:
    for query in ("patrols=0", "patrols=99", "hours=två", "hours="):
        assert "Adressen går inte att förstå" in page(reader, f"/briefing?{query}", 422)
