"""Ratios of sites against each other: as sure as the others agree, and no surer."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from collector.analysis.ratio import (
    SAME,
    Change,
    Mixture,
    against,
    may_have_risen,
    power_to_find,
    scatter_of,
    usual_change,
)

ALIKE = [Change(0.1, 0.02)] * 8
SCATTERED = [Change(shift, 0.02) for shift in (-1.2, 0.9, -0.4, 1.1, 0.2, -0.8, 0.5, 0.0)]
HALVED = Change(float(np.log(0.5)), 0.03)


def test_quantiles_are_those_of_the_mixture() -> None:
    mixed = Mixture(np.array([0.3, 0.7]), np.array([-1.0, 2.0]), np.array([0.5, 1.0]))
    drawn = np.concatenate(
        [
            stats.norm.ppf((np.arange(30_000) + 0.5) / 30_000, -1.0, 0.5),
            stats.norm.ppf((np.arange(70_000) + 0.5) / 70_000, 2.0, 1.0),
        ]
    )
    for share in (0.025, 0.5, 0.975):
        assert mixed.quantile(share) == pytest.approx(np.quantile(drawn, share), abs=0.01)


def test_without_others_the_ratio_is_that_of_its_counts() -> None:
    found = against(HALVED, SAME)
    reach = stats.norm.ppf(0.975) * np.sqrt(HALVED.variance)
    assert found.ratio == pytest.approx(0.5, rel=1e-4)
    assert (found.low, found.high) == pytest.approx(
        (0.5 * np.exp(-reach), 0.5 * np.exp(reach)), rel=1e-3
    )


def test_where_others_agree_a_halving_is_found() -> None:
    usual = usual_change(ALIKE)
    assert against(HALVED, usual).fell
    assert against(HALVED, usual).ratio == pytest.approx(0.5 / np.exp(0.1), rel=0.05)
    assert power_to_find(HALVED, usual) > 0.8
    assert scatter_of(usual) < 0.1


def test_where_others_scatter_a_halving_is_no_evidence() -> None:
    usual = usual_change(SCATTERED)
    assert not against(HALVED, usual).fell
    assert power_to_find(HALVED, usual) < 0.2
    assert scatter_of(usual) == pytest.approx(np.std([c.log_ratio for c in SCATTERED]), rel=0.35)


def test_nothing_that_has_risen_is_passed_over_and_most_of_the_rest_is() -> None:
    rng = np.random.default_rng(1)
    risen = passed_over = 0
    for _ in range(300):
        others = [Change(rng.normal(0.0, 0.4), rng.uniform(0.02, 0.5)) for _ in range(8)]
        change = Change(float(rng.normal(0.3, 1.0)), float(rng.uniform(0.02, 0.3)))
        usual, tried = usual_change(others), int(rng.integers(1, 50))
        rose = against(change, usual, tried).rose
        risen += rose
        assert may_have_risen(change, usual, tried) or not rose
        passed_over += not may_have_risen(change, usual, tried)
    assert risen > 20
    assert passed_over >= 299 - risen


def test_the_fewer_others_there_are_the_less_is_sure() -> None:
    widths = []
    for count in (8, 4, 2, 1):
        found = against(HALVED, usual_change(ALIKE[:count]))
        widths.append(np.log(found.high / found.low))
    assert widths == sorted(widths)


def test_many_tries_want_more_evidence() -> None:
    usual = usual_change(ALIKE)
    one, many = against(HALVED, usual), against(HALVED, usual, tried=5)
    assert many.low < one.low
    assert one.high < many.high
