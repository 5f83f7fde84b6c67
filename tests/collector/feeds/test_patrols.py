"""Patrol windows for calendars and tables: the plan's own numbers, in local time, always alike."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from dateutil.tz import tzical  # type: ignore[import-untyped]
from icalendar import Calendar

from collector.analysis.school_calendar import NO_CALENDAR
from collector.commands.opened import opened
from collector.commands.patterns_plan import patterns_plan
from collector.config import Page
from collector.database.database import open_database
from collector.errors import AnalysisError
from collector.feeds.patrol_calendar import patrol_calendar
from collector.feeds.patrol_csv import patrol_csv
from collector.feeds.weeks import PlannedWeek, plan_of_week, week_named, weeks_around
from collector.ledger.ledger import Ledger
from collector.registry.registry import Registry, Site
from tests.collector.commands.test_patterns import START, told, weeks_of
from tests.peers import FakeNode

ZONE = ZoneInfo("Europe/Stockholm")


@pytest.fixture(scope="module")
def config(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Eight weeks at two schools with laps on Fridays, up to the end of summer time."""
    folder = tmp_path_factory.mktemp("feeds")
    engine = open_database(f"sqlite:///{folder / 'ledger.sqlite'}")
    registry = Registry(engine)
    ledger = Ledger(engine, registry)
    for site, name in (("ekskolan", "Ekskolan"), ("askolan", "Åskolan")):
        registry.add_site(Site(id=site, name=name, latitude=57.4, longitude=12.1))
        node = FakeNode(f"{site}-1")
        node.register(registry, site, START)
        ledger.append([node.signed(one) for one in weeks_of(node.name, patrolled=False)])
    engine.dispose()
    (folder / "collector.toml").write_text("")
    return folder / "collector.toml"


@contextmanager
def ledger_of(config: Path) -> Iterator[Ledger]:
    """The ledger of a configuration, opened anew."""
    with opened(config) as collector:
        yield collector.ledger


def planned(config: Path, begins: datetime | None = None) -> PlannedWeek:
    """The plan of the week after what was measured."""
    with ledger_of(config) as ledger:
        week = plan_of_week(ledger, NO_CALENDAR, begins or week_named("2026-W45", ZONE))
    assert week is not None
    return week


def test_the_numbers_are_those_of_the_command(config: Path) -> None:
    week = planned(config)
    assert week.begins == datetime(2026, 11, 2, tzinfo=ZONE)
    plan = told(patterns_plan, "--to", "2026-11-02", "--config", config)
    best_first = sorted(week.windows, key=lambda one: one.rank)
    assert [
        (one.site.id, one.start.astimezone(UTC), one.window.expected, one.window.low,
         one.window.high, one.window.seen, one.window.measured_h)
        for one in best_first
    ] == [
        (one["site"], datetime.fromisoformat(one["start"]), one["expected"], one["low"],
         one["high"], one["seen"], one["measured_h"])
        for one in plan["windows"]
    ]  # fmt: skip
    assert best_first
    assert [one.start for one in week.windows] == sorted(one.start for one in week.windows)


def test_a_week_that_has_begun_keeps_its_plan(config: Path) -> None:
    # Weeks that were measured on: what came after their Monday changes nothing.
    before = planned(config, week_named("2026-W43", ZONE))
    plan = told(patterns_plan, "--to", "2026-10-19", "--config", config)
    assert {one.window.expected for one in before.windows} == {
        one["expected"] for one in plan["windows"]
    }
    assert all(one.week == "2026-W43" for one in before.windows)


def test_without_measurement_before_it_a_week_has_no_plan(config: Path) -> None:
    with ledger_of(config) as ledger:
        assert plan_of_week(ledger, NO_CALENDAR, week_named("2026-W30", ZONE)) is None


@pytest.mark.parametrize("name", ["2026-W54", "2026-45", "x", "2026-W00", "2026-W5"])
def test_a_week_that_is_none_is_refused(name: str) -> None:
    with pytest.raises(AnalysisError, match=r"is no week: write it as 2026-W48"):
        week_named(name, ZONE)


