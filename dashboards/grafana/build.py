"""The dashboards: which panels stand where, what can be chosen, and the files they become.

Each is made once a language from one definition; Swedish ones stand in the folder *Skolro*.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final

from collector.writing import CODES, Code
from dashboards.grafana.alerts import rules_file
from dashboards.grafana.influxql import TIME_ZONE
from dashboards.grafana.links import uid
from dashboards.grafana.look import AnyPanel
from dashboards.grafana.panels import effect, fleet, overview, patterns, site
from dashboards.grafana.sdk import JSONEncoder, dashboard, dashboard_models
from dashboards.grafana.variables import VARIABLES
from dashboards.grafana.words import Words, words
from sensor.contract.errors import SkolroError

GENERATED: Final = Path(__file__).parent / "generated"
"""Where the JSON stands that Grafana is provisioned with, a folder a language."""

RULES: Final = Path(__file__).parent / "provisioning/alerting/skolro.yaml"
"""Where the alert rules stand."""

GRID_WIDTH: Final = 24

Placed = tuple[Callable[[Words], AnyPanel], int, int]
"""A panel with its width and height on the grid."""


class DashboardsDifferError(SkolroError):
    """Generated files that are not what the code makes."""


@dataclass(frozen=True, slots=True)
class Row:
    """A heading, by its key among the words for rows, and the panels below it."""

    title: str
    panels: Sequence[Placed]


@dataclass(frozen=True, slots=True, kw_only=True)
class Board:
    """A dashboard.

    Attributes
    ----------
    back : str
        How far back it shows at first.
    variables : tuple of str
        What can be chosen, of :data:`VARIABLES`.
    refresh : str
        How often it asks anew.
    annotated : bool
        Whether patrols stand beside what is shown over time.
    """

    back: str
    variables: tuple[str, ...]
    rows: tuple[Row, ...]
    refresh: str = "5m"
    annotated: bool = False


_WHERE: Final = ("municipality", "sites")

BOARDS: Final[Mapping[str, Board]] = {
    "overview": Board(
        back="now-30d",
        variables=(*_WHERE, "origin"),
        rows=(
            Row("today", (
                (overview.site_map, 10, 14),
                (overview.against_usual, 14, 10),
                (overview.nodes_online, 7, 4),
                (overview.simulated_time, 7, 4),
            )),
            Row("lately", (
                (overview.episodes_by_day, 12, 8),
                (overview.measured_by_day, 12, 8),
            )),
            Row("next", (
                (overview.coming_windows, 12, 8),
                (overview.node_list, 12, 8),
            )),
        ),
    ),
    "patterns": Board(
        back="now-26w",
        variables=(*_WHERE, "source", "origin", "weeks", "weekday", "hour"),
        rows=(
            Row("when", (
                (patterns.week_heat_map, 12, 26),
                (patterns.top_hours, 12, 26),
            )),
            Row("trend", (
                (patterns.episodes_by_week, 12, 8),
                (patterns.passes_by_week, 12, 8),
            )),
            Row("episodes", ((patterns.episode_table, 24, 12),)),
            Row("sources", (
                (patterns.source_mix, 10, 12),
                (patterns.sources_by_week, 14, 12),
            )),
            Row("behind", ((patterns.hour_events, 24, 12),)),
        ),
    ),
    "site": Board(
        back="now-7d",
        variables=("municipality", "one_site", "node", "source", "origin", "weeks", "weekday",
                   "hour"),
        annotated=True,
        rows=(
            Row("period", (
                (site.mean_of_period, 6, 4),
                (site.highest_level, 6, 4),
                (site.event_count, 6, 4),
                (site.measured_time, 6, 4),
            )),
            Row("levels", (
                (site.levels_by_minute, 24, 10),
                (site.levels_by_second, 24, 8),
                (site.levels_by_day, 12, 9),
                (site.loudest_by_hour, 12, 9),
                (site.guideline_table, 24, 7),
                (site.levels_by_hour_of_day, 10, 9),
                (site.spectrum, 14, 9),
            )),
            Row("events", ((site.event_table, 24, 12), (site.week_rate, 24, 8))),
            Row("speeds", (
                (site.speeds, 24, 9),
                (site.v85_by_week, 24, 9),
                (site.speed_table, 24, 5),
            )),
        ),
    ),
    "effect": Board(
        back="now-26w",
        variables=(*_WHERE, "origin"),
        annotated=True,
        rows=(
            Row("followed", (
                (effect.rates_by_week, 24, 10),
                (effect.effect_table, 24, 9),
                (effect.moved_table, 24, 6),
            )),
            Row("patrols", (
                (effect.patrol_list, 12, 10),
                (effect.window_table, 12, 10),
            )),
        ),
    ),
    "fleet": Board(
        back="now-2d",
        refresh="1m",
        variables=(*_WHERE, "node"),
        rows=(
            Row("now", ((fleet.state_counts, 24, 4), (fleet.fleet_table, 24, 12))),
            Row("lately", (
                (fleet.coverage, 12, 8),
                (fleet.outbox_depth, 12, 8),
                (fleet.calibration_age, 12, 8),
                (fleet.clock_offset, 12, 8),
                (fleet.temperature, 12, 8),
                (fleet.microphone_lowest, 12, 8),
                (fleet.outbox_oldest, 12, 8),
                (fleet.card_written, 12, 8),
            )),
        ),
    ),
}  # fmt: skip
"""By the name of the file that each becomes."""


def made(name: str, code: Code) -> dashboard_models.Dashboard:
    """The dashboard of that name in one language."""
    board, text = BOARDS[name], words(code)
    built = (
        dashboard.Dashboard(text(f"dashboard.{name}.title"))
        .uid(uid(name, text))
        .description(text(f"dashboard.{name}.description"))
        .tags(["skolro", _tag(code)])
        .timezone(TIME_ZONE)
        .week_start("monday")
        .time(board.back, "now")
        .refresh(board.refresh)
        .tooltip(dashboard_models.DashboardCursorSync.CROSSHAIR)
        .link(_others(text))
        .editable()
    )
    for variable in board.variables:
        built.with_variable(VARIABLES[variable](text))
    if board.annotated:
        built.annotation(effect.patrols(text))
    _lay_out(built, board.rows, text)
    return built.build()


@cache
def rendered() -> Mapping[str, str]:
    """Return the content of each generated file, by its path among them."""
    return {
        f"{code}/{name}.json": json.dumps(
            made(name, code), cls=JSONEncoder, indent=2, sort_keys=True, ensure_ascii=False
        )
        + "\n"
        for code in CODES
        for name in BOARDS
    }


def write(folder: Path, rules: Path) -> list[Path]:
    """Write the dashboards into `folder` and the alert rules to `rules`, and return the files."""
    files = {folder / name: text for name, text in rendered().items()} | {rules: rules_file()}
    try:
        for path, text in files.items():
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise SkolroError(
            f"cannot write the dashboards to {folder}: {error.strerror}: name another folder"
        ) from error
    return list(files)


def check(folder: Path, rules: Path) -> None:
    """Return if the files are just what :func:`write` would write.

    Raises
    ------
    DashboardsDifferError
        A file is missing, differs, or is one that no dashboard makes any more.
    """
    wanted = rendered()
    found = {str(path.relative_to(folder)) for path in folder.rglob("*.json")}
    stale = sorted(found - wanted.keys())
    changed = [name for name, text in wanted.items() if _text(folder / name) != text]
    if _text(rules) != rules_file():
        changed.append(rules.name)
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


def _tag(code: Code) -> str:
    return f"skolro-{code}"


def _others(text: Words) -> dashboard.DashboardLink:
    """A link to each of the others, which keeps time and choice."""
    link = dashboard.DashboardLink(text("link.others"))
    link.type(dashboard_models.DashboardLinkType.DASHBOARDS).tags([_tag(text.code)])
    return link.keep_time(True).include_vars(True)


def _lay_out(built: dashboard.Dashboard, rows: Sequence[Row], text: Words) -> None:
    """Place each panel at the highest free place, left before right, and number them."""
    number, y = 1, 0
    for row in rows:
        heading = dashboard_models.GridPos(h=1, w=GRID_WIDTH, x=0, y=y)
        built.with_row(dashboard.Row(text(f"row.{row.title}")).id(number).grid_pos(heading))
        number, y = number + 1, y + 1
        tops = [y] * GRID_WIDTH
        for panel, width, height in row.panels:
            x, top = _free(tops, width)
            place = dashboard_models.GridPos(h=height, w=width, x=x, y=top)
            built.with_panel(panel(text).id(number).grid_pos(place))
            number += 1
            tops[x : x + width] = [top + height] * width
        y = max(tops)


def _free(tops: Sequence[int], width: int) -> tuple[int, int]:
    """The highest place, and of these the one to the left, that is so wide."""
    places = ((max(tops[x : x + width]), x) for x in range(GRID_WIDTH - width + 1))
    top, x = min(places)
    return x, top
