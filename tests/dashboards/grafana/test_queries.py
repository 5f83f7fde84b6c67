"""Every query of every panel, run against a real InfluxDB, gives the numbers of the analysis."""

from __future__ import annotations

import dataclasses
import math
from collections import Counter, defaultdict
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pytest
import yaml

from collector.analysis.hours import hour_at, local_hours, time_of
from collector.analysis.levels import energy_mean_db, hour_period_levels, level_db, period_levels
from collector.analysis.rates import week_profile
from collector.analysis.spectrum import mean_spectrum
from collector.analysis.speed import speed_figures
from collector.analysis.usual import against_usual
from collector.analysis.weeks import week_count
from collector.ledger.ledger import EventRow
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
    levels_of_node,
    passes_of_site,
    speeds_of,
)
from dashboards.grafana.alerts import rules_file
from sensor.contract.messages import LevelBatch
from tests.collector.figures.town import END, WEEKS, Town, forward_figures, open_town
from tests.dashboards.grafana.asking import DASHBOARDS, PANELS, Asking
from tests.influx import running
from tests.peers import FakeNode, health, levels

_ZONE = ZoneInfo("Europe/Stockholm")
_START = END - timedelta(weeks=WEEKS)
_MONDAY = _START - timedelta(hours=1)
"""The local midnight before; clocks have changed since."""

_SITE = "ekskolan"
_NODE = "ekskolan-1"
_LIVE = "ekskolan-2"
_LIVE_SINCE = datetime.now(UTC).replace(second=0, microsecond=0) - timedelta(minutes=30)
_EMPTY = {
    ("overview", "simulated_time"), ("effect", "moved_table"), ("site", "levels_by_second"),
    ("site", "levels_by_minute"), ("fleet", "clock_offset"), ("fleet", "temperature"),
    ("fleet", "microphone_lowest"), ("fleet", "outbox_oldest"), ("fleet", "card_written"),
}  # fmt: skip
"""Panels of which something may be empty for the simulated town: each has a test of its own."""

_UNPLACED = {("fleet", "state_counts"), ("fleet", "fleet_table")}
"""Panels that show nodes which hang nowhere, too, as the one that the figures are too old for."""


@pytest.fixture(scope="module")
def town(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Town]:
    """Three simulated schools of which one is patrolled, and a node that measures right now."""
    made = open_town(tmp_path_factory.mktemp("town"))
    live = FakeNode(_LIVE)
    live.register(made.ledger.registry, _SITE, _LIVE_SINCE)
    batches = [levels(_LIVE, _LIVE_SINCE + timedelta(minutes=n), 50.0 + n) for n in range(5)]
    made.ledger.append([live.signed(batch) for batch in batches])
    told = {"microphone_lowest_db": 21.5, "outbox_oldest_s": 90.0, "disk_written_bytes": 10**9}
    made.ledger.append([live.signed(health(_LIVE, _LIVE_SINCE, outbox_depth=7, **told))])
    yield made
    made.engine.dispose()


@pytest.fixture(scope="module")
def ask(town: Town) -> Iterator[Asking]:
    """An InfluxDB that the forwarder has filled from the town."""
    for influx in running():
        config = influx.new_config()
        with town.forwarder(config) as forwarder:
            while forwarder.step():
                pass
            forward_figures(forwarder)
            assert forwarder.state.rejected == 0
        yield Asking(influx, config.bucket, _MONDAY, END, town.now + timedelta(minutes=1))


@pytest.fixture(scope="module")
def events(town: Town) -> list[EventRow]:
    """All events of the town."""
    return town.ledger.events(start=_START, end=END, limit=100_000)


@pytest.mark.parametrize(("board", "name"), sorted(PANELS))
def test_every_query_runs_and_every_panel_shows_something(
    ask: Asking, board: str, name: str
) -> None:
    for target in PANELS[board, name]["targets"]:
        rows = ask.panel(board, name, target["refId"])
        assert rows or (board, name) in _EMPTY


