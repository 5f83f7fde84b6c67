"""Goals and acceptance limits of IEC 61672-1:2013 and IEC 61260-1:2014, class 1.

The tables lie beside this module as they were gathered; the tests hold them against the tests' own.
"""

from __future__ import annotations

import csv
from collections.abc import Mapping
from functools import cache
from importlib.resources import files


@cache
def rows(name: str) -> tuple[Mapping[str, str], ...]:
    """Rows of a table by its name, the file's without its ending."""
    source = files("sensor.acoustics") / "standards" / f"{name}.csv"
    return tuple(csv.DictReader(source.read_text(encoding="utf-8").splitlines()))


@cache
def text_limit(standard: str, clause: str) -> str:
    """Class 1 limit that a clause states in its text.

    Raises
    ------
    KeyError
        If the clause states none.
    """
    name = {"61672": "iec61672_1_2013_text_limits", "61260": "iec61260_1_2014_other_limits"}
    found = {row["clause"]: row["class1"] for row in rows(name[standard])}
    return found[clause]
