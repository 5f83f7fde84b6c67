"""The whole pipeline on one machine: broker, collector and nodes as child processes.

The collector and the nodes run as they do in a school: the same commands, each with its own
configuration in the demo's folder.
"""

from __future__ import annotations

import secrets
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from http.client import HTTPConnection, HTTPException
from typing import Any, Self

from sqlalchemy import Engine

from collector.config import load_config
from collector.database.database import open_database
from collector.ledger.ledger import Ledger, Received
from collector.registry.accounts import Accounts
from collector.registry.registry import Registry
from collector.roles import Role
from deploy.broker import DemoBroker
from deploy.demo_folder import SITES, DemoFolder, DemoNode
from deploy.processes import Child, bind, end_together
from deploy.town.history import chunks, node_history, sign_chain
from deploy.town.rules import register_rules
from deploy.town.town import Town, simulate_town
from sensor.agent import OUTBOX_FILE
from sensor.contract.messages import GENESIS
from sensor.contract.signature import payload_hash, public_key_text
from sensor.identity import load_or_make_key
from sensor.outbox import Outbox

HISTORY_WEEKS = 8
HISTORY = timedelta(weeks=HISTORY_WEEKS)
TOWN_SEED = 1
APPEND_AT_ONCE = 500
COLLECTOR_START_S = 60.0
ENDING_S = 15.0
WATCH_S = 0.2


DEMO_ACCOUNTS = {f"demo-{role.value}": role for role in Role}
"""One for each role; named so that nobody takes them for real ones."""


@dataclass(frozen=True, slots=True)
class Summary:
    """What a run of the demo came to.

    Attributes
    ----------
    address : str
        Where the page was.
    nodes, messages : int
        How many there are, history included.
    events : list
        Those of this run, in order of time.
    lost : int
        Messages that a node has numbered and the ledger does not have.
    quarantined : int
        Messages that the ledger refused.
    """

    address: str
    nodes: int
    messages: int
    events: list[dict[str, Any]]
    lost: int
    quarantined: int