@pytest.mark.parametrize(("board", "name"), sorted(PANELS))
def test_every_query_obeys_the_chosen_site(ask: Asking, board: str, name: str) -> None:
    for target in PANELS[board, name]["targets"]:
        allowed = {_SITE, "unplaced"} if (board, name) in _UNPLACED else {_SITE}
        none = ask.panel(board, name, target["refId"], site="no-such-site")
        assert {row.get("site", "unplaced") for row in none} <= allowed - {_SITE}
        rows = ask.panel(board, name, target["refId"], site=f"(other|{_SITE})")
        assert {row["site"] for row in rows if "site" in row} <= allowed


@pytest.mark.parametrize(("board", "name"), sorted(PANELS))
def test_what_was_measured_is_kept_apart_from_what_is_simulated(
    ask: Asking, board: str, name: str
) -> None:
    for target in PANELS[board, name]["targets"]:
        if "${origin:raw}" in target["query"]:
            rows = ask.panel(board, name, target["refId"], origin="measured")
            assert {row["node"] for row in rows if "node" in row} <= {_LIVE}


class TestVariables:
    """What can be chosen."""

    @pytest.mark.parametrize("board", DASHBOARDS)
    def test_they_offer_what_there_is(self, ask: Asking, town: Town, board: str) -> None:
        for variable in DASHBOARDS[board]["templating"]["list"]:
            if variable["type"] != "query":
                continue
            offered = {row["value"] for row in ask.rows(variable["query"])}
            registry = town.ledger.registry
            assert (
                offered
                == {
                    "municipality": {"Havsbro"},
                    "site": {f"{site.name} [{site.id}]" for site in registry.sites()},
                    "node": {node.id for node in registry.nodes()},
                    "source": {event.source for event in town.ledger.events(limit=100_000)},
                }[variable["name"]]
            )

    def test_nodes_follow_the_site_and_sites_the_municipality(self, ask: Asking) -> None:
        by_name = {one["name"]: one for one in DASHBOARDS["site"]["templating"]["list"]}
        nodes = ask.rows(by_name["node"]["query"], site=_SITE)
        assert {row["value"] for row in nodes} == {_NODE, _LIVE}
        assert ask.rows(by_name["site"]["query"], municipality="Elsewhere") == []


class TestOverview:
    """Today, lately and next."""

    def test_today_against_the_usual(self, ask: Asking, town: Town) -> None:
        today = town.now.astimezone(_ZONE).date()
        begin, end = hour_at(_midnight(today)), hour_at(town.now) + 1
        tables = hours_of_sites(town.ledger, simulated=True)
        before = {site: table.between(0, begin) for site, table in tables.items()}
        rates = fitted_rates(before, town.calendar)
        usual = against_usual(rates, list(tables.values()), town.calendar, begin, end)
        for panel in ("against_usual", "site_map"):
            rows = {row["site"]: row for row in ask.panel("overview", panel)}
            assert rows.keys() == {one.site for one in usual}
            for one in usual:
                row = rows[one.site]
                assert (row["episodes"], row["verdict"]) == (one.count, one.verdict)
                assert row["expected"] == pytest.approx(one.expected)
                assert (row["usual_low"], row["usual_high"]) == (one.low, one.high)
        on_map = {row["site"]: row for row in ask.panel("overview", "site_map")}
        for site in town.ledger.registry.sites():
            place = (on_map[site.id]["latitude"], on_map[site.id]["longitude"])
            assert place == (site.latitude, site.longitude)

    def test_counts_of_nodes_and_of_simulated_time(self, ask: Asking, town: Town) -> None:
        (row,) = ask.panel("overview", "nodes_online")
        assert (row["online"], row["nodes"]) == (0, 3)
        (row,) = ask.panel("overview", "simulated_time")
        hours = town.ledger.level_hours(start=_START, end=END)
        assert row["sum"] == sum(hour.valid_s for hour in hours if hour.simulated)
        (row,) = ask.panel("overview", "simulated_time", site=_SITE)
        assert 0 < row["sum"] < sum(hour.valid_s for hour in hours)

    def test_days(self, ask: Asking, town: Town) -> None:
        tables = hours_of_sites(town.ledger, simulated=True)
        episodes, measured = Counter[int](), Counter[tuple[str, int]]()
        for site, table in tables.items():
            for day, count, seconds in zip(
                table.local.day.tolist(), table.episodes.tolist(), table.measured_s.tolist(),
                strict=True,
            ):  # fmt: skip
                at = _ns(_midnight(date(1970, 1, 1) + timedelta(days=day)))
                episodes[at] += count
                measured[site, at] += seconds
        rows = {row["time"]: row["sum"] for row in ask.panel("overview", "episodes_by_day")}
        assert rows == dict(episodes)
        found = {
            (row["site"], row["time"]): row["sum"]
            for row in ask.panel("overview", "measured_by_day")
            if row["sum"]
        }
        assert found == {key: seconds for key, seconds in measured.items() if seconds}

    def test_the_plan_and_the_nodes(self, ask: Asking, town: Town) -> None:
        plan = planned_week(town.tables(26), town.calendar, time_of(hour_at(town.now)))
        rows = {row["time"]: row for row in ask.panel("overview", "coming_windows")}
        assert rows.keys() == {_ns(time_of(one.start_hour)) for one in plan.windows}
        for one in plan.windows:
            row = rows[_ns(time_of(one.start_hour))]
            assert (row["site"], row["seen"]) == (one.site, one.seen)
            assert row["expected"] == pytest.approx(one.expected)
            assert row["expected_high"] == pytest.approx(one.high)
        nodes = {row["node"] for row in ask.panel("overview", "node_list")}
        assert nodes == {node.id for node in town.ledger.registry.nodes()}


