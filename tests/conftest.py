"""What tests of several parts share."""

from __future__ import annotations

import os

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # as skolro.py does, before numpy is there

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine

from collector.database.database import open_database
from collector.ledger.ledger import Ledger
from collector.registry.registry import Registry, Site
from tests.peers import MOSQUITTO, Broker
from tests.postgres import Cluster
from tests.postgres import programs as postgresql_programs


@pytest.fixture
def broker() -> Iterator[Broker]:
    """A real mosquitto."""
    if MOSQUITTO is None and os.environ.get("CI") != "true":
        pytest.skip("mosquitto is not installed")
    with Broker() as running:
        yield running


@pytest.fixture(scope="session")
def postgresql() -> Iterator[Cluster]:
    """A real PostgreSQL, started once."""
    programs = postgresql_programs()
    if programs is None and os.environ.get("CI") != "true":
        pytest.skip("PostgreSQL is not installed: the ledger is NOT tested on it")
    if programs is None:
        pytest.fail("PostgreSQL is not installed, and must be where CI=true")
    with Cluster(programs) as running:
        yield running


@pytest.fixture
def database_url(tmp_path: Path) -> str:
    """Where a new ledger may be."""
    return f"sqlite:///{tmp_path / 'ledger.sqlite'}"


@pytest.fixture
def engine(database_url: str) -> Iterator[Engine]:
    """An open database without content."""
    opened = open_database(database_url)
    yield opened
    opened.dispose()


@pytest.fixture
def registry(engine: Engine) -> Registry:
    """A registry that knows two sites and no node."""
    made = Registry(engine)
    made.add_site(Site(id="ekskolan", name="Ekskolan", latitude=57.4, longitude=12.0))
    made.add_site(Site(id="askolan", name="Åskolan"))
    return made


@pytest.fixture
def ledger(engine: Engine, registry: Registry) -> Ledger:
    """A ledger without messages."""
    return Ledger(engine, registry)
