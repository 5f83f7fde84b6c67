"""``skolro town simulate`` and ``skolro patterns backtest``, from arguments to exit status."""

from __future__ import annotations

import io
import json
import sys
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

from collector.commands.opened import opened
from collector.pattern_tables import hours_of_sites
from deploy.town.tables import heard_tables
from deploy.town.town import simulate_town
from skolro import main


@dataclass(frozen=True, slots=True)
class Ran:
    """What a command left behind."""

    returncode: int
    stdout: str
    stderr: str


def skolro(*arguments: str | Path) -> Ran:
    """Run a command in this process, from its arguments to its exit status."""
    out, errors = io.StringIO(), io.StringIO()
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(sys, "argv", ["skolro", *(str(part) for part in arguments)])
        patched.setattr(sys, "stdout", out)
        patched.setattr(sys, "stderr", errors)
        with pytest.raises(SystemExit) as ended:
            main()
    return Ran(int(ended.value.code or 0), out.getvalue(), errors.getvalue())


@pytest.fixture(scope="module")
def town(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four weeks of a town with patrols."""
    folder = tmp_path_factory.mktemp("town") / "out"
    made = skolro(
        "town", "simulate", "--seed", "5", "--weeks", "4", "--kind", "patrolled",
        "--end", "2026-11-16", "--out", folder,
    )  # fmt: skip
    assert made.returncode == 0, made.stderr
    assert "5 schools" in made.stdout
    assert "with patrols" in made.stdout
    return folder


def test_it_holds_what_its_nodes_signed(town: Path) -> None:
    checked = skolro("collector", "check", "--config", town / "collector.toml")
    assert checked.returncode == 0, checked.stdout
    assert "all holds" in checked.stdout


def test_tables_without_a_ledger_are_those_of_the_ledger(town: Path) -> None:
    end = datetime(2026, 11, 15, 23, 0, tzinfo=UTC)
    simulated = simulate_town(5, end - timedelta(weeks=4), 4, kind="patrolled")
    with opened(town / "collector.toml") as collector:
        kept = hours_of_sites(collector.ledger, end=end, simulated=True)
    made = heard_tables(simulated, end)
    assert [table.site for table in made] == [site.id for site in simulated.sites]
    assert sum(int(table.episodes.sum()) for table in made) > 20
    for table in made:
        in_ledger = kept[table.site]
        for name in ("hour", "events", "unconfirmed", "episodes"):
            np.testing.assert_array_equal(getattr(table, name), getattr(in_ledger, name), name)


def test_the_truth_has_rates_episodes_patrols_and_their_effect(town: Path) -> None:
    truth = json.loads((town / "truth.json").read_bytes())
    assert truth["kind"] == "patrolled"
    assert set(truth["rates"]) == set(truth["expected"]["sites"])
    assert all(len(rates["school"]) == 168 for rates in truth["rates"].values())
    assert {len(values) for values in truth["expected"]["sites"].values()} == {5 * 168}
    assert any(episode["events"] for episode in truth["episodes"])
    assert truth["effects"][0]["ratio"] == 0.5
    assert {one["site"] for one in truth["patrols"]} == {truth["effects"][0]["site"]}


def backtest(town: Path, *more: str | Path) -> Ran:
    return skolro(
        "patterns", "backtest", "--config", town / "collector.toml",
        "--calendar", town / "school_calendar.toml", *more,
    )  # fmt: skip


def test_plans_are_tested_against_the_truth(town: Path) -> None:
    tested = backtest(town, "--truth", town / "truth.json", "--training-weeks", "3", "--json")
    assert tested.returncode == 0, tested.stderr
    found = json.loads(tested.stdout)
    # One in the data, and one after them that only the truth knows of.
    assert [week["week_from"] for week in found["weeks"]] == [
        "2026-11-08T23:00:00Z", "2026-11-15T23:00:00Z",
    ]  # fmt: skip
    assert 0.0 < found["share"] <= 1.0
    assert found["unmeasured_windows"] == 0
    assert found["coverage"]["share"] > 0.7
    assert found["effects"][0]["true_ratio"] == 0.5


def test_figures_are_shown_beside_what_is_aimed_at(town: Path) -> None:
    tested = backtest(town, "--truth", town / "truth.json", "--training-weeks", "4")
    assert tested.returncode == 0, tested.stderr
    assert "1 week, each planned from the 4 before it: 3 windows of 2 hours." in tested.stdout
    rows = [
        [cell.strip() for cell in line.split("│")[1:-1]]
        for line in tested.stdout.splitlines()
        if line.startswith("│")
    ]
    aims = {name: aim for name, _, _, aim in rows}
    assert aims["Plans met"] == "85 %"
    assert aims["95 % intervals hold"] == "92 to 98 %"
    assert aims["Unmeasured windows"] == "0"
    assert "true 0.50" in next(of for name, _, of, _ in rows if name.startswith("Patrols at"))


def test_the_truth_of_another_town_is_refused(town: Path, tmp_path: Path) -> None:
    truth = json.loads((town / "truth.json").read_bytes())
    for episode in truth["episodes"]:
        episode["events"] = {node: ["0" * 16] for node in episode["events"]}
    other = tmp_path / "truth.json"
    other.write_text(json.dumps(truth))
    tested = backtest(town, "--truth", other, "--training-weeks", "3")
    assert tested.returncode == 2
    assert "the truth is of another town" in tested.stderr
    truth["expected"]["sites"].pop("ekskolan")
    other.write_text(json.dumps({**truth, "episodes": []}))
    tested = backtest(town, "--truth", other, "--training-weeks", "3")
    assert tested.returncode == 2
    assert "the truth says nothing of ekskolan" in tested.stderr


def test_without_truth_it_is_tested_against_what_was_counted(town: Path) -> None:
    tested = backtest(town, "--training-weeks", "3")
    assert tested.returncode == 0, tested.stderr
    assert "counted episodes" in tested.stdout
    assert "no plan can come near" in tested.stdout
    assert "Simulated" in tested.stdout


@pytest.mark.parametrize(
    ("more", "sentence"),
    [
        ((), "there are not 7 whole weeks of data"),
        (("--truth", "/none.json"), "--truth /none.json cannot be read"),
        (("--truth", "/etc/hostname"), "is not the truth.json of a simulated town"),
    ],
)
def test_mistakes_are_one_sentence(town: Path, more: tuple[str, ...], sentence: str) -> None:
    tested = backtest(town, *more)
    assert tested.returncode == 2
    assert sentence in tested.stderr
    assert len(tested.stderr.splitlines()) == 1


@pytest.mark.parametrize(
    ("more", "sentence"),
    [
        (("--kind", "huge"), "there is no kind of town 'huge'"),
        (("--end", "yesterday"), "--end 'yesterday' is no date"),
        (("--out", "/proc/none"), "--out /proc/none cannot be made"),
    ],
)
def test_towns_that_cannot_be_made_are_one_sentence(
    tmp_path: Path, more: tuple[str, str], sentence: str
) -> None:
    options = {"--out": str(tmp_path / "x")} | dict([more])
    made = skolro(
        "town", "simulate", "--seed", "1", "--weeks", "1",
        *(part for option in options.items() for part in option),
    )  # fmt: skip
    assert made.returncode == 2
    assert sentence in made.stderr


def test_a_town_is_not_written_over_another(town: Path) -> None:
    again = skolro("town", "simulate", "--seed", "1", "--weeks", "1", "--out", town)
    assert again.returncode == 2
    assert "exists already" in again.stderr
