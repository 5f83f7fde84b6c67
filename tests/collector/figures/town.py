"""A simulated town as a ledger, and a forwarder of it into a real InfluxDB."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from sqlalchemy import Engine

from collector.analysis.hours import SiteHours, hour_at
from collector.analysis.school_calendar import SchoolCalendar, load_calendar
from collector.config import InfluxDB, load_config
from collector.database.database import open_database
from collector.figures.figures import Figures
from collector.forwarder import Forwarder
from collector.ledger.ledger import Ledger
from collector.outputs import OutputRejects
from collector.outputs.influx import InfluxOutput
from collector.pattern_answers import Period
from collector.pattern_tables import hours_of_sites
from collector.registry.registry import Registry
from deploy.town.ledger import CALENDAR, CONFIG, write_town
from deploy.town.town import SITES, simulate_town

WEEKS = 5
END = datetime(2026, 11, 15, 23, tzinfo=UTC)
"""When its data end: a local Sunday's midnight."""

NOW = END - timedelta(hours=4, minutes=-10)
"""When the figures are made: on its last evening."""


@dataclass
class Town:
    """The open ledger of a town; `now` is what the figures' clock shows."""

    engine: Engine
    ledger: Ledger
    calendar: SchoolCalendar
    now: datetime = NOW

    def figures(self) -> Figures:
        """Its figures, as a collector that has just started would make them."""
        return Figures(self.ledger, self.calendar, "Havsbro", clock=lambda: self.now)

    def tables(self, weeks: int) -> dict[str, SiteHours]:
        """Hours of its sites over `weeks` before now."""
        start = self.now - timedelta(weeks=weeks)
        tables = hours_of_sites(self.ledger, start=start, end=self.now, simulated=True)
        first, end = hour_at(start), hour_at(self.now)
        return {site: table.between(first, end) for site, table in tables.items()}

    def period(self, weeks: int) -> Period:
        """The `weeks` before now."""
        return Period(self.now - timedelta(weeks=weeks), self.now, simulated=True)

    @contextmanager
    def forwarder(self, config: InfluxDB) -> Iterator[Forwarder]:
        """A forwarder with figures, from the beginning on."""
        for name in ("influxdb", "influxdb/days", "influxdb/weeks"):
            self.ledger.set_cursor(name, 0)
        made = Forwarder(
            self.ledger,
            self.ledger.registry,
            InfluxOutput(config),
            OutputRejects(self.engine),
            figures=self.figures(),
        )
        yield made
        made.stop()


def forward_figures(forwarder: Forwarder) -> int:
    """Forward all figures that are due, and return how many units they were."""
    units = 0
    while forwarder.step_figures():
        units += 1
    return units


def open_town(folder: Path, sites: int = 3, weeks: int = WEEKS) -> Town:
    """Simulate a town with patrols, some of whose episodes went elsewhere."""
    town = simulate_town(11, END - timedelta(weeks=weeks), weeks, kind="displaced",
                         sites=SITES[:sites])  # fmt: skip
    for _ in write_town(town, END, folder):
        pass
    engine = open_database(load_config(folder / CONFIG).ledger)
    return Town(engine, Ledger(engine, Registry(engine)), load_calendar(folder / CALENDAR))
