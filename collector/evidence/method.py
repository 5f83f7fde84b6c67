"""The uncertainty budgets of one site, for people."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from zoneinfo import ZoneInfo

from sqlalchemy import Engine

from collector.database.database import reading
from collector.evidence.excerpt import Excerpt, Mounting
from collector.evidence.gather import gather
from collector.evidence.language import Language
from collector.evidence.request import LONGEST_DAYS, make_request
from collector.evidence.uncertainty import RADAR, Budget, Contribution, level_budget, speed_budget
from collector.registry.inventory import Inventory

_DECIMALS: Final = {"dB": 2, "%": 1}


@dataclass(frozen=True, slots=True)
class Method:
    """What a site's numbers may be off by, at a moment.

    Attributes
    ----------
    levels : Budget
        Of levels.
    speeds : mapping
        Of speeds by node and direction, where a distance is known.
    """

    registry: Excerpt
    at: datetime
    levels: Budget
    speeds: dict[tuple[str, int], Budget]


def method_of(
    engine: Engine, inventory: Inventory, site: str, at: datetime | None = None
) -> Method:
    """Return the budgets of a site as it is at `at` (now), by all that is known of its last year.

    Raises
    ------
    RegistryError
        There is no such site.
    EvidenceError
        No node hung there in that time.
    """
    moment = (at or datetime.now(UTC)).replace(microsecond=0)
    request = make_request(site, moment - timedelta(days=LONGEST_DAYS - 1), moment)
    with reading(engine) as connection:
        registry = gather(connection, inventory, request).registry
    speeds = {}
    for node in registry.nodes:
        mounting = _mounting(registry, node.id, moment)
        for direction in (1, -1):
            budget = speed_budget(mounting, direction)
            # Without a lane of its own, the other direction is as far away.
            if budget and (direction > 0 or mounting.distance_back_m is not None):
                speeds[node.id, direction] = budget
    return Method(registry, moment, level_budget(registry), speeds)


def _mounting(registry: Excerpt, node: str, at: datetime) -> Mounting:
    places = next(one.placements for one in registry.nodes if one.id == node)
    here = [one for one in places if one.site == registry.site.id and one.since <= at]
    return here[-1].mounting if here else Mounting()


def described(method: Method, words: Language) -> dict[str, Any]:
    """Return all of it in words, as a page, a document or a table shows it."""
    site = method.registry.site
    local = method.at.astimezone(ZoneInfo(site.time_zone))
    when = f"{words.day(local.date())} {words.clock(local)}"
    tables = [_table(words.text("uncertainty.levels"), method.levels, words)]
    for (node, direction), budget in method.speeds.items():
        title = words.text(f"uncertainty.speeds_{'there' if direction > 0 else 'back'}")
        tables.append(_table(f"{title}, {node}", budget, words))
    notes = [words.text("uncertainty.explain"), words.text("uncertainty.sources")]
    if method.speeds:
        notes.insert(1, words.text("uncertainty.own_interval", radar=words.number(100 * RADAR, 2)))
    else:
        notes.insert(1, words.text("uncertainty.no_speed"))
    return {
        "lang": words.code,
        "title": words.text("uncertainty.title"),
        "site": site.name,
        "as_of": words.text("uncertainty.as_of", municipality=site.municipality, at=when),
        "date": [local.year, local.month, local.day],
        "intro": words.text("uncertainty.intro"),
        "head": [
            words.text(f"uncertainty.{name}") for name in ("contribution", "standard", "basis")
        ],
        "tables": tables,
        "notes": notes,
    }


def _table(title: str, budget: Budget, words: Language) -> dict[str, Any]:
    decimals = _DECIMALS[budget.unit]

    def size(value: float, places: int = decimals) -> str:
        return f"{words.number(value, places)}\N{NO-BREAK SPACE}{budget.unit}"

    return {
        "title": title,
        "rows": [
            [_name(one, words), size(one.standard), _basis(one, words)]
            for one in budget.contributions
        ],
        "sums": [
            [words.text("uncertainty.combined"), size(budget.combined)],
            [words.text("uncertainty.expanded"), f"±{size(budget.expanded, 1)}"],
        ],
    }


def _name(one: Contribution, words: Language) -> str:
    for group in ("uncertainty", "method"):
        if f"{group}.{one.name}" in words.keys():  # noqa: SIM118 - it is no mapping
            return words.text(f"{group}.{one.name}")
    raise KeyError(one.name)


def _basis(one: Contribution, words: Language) -> str:
    values = {name: words.number(value) for name, value in one.values}
    return words.text(f"uncertainty.basis_{one.basis}", **values)