class TestPatterns:
    """Hours of the week, weeks, episodes, sources, and events behind a cell."""

    @pytest.mark.parametrize("weeks", [4, 26])
    def test_the_heat_map_is_the_sum_of_the_sites_rates(
        self, ask: Asking, town: Town, weeks: int
    ) -> None:
        profile = week_profile(fitted_rates(town.tables(weeks), town.calendar))
        rows = ask.panel("patterns", "week_heat_map", weeks=str(weeks))
        assert [row["hour"] for row in rows] == [f"{hour:02}" for hour in range(24)]
        got = [row[str(day)] for day in range(1, 8) for row in rows]
        assert got == pytest.approx(profile.rate.sum(axis=0).tolist())
        alone = ask.panel("patterns", "week_heat_map", weeks=str(weeks), site="askolan")
        assert [row["3"] for row in alone] == pytest.approx(profile.rate[0, 48:72].tolist())

    def test_the_top_hours_are_those_with_the_highest_rates(self, ask: Asking, town: Town) -> None:
        rates = fitted_rates(town.tables(26), town.calendar)
        profile = week_profile(rates)
        best = np.sort(profile.rate.ravel())[::-1][:20]
        rows = ask.panel("patterns", "top_hours")
        assert sorted((row["top"] for row in rows), reverse=True) == pytest.approx(best.tolist())
        for row in rows:
            hour = 24 * (int(row["weekday"]) - 1) + int(row["hour"])
            at = rates.sites.index(row["site"]), hour
            assert row["top"] == pytest.approx(profile.rate[at])
            assert row["rate_low"] == pytest.approx(profile.low[at])
            assert row["rate_high"] == pytest.approx(profile.high[at])
            assert (row["count"], row["measured_h"]) == (
                profile.count[at], pytest.approx(profile.measured_h[at]),
            )  # fmt: skip

    def test_weeks(self, ask: Asking, town: Town) -> None:
        wanted: defaultdict[int, list[int]] = defaultdict(lambda: [0, 0, 0])
        for table in hours_of_sites(town.ledger, simulated=True).values():
            monday = table.local.day - table.local.weekday
            for day, *counts in zip(
                monday.tolist(), table.episodes.tolist(), table.events.tolist(),
                table.unconfirmed.tolist(), strict=True,
            ):  # fmt: skip
                at = _ns(_midnight(date(1970, 1, 1) + timedelta(days=day)))
                wanted[at] = [a + b for a, b in zip(wanted[at], counts, strict=True)]
        episodes = {row["time"]: row["sum"] for row in ask.panel("patterns", "episodes_by_week")}
        assert episodes == {at: counts[0] for at, counts in wanted.items()}
        passes = {
            row["time"]: [row["passes"], row["unconfirmed"]]
            for row in ask.panel("patterns", "passes_by_week")
        }
        assert passes == {at: counts[1:] for at, counts in wanted.items()}

    def test_sources(self, ask: Asking, events: list[EventRow]) -> None:
        rows = ask.panel("patterns", "source_mix")
        assert {row["source"]: row["count"] for row in rows} == Counter(e.source for e in events)
        by_week: Counter[tuple[str, date]] = Counter()
        for event in events:
            day = event.start.astimezone(_ZONE).date()
            by_week[event.source, day - timedelta(days=day.weekday())] += 1
        got = {
            (row["source"], _local(row["time"]).date()): row["sum"]
            for row in ask.panel("patterns", "sources_by_week")
        }
        assert got == by_week
        one = ask.panel("patterns", "source_mix", source="(car|siren)")
        assert [row["source"] for row in one] == ["car"]

    def test_episodes(self, ask: Asking, town: Town) -> None:
        wanted = {
            (site, _ns(one.start)): one
            for site, found in episodes_by_site(town.ledger, None, None, simulated=True).items()
            for one in found
        }
        rows = ask.panel("patterns", "episode_table")
        assert [row["time"] for row in rows] == sorted((r["time"] for r in rows), reverse=True)
        assert {(row["site"], row["time"]) for row in rows} == wanted.keys()
        for row in rows:
            one = wanted[row["site"], row["time"]]
            assert (row["passes"], row["lafmax_db"]) == (one.passes, one.lafmax_db)
            assert row["start_ms"] <= row["end_ms"] == int(one.end.timestamp() * 1000)

    def test_the_events_behind_a_cell(self, ask: Asking, events: list[EventRow]) -> None:
        busiest, _ = Counter(
            (str(local.isoweekday()), f"{local:%H}")
            for event in events
            for local in [event.start.astimezone(_ZONE)]
        ).most_common(1)[0]
        wanted = {
            event.id
            for event in events
            for local in [event.start.astimezone(_ZONE)]
            if (str(local.isoweekday()), f"{local:%H}") == busiest
        }
        rows = ask.panel("patterns", "hour_events", weekday=busiest[0], hour=busiest[1])
        assert {row["id"] for row in rows} == wanted
        assert len(wanted) > 10


