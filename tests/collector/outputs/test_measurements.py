"""docs/influxdb.md says what the code does."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from collector.outputs.influx_buckets import RETENTIONS, bucket_name
from collector.outputs.line_protocol import Measurement
from collector.outputs.measurements import (
    RETENTION_POLICIES,
    SOUND_LEVEL_1H,
    policy_of,
)

_TEXT = (Path(__file__).parents[3] / "docs/influxdb.md").read_text(encoding="utf-8")
_MEASUREMENTS = [one for measurements in RETENTION_POLICIES.values() for one in measurements]


def _rows(heading: str) -> list[list[str]]:
    """Rows of the table below a heading, without its own two head lines."""
    section = _TEXT.split(f"\n{heading}\n")[1].split("\n#")[0]
    lines = [line for line in section.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[2:]]


@pytest.mark.parametrize("measurement", _MEASUREMENTS, ids=lambda one: one.name)
def test_fields_and_types(measurement: Measurement) -> None:
    rows = _rows(f"### `{measurement.name}`")
    assert {row[0].strip("`"): row[1] for row in rows} == measurement.fields
    assert all(row[2] for row in rows)


def test_tags() -> None:
    for tag, where, _ in _rows("## Tags"):
        names = [one.name for one in _MEASUREMENTS if tag.strip("`") in one.tags]
        wanted = (
            [one.name for one in _MEASUREMENTS] if where == "all" else re.findall(r"\w+", where)
        )
        assert names == wanted
    documented = {row[0].strip("`") for row in _rows("## Tags")}
    assert documented == {tag for one in _MEASUREMENTS for tag in one.tags}


def test_retention() -> None:
    rows = _rows("## Where it is kept")
    for row, (policy, measurements) in zip(rows, RETENTION_POLICIES.items(), strict=True):
        retention = RETENTIONS[policy]
        assert row[0] == (f"`{policy}`" if policy else "the default one")
        assert row[1] == f"`{bucket_name('skolro', policy)}`"
        kept = retention.kept_days
        assert row[2] == ("for good" if kept is None else f"{kept} days")
        assert row[3].split()[0] == str(retention.shard_days)
        assert re.findall(r"`(\w+)`", row[4]) == [one.name for one in measurements]


def test_a_measurement_that_is_kept_nowhere_is_a_mistake() -> None:
    assert policy_of(SOUND_LEVEL_1H) == "hours"
    with pytest.raises(ValueError, match="kept nowhere"):
        policy_of(Measurement("other", (), {}))
