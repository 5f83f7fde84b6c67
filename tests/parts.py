"""Processes of a server that are started in order, and end together."""

from __future__ import annotations

from abc import ABC, abstractmethod
from pathlib import Path
from types import TracebackType
from typing import Self

from deploy.processes import Child, end_together
from tests.peers import MOSQUITTO
from tests.system.chain import skolro


class Parts(ABC):
    """A context manager around them; who fails to start leaves nothing behind.

    Parameters
    ----------
    folder : Path
        Where all is kept, and each writes its log.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._children: list[Child] = []

    def __enter__(self) -> Self:
        try:
            self.start()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    @abstractmethod
    def start(self) -> None:
        """Start all, each once what it needs is there."""

    def stop(self) -> None:
        """End all, the last one first."""
        end_together(self._children[::-1], within_s=20)

    @property
    def config_file(self) -> Path:
        """The collector's configuration."""
        return self.folder / "collector.toml"

    @property
    def ledger_url(self) -> str:
        """Where the ledger is."""
        return f"sqlite:///{self.folder / 'ledger.sqlite'}"

    def child(self, name: str, *command: str) -> Child:
        """Start something that ends with the others."""
        made = Child(name, command, self.folder / f"{name}.log")
        self._children.append(made)
        return made

    def broker(self, config: Path) -> Child:
        """Start mosquitto."""
        return self.child("broker", str(MOSQUITTO), "-c", str(config))

    def collector(self) -> Child:
        """Start the collector with its pages, and wait until it serves them."""
        config = str(self.config_file)
        made = self.child("collector", *skolro("collector", "serve", "--config", config))
        made.await_ready(lambda: "pages and API" in made.log.read_text(), within_s=120)
        return made