class TestSite:
    """Levels, guideline values, events, speeds and spectrum."""

    def test_numbers_of_the_period(self, ask: Asking, town: Town, events: list[EventRow]) -> None:
        hours = town.ledger.level_hours(node=_NODE, start=_START, end=END)
        mean = energy_mean_db(
            [10 * math.log10(hour.energy) for hour in hours], [float(h.valid_s) for h in hours]
        )
        values = {
            name: {row["node"]: row for row in ask.panel("site", name, site=_SITE)}
            for name in ("mean_of_period", "highest_level", "event_count", "measured_time")
        }
        assert values["mean_of_period"][_NODE]["LAeq"] == pytest.approx(mean)
        loudest = max(hour.lafmax_db for hour in hours if hour.lafmax_db is not None)
        assert values["highest_level"][_NODE]["max"] == loudest
        assert values["measured_time"][_NODE]["sum"] == sum(hour.valid_s for hour in hours)
        counted = Counter(event.node for event in events)
        assert values["event_count"][_NODE]["count"] == counted[_NODE]

    def test_levels_by_minute(self, ask: Asking, town: Town) -> None:
        day = dataclasses.replace(ask, start=END - timedelta(hours=12), end=END)
        table = levels_of_node(town.ledger, _NODE, _START, END, simulated=True)
        edges = np.arange(day.start.timestamp(), END.timestamp() + 1, 60.0)
        wanted = period_levels(table.start_s, table.interval_s, table.laeq_db, edges)
        rows = day.panel("site", "levels_by_minute", site=_SITE, node=_NODE)
        got = {row["time"] // 10**9: row["LAeq"] for row in rows if "LAeq" in row}
        measured = ~np.isnan(wanted.laeq_db)
        expected = dict(
            zip(wanted.start_s[measured].astype(int).tolist(),
                wanted.laeq_db[measured].tolist(), strict=True)
        )  # fmt: skip
        assert got == pytest.approx(expected)
        loudest = day.panel("site", "levels_by_minute", "B", site=_SITE, node=_NODE)
        highest = max(row["max"] for row in loudest if "max" in row)
        assert highest == np.nanmax(table.lafmax_db[table.start_s >= edges[0]])

    def test_levels_by_second(self, ask: Asking) -> None:
        live = dataclasses.replace(
            ask, start=_LIVE_SINCE, end=_LIVE_SINCE + timedelta(minutes=5, seconds=-1)
        )
        rows = live.panel("site", "levels_by_second", site=_SITE, origin="measured")
        got = [row["LAeq"] for row in rows]
        assert got == pytest.approx([50.0 + n for n in range(5) for _ in range(60)])
        rows = live.panel("site", "levels_by_second", "B", site=_SITE, origin="measured")
        assert len([row for row in rows if "max" in row]) == 300

    def test_levels_by_day_beside_guideline_values(self, ask: Asking, town: Town) -> None:
        days = [date(2026, 10, 12) + timedelta(days=n) for n in range(7 * WEEKS + 1)]
        edges = [_midnight(day).timestamp() for day in days]
        hours = levels_by_node(town.ledger, _SITE, _all(town))[_NODE]
        wanted = hour_period_levels(hours, edges)
        rows = ask.panel("site", "levels_by_day", site=_SITE, node=_NODE)
        got = {row["time"] // 10**9: row["LAeq"] for row in rows if "LAeq" in row}
        assert got == pytest.approx(
            dict(zip(map(int, edges), wanted.laeq_db.tolist(), strict=False))
        )
        lines = ask.panel("site", "levels_by_day", "G", site=_SITE)
        values = {one.quantity: one.value_db for one in town.ledger.registry.guidelines(_SITE)}
        assert {(row["quantity"], row["mean"]) for row in lines} == {
            ("laeq_24h", values["laeq_24h"])
        }
        assert len(lines) >= 7 * WEEKS
        lines = ask.panel("site", "loudest_by_hour", "G", site=_SITE)
        assert {row["mean"] for row in lines} == {values["lafmax_5_an_hour"]}

    def test_the_loudest_of_each_hour(self, ask: Asking, town: Town) -> None:
        rows = ask.panel("site", "loudest_by_hour", site=_SITE, node=_NODE)
        hours = town.ledger.level_hours(node=_NODE, start=_START, end=END)
        assert {row["time"] // 10**9: row["max"] for row in rows} == {
            int(hour.hour.timestamp()): hour.lafmax_db for hour in hours
        }

    @pytest.mark.parametrize("weeks", [4, 52])
    def test_guideline_values(self, ask: Asking, town: Town, weeks: int) -> None:
        site, period = town.ledger.registry.site(_SITE), town.period(weeks)
        passes = passes_of_site(town.ledger, _SITE, period.start, period.end, simulated=True)
        hours = levels_by_node(town.ledger, _SITE, period)[_NODE]
        wanted = beside_guidelines(
            town.ledger.registry.guidelines(_SITE), site, period, _NODE, hours, passes
        )
        rows = {
            row["quantity"]: row
            for row in ask.panel("site", "guideline_table", site=_SITE, weeks=str(weeks))
        }
        assert rows.keys() == {guideline.quantity for guideline, _ in wanted}
        for guideline, found in wanted:
            row = rows[guideline.quantity]
            assert row["found"] == pytest.approx(found.found)
            assert (row["exceedances"], row["of"]) == (found.exceedances, found.of)
            assert row["coverage"] == pytest.approx(found.coverage)
            assert row["verdict"] == {True: "above", False: "not_above"}[bool(found.exceeded)]

    def test_level_by_hour_of_the_day(self, ask: Asking, town: Town) -> None:
        hours = levels_by_node(town.ledger, _SITE, _all(town))[_NODE]
        of_day = local_hours(hours.hour, "Europe/Stockholm").hour_of_day
        weight = np.bincount(of_day, hours.measured_s, 24)
        wanted = level_db(np.bincount(of_day, hours.measured_s * hours.energy, 24) / weight)
        rows = ask.panel("site", "levels_by_hour_of_day", site=_SITE, node=_NODE)
        assert {row["hour"]: row["LAeq"] for row in rows} == pytest.approx(
            {f"{hour:02}": level for hour, level in enumerate(wanted.tolist())}
        )

    def test_the_spectrum(self, ask: Asking, town: Town) -> None:
        batches = [stored.message for stored in town.ledger.messages(_NODE, "levels", _START, END)]
        wanted = mean_spectrum(
            (60.0 * sum(level is not None for level in batch.laeq_db), batch.bands_db or {})
            for batch in batches
            if isinstance(batch, LevelBatch)
        )
        rows = ask.panel("site", "spectrum", site=_SITE, node=_NODE)
        got = {row["band"].lstrip("0"): row["LAeq"] for row in rows}
        assert got == pytest.approx({band: mean.leq_db for band, mean in wanted.items()})
        order = [float(row["band"]) for row in rows]
        assert order == sorted(order)

    def test_events_and_speeds(self, ask: Asking, events: list[EventRow]) -> None:
        own = [event for event in events if event.site == _SITE]
        rows = ask.panel("site", "event_table", site=_SITE)
        by_id = {event.id: event for event in own}
        newest = sorted(own, key=lambda event: event.start, reverse=True)[:500]
        assert {row["id"] for row in rows} == {event.id for event in newest}
        for row in rows:
            event = by_id[row["id"]]
            assert row["lafmax_db"] == event.lafmax_db
            assert row.get("speed_kmh") == event.speed_kmh
            assert row.get("speed_low_kmh") == event.speed_low_kmh
            assert row.get("speed_refused") == event.speed_refused
        speeds = sorted(row["speed_kmh"] for row in ask.panel("site", "speeds", site=_SITE))
        assert speeds == sorted(e.speed_kmh for e in own if e.speed_kmh is not None)

    def test_v85_and_rates_by_week(self, ask: Asking, town: Town) -> None:
        inventory = town.ledger.registry.inventory()
        (table,) = hours_of_sites(town.ledger, site=_SITE, simulated=True).values()
        v85 = {row["time"]: row for row in ask.panel("site", "v85_by_week", site=_SITE)}
        rate = {row["time"]: row for row in ask.panel("site", "week_rate", site=_SITE)}
        for week in range(WEEKS):
            monday = date(2026, 10, 12) + timedelta(weeks=week)
            begin, end = _midnight(monday), _midnight(monday + timedelta(weeks=1))
            passes = passes_of_site(town.ledger, _SITE, begin, end, simulated=True)
            figures = speed_figures(speeds_of(passes, inventory, inventory.sites[_SITE]))
            row = v85[_ns(begin)]
            assert row["v85"] == pytest.approx(figures.v85_kmh.value)
            assert row["v50"] == pytest.approx(figures.v50_kmh.value)
            for end_name, value in (("low", figures.v85_kmh.low), ("high", figures.v85_kmh.high)):
                assert row.get(f"v85_{end_name}", math.nan) == pytest.approx(value, nan_ok=True)
            found = week_count(table, hour_at(begin), hour_at(end)).a_week
            row = rate[_ns(begin)]
            assert [row["rate"], row["rate_low"], row["rate_high"]] == pytest.approx(
                [found.value, found.low, found.high]
            )

    @pytest.mark.parametrize("weeks", [4, 13])
    def test_speeds_of_the_chosen_weeks(self, ask: Asking, town: Town, weeks: int) -> None:
        inventory, period = town.ledger.registry.inventory(), town.period(weeks)
        passes = passes_of_site(town.ledger, _SITE, period.start, period.end, simulated=True)
        figures = speed_figures(speeds_of(passes, inventory, inventory.sites[_SITE]))
        (row,) = ask.panel("site", "speed_table", site=_SITE, weeks=str(weeks))
        assert (row["passes"], row["speeds"]) == (figures.passes, figures.measured)
        assert row["v85_kmh"] == pytest.approx(figures.v85_kmh.value)
        assert row["v85_high_kmh"] == pytest.approx(figures.v85_kmh.high)
        assert (row["over_limit"], row["over_limit_of"]) == (
            figures.over_limit.count, figures.over_limit.of,
        )  # fmt: skip
        assert row["over_limit_share"] == pytest.approx(figures.over_limit.share)
        assert row["over_limit_high"] == pytest.approx(figures.over_limit.high)


class TestEffect:
    """Patrols, what followed, and where to go next."""

    def test_effects_and_displacement(self, ask: Asking, town: Town) -> None:
        (site,) = {one.site for one in town.ledger.registry.patrols()}
        effect = effect_at(town.ledger, site, town.period(26), town.calendar)
        rows = {row["compared"]: row for row in ask.panel("effect", "effect_table")}
        wanted = {"itself": effect.own_ratio, "others": effect.ratio, "town": effect.town_ratio}
        assert rows.keys() == wanted.keys()
        for name, ratio in wanted.items():
            row = rows[name]
            assert [row["ratio"], row["ratio_low"], row["ratio_high"]] == pytest.approx(
                [ratio.ratio, ratio.low, ratio.high]
            )
            says = "fell" if ratio.fell else "rose" if ratio.rose else "unsure"
            assert (row["site"], row["says"]) == (site, says)
            assert (row["count_before"], row["count_after"]) == (
                effect.count_before, effect.count_after,
            )  # fmt: skip
        moved = {row["other"]: row["ratio"] for row in ask.panel("effect", "moved_table")}
        assert moved == pytest.approx({other: ratio.ratio for other, ratio in effect.moved_to})

    def test_rates_by_week(self, ask: Asking, town: Town) -> None:
        rows = ask.panel("effect", "rates_by_week")
        for site, table in hours_of_sites(town.ledger, simulated=True).items():
            monday = date(2026, 11, 2)
            begin, end = (hour_at(_midnight(monday + timedelta(weeks=n))) for n in (0, 1))
            found = week_count(table, begin, end).a_week.value
            got = [
                row["mean"]
                for row in rows
                if (row["site"], row["time"]) == (site, _ns(_midnight(monday)))
            ]
            assert got == pytest.approx([found])

    def test_patrols_in_the_list_and_beside_the_curves(self, ask: Asking, town: Town) -> None:
        patrols = town.ledger.registry.patrols()
        wanted = {(_ns(one.start), int(one.end.timestamp() * 1000)) for one in patrols}
        listed = ask.panel("effect", "patrol_list")
        assert {(_whole(row["time"]), row["end_ms"]) for row in listed} == wanted
        assert {row["id"] for row in listed} == {one.id for one in patrols}
        for board in ("site", "effect"):
            (annotation,) = DASHBOARDS[board]["annotations"]["list"]
            target = annotation["target"]
            rows = ask.rows(target["query"])
            assert {(_whole(row["time"]), row[target["timeEndColumn"]]) for row in rows} == wanted
            assert {row[target["tagsColumn"]] for row in rows} == {one.site for one in patrols}
            assert {row[target["textColumn"]] for row in rows} == {one.note for one in patrols}

    def test_windows(self, ask: Asking, town: Town) -> None:
        plan = planned_week(town.tables(26), town.calendar, time_of(hour_at(town.now)))
        rows = {(row["chosen"], row["rank"]): row for row in ask.panel("effect", "window_table")}
        for chosen, windows in (("yes", plan.windows), ("no", plan.missed)):
            for rank, one in enumerate(windows, start=1):
                row = rows.pop((chosen, rank))
                assert (row["site"], row["seen"]) == (one.site, one.seen)
                assert [row["expected"], row["expected_low"], row["measured_h"]] == pytest.approx(
                    [one.expected, one.low, one.measured_h]
                )
                assert row["same_day_type"] == int(one.same_day_type)
        assert not rows


class TestFleet:
    """How the nodes do."""

    def test_counts_and_states(self, ask: Asking, town: Town) -> None:
        (row,) = ask.panel("fleet", "state_counts")
        assert row["nodes"] == len(town.ledger.registry.nodes())
        assert row["microphone_ok"] == row["nodes"]
        states = town.ledger.node_states()
        rows = {row["node"]: row for row in ask.panel("fleet", "fleet_table")}
        assert rows.keys() == states.keys()
        assert rows[_LIVE]["outbox_depth"] == 7
        assert rows[_LIVE]["origin"] == "measured"
        for node, row in rows.items():
            assert row["site"] == ("unplaced" if node == _LIVE else node.removesuffix("-1"))
            assert row["missing"] == states[node].missing
            assert row["microphone"] == "ok"

    def test_coverage(self, ask: Asking, town: Town) -> None:
        rows = ask.panel("fleet", "coverage", node=_NODE)
        hours = town.ledger.level_hours(node=_NODE, start=_START, end=END)
        got = {row["time"] // 10**9: row["share"] for row in rows if row["node"] == _NODE}
        wanted = {int(hour.hour.timestamp()): hour.valid_s / 3600 for hour in hours}
        assert {at: share for at, share in got.items() if share} == pytest.approx(wanted)

    def test_reports(self, ask: Asking) -> None:
        live = dataclasses.replace(
            ask, start=_LIVE_SINCE - timedelta(hours=1), end=_LIVE_SINCE + timedelta(hours=1)
        )
        rows = live.panel("fleet", "outbox_depth", node=_LIVE)
        assert [row["max"] for row in rows if "max" in row] == [7]
        ages = ask.panel("fleet", "calibration_age", node=_NODE)
        oldest = max(row["max"] for row in ages if "max" in row)
        assert oldest == pytest.approx(timedelta(weeks=WEEKS).total_seconds(), rel=0.02)
        warm = live.panel("fleet", "temperature", node=_LIVE)
        assert len([row for row in warm if "max" in row]) == 1
        offsets = live.panel("fleet", "clock_offset", node=_LIVE)
        assert len([row for row in offsets if "max" in row]) == 1

    def test_what_wears_and_waits(self, ask: Asking) -> None:
        live = dataclasses.replace(
            ask, start=_LIVE_SINCE - timedelta(hours=1), end=_LIVE_SINCE + timedelta(hours=1)
        )
        for name, how, value in (
            ("microphone_lowest", "min", 21.5),
            ("outbox_oldest", "max", 90.0),
            ("card_written", "max", 10**9),
        ):
            rows = live.panel("fleet", name, node=_LIVE)
            assert [row[how] for row in rows if how in row] == [value]


class TestAlerts:
    """What the rules ask."""

    def test_each_rule_sees_what_is_measured_and_nothing_that_is_simulated(
        self, ask: Asking
    ) -> None:
        (group,) = yaml.safe_load(rules_file())["groups"]
        asked: dict[str, list[dict[str, Any]]] = {
            rule["uid"]: ask.rows(rule["data"][0]["model"]["query"]) for rule in group["rules"]
        }
        (silent,) = asked["skolro-node-silent"]
        assert silent["node"] == _LIVE
        (deaf,) = asked["skolro-dead-microphone"]
        assert (deaf["node"], deaf["last"]) == (_LIVE, 1)
        assert asked["skolro-episode-under-way"] == []


def _midnight(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=_ZONE)


def _ns(at: datetime) -> int:
    return round(at.timestamp() * 1e6) * 1000


def _whole(time_ns: int) -> int:
    """Without what keeps points of one moment apart."""
    return time_ns - time_ns % 1000


def _local(time_ns: int) -> datetime:
    return datetime.fromtimestamp(time_ns // 10**9, _ZONE)


def _all(town: Town) -> Any:
    return dataclasses.replace(town.period(1), start=_START, end=END)
