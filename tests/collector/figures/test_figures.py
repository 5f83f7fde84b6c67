"""Figures in a real InfluxDB are the numbers that the analysis makes of the ledger."""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from collector.analysis.hours import HOURS_A_WEEK, hour_at, time_of
from collector.analysis.rates import week_profile
from collector.analysis.speed import speed_figures
from collector.analysis.usual import against_usual
from collector.analysis.weeks import a_week
from collector.config import InfluxDB
from collector.figures.patterns import PERIODS_WEEKS
from collector.figures.writing import ALWAYS
from collector.outputs.measurements import RETENTION_POLICIES
from collector.pattern_answers import (
    beside_guidelines,
    effect_at,
    fitted_rates,
    levels_by_node,
    planned_week,
)
from collector.pattern_tables import (
    episodes_by_site,
    hours_of_sites,
    passes_of_site,
    speeds_of,
)
from sensor.contract.messages import LevelBatch
from tests.collector.figures.town import END, WEEKS, Town, forward_figures, open_town
from tests.influx import Influx, running

_ZONE = ZoneInfo("Europe/Stockholm")
_HOUR = timedelta(hours=1)


@pytest.fixture(scope="module")
def influx() -> Iterator[Influx]:
    """A real InfluxDB."""
    yield from running()


@pytest.fixture(scope="module")
def town(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Town]:
    """Three schools, of which one is patrolled."""
    made = open_town(tmp_path_factory.mktemp("town"))
    yield made
    made.engine.dispose()


@pytest.fixture(scope="module")
def config(influx: Influx, town: Town) -> InfluxDB:
    """The InfluxDB that has got all figures of the town."""
    made = influx.new_config()
    with town.forwarder(made) as forwarder:
        assert forward_figures(forwarder) > WEEKS * 7
        assert forwarder.state.rejected == 0
        assert not forwarder.step_figures()
    return made


class Rows:
    """What InfluxDB holds, by measurement."""

    def __init__(self, influx: Influx, config: InfluxDB) -> None:
        self._influx = influx
        self._bucket = config.bucket

    def __call__(self, measurement: str, policy: str = "hours") -> list[dict[str, Any]]:
        query = " ".join(("SELECT * FROM", f'"{policy}"."{measurement}"'))
        rows = self._influx.query(self._bucket, query)
        return [{key: value for key, value in row.items() if value is not None} for row in rows]

    def by(self, measurement: str, *keys: str, policy: str = "hours") -> dict[Any, dict[str, Any]]:
        """Rows by the values of `keys`, which must tell them apart."""
        rows = self(measurement, policy)
        found = {tuple(row[key] for key in keys): row for row in rows}
        assert len(found) == len(rows)
        return found


@pytest.fixture(scope="module")
def rows(influx: Influx, config: InfluxDB) -> Rows:
    """What InfluxDB holds."""
    return Rows(influx, config)


def _ns(at: datetime) -> int:
    return round(at.timestamp() * 1e6) * 1000


def _midnight(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=_ZONE)


def test_every_field_has_its_declared_type(influx: Influx, config: InfluxDB) -> None:
    of_messages = {
        "sound_level", "sound_level_1m", "sound_level_1h", "measured_1h", "event", "node_health",
    }  # fmt: skip
    for policy, measurements in RETENTION_POLICIES.items():
        for one in measurements:
            if one.name in of_messages:
                continue
            table = f'"{policy or "autogen"}"."{one.name}"'
            keys = influx.query(config.bucket, f"SHOW FIELD KEYS FROM {table}")
            assert keys, one.name
            for key in keys:
                assert key["fieldType"] == one.fields[key["fieldKey"]]


def test_episodes(town: Town, rows: Rows) -> None:
    wanted = {
        (site, _ns(one.start)): one
        for site, found in episodes_by_site(town.ledger, None, None, simulated=True).items()
        for one in found
    }
    got = rows.by("episode", "site", "time")
    assert got.keys() == wanted.keys()
    assert len(wanted) > 20
    for key, one in wanted.items():
        row = got[key]
        assert row["passes"] == one.passes
        assert row["lafmax_db"] == one.lafmax_db
        assert row.get("speed_kmh") == one.speed_kmh
        assert row["reasons"].split() == [reason.code for reason in one.reasons]
        assert row["end_ms"] == int(one.end.timestamp() * 1000)
        local = one.start.astimezone(_ZONE)
        assert (row["weekday"], row["hour"]) == (str(local.isoweekday()), f"{local:%H}")
        numbers = {reason.code: reason.numbers for reason in one.reasons}
        assert row.get("visits") == numbers.get("repeated_passes", {}).get("visits")
        assert row.get("turns") == numbers.get("both_directions", {}).get("turns")
        others = next((r.sites for r in one.reasons if r.code == "neighbouring_sites"), ())
        assert row.get("neighbours", "").split() == list(others)


