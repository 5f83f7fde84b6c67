"""The README begins with what to type first, and its files and configurations are there."""

from __future__ import annotations

import re
from pathlib import Path

from collector.config import load_config
from sensor.config import load_node_config

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")


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
