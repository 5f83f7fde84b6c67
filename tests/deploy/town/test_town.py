"""Simulated towns: one seed gives one town, and what happens follows its true rates."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

from collector.analysis.school_calendar import DayType, load_calendar
from deploy.errors import DeployError
from deploy.town.kinds import KINDS
from deploy.town.patrols import Campaign
from deploy.town.tables import site_tables
from deploy.town.terms import calendar_toml, usual_calendar
from deploy.town.town import Town, simulate_town
from deploy.town.truth import true_rates

START = datetime(2026, 2, 15, 23, tzinfo=UTC)


def test_one_seed_gives_one_town() -> None:
    one, same, other = (simulate_town(seed, START, 3) for seed in (1, 1, 2))
    assert one.episodes == same.episodes
    assert np.array_equal(one.expected, same.expected)
    assert one.episodes != other.episodes
    for mine, theirs in zip(site_tables(one), site_tables(same), strict=True):
        assert np.array_equal(mine.events, theirs.events)
        assert np.array_equal(mine.measured_s, theirs.measured_s)


def test_episodes_follow_the_expected_rates() -> None:
    expected, counted, by_hour = 0.0, 0, np.zeros((2, 24))
    for seed in range(1, 9):
        town = simulate_town(seed, START, 8, kind="busy")
        expected += town.expected.sum()
        counted += len(town.episodes)
        hour = town.when.hour_of_day
        by_hour[0] += np.bincount(hour, town.expected.sum(axis=0), minlength=24)
        places = [hour[int(one.at_h)] for one in town.episodes]
        by_hour[1] += np.bincount(places, minlength=24)
    assert counted == pytest.approx(expected, rel=0.06)
    assert by_hour[1] == pytest.approx(by_hour[0], rel=0.15, abs=40)


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_makes_tables_with_rates_behind_them(kind: str) -> None:
    town = simulate_town(3, START, 4, kind=kind)
    tables = site_tables(town)
    assert len(tables) == KINDS[kind].sites == len(town.expected)
    assert np.all(town.expected > 0.0)
    whole = site_tables(town, outages=False)
    for table, full in zip(tables, whole, strict=True):
        assert len(full) == len(town.when) == 5 * 168
        assert np.all((table.measured_s > 0) & (table.measured_s <= 3600))
        assert table.episodes.sum() <= full.episodes.sum()
    rates, count = true_rates(town, 4 * 168)
    assert count.sum() == 4 * 168
    assert (rates * count).sum() == pytest.approx(town.expected[:, : 4 * 168].sum())


def test_an_unknown_kind_is_said() -> None:
    with pytest.raises(DeployError, match="no kind of town 'huge': known are quiet"):
        simulate_town(1, START, 1, kind="huge")


def test_patrols_take_away_their_share_and_move_a_part_of_it() -> None:
    plain = [simulate_town(seed, START, 12, kind="busy") for seed in range(1, 5)]
    campaign = Campaign(
        site=0, first_hour=0, last_hour=4 * 168, relapse_hour=13 * 168, hour_of_week=116,
        reduction=0.5, displaced_to=1, displaced_share=0.4,
    )  # fmt: skip
    changed = [
        simulate_town(seed, START, 12, kind="busy", campaign=campaign) for seed in range(1, 5)
    ]

    def count(towns: list[Town], site: int) -> int:
        return sum(one.site == site for town in towns for one in town.episodes)

    lost = count(plain, 0) - count(changed, 0)
    assert lost == pytest.approx(0.5 * count(plain, 0), rel=0.2)
    assert count(changed, 1) - count(plain, 1) == pytest.approx(0.4 * lost, rel=0.3)
    for before, after in zip(plain, changed, strict=True):
        assert after.expected[0] == pytest.approx(0.5 * before.expected[0])
        assert after.expected[1] == pytest.approx(before.expected[1] + 0.2 * before.expected[0])
    logged = campaign.patrols("ekskolan", plain[0].when)
    assert [one.end - one.start for one in logged] == [timedelta(hours=2)] * 4


def test_the_calendar_of_the_town_is_a_file_like_any(tmp_path: Path) -> None:
    calendar = usual_calendar(date(2026, 9, 1), date(2026, 12, 1))
    path = tmp_path / "calendar.toml"
    path.write_text(calendar_toml(calendar), encoding="utf-8")
    assert load_calendar(path) == calendar
    for day, kind in (
        (date(2026, 10, 23), DayType.SCHOOL),
        (date(2026, 10, 28), DayType.OFF),
        (date(2027, 1, 7), DayType.OFF),
        (date(2026, 12, 24), DayType.HOLIDAY),
    ):
        assert calendar.day_type(day) is kind
