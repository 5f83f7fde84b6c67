"""What followed patrols: found when it is there, not when it is not, and where it went."""

from __future__ import annotations

from datetime import timedelta

import numpy as np
import pytest

from collector.analysis.effect import Effect, Patrol, patrol_effect
from collector.analysis.hours import SiteHours, time_of
from collector.analysis.relapse import relapse
from collector.analysis.school_calendar import NO_CALENDAR
from tests.collector.analysis.site_tables import FIRST, evening, table

WEEKS = 8
BEGIN = FIRST + WEEKS * 168
OFTEN = evening(*((day, hour, 0.8) for day in (3, 4, 5) for hour in (19, 20, 21, 22)))


def patrols(site: str, weeks: int = 2) -> list[Patrol]:
    starts = (time_of(BEGIN + 168 * week + 4 * 24 + 20 - 92) for week in range(weeks))
    return [Patrol(site=site, start=at, end=at + timedelta(hours=2)) for at in starts]


def joined(before: SiteHours, after: SiteHours) -> SiteHours:
    names = ("hour", "measured_s", "events", "unconfirmed", "episodes")
    columns = {
        name: np.concatenate([getattr(before, name), getattr(after, name)]) for name in names
    }
    return SiteHours(site=before.site, time_zone=before.time_zone, **columns)


def site(name: str, share_after: float, seed: int) -> SiteHours:
    """A busy site where it happens `share_after` times as often from the patrols on."""
    before = table(name, OFTEN, WEEKS, seed=seed)
    after = table(name, share_after * OFTEN, WEEKS, seed=seed + 1000, first=BEGIN)
    return joined(before, after)


def effect(seed: int = 0, **share_after: float) -> Effect:
    tables = [site(name, share_after.get(name, 1.0), seed) for name in "abcdefgh"]
    return patrol_effect(tables, NO_CALENDAR, patrols("a"), "a", weeks=WEEKS)


def test_a_halving_is_found_with_its_interval() -> None:
    found = effect(a=0.4)
    assert found.ratio.fell
    assert found.ratio.low < 0.4 < found.ratio.high
    assert found.own_ratio.fell
    assert found.enough_data
    assert found.comparison == tuple("bcdefgh")
    assert found.scatter < 0.2
    assert (found.before_weeks, found.after_weeks) == (WEEKS, WEEKS)
    assert found.count_before > found.count_after
    assert found.measured_before_h == pytest.approx(WEEKS * 168)
    assert found.moved_to == ()


def test_where_nothing_changed_nothing_is_found_in_nineteen_of_twenty_cases() -> None:
    told = [effect(seed).ratio for seed in range(40)]
    # 40 cases with probability 0.05: more than 6 come once in two hundred times.
    assert sum(one.fell or one.rose for one in told) <= 6


def test_what_fell_everywhere_is_no_effect() -> None:
    found = effect(a=0.5, b=0.5, c=0.5, d=0.5, e=0.5, f=0.5, g=0.5, h=0.5)
    assert not found.ratio.fell
    assert found.own_ratio.fell
    assert found.town_ratio.fell


def test_one_change_among_many_is_no_effect() -> None:
    # As much fell at b and rose elsewhere: habits shift in this town, patrols or not.
    found = effect(a=0.4, b=0.3, c=2.2, d=0.5, e=1.8, f=0.7, g=1.4, h=0.4)
    assert found.own_ratio.fell
    assert found.scatter > 0.4
    assert not found.ratio.fell
    assert not found.enough_data
    assert found.moved_to == ()


def test_power_is_what_it_says() -> None:
    told = [effect(seed, a=0.5) for seed in range(30)]
    share = np.mean([one.ratio.fell for one in told])
    assert share == pytest.approx(np.mean([one.power for one in told]), abs=0.2)


def test_what_moved_to_another_school_is_seen() -> None:
    found = effect(a=0.4, c=2.2)
    assert [name for name, _ in found.moved_to] == ["c"]
    assert "c" not in found.comparison
    assert found.ratio.fell
    assert not found.town_ratio.fell


def test_gaps_in_measuring_are_no_effect() -> None:
    tables = [site(name, 1.0, 3) for name in ("a", "b", "c")]
    heard = np.random.default_rng(1).random(len(tables[0])) < 0.6
    heard[: WEEKS * 168] = True
    names = ("hour", "measured_s", "events", "unconfirmed", "episodes")
    columns = {name: getattr(tables[0], name)[heard] for name in names}
    tables[0] = SiteHours(site="a", time_zone=tables[0].time_zone, **columns)
    found = patrol_effect(tables, NO_CALENDAR, patrols("a"), "a", weeks=WEEKS)
    assert not found.ratio.fell
    assert found.measured_after_h < 0.7 * found.measured_before_h


def test_few_data_are_said_to_be_few() -> None:
    rare = [table(name, 0.03 * OFTEN, 2 * WEEKS) for name in ("a", "b")]
    found = patrol_effect(rare, NO_CALENDAR, patrols("a"), "a", weeks=WEEKS)
    assert not found.enough_data
    assert found.power < 0.3


def test_without_others_the_site_is_compared_with_itself() -> None:
    found = patrol_effect([site("a", 0.3, 0)], NO_CALENDAR, patrols("a"), "a", weeks=WEEKS)
    assert found.comparison == ()
    assert found.ratio == found.own_ratio
    assert found.ratio.fell


def test_what_cannot_be_compared_is_refused() -> None:
    tables = [site("a", 1.0, 0)]
    with pytest.raises(ValueError, match="no patrol at a is known"):
        patrol_effect(tables, NO_CALENDAR, patrols("b"), "a")
    with pytest.raises(ValueError, match="a was not measured both before and after"):
        patrol_effect([table("a", OFTEN, WEEKS)], NO_CALENDAR, patrols("a"), "a", weeks=WEEKS)


def test_the_week_of_the_relapse_is_found() -> None:
    usual = np.full(12, 20.0)
    count = np.where(np.arange(12) < 5, 8.0, 20.0)
    found = relapse(count, usual, 2, 1.0)
    assert found is not None
    assert found.weeks == 3
    assert found.low is not None
    assert found.high is not None
    assert found.low <= 3 <= found.high


def test_what_lasts_has_no_relapse() -> None:
    found = relapse(np.full(12, 8.0), np.full(12, 20.0), 2, 1.0)
    assert found is not None
    assert found.weeks is None
    assert found.high is None
    assert relapse(np.full(2, 8.0), np.full(2, 20.0), 2, 1.0) is None
