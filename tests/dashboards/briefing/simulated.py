"""A simulated town that ends now, with its pages: made once, and copied for those who change it."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

from fastapi import FastAPI

from collector.config import load_config
from collector.database.database import open_database
from collector.intake.live import LiveReadings
from collector.ledger.ledger import Ledger
from collector.registry.registry import Registry
from dashboards.briefing.app import create_app
from deploy.town.ledger import CONFIG, write_town
from deploy.town.town import SITES, simulate_town
from tests.dashboards.briefing.conftest import QUICK

WEEKS = 8
SEED = 7


def make_town(folder: Path, schools: int = 2) -> Path:
    """Write a town of some schools, one of which was patrolled, and return its configuration."""
    end = datetime.now(UTC).replace(minute=0, second=0, microsecond=0)
    start = end - timedelta(weeks=WEEKS)
    town = simulate_town(SEED, start, WEEKS, kind="patrolled", sites=SITES[:schools])
    for _ in write_town(town, end, folder):
        pass
    return folder / CONFIG


def copied(config: Path, folder: Path) -> Path:
    """A town of one's own."""
    shutil.copytree(config.parent, folder, dirs_exist_ok=True)
    return folder / config.name


@contextmanager
def pages_of(config: Path) -> Iterator[FastAPI]:
    """The application that shows a town."""
    settings = load_config(config)
    engine = open_database(settings.ledger)
    ledger = Ledger(engine, Registry(engine))
    app = create_app(
        ledger, ledger.registry, settings, LiveReadings(), engine=engine, passwords=QUICK
    )
    try:
        yield app
    finally:
        app.state.renderer.close()
        engine.dispose()