class Demo:
    """One run of the demo; a context manager that leaves no process behind.

    Parameters
    ----------
    folder : DemoFolder
        Where everything is kept.
    nodes : list of DemoNode
        Who measures.
    """

    def __init__(self, folder: DemoFolder, nodes: list[DemoNode]) -> None:
        self._folder = folder
        self._nodes = nodes
        self._started = datetime.now(UTC)
        self._services: list[Child] = []
        self._sensors: dict[str, Child] = {}
        self._engine: Engine | None = None
        self._past: Town | None = None
        self.password = "-".join(secrets.token_hex(2) for _ in range(4))
        """Of all demo accounts, and new at each start: who keeps the folder leaves no open door."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.end_nodes()
        end_together(self._services, ENDING_S)
        if self._engine is not None:
            self._engine.dispose()

    def start_server(self) -> str:
        """Start broker and collector, make sites and nodes known; return the page's address.

        Raises
        ------
        SkolroError
            The port is taken, or a part does not start.
        """
        # Asked before anything is started; the collector then binds it for good.
        bind("127.0.0.1", self._folder.http_port).close()
        broker = DemoBroker(self._folder.path / "broker")
        self._services.append(broker.child)
        self._folder.write(self._nodes, broker.port)
        self._ledger = self._open_ledger()
        collector = self._child(
            "collector", "collector", "serve", "--config", str(self._folder.collector_toml)
        )
        self._services.insert(0, collector)
        collector.await_ready(lambda: _answers(self._folder.http_port), COLLECTOR_START_S)
        return self._folder.address

    def start_node(self, node: DemoNode) -> None:
        """Start a node's own process."""
        command = ("sensor", "run", "--config", str(self._folder.node_toml(node)))
        self._sensors[node.name] = self._child(node.name, *command)

    def load_history(self, node: DemoNode) -> Iterator[int]:
        """Load the past of a simulated node; yields how many messages each step added.

        The node itself continues the chain. A node that has a past already keeps it.
        """
        key = load_or_make_key(self._folder.data_dir(node))
        with self._outbox(node) as outbox:
            if outbox.last_seq:
                return
            past = node_history(self._town(), node.name, self._started).messages
            seq, prev = 0, GENESIS
            for chunk in chunks(sign_chain(past, key, 1, GENESIS), APPEND_AT_ONCE):
                self._ledger.append(
                    [Received(m.topic, m.payload, m.signature, self._started) for m in chunk]
                )
                seq, prev = seq + len(chunk), payload_hash(chunk[-1].payload)
                yield len(chunk)
            outbox.continue_from(seq + 1, prev)

    def watch(self, stop: threading.Event, until_s: float | None) -> None:
        """Wait for `stop` or the time; raise :class:`DeployError` when a part fails."""
        deadline = None if until_s is None else time.monotonic() + until_s
        while not stop.is_set() and (deadline is None or time.monotonic() < deadline):
            for child in (*self._services, *self._sensors.values()):
                child.require()
            stop.wait(WATCH_S)

    def end_nodes(self) -> None:
        """End the nodes, which deliver the rest while the server still runs."""
        end_together(list(self._sensors.values()), ENDING_S)

    def summary(self) -> Summary:
        """What it came to, read from the ledger and the outboxes."""
        ledger = self._ledger
        states = ledger.node_states()
        counts = ledger.counts()
        lost = 0
        for node in self._nodes:
            with self._outbox(node) as outbox:
                state = states.get(node.name)
                lost += outbox.last_seq - (state.acked_seq if state else 0)
        rows = ledger.events(start=self._started, limit=100_000)
        events = [
            {
                "node": row.node,
                "start": row.start.isoformat().replace("+00:00", "Z"),
                "duration_s": row.duration_s,
                "lafmax_db": row.lafmax_db,
            }
            for row in reversed(rows)
        ]
        return Summary(
            address=self._folder.address,
            nodes=len(self._nodes),
            messages=counts.messages,
            events=events,
            lost=lost,
            quarantined=counts.quarantined,
        )

    def _town(self) -> Town:
        """The town in whose past the nodes measured; made once."""
        if self._past is None:
            self._past = simulate_town(
                TOWN_SEED,
                self._started - HISTORY,
                HISTORY_WEEKS,
                sites=SITES,
                nodes=[(node.name, node.site) for node in self._nodes],
            )
        return self._past

    def _open_ledger(self) -> Ledger:
        self._engine = open_database(load_config(self._folder.collector_toml).ledger)
        registry = Registry(self._engine)
        sites = {site.id for site in registry.sites()}
        since = self._started - HISTORY - timedelta(days=1)
        for site in SITES:
            if site.id not in sites:
                registry.add_site(site)
                register_rules(registry, site.id, since)
        known = {node.id for node in registry.nodes()}
        for node in self._nodes:
            if node.name not in known:
                key = load_or_make_key(self._folder.data_dir(node))
                registry.add_node(node.name, node.site, public_key_text(key.public_key()), since)
        _let_in(Accounts(self._engine), self.password)
        return Ledger(self._engine, registry)

    def _outbox(self, node: DemoNode) -> Outbox:
        data_dir = self._folder.data_dir(node)
        return Outbox(data_dir / OUTBOX_FILE, node.name, load_or_make_key(data_dir))

    def _child(self, name: str, *arguments: str) -> Child:
        command = [sys.executable, "-m", "skolro", *arguments]
        return Child(name, command, self._folder.log(name))


def _let_in(accounts: Accounts, password: str) -> None:
    known = {account.name for account in accounts.all()}
    for name, role in DEMO_ACCOUNTS.items():
        if name in known:
            accounts.set_password(name, password)
        else:
            accounts.add(name, role, password, SITES[0].id if role == Role.SCHOOL else None)


def _answers(port: int) -> bool:
    connection = HTTPConnection("127.0.0.1", port, timeout=2)
    try:
        connection.request("GET", "/health")
        return connection.getresponse().status == HTTPStatus.OK
    except (OSError, HTTPException):
        return False
    finally:
        connection.close()
