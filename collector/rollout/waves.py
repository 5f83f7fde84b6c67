"""The rules by which a release goes from one wave of nodes to the next, as pure functions."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final, Literal, TypeAlias

from collector.ledger.records import NodeState
from collector.registry.wishes import STAGES, Key, NodeWish, Outcome, Rollout

SOME: Final = 0.2
"""The share of the fleet that the second wave is."""

_FINAL: Final[Mapping[str, Outcome]] = {
    "current": "current", "returned": "returned", "refused": "refused"
}  # fmt: skip

Step: TypeAlias = Literal["wait", "release", "done", "stopped"]


@dataclass(frozen=True, slots=True)
class Decision:
    """What is to be done now.

    Attributes
    ----------
    step : str
        ``release`` lets the nodes of `wave` hear of it.
    reason : str
        Why, for people.
    """

    step: Step
    reason: str
    wave: int = 0


def waves(nodes: Sequence[tuple[str, str | None]], first: str) -> dict[str, int]:
    """Return the wave of each node: one, then a fifth of them, then all.

    Parameters
    ----------
    nodes : sequence of (node, site)
        Whom to update.
    first : str
        Who is the first wave.
    """
    # One of each site before the second of any: what differs between sites shows early.
    met: dict[str | None, int] = {}
    turns: list[tuple[int, str]] = []
    for node, site in sorted(nodes):
        met[site] = met.get(site, 0) + 1
        turns.append((met[site], node))
    order = [node for _, node in sorted(turns) if node != first]
    some = math.ceil(SOME * len(nodes))
    later = {node: 2 if place < some else 3 for place, node in enumerate(order)}
    return {first: 1} | later


def outcomes(
    wishes: Mapping[str, NodeWish], states: Mapping[str, NodeState]
) -> dict[Key, tuple[Outcome, str]]:
    """Return what nodes have said in the end of wishes that are open."""
    found: dict[Key, tuple[Outcome, str]] = {}
    for node, wish in wishes.items():
        said = said_of(states.get(node))
        if wish.is_open and said is not None and said["wish"] == wish.number:
            outcome = _FINAL.get(said["state"])
            if outcome is not None:
                found[Key(node, wish.number)] = (outcome, said.get("reason", ""))
    return found


def said_of(state: NodeState | None) -> Mapping[str, Any] | None:
    """What a node last said of its wishes; None: it cannot be updated from afar, or was silent."""
    health = None if state is None else state.health
    return None if health is None else health.get("update")


def last_heard(state: NodeState | None) -> int:
    """Number of the last wish that a node tells of; 0: of none."""
    said = said_of(state)
    return 0 if said is None else int(said["wish"])


def decide(
    rollout: Rollout,
    members: Sequence[NodeWish],
    states: Mapping[str, NodeState],
    now: datetime,
) -> Decision:
    """Return what is to be done about a rollout that has not ended.

    One node that returned or refused stops it. A wave is done when all of its nodes work that have
    been heard since they were told, and at least one does.
    """
    failed = next((wish for wish in members if wish.outcome in {"returned", "refused"}), None)
    if failed is not None:
        return Decision("stopped", f"{failed.node} has {failed.outcome}: {failed.reason}")
    told = [wish for wish in members if wish.released_at is not None]
    trying = [wish for wish in told if wish.outcome is None]
    heard = [wish.node for wish in trying if _was_heard(wish, states.get(wish.node))]
    if heard:
        return Decision("wait", f"{', '.join(heard)} not done yet")
    wave = max((wish.wave for wish in told), default=0)
    works = [wish for wish in told if wish.wave == wave and wish.outcome == "current"]
    if not works:
        return Decision("wait", "no node of this wave was heard since it was told")
    waiting = [wish.wave for wish in members if wish.released_at is None]
    if waiting:
        return _next_wave(rollout, min(waiting), works, now)
    if trying:
        absent = ", ".join(wish.node for wish in trying)
        return Decision("wait", f"{absent} not heard since the release was offered")
    return Decision("done", "every node works")


def _next_wave(
    rollout: Rollout, following: int, works: Sequence[NodeWish], now: datetime
) -> Decision:
    if following > rollout.stage:
        more = f"the same command and --stage {STAGES[following - 1]}"
        return Decision("wait", f"works so far; go on with {more}")
    since = max(wish.outcome_at or now for wish in works)
    ready_at = since + timedelta(seconds=rollout.wait_s)
    if now < ready_at:
        return Decision("wait", f"watched for {_hours(ready_at - now)} more before the next wave")
    return Decision("release", f"the wave before works since {since:%Y-%m-%d %H:%M} UTC", following)


def _was_heard(wish: NodeWish, state: NodeState | None) -> bool:
    if state is None or state.last_received_at is None or wish.released_at is None:
        return False
    return state.last_received_at >= wish.released_at


def _hours(left: timedelta) -> str:
    minutes = math.ceil(left.total_seconds() / 60)
    return f"{minutes} min" if minutes < 120 else f"{minutes / 60:.0f} h"
