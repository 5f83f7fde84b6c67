"""A filter in blocks is the filter itself."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.signal import lfilter

from sensor.acoustics.filtering import BlockFilter, Section
from sensor.acoustics.weighting import weighting_sections

ECHO = Section(np.array([0.5, 0.0, 0.0, -0.25]), np.array([1.0, -0.6]))
RESONANCE = Section(np.array([1.0, 0.3]), np.array([1.0, -1.9, 0.97]))


def _recursion(sections: list[Section], signal: np.ndarray) -> list[np.ndarray]:
    outputs = []
    for section in sections:
        signal = lfilter(section.numerator, section.denominator, signal)
        outputs.append(signal)
    return outputs


@settings(max_examples=30, deadline=None)
@given(lengths=st.lists(st.integers(1, 700), min_size=1, max_size=12))
def test_any_cut_gives_the_recursion(lengths: list[int]) -> None:
    signal = np.random.default_rng(3).standard_normal(sum(lengths))
    expected = _recursion([ECHO, RESONANCE], signal)
    chain = BlockFilter([ECHO, RESONANCE], taps=(0, 1))
    parts = [chain.process(part) for part in np.split(signal, np.cumsum(lengths)[:-1])]
    for tap, output in enumerate(expected):
        joined = np.concatenate([part[tap] for part in parts])
        assert joined == pytest.approx(output, abs=1e-9)


@pytest.mark.parametrize("rate", [16_000, 44_100, 192_000])
def test_the_weightings_poles_near_one_stay_exact(rate: int) -> None:
    signal = np.random.default_rng(4).standard_normal(5 * rate) + 10.0
    sections = list(weighting_sections(rate))
    chain = BlockFilter(sections, taps=(1, 3))
    steps = np.split(signal, np.arange(rate // 8, signal.size, rate // 8))
    joined = np.concatenate([chain.process(step)[1] for step in steps])
    expected = _recursion(sections, signal)[3][: joined.size]
    assert np.abs(joined - expected).max() < 1e-6


def test_reset_forgets() -> None:
    chain = BlockFilter([RESONANCE], taps=(0,))
    click = np.eye(1, 100)[0]
    first = chain.process(click)[0]
    chain.reset()
    assert np.array_equal(chain.process(click)[0], first)
