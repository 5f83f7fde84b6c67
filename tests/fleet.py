"""A fleet of one node, as its server knows it."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from collector.database.database import open_database
from collector.ledger.ledger import Ledger
from collector.registry.registry import Registry
from collector.registry.wishes import Wishes
from collector.rollout.waves import said_of
from tests.peers import wait_for


class Fleet:
    """Looks into the server's database, which costs less than its commands.

    Parameters
    ----------
    url : str
        Of the ledger.
    node : str
        The node.
    logs : callable
        Gives what the node's processes wrote, for whoever looks why something fails.
    """

    def __init__(self, url: str, node: str, logs: Callable[[], str]) -> None:
        self._engine = open_database(url)
        self._ledger = Ledger(self._engine, Registry(self._engine))
        self._node = node
        self._logs = logs
        self.wishes = Wishes(self._engine)

    def close(self) -> None:
        """Let the database go."""
        self._engine.dispose()

    def node(self) -> dict[str, Any]:
        """What the node last said of its wishes, and its version; empty: nothing yet."""
        state = self._ledger.node_states().get(self._node)
        said = said_of(state)
        if state is None or state.health is None or said is None:
            return {}
        return {"reason": "", **said, "version": state.health["version"]}

    def ready(self) -> None:
        """Wait until the node can be updated."""
        self._expect("it cannot be updated", lambda said: said.get("state") == "current")

    def answered(self, wish: int) -> dict[str, Any]:
        """Wait for what the node says of a wish in the end."""
        final = {"current", "returned", "refused"}
        return self._expect(
            f"no word of wish {wish}",
            lambda said: said.get("wish") == wish and said["state"] in final,
        )

    def runs(self, version: str) -> dict[str, Any]:
        """Wait until it says that it runs `version`.

        It says that it goes back while what it goes back from still runs.
        """
        return self._expect(
            f"it does not run {version}", lambda said: said.get("version") == version
        )

    def ended(self) -> str | None:
        """Wait for the end of the newest update, and return it."""

        def end() -> str | None:
            time.sleep(0.1)
            rollout = self.wishes.rollout()
            return None if rollout is None else rollout.end

        return str(wait_for(end, 120, "the update goes on"))

    def _expect(self, what: str, holds: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
        def found() -> dict[str, Any] | None:
            time.sleep(0.1)
            said = self.node()
            return said if holds(said) else None

        try:
            said: dict[str, Any] = wait_for(found, 300, what)
        except AssertionError as error:
            raise AssertionError(f"{error}: {self.node()}\n{self._logs()}") from error
        return said
