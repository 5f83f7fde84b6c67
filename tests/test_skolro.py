from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator, Mapping
from importlib.metadata import version

import pytest

from sensor.contract.errors import SkolroError
from skolro import COMMANDS, Entry, Group, LazyCommand


def listed(items: Mapping[str, Entry | Group]) -> Iterator[tuple[tuple[str, ...], Entry]]:
    for name, item in items.items():
        if isinstance(item, Entry):
            yield (name,), item
        else:
            yield from (((name, *path), entry) for path, entry in listed(item.entries))


ENTRIES = dict(listed(COMMANDS))


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "skolro", *arguments], capture_output=True, text=True, check=False
    )


@pytest.mark.parametrize("path", ENTRIES, ids=" ".join)
def test_every_command_that_is_listed_exists_and_explains_itself(path: tuple[str, ...]) -> None:
    command = LazyCommand(path[-1], ENTRIES[path]).load()
    assert command.help
    assert all(getattr(option, "help", "") for option in command.params if option.name != "help")


def test_listing_commands_imports_no_part() -> None:
    code = (
        "import sys, skolro\n"
        "try: skolro.main()\n"
        "except SystemExit: pass\n"
        "heavy = {'numpy', 'scipy', 'sqlalchemy', 'fastapi', 'paho', 'sounddevice', 'altair'}\n"
        "sys.exit(str(heavy & set(sys.modules)) if heavy & set(sys.modules) else 0)"
    )
    for arguments in ([], ["--help"], ["sensor", "--help"], ["collector", "--help"]):
        ended = subprocess.run(
            [sys.executable, "-c", code, *arguments], capture_output=True, text=True, check=False
        )
        assert ended.returncode == 0, ended.stderr


def test_a_part_that_is_not_installed_says_what_to_install() -> None:
    entry = Entry("not_there_at_all.commands:run", "Nothing.", "radar")
    with pytest.raises(SkolroError, match=r"not_there_at_all.*pip install 'skolro\[radar\]'"):
        LazyCommand("run", entry).load()


def test_an_error_for_people_is_one_line_and_status_2() -> None:
    ended = run("sensor", "run", "--config", "/none/node.toml")
    assert ended.returncode == 2
    assert ended.stderr.splitlines() == [
        "skolro: cannot read the configuration /none/node.toml: No such file or directory"
    ]


@pytest.mark.parametrize(
    "arguments", [("sensr",), ("sensor", "nothing"), ("sensor", "run"), ("demo", "--port", "x")]
)
def test_wrong_usage_is_status_2_without_a_traceback(arguments: tuple[str, ...]) -> None:
    ended = run(*arguments)
    assert ended.returncode == 2
    assert "Traceback" not in ended.stderr
    assert "Usage: skolro" in ended.stderr


def test_the_version_is_that_of_the_package() -> None:
    assert run("--version").stdout == f"skolro {version('skolro')}\n"
