"""The README's commands exist, with the options it names."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from collector.config import load_config
from sensor.config import load_node_config
from skolro import COMMANDS, Entry, LazyCommand

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
COMMAND_LINES = re.findall(r"`(skolro [^`]*)`", README)


@pytest.mark.parametrize("line", COMMAND_LINES)
def test_a_command_of_the_readme_exists_with_its_options(line: str) -> None:
    words = line.split()[1:]
    items = COMMANDS
    item = items[words.pop(0)]
    while not isinstance(item, Entry):
        item = item.entries[words.pop(0)]
    known = {option for p in LazyCommand("x", item).load().params for option in p.opts}
    assert {word for word in words if word.startswith("--")} <= known


def test_the_readme_begins_with_the_two_commands_and_its_files_exist() -> None:
    assert README.index("make demo") < README.index("make test") < README.index("skolro sensor")
    linked = re.findall(r"\]\(([^)#:]+)\)", README)
    assert linked
    assert all((ROOT / path).exists() for path in linked)


def test_the_readmes_configurations_can_be_loaded(tmp_path: Path) -> None:

    node, collector = re.findall(r"```toml\n(.*?)```", README, re.DOTALL)
    (tmp_path / "node.toml").write_text(node)
    (tmp_path / "collector.toml").write_text(collector)
    assert load_node_config(tmp_path / "node.toml").node == "ekskolan-1"
    assert load_config(tmp_path / "collector.toml").http.port == 8080
