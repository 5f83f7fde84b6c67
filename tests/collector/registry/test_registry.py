"""The registry answers where each node hung and when, for all who ask, also after a change."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import Engine

from collector.errors import RegistryError
from collector.registry.registry import (
    Guideline,
    Patrol,
    PatrolChangedError,
    Registry,
    Site,
    SpeedLimit,
)
from tests.peers import FakeNode

START = datetime(2026, 11, 2, 7, 0, tzinfo=UTC)
DAY = timedelta(days=1)


def test_sites_and_nodes_come_back_as_they_were(registry: Registry) -> None:
    site = Site(
        id="bjorkangen", name="Björkängsskolan", municipality="Exempelby", latitude=57.4,
        longitude=12.1, time_zone="Europe/Helsinki", note="by the gate",
    )  # fmt: skip
    registry.add_site(site)
    assert registry.site("bjorkangen") == site
    assert [one.id for one in registry.sites()] == ["askolan", "bjorkangen", "ekskolan"]
    node = FakeNode("b-1")
    registry.add_node(
        "b-1", "bjorkangen", node.public_key_text, START, note="n", geometry={"distance_m": 4.5}
    )
    assert registry.node("b-1").note == "n"
    (placement,) = registry.placements("b-1")
    assert (placement.site, placement.since, placement.until) == ("bjorkangen", START, None)
    assert placement.geometry == {"distance_m": 4.5}
    (key,) = registry.keys_of("b-1")
    assert registry.key(key.kid) == key


def test_a_node_that_moves_was_where_it_was(registry: Registry) -> None:
    FakeNode("n-1").register(registry, "ekskolan", START)
    registry.place_node("n-1", "askolan", START + DAY)

    def site_at(at: datetime | None) -> str | None:
        site = registry.site_of("n-1", at)
        return site.id if site else None

    assert site_at(START - DAY) is None
    assert site_at(START) == "ekskolan"
    assert site_at(START + DAY - timedelta(microseconds=1)) == "ekskolan"
    assert site_at(START + DAY) == "askolan"
    assert site_at(None) == "askolan"
    assert registry.site_of("nobody") is None
    with pytest.raises(RegistryError, match="must begin later"):
        registry.place_node("n-1", "ekskolan", START)


def test_a_change_is_seen_by_others(registry: Registry, engine: Engine) -> None:
    other = Registry(engine)
    before = other.inventory()
    assert other.inventory() is before
    registry.add_site(Site(id="new", name="New"))
    assert other.site("new").name == "New"
    assert "new" not in before.sites


def test_a_recent_inventory_may_be_a_little_old(registry: Registry, engine: Engine) -> None:
    other = Registry(engine)
    assert "new" not in other.recent_inventory(60).sites
    registry.add_site(Site(id="new", name="New"))
    assert "new" not in other.recent_inventory(60).sites
    assert "new" in other.recent_inventory(0).sites


def test_a_refused_change_leaves_nothing_behind(registry: Registry) -> None:
    node = FakeNode("n-1")
    node.register(registry, "ekskolan", START)
    version = registry.inventory().version
    with pytest.raises(RegistryError, match="each node needs its own"):
        registry.add_node("n-2", "ekskolan", node.public_key_text)
    assert [one.id for one in registry.nodes()] == ["n-1"]
    assert registry.inventory().version == version


def test_speed_limits_and_guidelines(registry: Registry) -> None:
    limit = SpeedLimit(
        site="ekskolan", kmh=30, since=START, weekdays=(1, 2, 3, 4, 5), from_time="07:00",
        to_time="17:00", source="local traffic rule",
    )  # fmt: skip
    guideline = Guideline(
        site="ekskolan", quantity="lafmax_db", value_db=70, source="Naturvårdsverket 2017"
    )
    registry.add_speed_limit(limit)
    registry.set_guideline(replace(guideline, value_db=75))
    registry.set_guideline(guideline)
    assert registry.speed_limits("ekskolan") == [limit]
    assert registry.guidelines("ekskolan") == [guideline]
    assert registry.speed_limits("askolan") == []


def test_what_contradicts_is_refused(registry: Registry) -> None:
    for mistake, text in (
        (lambda: registry.site("nowhere"), "known are askolan, ekskolan"),
        (lambda: registry.node("n"), "known are none"),
        (lambda: registry.key("k"), "no key"),
        (lambda: registry.add_site(Site(id="ekskolan", name="x")), "already"),
        (lambda: registry.place_node("n", "ekskolan", START), "no node"),
        (lambda: registry.revoke_key("k"), "no key"),
        (lambda: Site(id="Ek", name="x"), "cannot name a site"),
        (lambda: Site(id="ek\n", name="x"), "cannot name a site"),
        (lambda: Site(id="ek", name=" "), "needs a name"),
        (lambda: Site(id="ek", name="x", latitude=1), "both latitude and longitude"),
        (lambda: Site(id="ek", name="x", latitude=91, longitude=1), "within ±90"),
        (lambda: Site(id="ek", name="x", time_zone="Mars"), "no time zone"),
        (lambda: SpeedLimit(site="ek", kmh=0, since=START), "is none"),
        (lambda: SpeedLimit(site="ek", kmh=30, since=START, weekdays=(0,)), "1 .Monday"),
        (lambda: SpeedLimit(site="ek", kmh=30, since=START, from_time="7"), "time of day"),
    ):
        with pytest.raises(RegistryError, match=text):
            mistake()


def _patrol(registry: Registry) -> Patrol:
    number = registry.add_patrol(
        Patrol(site="ekskolan", start=START, end=START + DAY, note="n", changed_by="anna")
    )
    return registry.patrol(number)


def test_a_patrol_says_who_logged_it_and_when(registry: Registry) -> None:
    before = datetime.now(UTC)
    patrol = _patrol(registry)
    assert (patrol.site, patrol.note, patrol.version, patrol.changed_by) == (
        "ekskolan", "n", 1, "anna",
    )  # fmt: skip
    assert patrol.changed_at is not None
    assert before - timedelta(seconds=1) <= patrol.changed_at <= datetime.now(UTC)


def test_of_two_who_change_the_same_patrol_the_second_is_told(registry: Registry) -> None:
    seen = _patrol(registry)
    first = registry.change_patrol(replace(seen, note="first", changed_by="bo"))
    assert registry.patrol(1) == first
    assert (first.version, first.note, first.changed_by) == (2, "first", "bo")
    with pytest.raises(PatrolChangedError, match="changed by somebody else") as refused:
        registry.change_patrol(replace(seen, note="second"))
    assert refused.value.current == first
    with pytest.raises(PatrolChangedError):
        registry.remove_patrol(1, seen.version)
    assert registry.patrols() == [first]


def test_a_patrol_removed_meanwhile_is_not_changed(registry: Registry) -> None:
    seen = _patrol(registry)
    registry.remove_patrol(1, seen.version)
    with pytest.raises(PatrolChangedError, match="removed by somebody else") as refused:
        registry.change_patrol(seen)
    assert refused.value.current is None
    with pytest.raises(RegistryError, match="no patrol '1'"):
        registry.patrol(1)
