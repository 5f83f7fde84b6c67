"""Small counts hidden so that they cannot be calculated back from sums."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import Struct


class Shown(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A count, or None: `hidden`, or else not measured."""

    count: int | None
    hidden: bool


def shown(count: int, small_count: int) -> Shown:
    """Return a count that stands in no sum: hidden if it is smaller than `small_count`."""
    hidden = count < small_count
    return Shown(count=None if hidden else count, hidden=hidden)


def shown_parts(parts: Sequence[int | None], small_count: int) -> tuple[Shown, ...]:
    """Return the parts of a sum that is told beside them.

    Small ones are hidden. What is hidden adds up to the sum less what is shown, so others are
    hidden, too, until at least two are whose sum says nothing of each. Which of them were small is
    not told: all look the same.

    Parameters
    ----------
    parts : sequence of int or None
        All parts; their sum is shown by :func:`shown`. None: known to be empty, since nothing was
        measured, so it can hide nothing.
    """
    known = [(index, count) for index, count in enumerate(parts) if count is not None]
    small = [count < small_count for _, count in known]
    # Neighbours, from the first small one on: to choose by size would tell how large they are.
    first = small.index(True) if any(small) else 0
    for number in range(len(known)):
        hidden = [count for (_, count), hide in zip(known, small, strict=True) if hide]
        if not hidden or _is_safe(hidden, small_count):
            break
        small[(first + number) % len(known)] = True
    hide = {index for (index, _), hide in zip(known, small, strict=True) if hide}
    return tuple(
        Shown(count=None if index in hide else count, hidden=index in hide)
        for index, count in enumerate(parts)
    )


def _is_safe(hidden: Sequence[int], small_count: int) -> bool:
    together = sum(hidden)
    # As large a sum as small counts can have would tell that each is as large as it can be.
    largest = len(hidden) * (small_count - 1)
    return len(hidden) > 1 and small_count <= together != largest
