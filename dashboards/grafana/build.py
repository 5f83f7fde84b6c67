"""The dashboards: which panels stand where, what can be chosen, and the files they become."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from dashboards.grafana import panels
from dashboards.grafana.influxql import DATASOURCE, TIME_ZONE
from dashboards.grafana.panels import AnyPanel
from dashboards.grafana.sdk import JSONEncoder, dashboard, dashboard_models
from sensor.contract.errors import SkolroError

GENERATED: Final = Path(__file__).parent / "generated"
"""Where the JSON stands that Grafana is provisioned with."""

GRID_WIDTH: Final = 24


class DashboardsDifferError(SkolroError):
    """Generated files that are not what the code makes."""


@dataclass(frozen=True, slots=True)
class Row:
    """A heading and the panels below it: each with its width and height on the grid."""

    title: str
    panels: Sequence[tuple[Callable[[], AnyPanel], int, int]]


SITES: Final = (
    Row(
        "Översikt / Overview",
        (
            (panels.event_count, 5, 5),
            (panels.highest_level, 5, 5),
            (panels.mean_of_period, 5, 5),
            (panels.measured_time, 5, 5),
            (panels.simulated_time, 4, 5),
        ),
    ),
    Row(
        "Ljudnivåer / Sound levels",
        (
            (panels.levels_by_minute, 24, 10),
            (panels.levels_by_second, 24, 8),
            (panels.levels_by_hour, 14, 8),
            (panels.levels_by_hour_of_day, 10, 8),
        ),
    ),
    Row(
        "Händelser / Events",
        (
            (panels.events_over_time, 14, 9),
            (panels.events_by_source, 10, 9),
            (panels.speeds, 24, 7),
            (panels.latest_events, 24, 10),
        ),
    ),
    Row(
        "Mätnoder / Nodes",
        (
            (panels.nodes, 24, 7),
            (panels.outbox_depth, 12, 7),
            (panels.coverage, 12, 7),
        ),
    ),
)


def sites_dashboard() -> dashboard_models.Dashboard:
    """Levels, events and nodes by site."""
    made = (
        dashboard.Dashboard("Skolro: ljudnivåer, händelser och mätnoder per mätplats")
        .uid("skolro-sites")
        .description("Skolro: levels, events, nodes by site")
        .tags(["skolro"])
        .timezone(TIME_ZONE)
        .week_start("monday")
        .time("now-7d", "now")
        .refresh("1m")
        .tooltip(dashboard_models.DashboardCursorSync.CROSSHAIR)
        .editable()
        .with_variable(_variable("site", "Mätplats / Site", 'SHOW TAG VALUES WITH KEY = "site"'))
        .with_variable(
            _variable(
                "node",
                "Mätnod / Node",
                'SHOW TAG VALUES WITH KEY = "node" WHERE "site" =~ /^${site:regex}$/',
            )
        )
        .with_variable(
            _variable(
                "source", "Källa / Source", 'SHOW TAG VALUES FROM "event" WITH KEY = "source"'
            )
        )
    )
    _lay_out(made, SITES)
    return made.build()


DASHBOARDS: Final[Mapping[str, Callable[[], dashboard_models.Dashboard]]] = {
    "sites": sites_dashboard,
}
"""By the name of the file that each becomes."""


def rendered() -> dict[str, str]:
    """Return the content of each generated file, by its name."""
    return {
        f"{name}.json": json.dumps(
            make(), cls=JSONEncoder, indent=2, sort_keys=True, ensure_ascii=False
        )
        + "\n"
        for name, make in DASHBOARDS.items()
    }


def write(folder: Path) -> list[Path]:
    """Write the dashboards into `folder` and return the files; what else is there stays."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, text in rendered().items():
            (folder / name).write_text(text, encoding="utf-8")
    except OSError as error:
        raise SkolroError(
            f"cannot write the dashboards to {folder}: {error.strerror}: name another folder"
        ) from error
    return [folder / name for name in rendered()]


def check(folder: Path) -> None:
    """Return if `folder` holds just what :func:`write` would write.

    Raises
    ------
    DashboardsDifferError
        A file is missing, differs, or is one that no dashboard makes any more.
    """
    wanted = rendered()
    found = {path.name for path in folder.glob("*.json")}
    stale = sorted(found - wanted.keys())
    changed = [name for name, text in wanted.items() if _text(folder / name) != text]
    if stale or changed:
        raise DashboardsDifferError(
            f"{', '.join([*changed, *stale])} in {folder} is not what the code makes: "
            "run skolro dashboards build and look at what changes"
        )


def _text(path: Path) -> str | None:
    try:
        return path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return None


def _variable(name: str, label: str, query: str) -> dashboard.QueryVariable:
    everything = dashboard_models.VariableOption(selected=True, text=["All"], value=["$__all"])
    return (
        dashboard.QueryVariable(name)
        .label(label)
        .datasource(DATASOURCE)
        .query(query)
        .definition(query)
        .refresh(dashboard_models.VariableRefresh.ON_DASHBOARD_LOAD)
        .sort(dashboard_models.VariableSort.ALPHABETICAL_ASC)
        .multi(True)
        .include_all(True)
        .all_value(".*")
        .current(everything)
    )


def _lay_out(made: dashboard.Dashboard, rows: Sequence[Row]) -> None:
    """Place rows and panels from left to right and downwards, and number them."""
    number, y = 1, 0
    for row in rows:
        heading = dashboard_models.GridPos(h=1, w=GRID_WIDTH, x=0, y=y)
        made.with_row(dashboard.Row(row.title).id(number).grid_pos(heading))
        number, x, y, height = number + 1, 0, y + 1, 0
        for panel, width, panel_height in row.panels:
            if x + width > GRID_WIDTH:
                x, y, height = 0, y + height, 0
            place = dashboard_models.GridPos(h=panel_height, w=width, x=x, y=y)
            made.with_panel(panel().id(number).grid_pos(place))
            number, x, height = number + 1, x + width, max(height, panel_height)
        y += height
