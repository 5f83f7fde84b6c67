"""What the commands share that bring something to the fleet in waves."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Annotated, Literal, TypeAlias

import typer

from collector.commands.opened import Opened
from collector.ledger.records import NodeState
from collector.registry.wishes import STAGES, NodeWish, Wishes
from collector.rollout.waves import last_heard, said_of, waves
from deploy.commands.fleet_options import keys_of
from deploy.errors import DeployError
from deploy.fleet.wishing import Wanted, Wisher

StageOption: TypeAlias = Annotated[
    Literal["first", "some", "all"],
    typer.Option(help="How far it goes by itself: one node, a fifth of them, all."),
]
WaitOption: TypeAlias = Annotated[
    float, typer.Option(min=0, max=2000, help="How long a wave must work before the next.")
]
FirstOption: TypeAlias = Annotated[str | None, typer.Option(help="Node to begin with.")]
AgainOption: TypeAlias = Annotated[
    bool, typer.Option("--again", help="Also where a node has returned from it.")
]


class FleetWaves:
    """The fleet, to which something is brought in waves.

    Attributes
    ----------
    histories : dict
        All wishes of each node, oldest first.
    """

    def __init__(self, collector: Opened) -> None:
        self._collector = collector
        self._inventory = collector.registry.inventory()
        self._states = collector.ledger.node_states()
        self.wishes = Wishes(collector.engine)
        self.histories = {name: self.wishes.of(name) for name in self._inventory.nodes}

    def able(self, names: Iterable[str] | None = None) -> list[str]:
        """Who of them, or of all, hangs somewhere and can be told something."""
        return [
            name
            for name in names or self._inventory.nodes
            if self._inventory.site_of(name) is not None
            and said_of(self._states.get(name)) is not None
        ]

    def require_able(self, *names: str) -> None:
        """Return if each is a node that can be told something."""
        for name in names:
            self._collector.registry.node(name)
            if said_of(self._states.get(name)) is None:
                raise DeployError(
                    f"{name} has not said that it can be updated from afar: it must be online with "
                    "a fleet key, see docs/updates.md"
                )

    def goes_on(self, sha256: str, stage: str, wait_hours: float) -> bool:
        """Let what is on its way go on up to `stage`, if it is just this."""
        current = self.wishes.rollout()
        if current is None or current.end is not None or current.manifest_sha256 != sha256:
            return False
        self.wishes.extend(current.id, _reach(stage), wait_hours * 3600)
        typer.echo(f"{current.version} goes on up to {stage}: see skolro fleet status")
        return True

    def begin(
        self,
        version: str,
        sha256: str,
        chosen: Sequence[str],
        wanted: Callable[[str], Wanted],
        *,
        first: str | None,
        stage: str,
        wait_hours: float,
    ) -> None:
        """Sign a wish for each of the chosen nodes, and offer it to the first."""
        made = self._wished(chosen, wanted, first)
        self.wishes.begin(version, sha256, made, stage=_reach(stage), wait_s=wait_hours * 3600)
        begun = ", ".join(one.node for one in made if one.wave == 1)
        typer.echo(
            f"{version} is offered to {begun}, {len(made)} nodes in all, up to {stage}: see skolro "
            "fleet status"
        )

    def next(self, wisher: Wisher, node: str, wanted: Wanted, wave: int) -> NodeWish:
        """The next wish of a node."""
        after = last_heard(self._states.get(node))
        return wisher.next(node, self.histories[node], wanted, wave=wave, after=after)

    def _wished(
        self, chosen: Sequence[str], wanted: Callable[[str], Wanted], first: str | None
    ) -> list[NodeWish]:
        sites = [(name, site.id if (site := self._inventory.site_of(name)) else None)
                 for name in chosen]  # fmt: skip
        turn = waves(sites, first or min(chosen, key=self._rank))
        wisher = Wisher(keys_of(self._collector))
        return [self.next(wisher, name, wanted(name), turn[name]) for name in sorted(turn)]

    def _rank(self, node: str) -> tuple[bool, bool, str]:
        """The node to begin with is online and measures, if there is such a one."""
        state = self._states.get(node, NodeState(node=node))
        return not state.online, (state.health or {}).get("microphone") != "ok", node


def _reach(stage: str) -> int:
    return STAGES.index(stage) + 1
