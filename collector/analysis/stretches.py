"""Stretches of consecutive numbers, and those that nodes tell to be gone."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator
from typing import TypeAlias

from sensor.contract.messages import Absence

Stretch: TypeAlias = tuple[int, int]
"""First and last of consecutive numbers."""


class Stretches:
    """Stretches of numbers, in any order and overlapping as they come."""

    def __init__(self, stretches: Iterable[Stretch]) -> None:
        self._merged: list[Stretch] = []
        for first, last in sorted(stretches):
            if self._merged and first <= self._merged[-1][1] + 1:
                begin, end = self._merged[-1]
                self._merged[-1] = (begin, max(end, last))
            else:
                self._merged.append((first, last))

    def __iter__(self) -> Iterator[Stretch]:
        return iter(self._merged)

    def end_of(self, number: int) -> int | None:
        """The last number of the stretch that `number` is in; None: it is in none."""
        at = bisect_right(self._merged, (number, number), key=lambda one: (one[0], number)) - 1
        if at >= 0 and self._merged[at][1] >= number:
            return self._merged[at][1]
        return None

    def without(self, first: int, last: int) -> Iterator[Stretch]:
        """Yield the parts of `first` to `last` that are in no stretch."""
        for begin, end in self._merged:
            if end < first:
                continue
            if begin > last:
                break
            if begin > first:
                yield first, begin - 1
            first = end + 1
        if first <= last:
            yield first, last


def hashes_in(told: Absence) -> dict[int, str]:
    """Return the hashes of what `told` tells to be gone, by number, as far as it knows them."""
    return {
        seq: sha256
        for part in told.absent
        for seq, sha256 in zip(range(part.first, part.last + 1), part.sha256 or (), strict=False)
    }


def stretches_in(told: Absence) -> list[Stretch]:
    """Return what `told` tells to be gone."""
    return [(part.first, part.last) for part in told.absent]