def test_days(town: Town, rows: Rows) -> None:
    got = rows.by("site_day", "site", "time")
    tables = town.tables(WEEKS + 1)
    for day in (date(2026, 10, 25), date(2026, 11, 3), date(2026, 11, 14)):  # 25 hours, 24, 24
        begin, end = _midnight(day), _midnight(day + timedelta(days=1))
        for site, table in tables.items():
            hours = table.between(hour_at(begin), hour_at(end))
            row = got[site, _ns(begin)]
            assert row["episodes"] == hours.episodes.sum()
            assert row["passes"] == hours.events.sum()
            assert row["unconfirmed"] == hours.unconfirmed.sum()
            assert row["measured_s"] == hours.measured_s.sum()


def test_weeks(town: Town, rows: Rows) -> None:
    got = rows.by("site_week", "site", "time")
    inventory = town.ledger.registry.inventory()
    monday = date(2026, 10, 26)
    begin, end = _midnight(monday), _midnight(monday + timedelta(days=7))
    for site, table in town.tables(WEEKS + 1).items():
        hours = table.between(hour_at(begin), hour_at(end))
        row = got[site, _ns(begin)]
        rate = a_week(int(hours.episodes.sum()), int(hours.measured_s.sum()))
        assert row["episodes"] == hours.episodes.sum()
        assert row["episodes_a_week"] == pytest.approx(rate.value)
        assert row["episodes_a_week_high"] == pytest.approx(rate.high)
        passes = passes_of_site(town.ledger, site, begin, end, simulated=True)
        speeds = speed_figures(speeds_of(passes, inventory, inventory.sites[site]))
        assert row["v85_kmh"] == pytest.approx(speeds.v85_kmh.value)
        assert row["v85_high_kmh"] == pytest.approx(speeds.v85_kmh.high)
        assert (row["over_limit"], row["over_limit_of"]) == (
            speeds.over_limit.count, speeds.over_limit.of,
        )  # fmt: skip


def test_sources_by_week(town: Town, rows: Rows) -> None:
    events = town.ledger.events(limit=100_000)
    wanted = Counter(
        (event.site, event.source, _ns(_midnight(day - timedelta(days=day.weekday()))))
        for event in events
        for day in [event.start.astimezone(_ZONE).date()]
    )
    got = rows.by("source_week", "site", "source", "time")
    assert {key: row["events"] for key, row in got.items()} == wanted


@pytest.mark.parametrize("weeks", PERIODS_WEEKS)
def test_hours_of_the_week(town: Town, rows: Rows, weeks: int) -> None:
    rates = fitted_rates(town.tables(weeks), town.calendar)
    profile = week_profile(rates)
    got = {
        (row["site"], 24 * (int(row["weekday"]) - 1) + int(row["hour"])): row
        for row in rows("hour_of_week")
        if row["weeks"] == str(weeks)
    }
    assert len(got) == len(rates.sites) * HOURS_A_WEEK
    for (site, hour), row in got.items():
        at = rates.sites.index(site), hour
        assert row["time"] == _ns(ALWAYS)
        assert row["rate"] == pytest.approx(profile.rate[at])
        assert row["rate_low"] == pytest.approx(profile.low[at], abs=1e-12)
        assert row["rate_high"] == pytest.approx(profile.high[at])
        assert row["count"] == profile.count[at]
        assert row["measured_h"] == pytest.approx(profile.measured_h[at])


def test_the_plan(town: Town, rows: Rows) -> None:
    begin = time_of(hour_at(town.now))
    plan = planned_week(town.tables(26), town.calendar, begin)
    got = {(row["chosen"], row["rank"]): row for row in rows("patrol_window")}
    wanted = {("yes", n): w for n, w in enumerate(plan.windows, 1)}
    wanted |= {("no", n): w for n, w in enumerate(plan.missed, 1)}
    assert got.keys() == wanted.keys()
    assert len(plan.windows) == 3
    for key, window in wanted.items():
        row = got[key]
        assert (row["site"], row["time"]) == (window.site, _ns(time_of(window.start_hour)))
        assert row["expected"] == pytest.approx(window.expected)
        assert row["expected_low"] == pytest.approx(window.low)
        assert row["seen"] == window.seen


def test_effects(town: Town, rows: Rows) -> None:
    (site,) = {one.site for one in town.ledger.registry.patrols()}
    effect = effect_at(town.ledger, site, town.period(26), town.calendar)
    got = rows.by("patrol_effect", "site", "compared")
    for name, ratio in (("itself", effect.own_ratio), ("others", effect.ratio),
                        ("town", effect.town_ratio)):  # fmt: skip
        row = got[site, name]
        assert row["ratio"] == pytest.approx(ratio.ratio)
        assert row["ratio_low"] == pytest.approx(ratio.low)
        assert row["ratio_high"] == pytest.approx(ratio.high)
        assert (row["count_before"], row["count_after"]) == (
            effect.count_before, effect.count_after,
        )  # fmt: skip
        assert row["power"] == pytest.approx(effect.power)


