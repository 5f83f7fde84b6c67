"""Kinds of town, by how much happens, how steadily, and how well it is measured."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from deploy.errors import DeployError


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """What towns of a kind have in common.

    Attributes
    ----------
    sites : int
        Schools with a node.
    groups : tuple of int
        Fewest and most groups.
    evenings : tuple of int
        On how many evenings of the week a group likes to be out, at least and at most.
    presence : tuple of float
        Limits of the probability that it is out on such an evening, on a dry day in June.
    most_runs : int
        Most runs on an evening.
    after_school : float
        Share of the groups that also drive at lunch or after school.
    strays : float
        Episodes a week and site that belong to no group.
    shift : float
        Share of the groups that change their habits halfway through.
    outages_a_week : float
        Of each node.
    outage_h : float
        Median length of an outage.
    dead_weeks, dark_share : float
        Weeks in the middle without some node, and share of evenings on which it fails at dusk.
    patrolled, displaced : bool
        Whether patrols come to the busiest school halfway through, and whether the young then
        go to another.
    """

    text: str
    sites: int = 5
    groups: tuple[int, int] = (3, 4)
    evenings: tuple[int, int] = (1, 3)
    presence: tuple[float, float] = (0.6, 0.95)
    most_runs: int = 4
    after_school: float = 0.5
    strays: float = 0.1
    shift: float = 0.0
    outages_a_week: float = 0.5
    outage_h: float = 1.5
    dead_weeks: float = 0.0
    dark_share: float = 0.0
    patrolled: bool = False
    displaced: bool = False


KINDS: Final[Mapping[str, Kind]] = MappingProxyType(
    {
        "quiet": Kind(
            text="one or two groups that are out one evening a week",
            groups=(1, 2), evenings=(1, 1), most_runs=3, after_school=0.0, strays=0.05,
        ),
        "ordinary": Kind(text="three or four groups, each with its evenings"),
        "busy": Kind(
            text="many groups that are out often",
            sites=6, groups=(6, 8), evenings=(2, 4), strays=0.3,
        ),
        "one-group": Kind(
            text="one strong group, out most evenings", groups=(1, 1), evenings=(3, 5)
        ),
        "irregular": Kind(
            text="groups that come or do not come", evenings=(2, 5), presence=(0.15, 0.45)
        ),
        "shifting": Kind(text="groups of which most change their habits halfway", shift=0.7),
        "outages": Kind(
            text="nodes that fail often, for long, and at dusk",
            outages_a_week=1.5, outage_h=8.0, dead_weeks=2.0, dark_share=0.3,
        ),
        "patrolled": Kind(
            text="patrols at the busiest school halve what happens there", patrolled=True
        ),
        "displaced": Kind(
            text="patrols at the busiest school drive half of it to another",
            patrolled=True, displaced=True,
        ),
    }
)  # fmt: skip


def kind_of(name: str) -> Kind:
    """The kind of that name; :class:`DeployError` where there is none."""
    if name not in KINDS:
        raise DeployError(f"there is no kind of town {name!r}: known are {', '.join(KINDS)}")
    return KINDS[name]
