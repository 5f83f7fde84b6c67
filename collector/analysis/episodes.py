"""Passes of vehicles, and the episodes that they make: a plain set of rules.

Events become *passes* first: what several nodes of a site heard within
:attr:`Rules.same_pass_s` of each other is one pass. A pass is confirmed when the classifier took
it for a vehicle or its speed was measured, since only something that moves has one; it is
unconfirmed when the source is unsure, and then counted apart. Other sounds are no passes.

Confirmed passes, without heavy vehicles (buses and lorries come back by timetable), that follow
each other within :attr:`Rules.gap_s` make a *group*. Within a group, passes at most
:attr:`Rules.convoy_s` apart are one *visit*, so that a queue behind a tractor is not taken for
somebody who comes back. Its reasons:

=====================  =========================================================================
``repeated_passes``    at least `many_visits` visits begin within `window_s`
``both_directions``    one node heard at least `returns` turns: a pass the one way followed by one
                       the other way, more than `convoy_s` and at most `return_s` later
``several_vehicles``   one node heard two vehicles the same way in at least two visits, or
                       three in one
``revving``            loud for at least `standing_s` with no speed because it stood still, or
                       heard as revving
=====================  =========================================================================

A group is an *episode* when passes are repeated; or when `few_visits` visits begin within
`window_s` and there is any other reason; or when it revved at least twice and for `revving_s`
in all. A single pass never is one, nor a single queue.

Two that follow each other closely are told apart: parts of a group that are more than
:attr:`Rules.pause_s` from each other, and each an episode by itself, are cut from each other at the
longest pause between them. What is no episode by itself stays with the nearer part.

The rules compare neighbours in time at one site and nothing else, so that what they find does not
depend on the order in which events come in, nor on events far away. They cannot tell whether it
was the same vehicle, and where more than some four vehicles an hour are loud enough to be events,
ordinary traffic makes episodes, too.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from itertools import chain, pairwise
from math import inf
from typing import Final, Literal, NamedTuple, TypeAlias

ReasonCode: TypeAlias = Literal[
    "repeated_passes",
    "both_directions",
    "several_vehicles",
    "revving",
    "neighbouring_sites",
]

VEHICLES: Final = frozenset({"moped_motorcycle", "car", "heavy_vehicle", "vehicle", "revving"})
"""Kinds of source that are vehicles for sure."""

UNSURE: Final = frozenset({"unconfirmed", "unsure", "unclassified"})
"""Kinds that may be a vehicle."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """The limits in the rules; see the module's text."""

    same_pass_s: float = 10.0
    gap_s: float = 360.0
    pause_s: float = 180.0
    convoy_s: float = 15.0
    window_s: float = 900.0
    many_visits: int = 5
    few_visits: int = 3
    return_s: float = 180.0
    returns: int = 2
    standing_s: float = 8.0
    revving_s: float = 30.0
    route_s: float = 900.0


RULES: Final = Rules()

EDITIONS: Final[tuple[Rules, ...]] = (Rules(pause_s=inf), RULES)
"""All rules that ever held, so that what was counted by earlier ones can be counted so again."""


class Heard(NamedTuple):
    """An event, as one node heard it; `direction` is as seen by that node."""

    node: str
    id: str
    start: datetime
    duration_s: float
    lafmax_db: float
    source: str
    speed_kmh: float | None = None
    speed_low_kmh: float | None = None
    speed_high_kmh: float | None = None
    direction: int | None = None
    speed_refused: str | None = None

    @property
    def end(self) -> datetime:
        """When it ended."""
        return self.start + timedelta(seconds=self.duration_s)


@dataclass(frozen=True, slots=True)
class Pass:
    """One vehicle that passed or stood at a site: what each node there heard of it, first first."""

    heard: tuple[Heard, ...]

    @property
    def start(self) -> datetime:
        """When the first node heard it."""
        return self.heard[0].start

    @property
    def end(self) -> datetime:
        """When the last node ceased to hear it."""
        return max(event.end for event in self.heard)

    @property
    def confirmed(self) -> bool:
        """Whether it was a vehicle for sure."""
        return any(e.source in VEHICLES or e.speed_kmh is not None for e in self.heard)

    @property
    def heavy(self) -> bool:
        """Whether a node took it for a bus or lorry."""
        return any(event.source == "heavy_vehicle" for event in self.heard)

    @property
    def source(self) -> str:
        """Its kind as the loudest of those told who named a vehicle, else as the loudest did."""
        return max(self.heard, key=lambda e: (e.source in VEHICLES, e.lafmax_db)).source

    @property
    def lafmax_db(self) -> float:
        """The loudest that a node heard."""
        return max(event.lafmax_db for event in self.heard)

    @property
    def clocked(self) -> Heard | None:
        """The event whose speed is the surest; None: no node measured one."""
        measured = [event for event in self.heard if event.speed_kmh is not None]
        return min(measured, key=_speed_width_kmh, default=None)

    def standing_s(self, rules: Rules = RULES) -> float:
        """For how long it was loud without moving; 0: it moved, or not for long enough."""
        if self.clocked is not None:
            return 0.0
        stood = [e.duration_s for e in self.heard if _stood(e) and e.duration_s >= rules.standing_s]
        return max(stood, default=0.0)


