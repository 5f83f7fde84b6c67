"""The whole chain with its real parts: node process, broker, collector process, HTTP."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from urllib.request import urlopen

import httpx

from collector.database.database import open_database
from collector.registry.accounts import Accounts
from collector.registry.registry import Registry, Site
from collector.roles import Role
from deploy.demo_folder import Table, toml
from deploy.processes import Child, end_together
from sensor.contract.signature import public_key_text
from sensor.identity import load_or_make_key
from tests.deploy import confined
from tests.peers import Broker, free_port, wait_for

READER_PASSWORD = "tre fyra ord som inte hör ihop"  # noqa: S105 - of nobody outside the tests


def get(url: str) -> Any:
    """The JSON at `url`."""
    with urlopen(url, timeout=10) as answer:
        return json.load(answer)


def skolro(*arguments: str) -> list[str]:
    """The command line of ``skolro`` with `arguments`."""
    return [sys.executable, "-m", "skolro", *arguments]


class Reader:
    """Somebody who is logged in on the pages at `address`.

    Parameters
    ----------
    name, password : str
        As on the login page.
    """

    def __init__(self, address: str, name: str, password: str) -> None:
        self.pages = httpx.Client(base_url=address, timeout=60)
        form = re.search(r'name="csrf" value="([^"]+)"', self.pages.get("/login").text)
        assert form is not None
        sent = {"csrf": form[1], "name": name, "password": password}
        answer = self.pages.post("/login", data=sent)
        assert answer.status_code == 303, answer.text

    def get(self, path: str) -> Any:
        """The JSON at `path`."""
        return self.pages.get(path).raise_for_status().json()

    def close(self) -> None:
        """Close the connection."""
        self.pages.close()


class Chain:
    """A broker and a collector that run, and nodes that are played into them.

    Collector and nodes may make no other system calls than their units allow.

    Parameters
    ----------
    folder : Path
        Where all is kept.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.port = free_port()
        self._children: list[Child] = []

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            self.broker = stack.enter_context(Broker())
            tables: dict[str, Table] = {
                "": {"ledger": "sqlite:///ledger.sqlite"},
                "broker": {"port": self.broker.port},
                "http": {"port": self.port},
            }
            (self.folder / "collector.toml").write_text(toml(tables), encoding="utf-8")
            engine = open_database(f"sqlite:///{self.folder / 'ledger.sqlite'}")
            stack.callback(engine.dispose)
            self.registry = Registry(engine)
            self.registry.add_site(Site(id="ekskolan", name="Ekskolan"))
            Accounts(engine).add("kommunen-1", Role.MUNICIPALITY, READER_PASSWORD)
            stack.callback(lambda: end_together(self._children[::-1], within_s=15))
            collector = self.skolro("collector", "collector", "serve", "--config", "collector.toml")
            collector.await_ready(self._answers, within_s=30)
            address = f"http://127.0.0.1:{self.port}"
            self.reader = Reader(address, "kommunen-1", READER_PASSWORD)
            stack.callback(self.reader.close)
            self._stack = stack.pop_all()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stack.close()

    def skolro(self, name: str, *arguments: str) -> Child:
        """Start the command as a child in the folder."""
        paths = [str(self.folder / a) if a.endswith(".toml") else a for a in arguments]
        guard = [] if confined.why_not() else confined.guard(f"skolro-{arguments[0]}")
        child = Child(name, [*guard, *skolro(*paths)], self.folder / f"{name}.log")
        self._children.append(child)
        return child

    def start(self, node: str, source: Table, **tables: Table) -> Child:
        """Make `node` known and start it, hearing `source`."""
        data_dir = self.folder / node
        key = load_or_make_key(data_dir)
        self.registry.add_node(node, "ekskolan", public_key_text(key.public_key()))
        config: dict[str, Table] = {
            "": {"node": node, "data_dir": str(data_dir)},
            "broker": {"port": self.broker.port},
            "input": source,
            **tables,
        }
        (self.folder / f"{node}.toml").write_text(toml(config), encoding="utf-8")
        return self.skolro(node, "sensor", "run", "--config", f"{node}.toml")

    def play(self, node: str, source: Table, **tables: Table) -> list[dict[str, Any]]:
        """Let `node` hear all of `source`; return its events as the API tells them, in order."""
        child = self.start(node, source, **tables)
        wait_for(lambda: child.status is not None, timeout_s=120, what=f"{node} does not end")
        child.require()
        return self.events(node)

    def events(self, node: str) -> list[dict[str, Any]]:
        """The events of `node`, oldest first."""
        found = self.reader.get(f"/api/v1/events?node={node}&limit=1000")
        rows = found["events"] if isinstance(found, dict) else found
        return sorted(rows, key=lambda row: row["start"])

    def _answers(self) -> bool:
        try:
            return bool(get(f"http://127.0.0.1:{self.port}/health"))
        except OSError:
            return False


def measure(*arguments: str) -> list[dict[str, Any]]:
    """What ``skolro sensor measure --json`` says."""
    ended = subprocess.run(
        [sys.executable, "-m", "skolro", "sensor", "measure", "--json", *arguments],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    return [json.loads(line) for line in ended.stdout.splitlines()]
