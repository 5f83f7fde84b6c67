from __future__ import annotations

import hashlib
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import Engine

from collector.errors import RegistryError
from collector.registry.photos import MOST_PHOTOS, Photos
from collector.registry.registry import Registry
from tests.peers import FakeNode


@pytest.fixture
def photos(engine: Engine, registry: Registry) -> Photos:
    FakeNode("ekskolan-1").register(registry, "ekskolan", datetime(2026, 1, 1, tzinfo=UTC))
    FakeNode("askolan-1").register(registry, "askolan", datetime(2026, 1, 1, tzinfo=UTC))
    return Photos(engine)


def test_a_photograph_comes_back_as_it_was(photos: Photos) -> None:
    number = photos.add("ekskolan-1", b"jpeg", (1600, 1200), "tekniker-1")
    (one,) = photos.of("ekskolan-1")
    assert (one.id, one.width, one.height, one.added_by) == (number, 1600, 1200, "tekniker-1")
    assert one.sha256 == hashlib.sha256(b"jpeg").hexdigest()
    assert photos.content("ekskolan-1", number) == b"jpeg"


def test_each_is_its_nodes_alone(photos: Photos) -> None:
    number = photos.add("ekskolan-1", b"jpeg", (1, 1), "tekniker-1")
    assert photos.of("askolan-1") == []
    assert photos.content("askolan-1", number) is None
    assert not photos.remove("askolan-1", number)
    assert photos.remove("ekskolan-1", number)
    assert photos.content("ekskolan-1", number) is None


def test_no_node_has_more_than_somebody_looks_at(photos: Photos) -> None:
    for _ in range(MOST_PHOTOS):
        photos.add("ekskolan-1", b"jpeg", (1, 1), "tekniker-1")
    with pytest.raises(RegistryError, match="remove one first"):
        photos.add("ekskolan-1", b"jpeg", (1, 1), "tekniker-1")
    with pytest.raises(RegistryError, match="there is no node"):
        photos.add("nowhere-1", b"jpeg", (1, 1), "tekniker-1")


def test_old_ones_are_removed(photos: Photos) -> None:
    photos.add("ekskolan-1", b"jpeg", (1, 1), "tekniker-1")
    now = datetime.now(UTC)
    assert photos.prune(now - timedelta(days=1)) == 0
    assert photos.prune(now + timedelta(days=1), dry_run=True) == 1
    assert len(photos.of("ekskolan-1")) == 1
    assert photos.prune(now + timedelta(days=1)) == 1
    assert photos.of("ekskolan-1") == []
