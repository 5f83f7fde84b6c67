"""``deploy/compose.yaml``, and what ``skolro server init`` makes for it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import msgspec
import yaml

from collector.config import CollectorConfig
from deploy.server.collector_config import collector_config
from deploy.server.layout import LAYOUTS, Kind
from deploy.server.wanted import Wanted
from tests.deploy.server.made import NAME

ROOT: Final = Path(__file__).parents[2]
DEPLOY: Final = ROOT / "deploy"
TEXT: Final = (DEPLOY / "compose.yaml").read_text(encoding="utf-8")
COMPOSE: Final[dict[str, Any]] = yaml.safe_load(TEXT)
SERVICES: Final[dict[str, dict[str, Any]]] = COMPOSE["services"]
LASTING: Final = [name for name, service in SERVICES.items() if "profiles" not in service]
"""Services that run all the time."""

MADE: Final = "${SKOLRO_FILES:-../data}"
"""Where what `skolro server init` makes is mounted from."""

WANTED: Final = Wanted(
    kind=Kind.COMPOSE,
    name=NAME,
    broker_name=NAME,
    municipality="Havsbro",
    grafana_name=f"grafana.{NAME}",
    influxdb_url=LAYOUTS[Kind.COMPOSE].influxdb_url,
)
COLLECTOR: Final = msgspec.toml.decode(collector_config(WANTED), type=CollectorConfig)


def strings(value: Any) -> Iterator[str]:
    """All texts in nested lists and values of dicts."""
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, list):
        for item in value:
            yield from strings(item)
    elif isinstance(value, str):
        yield value


def filled(value: Any) -> Any:
    """The same with what ``${NAME:-default}`` stands for where nothing is set."""
    if isinstance(value, dict):
        return {key: filled(item) for key, item in value.items()}
    if isinstance(value, list):
        return [filled(item) for item in value]
    if isinstance(value, str):
        return re.sub(r"(?<!\$)\$\{\w+:-([^}]*)\}", r"\1", value)
    return value


def mounts(service: str) -> dict[str, str]:
    """What is mounted in a service: path within -> source."""
    found = (volume.removesuffix(":ro").rpartition(":") for volume in SERVICES[service]["volumes"])
    return {path: source for source, _, path in found}


def commands() -> list[list[str]]:
    """The commands at the top of the file, word by word."""
    head = TEXT.partition("\nname:")[0]
    joined = re.sub(r" \\\n# +", " ", head)
    return [line.split() for line in re.findall(r"^#   (\S.*)$", joined, re.MULTILINE)]
