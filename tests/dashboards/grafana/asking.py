"""Asks a real InfluxDB what the panels of the generated dashboards ask, as Grafana would."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from dashboards.grafana.build import BOARDS, rendered
from tests.influx import Influx

ANY: Final = ".*"

USUAL: Final = {
    "municipality": ANY, "site": ANY, "node": ANY, "source": ANY, "origin": "simulated",
    "weeks": "26", "weekday": ANY, "hour": ANY,
}  # fmt: skip
"""What is chosen unless a test says otherwise."""

_UNITS_S: Final = {"s": 1, "m": 60, "h": 3600, "d": 86_400}


def _boards() -> dict[str, dict[str, Any]]:
    made = rendered()
    return {name: json.loads(made[f"sv/{name}.json"]) for name in BOARDS}


DASHBOARDS: Final = _boards()


def _panels() -> dict[tuple[str, str], dict[str, Any]]:
    """Panels by dashboard and by the name of the function that makes each."""
    found: dict[tuple[str, str], dict[str, Any]] = {}
    for name, board in BOARDS.items():
        functions = [panel.__name__ for row in board.rows for panel, _, _ in row.panels]
        panels = [one for one in DASHBOARDS[name]["panels"] if one["type"] != "row"]
        found |= {
            (name, function): panel for function, panel in zip(functions, panels, strict=True)
        }
    return found


PANELS: Final = _panels()


@dataclass(frozen=True)
class Asking:
    """A database, and the period and moment that a reader looks at it."""

    influx: Influx
    database: str
    start: datetime
    end: datetime
    now: datetime

    def panel(
        self, board: str, name: str, ref_id: str = "A", **chosen: str
    ) -> list[dict[str, Any]]:
        """Rows that a panel's target gets; missing values are left out."""
        panel = PANELS[board, name]
        (query,) = (one["query"] for one in panel["targets"] if one["refId"] == ref_id)
        return self.rows(query, panel.get("interval", "1m"), **chosen)

    def rows(self, query: str, interval: str = "1m", **chosen: str) -> list[dict[str, Any]]:
        """Rows of a query."""
        rows = self.influx.query(self.database, self.filled(query, interval, chosen))
        return [{key: value for key, value in row.items() if value is not None} for row in rows]

    def filled(self, query: str, interval: str, chosen: Mapping[str, str]) -> str:
        """`query` with all that Grafana puts into it."""
        span = f"time >= {_ms(self.start)}ms AND time <= {_ms(self.end)}ms"
        query = query.replace("$timeFilter", span)
        step_s = self.interval_s(interval)
        query = query.replace("$__interval_ms", str(1000 * step_s))
        query = query.replace("$__interval", f"{step_s}s")
        for name, value in {**USUAL, **chosen}.items():
            for form in ("regex", "raw"):
                query = query.replace(f"${{{name}:{form}}}", value)
        assert "$" not in query.replace("$/", ""), query
        # The test's moment stands in for the server's.
        return query.replace("now()", f"{_ms(self.now)}ms")

    def interval_s(self, least: str) -> int:
        """How long each step is: some 1,000 of them, none shorter than the panel's least."""
        wanted = int((self.end - self.start).total_seconds() / 1000)
        shortest = int(least[:-1]) * _UNITS_S[least[-1]]
        steps = [1, 10, 60, 600, 3600, 7200, 21_600, 86_400, 604_800]
        return max(shortest, next(step for step in steps if step >= wanted))


def _ms(at: datetime) -> int:
    return int(at.timestamp() * 1000)
