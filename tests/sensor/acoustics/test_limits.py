"""The product's tables are those that the tests use."""

from __future__ import annotations

from importlib.resources import files

import pytest

from sensor.acoustics.limits import rows, text_limit
from tests.sensor.acoustics.signals import STANDARDS, table


@pytest.mark.parametrize("path", sorted(STANDARDS.glob("iec*.csv")), ids=lambda path: path.stem)
def test_tables_are_the_same(path: object) -> None:
    name = getattr(path, "stem", "")
    assert [dict(row) for row in rows(name)] == table(name)


def test_no_table_is_more_than_the_tests_know() -> None:
    folder = files("sensor.acoustics") / "standards"
    assert {item.name for item in folder.iterdir()} == {p.name for p in STANDARDS.glob("*.csv")}


def test_limits_stated_in_the_text() -> None:
    assert text_limit("61672", "5.5.9") == "0.2"
    assert text_limit("61260", "5.14.3") == "+-0.4"
    with pytest.raises(KeyError):
        text_limit("61260", "9.9")