@dataclass(frozen=True, slots=True)
class Reason:
    """Why something is an episode, in numbers; `sites` names the others that take part."""

    code: ReasonCode
    numbers: Mapping[str, float]
    sites: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Episode:
    """Passes at one site that belong together.

    Attributes
    ----------
    start, end : datetime
        When the first pass began and the last one ended.
    passes : int
        Confirmed ones, of which the rules speak.
    unconfirmed : int
        Passes of unsure source that began meanwhile.
    lafmax_db : float
        Of the loudest pass.
    speed_kmh : float, optional
        Of the fastest pass that was measured.
    """

    start: datetime
    end: datetime
    passes: int
    unconfirmed: int
    lafmax_db: float
    speed_kmh: float | None
    reasons: tuple[Reason, ...] = field(default=())


def may_be_vehicle(event: Heard) -> bool:
    """Whether it may belong to a pass."""
    return event.source in VEHICLES or event.source in UNSURE


def passes(events: Iterable[Heard], rules: Rules = RULES) -> list[Pass]:
    """Return the passes at one site in order of time.

    Each pass holds at most one event of a node: an event belongs to the earliest pass that began
    at most `same_pass_s` ago and that its node has not heard yet. Of events of the same node, id
    and start the last one given counts.
    """
    latest = {(e.start, e.node, e.id): e for e in events if may_be_vehicle(e)}
    found: list[list[Heard]] = []
    near = 0
    # What a node heard last; it has heard all before that still count.
    last: defaultdict[str, int] = defaultdict(lambda: -1)
    same = timedelta(seconds=rules.same_pass_s)
    for _, event in sorted(latest.items()):
        while near < len(found) and event.start - found[near][0].start > same:
            near += 1
        last[event.node] = at = max(near, last[event.node] + 1)
        if at == len(found):
            found.append([])
        found[at].append(event)
    return [Pass(tuple(heard)) for heard in found]


def episodes(found: Iterable[Pass], rules: Rules = RULES) -> list[Episode]:
    """Return the episodes that the passes at one site make; both in order of time."""
    given = list(found)
    unsure = [one.start for one in given if not one.confirmed]
    light = [one for one in given if one.confirmed and not one.heavy]
    made = []
    together = _groups(light, rules.gap_s)
    for group in chain.from_iterable(_parted(one, rules) for one in together):
        reasons = _reasons(group, rules)
        if not reasons:
            continue
        start, end = group[0].start, _end(group)
        clocked = [one.clocked for one in group]
        speeds = [e.speed_kmh for e in clocked if e is not None and e.speed_kmh is not None]
        made.append(
            Episode(
                start=start,
                end=end,
                passes=len(group),
                unconfirmed=bisect_right(unsure, end) - bisect_left(unsure, start),
                lafmax_db=max(one.lafmax_db for one in group),
                speed_kmh=max(speeds, default=None),
                reasons=reasons,
            )
        )
    return made


def with_routes(
    by_site: Mapping[str, Sequence[Episode]],
    neighbours: Mapping[str, Iterable[str]],
    rules: Rules = RULES,
) -> dict[str, list[Episode]]:
    """Return the episodes of each site with the reason ``neighbouring_sites`` where it holds.

    It holds where an episode at a neighbouring site began at most `route_s` before or after: the
    same route over both is then likely, if not sure. The reason adds to others; it makes none.
    """
    return {
        site: [
            _routed(one, {n: by_site.get(n, ()) for n in neighbours.get(site, ())}, rules)
            for one in found
        ]
        for site, found in by_site.items()
    }


def _routed(one: Episode, others: Mapping[str, Sequence[Episode]], rules: Rules) -> Episode:
    lags_s = {
        site: min((abs((other.start - one.start).total_seconds()) for other in there), default=None)
        for site, there in others.items()
    }
    near = {site: lag for site, lag in lags_s.items() if lag is not None and lag <= rules.route_s}
    if not near:
        return one
    sites = tuple(sorted(near))
    numbers = {"sites": float(len(sites) + 1), "within_minutes": round(max(near.values()) / 60, 1)}
    return replace(one, reasons=(*one.reasons, Reason("neighbouring_sites", numbers, sites)))


def _speed_width_kmh(event: Heard) -> float:
    if event.speed_low_kmh is None or event.speed_high_kmh is None:
        return float("inf")
    return event.speed_high_kmh - event.speed_low_kmh


def _stood(event: Heard) -> bool:
    return event.source == "revving" or event.speed_refused == "stationary"


