"""A short run of each fuzzer; ``make fuzz`` runs them for longer."""

from __future__ import annotations

import importlib.util
import json
import logging
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from random import Random

import pytest

from tests.fuzz.mutation import changed_json
from tests.fuzz.runner import run
from tests.fuzz.targets import TARGETS, open_target

_SECONDS = 2.0
_CHANGES = 60

needs_atheris = pytest.mark.skipif(
    importlib.util.find_spec("atheris") is None,
    reason="atheris is not installed: there are wheels for Linux on x86-64 only",
)


@pytest.fixture
def quiet() -> Iterator[None]:
    """Nothing logged: what is refused would fill the report."""
    logging.disable()
    yield
    logging.disable(logging.NOTSET)


@pytest.mark.usefixtures("quiet")
@pytest.mark.parametrize("name", TARGETS)
def test_seeds_and_changes_of_them_keep_the_laws(name: str) -> None:
    target = open_target(name)
    random = Random(name)  # noqa: S311 - nothing is to be kept secret
    seeds = list(target.seeds())
    outcomes = Counter(target.run(seed) for seed in seeds)
    assert any(outcome not in {"refused", "quarantined"} for outcome in outcomes)
    for _ in range(_CHANGES):
        target.run(target.change(random.choice(seeds), random)[: target.longest])
    target.finish()


@needs_atheris
@pytest.mark.parametrize("name", TARGETS)
def test_no_input_that_the_fuzzer_finds_breaks_a_law(name: str, tmp_path: Path) -> None:
    result = run(name, tmp_path, _SECONDS)
    assert result.holds, result.told
    assert result.reached > 0, result.told


@needs_atheris
def test_the_fuzzer_finds_a_fault_and_keeps_the_input(tmp_path: Path) -> None:
    result = run("tests.fuzz.planted:Planted", tmp_path, 30.0)
    assert not result.holds
    assert "this word is never said" in result.told
    (found,) = result.broken_by
    assert b"sesame" in found.read_bytes()


def test_an_input_is_fed_once_more(tmp_path: Path) -> None:
    path = tmp_path / "input"
    path.write_bytes(b"33.1")
    command = [sys.executable, "-m", "tests.fuzz", "--replay", str(path), "radar"]
    root = Path(__file__).parents[2]
    done = subprocess.run(command, cwd=root, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "radar: 1 readings\n"), done.stderr


def test_a_changed_text_is_mostly_still_json() -> None:
    text = b'{"a":1,"b":[2.5,null,"x"],"c":{"d":true}}'
    random = Random(1)  # noqa: S311 - nothing is to be kept secret
    read = 0
    for _ in range(500):
        try:
            json.loads(changed_json(text, random))
        except (ValueError, RecursionError):
            continue
        read += 1
    # A fuzzer whose inputs all fail at the first byte would find nothing behind it.
    assert 200 < read < 500
