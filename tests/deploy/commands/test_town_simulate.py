"""``skolro town simulate`` and ``skolro patterns backtest``, from arguments to exit status."""

from __future__ import annotations

import io
import json
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

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
    return folder


def test_it_holds_what_its_nodes_signed(town: Path) -> None:
    checked = skolro("collector", "check", "--config", town / "collector.toml")
    assert checked.returncode == 0, checked.stdout
    assert "all holds" in checked.stdout


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
    assert len(found["weeks"]) == 1
    assert 0.0 < found["share"] <= 1.0
    assert found["unmeasured_windows"] == 0
    assert found["coverage"]["share"] > 0.7
    assert found["effects"][0]["true_ratio"] == 0.5


def test_without_truth_it_is_tested_against_what_was_counted(town: Path) -> None:
    tested = backtest(town, "--training-weeks", "3")
    assert tested.returncode == 0, tested.stderr
    assert "counted episodes" in tested.stdout
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