def test_weeks_begin_on_local_mondays_over_the_change_of_clocks() -> None:
    now = datetime(2026, 10, 25, 23, 30, tzinfo=UTC)  # Monday 00:30 there
    assert weeks_around(now - timedelta(hours=1), ZONE) == (
        datetime(2026, 10, 19, tzinfo=ZONE), datetime(2026, 10, 26, tzinfo=ZONE)
    )  # fmt: skip
    assert weeks_around(now, ZONE)[0] == datetime(2026, 10, 26, tzinfo=ZONE)


def test_a_table_for_people_and_one_for_programs(config: Path) -> None:
    week = planned(config)
    swedish, english = (patrol_csv([week], language) for language in ("sv", "en"))
    rows = list(csv.DictReader(io.StringIO(english)))
    assert [(row["site"], row["from_utc"]) for row in rows] == [
        (one.site.id, f"{one.start.astimezone(UTC):%Y-%m-%dT%H:%MZ}") for one in week.windows
    ]
    for row, one in zip(rows, week.windows, strict=True):
        assert float(row["expected_episodes"]) == pytest.approx(one.window.expected, abs=5e-4)
        assert row["from_local"] == f"{one.start:%Y-%m-%d %H:%M}"
        assert (row["simulated"], row["week"]) == ("no", "2026-W45")
        assert row["from_measured_before_local"] == "2026-11-02 00:00"
    assert swedish.startswith("\ufeffvecka;ordning;mätplats;")
    (first, *_) = csv.DictReader(io.StringIO(swedish[1:]), delimiter=";")
    assert first["väntade episoder"] == rows[0]["expected_episodes"].replace(".", ",")
    assert "\r\n" in swedish


def events_of(text: bytes) -> list[Any]:
    """The events of a calendar, as a program that subscribes reads them."""
    return list(Calendar.from_ical(text).walk("VEVENT"))


def test_a_calendar_shows_the_same_windows_in_local_time(config: Path) -> None:
    week = planned(config)
    page = Page(base_url="https://buller.example.org")
    events = events_of(patrol_calendar([week], page, "sv"))
    assert [event.start.astimezone(UTC) for event in events] == [
        one.start.astimezone(UTC) for one in week.windows
    ]
    assert [event.end - event.start for event in events] == [timedelta(hours=2)] * len(events)
    first, window = events[0], week.windows[0].window
    assert str(first["summary"]) == f"Lämplig tid för insats: {week.windows[0].site.name}"
    assert f"{window.expected:.2f}".replace(".", ",") in str(first["description"])
    # Whoever compares it with the page learns why the times may be others.
    assert "Planen för v. 45, måndag till söndag, ur det som mättes före måndagen" in str(
        first["description"]
    )
    assert str(first["url"]) == f"https://buller.example.org/site/{week.windows[0].site.id}"
    assert first["dtstart"].params["TZID"] == "Europe/Stockholm"
    assert first["transp"] == "TRANSPARENT"


def test_the_same_plan_is_the_same_text_and_a_window_keeps_its_uid(config: Path) -> None:
    page = Page()
    week = planned(config)
    text = patrol_calendar([week], page, "sv")
    assert patrol_calendar([planned(config)], page, "sv") == text
    uids = {str(event["uid"]) for event in events_of(text)}
    assert len(uids) == len(week.windows)
    other = PlannedWeek(week.name, week.begins, week.windows[1:], week.plan, week.simulated)
    assert {str(event["uid"]) for event in events_of(patrol_calendar([other], page, "en"))} < uids


def test_what_is_simulated_says_so(config: Path) -> None:
    week = planned(config)
    made_up = PlannedWeek(week.name, week.begins, week.windows, week.plan, simulated=True)
    text = patrol_calendar([made_up], Page(), "sv")
    assert all(str(event["summary"]).startswith("SIMULERAT: ") for event in events_of(text))
    assert ",yes,2026-11-02 00:00\r\n" in patrol_csv([made_up], "en")


def test_its_time_zone_is_that_of_stockholm_as_another_program_reads_it(config: Path) -> None:
    text = patrol_calendar([planned(config)], Page(), "sv").decode()
    zone = tzical(io.StringIO(text)).get("Europe/Stockholm")
    for hours in range(0, 2 * 366 * 24, 6):
        at = datetime(2026, 1, 1, tzinfo=UTC) + timedelta(hours=hours)
        local = at.astimezone(ZONE).replace(tzinfo=None, fold=0)
        assert local.replace(tzinfo=zone).utcoffset() == at.astimezone(ZONE).utcoffset(), at
