"""Where more is heard than anybody could tell apart: how a day is cut there, to find passes in it.

A day in which a site heard more than :data:`MOST` events is cut in halves, each half that still
holds more in halves again, and so on; no pass or episode reaches over a cut. Of that many, the
rules of episodes can say nothing anyway: it is traffic that is louder than the trigger, or a node
that is out of order. More than that within :data:`SHORTEST` no street can make: it is no pass.

Where a day is cut depends on nothing but its events, so that the order in which they came in does
not matter; and an event concerns at most :data:`MOST` others, whatever its day holds.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from typing import Final, NamedTuple

from collector.analysis.episodes import Heard

MOST: Final = 1000
"""Events of a site that are looked at together."""

SHORTEST: Final = timedelta(seconds=86_400 / 2**13)
"""A day after 13 cuts in halves: 10.546875 s."""


class Span(NamedTuple):
    """From `begin` on, until before `end`."""

    begin: datetime
    end: datetime

    def __contains__(self, at: object) -> bool:
        return isinstance(at, datetime) and self.begin <= at < self.end

    @property
    def indivisible(self) -> bool:
        """Whether it is too short to be cut."""
        return self.end - self.begin <= SHORTEST

    @property
    def halves(self) -> tuple[Span, Span]:
        """What a cut makes of it."""
        middle = self.begin + (self.end - self.begin) / 2
        return Span(self.begin, middle), Span(middle, self.end)


def pieces(heard: Sequence[Heard], span: Span) -> Iterator[Sequence[Heard]]:
    """Yield what is to be looked at together, of all that was heard within `span`.

    Parameters
    ----------
    heard : sequence of Heard
        In order of their starts.
    span : Span
        A day, or a part of one that cuts left.
    """
    if len(heard) <= MOST:
        yield heard
    elif not span.indivisible:
        first, second = span.halves
        middle = bisect_left(heard, second.begin, key=lambda event: event.start)
        yield from pieces(heard[:middle], first)
        yield from pieces(heard[middle:], second)
