"""What is hidden cannot be calculated back, even by somebody who knows how it was chosen."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collector.evidence.public.suppression import shown, shown_parts


def _told(parts: tuple[int, ...], small: int) -> tuple[int | None, ...]:
    counts = (shown(sum(parts), small), *shown_parts(parts, small))
    assert all(one.hidden == (one.count is None) for one in counts)
    return tuple(one.count for one in counts)


def _all_parts(length: int, most: int) -> Iterator[tuple[int, ...]]:
    return (one for one in product(range(most + 1), repeat=length) if sum(one) <= most)


@pytest.mark.parametrize(
    ("length", "small", "most"),
    [(1, 5, 20), (2, 5, 30), (3, 5, 24), (4, 3, 18), (4, 2, 14), (5, 3, 15), (3, 2, 20)],
)
def test_each_hidden_part_could_be_several(length: int, small: int, most: int) -> None:
    # All sums up to `most` that could have been told as they were: there are no others.
    could_be: dict[tuple[int | None, ...], list[tuple[int, ...]]] = defaultdict(list)
    for parts in _all_parts(length, most):
        could_be[_told(parts, small)].append(parts)
    for told, origins in could_be.items():
        for index, count in enumerate(told[1:]):
            values = {parts[index] for parts in origins}
            assert len(values) == 1 if count is not None else len(values) > 1, (told, origins)


@given(st.lists(st.integers(0, 40), max_size=30), st.integers(2, 12))
def test_no_small_part_is_shown_and_what_is_hidden_is_not_small(
    parts: list[int], small: int
) -> None:
    told = shown_parts(parts, small)
    for count, one in zip(parts, told, strict=True):
        assert one.count in {None, count}
        assert one.hidden or count >= small
    hidden = [count for count, one in zip(parts, told, strict=True) if one.hidden]
    if hidden and sum(parts) >= small:
        assert len(hidden) > 1
        assert sum(hidden) >= small


def test_what_is_known_to_be_empty_hides_nothing() -> None:
    assert [(one.count, one.hidden) for one in shown_parts([None, 3, None, 9, 9], 5)] == [
        (None, False), (None, True), (None, False), (None, True), (9, False),
    ]  # fmt: skip


def test_nothing_is_hidden_where_nothing_is_small() -> None:
    assert [one.count for one in shown_parts([5, 6, 7], 5)] == [5, 6, 7]
    assert [one.count for one in shown_parts([3, 6, 7], 5)] == [None, None, 7]