def test_today_beside_the_usual(town: Town, rows: Rows) -> None:
    begin, end = hour_at(_midnight(town.now.astimezone(_ZONE).date())), hour_at(town.now) + 1
    tables = hours_of_sites(town.ledger, simulated=True)
    before = {site: table.between(0, begin) for site, table in tables.items()}
    usual = against_usual(
        fitted_rates(before, town.calendar), list(tables.values()), town.calendar, begin, end
    )
    got = rows.by("site_now", "site")
    assert {one.site for one in usual} == {site for (site,) in got}
    for one in usual:
        row = got[one.site,]
        assert (row["verdict"], row["nodes"]) == (one.verdict, 1)
        assert (row["episodes"], row["measured_s"]) == (one.count, one.measured_s)
        assert row["expected"] == pytest.approx(one.expected)
        assert (row["usual_low"], row["usual_high"]) == (one.low, one.high)


@pytest.mark.parametrize("weeks", PERIODS_WEEKS)
def test_guideline_values(town: Town, rows: Rows, weeks: int) -> None:
    period = town.period(weeks)
    got = rows.by("guideline_comparison", "site", "node", "quantity", "weeks")
    inventory = town.ledger.registry.inventory()
    for site in inventory.sites.values():
        passes = passes_of_site(town.ledger, site.id, period.start, period.end, simulated=True)
        for node, hours in levels_by_node(town.ledger, site.id, period).items():
            compared = beside_guidelines(
                town.ledger.registry.guidelines(site.id), site, period, node, hours, passes
            )
            assert len(compared) == 2
            for guideline, found in compared:
                row = got[site.id, node, guideline.quantity, str(weeks)]
                assert row["found"] == pytest.approx(found.found)
                assert (row["allowed"], row["of"]) == (found.allowed, found.of)
                assert row["coverage"] == pytest.approx(found.coverage)


def test_speeds_of_a_period(town: Town, rows: Rows) -> None:
    inventory = town.ledger.registry.inventory()
    got = rows.by("speed_figures", "site", "weeks")
    for site in inventory.sites.values():
        period = town.period(4)
        passes = passes_of_site(town.ledger, site.id, period.start, period.end, simulated=True)
        figures = speed_figures(speeds_of(passes, inventory, site))
        row = got[site.id, "4"]
        assert (row["passes"], row["speeds"]) == (figures.passes, figures.measured)
        assert row["v85_kmh"] == pytest.approx(figures.v85_kmh.value)
        assert row["v85_low_kmh"] == pytest.approx(figures.v85_kmh.low)


def test_spectra(town: Town, rows: Rows) -> None:
    got = {(row["node"], row["band"], row["time"]): row for row in rows("spectrum_1h")}
    begin = END - timedelta(days=3)
    batches = [
        stored.message
        for stored in town.ledger.messages("ekskolan-1", "levels", begin, begin + _HOUR)
    ]
    wanted: defaultdict[str, list[float]] = defaultdict(list)
    for batch in batches:
        assert isinstance(batch, LevelBatch)
        for band, band_db in (batch.bands_db or {}).items():
            if band_db is not None:
                wanted[band].append(10 ** (band_db / 10))
    assert len(wanted) >= 29
    for band, energies in wanted.items():
        whole, dot, rest = band.partition(".")
        row = got["ekskolan-1", whole.zfill(5) + dot + rest, _ns(begin)]
        mean = sum(energies) / len(energies)
        assert row["energy"] == pytest.approx(mean)
        assert row["leq_db"] == pytest.approx(10 * math.log10(mean), abs=1e-9)


def test_what_the_registry_says(town: Town, rows: Rows) -> None:
    registry = town.ledger.registry
    sites = rows.by("site", "site", policy="autogen")
    assert {site for (site,) in sites} == {site.id for site in registry.sites()}
    assert sites["askolan",]["label"] == "Åskolan [askolan]"
    assert sites["askolan",]["municipality"] == "Havsbro"
    assert sites["askolan",]["latitude"] == registry.site("askolan").latitude
    patrols = rows("patrol")
    assert [row["end_ms"] for row in patrols] == [
        int(one.end.timestamp() * 1000) for one in registry.patrols()
    ]
    values = [row for row in rows("guideline") if row["site"] == "ekskolan"]
    assert {(row["quantity"], row["value_db"]) for row in values} == {
        (one.quantity, one.value_db) for one in registry.guidelines("ekskolan")
    }
    assert len(values) == 2 * (7 * WEEKS + 1)
    tomorrow = town.now.astimezone(_ZONE).date() + timedelta(days=1)
    assert values[-1]["time"] == _ns(_midnight(tomorrow))


def test_nodes(town: Town, rows: Rows) -> None:
    states = town.ledger.node_states()
    got = {row["node"]: row for row in rows("node_status", "seconds")}
    assert got.keys() == states.keys()
    for node, row in got.items():
        received = states[node].last_received_at
        assert received is not None
        assert row["silent_s"] == max(0.0, (town.now - received).total_seconds())
        assert row["microphone_ok"] == 1
        assert row["calibration_age_s"] == pytest.approx(
            (town.now - END + timedelta(weeks=WEEKS)).total_seconds()
        )
        assert "online" not in row
        assert datetime.fromtimestamp(row["time"] / 1e9, UTC) == town.now.replace(second=0)
