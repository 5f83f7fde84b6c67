"""What tests of evidence share: one summary, made once."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from collector.evidence.export import Exported
from tests.collector.evidence.places import Place, fill, new_place


@pytest.fixture(scope="package")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    """A ledger with two days at Ekskolan; nobody may change it."""
    made = new_place(tmp_path_factory.mktemp("place"))
    fill(made)
    yield made
    made.engine.dispose()


@pytest.fixture(scope="package")
def summary(place: Place, tmp_path_factory: pytest.TempPathFactory) -> Exported:
    """Its summary; copy it before changing anything."""
    return place.export(tmp_path_factory.mktemp("summary") / "out")


@pytest.fixture
def empty_place(tmp_path: Path) -> Iterator[Place]:
    """A ledger without messages."""
    folder = tmp_path / "ledger"
    folder.mkdir()
    made = new_place(folder)
    yield made
    made.engine.dispose()
