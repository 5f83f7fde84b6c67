"""Disturbances that people reported, beside what was measured then: how much does the system miss?

A report is compared with the events of its site in a window of time that depends on how surely
somebody knows when it was:

================  =================================================================
``now``           from 5 minutes before it was told until 1 minute after
``minutes_ago``   from 20 minutes before it was told until then
``picked``        15 minutes around the time that was picked, on each side
================  =================================================================

It is *matched* when something was heard there that fits: for speeding and revving a vehicle or what
may be one, for loud music music or what may be it, for anything else any event. Where nothing fits,
it is *not matched* if at least :data:`LEAST_MEASURED` of the window was measured, and *not
measured* if less was. Until the window is over and its levels can be there, it is *waiting*.

Nothing of this is kept: events may come in late, so it is found anew each time. Times in a busy
street match by chance, too: how often is told by the same windows in :func:`other_weeks`.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Literal, TypeAlias

from collector.analysis.episodes import UNSURE, VEHICLES, Heard
from collector.analysis.speed import Share, share

What: TypeAlias = Literal["speeding", "revving", "loud_music", "other"]
When: TypeAlias = Literal["now", "minutes_ago", "picked"]
State: TypeAlias = Literal["matched", "not_matched", "not_measured", "waiting"]

LEAST_MEASURED: Final = 0.8
"""Part of the window that must have been measured before silence says something."""

FEW: Final = 10
"""Fewer judged reports than this tell hardly anything."""

WEEKS_COMPARED: Final = 4
"""From how many other weeks on each side it is told how often a window matches by chance."""

_MINUTE: Final = timedelta(minutes=1)
_WINDOWS: Final[dict[When, tuple[timedelta, timedelta]]] = {
    "now": (5 * _MINUTE, 1 * _MINUTE),
    "minutes_ago": (20 * _MINUTE, 0 * _MINUTE),
    "picked": (15 * _MINUTE, 15 * _MINUTE),
}
# Levels come by the minute, and events when they are over.
_COMES_IN: Final = 3 * _MINUTE
_FITTING: Final[dict[What, frozenset[str] | None]] = {
    "speeding": VEHICLES | UNSURE,
    "revving": VEHICLES | UNSURE,
    "loud_music": UNSURE | {"music"},
    "other": None,
}


@dataclass(frozen=True, slots=True)
class Window:
    """From `start` until `end`, excluded."""

    start: datetime
    end: datetime

    @property
    def length_s(self) -> float:
        """How long it is."""
        return (self.end - self.start).total_seconds()

    def shifted(self, by: timedelta) -> Window:
        """The same at another time."""
        return Window(self.start + by, self.end + by)


@dataclass(frozen=True, slots=True)
class Answer:
    """What was measured when somebody was disturbed.

    Attributes
    ----------
    events : tuple of Heard
        Those that fit, in order of time.
    measured_s : float
        Measured part of the window.
    """

    state: State
    window: Window
    events: tuple[Heard, ...]
    measured_s: float


@dataclass(frozen=True, slots=True)
class Recall:
    """How many of the reported disturbances were heard.

    Attributes
    ----------
    heard : Share
        Those matched, of those judged.
    unmeasured, waiting : int
        Reports of which nothing can be said, or not yet.
    """

    heard: Share
    unmeasured: int
    waiting: int

    @property
    def is_few(self) -> bool:
        """Whether there are too few to conclude anything."""
        return self.heard.of < FEW


def window_of(when: When, at: datetime) -> Window:
    """When a disturbance was that somebody told of.

    Parameters
    ----------
    at : datetime
        The time that was picked, else that of telling.
    """
    before, after = _WINDOWS[when]
    return Window(at - before, at + after)


def fits(what: What, event: Heard) -> bool:
    """Whether an event can be what somebody reported."""
    kinds = _FITTING[what]
    return kinds is None or event.source in kinds or _moved(what, event)


def answer(
    what: What, window: Window, heard: Iterable[Heard], measured_s: float, now: datetime
) -> Answer:
    """Compare a report with what was heard in its window, as far as it is known `now`.

    Parameters
    ----------
    heard : iterable of Heard
        Events at the site that overlap the window.
    measured_s : float
        For how long any node there measured within it.
    """
    found = sorted((one for one in heard if _overlaps(one, window)), key=lambda one: one.start)
    fitting = tuple(one for one in found if fits(what, one))
    if fitting:
        state: State = "matched"
    elif now < window.end + _COMES_IN:
        state = "waiting"
    elif measured_s >= LEAST_MEASURED * window.length_s:
        state = "not_matched"
    else:
        state = "not_measured"
    return Answer(state, window, fitting, measured_s)


def recall(answers: Iterable[Answer]) -> Recall:
    """Count answers; what was not measured says nothing about what the system hears."""
    states = [one.state for one in answers]
    matched = states.count("matched")
    judged = matched + states.count("not_matched")
    return Recall(share(matched, judged), states.count("not_measured"), states.count("waiting"))


def other_weeks(window: Window) -> list[Window]:
    """The same window in the weeks before and after it."""
    weeks = [n for n in range(-WEEKS_COMPARED, WEEKS_COMPARED + 1) if n]
    return [window.shifted(n * timedelta(weeks=1)) for n in weeks]


def _moved(what: What, event: Heard) -> bool:
    # Something whose speed was measured is a vehicle, whatever it sounded like.
    return what in {"speeding", "revving"} and event.speed_kmh is not None


def _overlaps(event: Heard, window: Window) -> bool:
    return event.start < window.end and event.end > window.start
