"""The table in the documentation tells what the configuration does."""

from __future__ import annotations

import re
from pathlib import Path

import msgspec
import pytest

from sensor.passby.thresholds import DetectorConfig

DOC = Path(__file__).parents[3] / "docs" / "detection.md"
ROW = re.compile(
    r"^\| `(?P<key>\w+)` \| (?P<default>\S+) \| (?P<low>\S*) ?\| (?P<high>\S*) ?\| (?P<why>.+) \|$"
)


def rows() -> dict[str, re.Match[str]]:
    text = DOC.read_text(encoding="utf-8").partition("## All thresholds")[2]
    found = [match for line in text.splitlines() if (match := ROW.match(line))]
    return {match["key"]: match for match in found}


FIELDS = {field.name: field for field in msgspec.structs.fields(DetectorConfig)}


def test_every_threshold_is_explained_in_its_order_and_no_other() -> None:
    assert list(rows()) == list(FIELDS)


@pytest.mark.parametrize("name", FIELDS)
def test_default_and_limits_are_those_of_the_configuration(name: str) -> None:
    row = rows()[name]
    default = getattr(DetectorConfig(), name)
    assert msgspec.json.decode(row["default"]) == default
    assert type(msgspec.json.decode(row["default"])) is type(default)
    kind = msgspec.inspect.type_info(FIELDS[name].type)
    limits = [getattr(kind, "ge", None), getattr(kind, "le", None)]
    assert [float(x) if x else None for x in (row["low"], row["high"])] == limits
    assert len(row["why"]) > 10
