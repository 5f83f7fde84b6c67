"""One node over the last weeks: what it told of itself, hour by hour, and what to look at."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from statistics import median
from typing import Any, Final

from collector.alerts.node_rules import written_gb_a_day
from collector.analysis.drift import Drift, Untold
from collector.fleet.history import DAYS
from collector.ledger.ledger import Ledger, NodeHour
from collector.node_charts import HourValue
from dashboards.briefing.board import Board
from dashboards.briefing.fleet_view import Fleets, NodeView
from sensor.contract.messages import CalibrationCheck

_MOST_CHECKS: Final = 10
_FOR_GOOD: Final = datetime(2000, 1, 1, tzinfo=UTC)
_A_DAY: Final = timedelta(days=1)
_HOUR: Final = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Quantity:
    """Something that a node tells of, in the unit of its chart.

    Attributes
    ----------
    value : callable
        Takes it from an hour.
    limit : float, optional
        From which on it is too much.
    """

    value: Callable[[NodeHour], float | None]
    decimals: int = 0
    limit: float | None = None


def _scaled(value: float | None, factor: float) -> float | None:
    return None if value is None else value * factor


QUANTITIES: Final[Mapping[str, Quantity]] = {
    "background": Quantity(lambda hour: hour.background_db, 1),
    "lowest": Quantity(lambda hour: hour.microphone_lowest_db, 1),
    "temperature": Quantity(lambda hour: hour.cpu_temperature_c, 0, 80.0),
    "load": Quantity(lambda hour: hour.cpu_load, 1),
    "own_share": Quantity(lambda hour: _scaled(hour.cpu_own_share, 100.0), 0, 100.0),
    "memory": Quantity(lambda hour: _scaled(hour.memory_available_bytes, 1e-6)),
    "disk": Quantity(lambda hour: _scaled(hour.disk_free_bytes, 1e-9), 1),
    "written": Quantity(lambda hour: _scaled(hour.disk_written_bytes, 1e-9), 1),
    "clock": Quantity(lambda hour: _scaled(hour.clock_offset_s, 1e3), 0, 1000.0),
    "outbox": Quantity(lambda hour: hour.outbox_depth),
}
"""By the name that their texts and charts have."""


@dataclass(frozen=True, slots=True)
class Summary:
    """A quantity over the weeks: its range, the middle and the newest, and hours that tell."""

    name: str
    lowest: float
    middle: float
    highest: float
    newest: float
    hours: int
    of: int
    decimals: int


@dataclass(frozen=True, slots=True, kw_only=True)
class NodePage:
    """One node.

    Attributes
    ----------
    summaries : tuple of Summary
        Of what it told anything of; `silent` has the names of the others.
    starts : int
        How often its program was started in these weeks.
    gb_a_day : float, optional
        What is written to its card a day.
    system_current_on : date, optional
        When there was last no package of its system to upgrade.
    checks : tuple of CalibrationCheck
        With a calibrator, newest first.
    """

    node: NodeView
    drift: Drift | Untold | None
    summaries: tuple[Summary, ...]
    silent: tuple[str, ...]
    starts: int
    gb_a_day: float | None
    system_current_on: date | None
    checks: tuple[CalibrationCheck, ...]


def node_page(board: Board, fleets: Fleets, node: str, now: datetime) -> NodePage | None:
    """Return what is known of a node; None: there is none of that id."""
    view = next((one for one in fleets.fleet().nodes if one.id == node), None)
    if view is None:
        return None
    hours = node_hours(board, view, now)
    start, end = shown(board, now)
    found = {name: _summary(name, hours, (end - start) // _HOUR) for name in QUANTITIES}
    return NodePage(
        node=view,
        drift=fleets.drift(node),
        summaries=tuple(one for one in found.values() if one is not None),
        silent=tuple(name for name, one in found.items() if one is None),
        starts=sum(one.uptime_s is not None and one.uptime_s < 60.0 for one in hours),
        gb_a_day=written_gb_a_day(view.health),
        system_current_on=_current_on(view.health),
        checks=_checks(board.ledger, node, now),
    )


def _current_on(health: Mapping[str, Any]) -> date | None:
    told = health.get("system_current_at")
    return None if told is None else datetime.fromisoformat(told).date()


def shown(board: Board, now: datetime) -> tuple[datetime, datetime]:
    """The weeks that are shown, as local times: whole days until today, and until now."""
    local = board.local(now)
    first = local.date() - timedelta(days=DAYS - 1)
    return datetime.combine(first, time(), board.zone), local


def node_hours(board: Board, view: NodeView, now: datetime) -> list[NodeHour]:
    """The hours of these weeks that a node told something of."""
    start, _ = shown(board, now)
    return board.ledger.node_hours(
        view.id, start.astimezone(UTC), now, simulated=view.state.simulated
    )


def values(hours: Sequence[NodeHour], name: str) -> list[HourValue]:
    """A quantity hour by hour; what was not told is left out."""
    quantity = QUANTITIES[name]
    return [
        HourValue(hour.hour.timestamp(), float(value))
        for hour in hours
        if (value := quantity.value(hour)) is not None
    ]


def _summary(name: str, hours: Sequence[NodeHour], of: int) -> Summary | None:
    told = [one.value for one in values(hours, name)]
    if not told:
        return None
    decimals = QUANTITIES[name].decimals
    return Summary(name, min(told), median(told), max(told), told[-1], len(told), of, decimals)


def _checks(ledger: Ledger, node: str, now: datetime) -> tuple[CalibrationCheck, ...]:
    stored = ledger.messages(node, "calibration", _FOR_GOOD, now + _A_DAY)
    made = [one.message for one in stored if isinstance(one.message, CalibrationCheck)]
    return tuple(made[::-1][:_MOST_CHECKS])