def _groups(found: Sequence[Pass], gap_s: float) -> Iterator[list[Pass]]:
    """Yield the passes that follow each other within `gap_s`."""
    gap = timedelta(seconds=gap_s) if gap_s < inf else timedelta.max
    group: list[Pass] = []
    end: datetime | None = None
    for one in found:
        if end is not None and one.start - end > gap:
            yield group
            group, end = [], None
        group.append(one)
        end = one.end if end is None else max(end, one.end)
    if group:
        yield group


def _parted(group: list[Pass], rules: Rules) -> Iterator[list[Pass]]:
    """Cut a group at the longest pause between any two parts that are episodes by themselves."""
    parts = list(_groups(group, rules.pause_s))
    whole = [at for at, part in enumerate(parts) if _reasons(part, rules)]
    if len(whole) < 2:
        yield group
        return
    pauses = [after[0].start - _end(before) for before, after in pairwise(parts)]
    cuts = [max(range(one, other), key=lambda at: pauses[at]) + 1 for one, other in pairwise(whole)]
    for first, last in pairwise([0, *cuts, len(parts)]):
        yield [one for part in parts[first:last] for one in part]


def _end(group: Iterable[Pass]) -> datetime:
    return max(one.end for one in group)


def _reasons(group: Sequence[Pass], rules: Rules) -> tuple[Reason, ...]:
    """Why a group is an episode; nothing where it is none."""
    visits, span = _most_visits(list(_visits([one.start for one in group], rules)), rules)
    others = [*_by_node(group, rules), *_revving(group, rules)]
    if visits >= rules.many_visits:
        minutes = round(span.total_seconds() / 60, 1)
        repeated = Reason("repeated_passes", {"visits": float(visits), "within_minutes": minutes})
        return (repeated, *others)
    enough_revving = any(
        reason.code == "revving"
        and reason.numbers["times"] >= 2
        and reason.numbers["seconds"] >= rules.revving_s
        for reason in others
    )
    if enough_revving or (visits >= rules.few_visits and others):
        return tuple(others)
    return ()


def _visits(starts: Sequence[datetime], rules: Rules) -> Iterator[datetime]:
    """Yield when each visit began."""
    convoy = timedelta(seconds=rules.convoy_s)
    before: datetime | None = None
    for start in starts:
        if before is None or start - before > convoy:
            yield start
        before = start


def _most_visits(starts: Sequence[datetime], rules: Rules) -> tuple[int, timedelta]:
    """The most visits that begin within the window, and in how much time they did."""
    window = timedelta(seconds=rules.window_s)
    best, span, first = 0, timedelta(0), 0
    for last, start in enumerate(starts):
        while start - starts[first] > window:
            first += 1
        if last - first + 1 > best:
            best, span = last - first + 1, start - starts[first]
    return best, span


def _by_node(group: Sequence[Pass], rules: Rules) -> list[Reason]:
    """What rests on directions: each node has its own, so the one that heard most of it counts."""
    by_node: defaultdict[str, list[Heard]] = defaultdict(list)
    for one in group:
        for event in one.heard:
            by_node[event.node].append(event)
    turns = max(_turns(events, rules) for events in by_node.values())
    convoys = max((_convoys(events, rules) for events in by_node.values()), key=_convoy_order)
    reasons = []
    if turns >= rules.returns:
        reasons.append(Reason("both_directions", {"turns": float(turns)}))
    times = sum(size >= 2 for size in convoys)
    if times >= 2 or max(convoys) >= 3:
        numbers = {"vehicles": float(max(convoys)), "times": float(times)}
        reasons.append(Reason("several_vehicles", numbers))
    return reasons


def _convoy_order(sizes: Sequence[int]) -> tuple[int, int]:
    return sum(size >= 2 for size in sizes), max(sizes)


def _turns(events: Sequence[Heard], rules: Rules) -> int:
    directed = [event for event in events if event.direction is not None]
    return sum(
        one.direction != other.direction
        and rules.convoy_s < (other.start - one.start).total_seconds() <= rules.return_s
        for one, other in pairwise(directed)
    )


def _convoys(events: Sequence[Heard], rules: Rules) -> list[int]:
    """How many vehicles came in each visit the same way; those without direction count along."""
    sizes: list[int] = []
    ways: list[int | None] = []
    for before, event in zip([None, *events], events, strict=False):
        apart = before is None or (event.start - before.start).total_seconds() > rules.convoy_s
        if apart and ways:
            sizes.append(_same_way(ways))
            ways = []
        ways.append(event.direction)
        if event.speed_refused == "two_vehicles":
            ways.append(event.direction)
    return [*sizes, _same_way(ways)]


def _same_way(ways: Sequence[int | None]) -> int:
    return ways.count(None) + max(ways.count(1), ways.count(-1))


def _revving(group: Sequence[Pass], rules: Rules) -> list[Reason]:
    stood_s = [seconds for one in group if (seconds := one.standing_s(rules)) > 0]
    if not stood_s:
        return []
    numbers = {"times": float(len(stood_s)), "seconds": round(sum(stood_s), 1)}
    return [Reason("revving", numbers)]
