"""A small town with real, signed messages in a real ledger, and a client of its pages."""

from __future__ import annotations

import re
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Literal

import httpx
import pytest
import uvicorn
from argon2 import PasswordHasher
from fastapi import FastAPI
from sqlalchemy import Engine
from starlette.types import ASGIApp

from collector.config import CollectorConfig
from collector.intake.live import LiveReadings
from collector.ledger.ledger import EventRow, Ledger
from collector.registry.accounts import Accounts
from collector.registry.passwords import Passwords
from collector.registry.registry import Registry
from collector.roles import Role
from dashboards.briefing.app import create_app
from sensor.contract.messages import Live, Message
from tests import peers


class Town:
    """Nodes at the registry's two sites, that have measured what a test says."""

    def __init__(self, ledger: Ledger, live: LiveReadings) -> None:
        self.ledger = ledger
        self.registry: Registry = ledger.registry
        self.live = live
        self.now = datetime.now(UTC).replace(microsecond=0)
        self._nodes: dict[str, peers.FakeNode] = {}

    def node(self, name: str, site: str) -> None:
        """Hang a node at a site, years ago."""
        self._nodes[name] = peers.FakeNode(name)
        self._nodes[name].register(self.registry, site, self.now - timedelta(days=1000))

    def append(self, message: Message) -> None:
        """Let its node sign `message`, and the ledger store it."""
        result = self.ledger.append([self._nodes[message.node].signed(message)])
        assert result.stored == 1

    def event(self, node: str, start: datetime, **changes: Any) -> EventRow:
        """Let a node hear a pass."""
        message = peers.event(node, start, **changes)
        self.append(message)
        row = self.ledger.event(message.id)
        assert row is not None
        return row

    def levels(self, node: str, minutes_ago: int, laeq_db: float | None, **changes: Any) -> None:
        """Let a node measure one minute."""
        start = self.now - timedelta(minutes=minutes_ago)
        self.append(peers.levels(node, start, laeq_db, **changes))

    def reading(self, node: str, laeq_db: float) -> None:
        """Let a node tell its live level."""
        self.live.update(
            Live(node=node, time=datetime.now(UTC), laeq_db=laeq_db, lafmax_db=laeq_db + 2)
        )


@pytest.fixture
def live() -> LiveReadings:
    """No readings yet."""
    return LiveReadings()


@pytest.fixture
def town(ledger: Ledger, live: LiveReadings) -> Town:
    """Two nodes at Ekskolan and one at Åskolan, which have not measured yet."""
    made = Town(ledger, live)
    made.node("ekskolan-1", "ekskolan")
    made.node("ekskolan-2", "ekskolan")
    made.node("askolan-1", "askolan")
    return made


QUICK = Passwords(PasswordHasher(time_cost=1, memory_cost=8, parallelism=1))
"""Real hashes, of so little work that tests need not wait for them."""

PASSWORD = "korrekt häst batteri häftklammer"  # noqa: S105 - of nobody outside the tests
"""Of every account in these tests."""


@pytest.fixture
def config() -> CollectorConfig:
    """The configuration of the application; a test may bring its own."""
    return CollectorConfig()


@pytest.fixture
def app(town: Town, engine: Engine, config: CollectorConfig) -> Iterator[FastAPI]:
    """The application, its drawing process ended afterwards."""
    made = create_app(town.ledger, town.registry, config, town.live, engine=engine, passwords=QUICK)
    yield made
    made.state.renderer.close()
    made.state.evidence_jobs.close()


@pytest.fixture
def accounts(engine: Engine) -> Accounts:
    """The accounts: none yet."""
    return Accounts(engine, QUICK)


def session_of(app: FastAPI, role: Role, name: str | None = None) -> dict[str, str]:
    """Cookies of somebody in that role who is logged in; the account is made when missing."""
    access = app.state.access
    known_as = name or f"{role.value}-1"
    if known_as not in {one.name for one in access.accounts.all()}:
        access.accounts.add(known_as, role, PASSWORD)
    account = access.accounts.account(known_as)
    return {access.cookies.name("session"): access.sessions.begin(account, "test")}


@contextmanager
def served(app: ASGIApp, lifespan: Literal["on", "off"] = "off") -> Iterator[str]:
    """Serve `app` on a free port, and give its address."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        server = uvicorn.Server(uvicorn.Config(app, log_level="critical", lifespan=lifespan))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        try:
            peers.wait_for(lambda: server.started, what="the pages are not served")
            yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        finally:
            server.should_exit = True
            thread.join(20)


@pytest.fixture
def page_server(app: FastAPI) -> Iterator[str]:
    """Where the pages are served."""
    with served(app) as where:
        yield where


SignedIn = Callable[[Role], httpx.Client]


@pytest.fixture
def signed_in(app: FastAPI, page_server: str) -> Iterator[SignedIn]:
    """Browsers without script: call it with a role to get one of somebody who is logged in."""
    with ExitStack() as stack:

        def browser(role: Role) -> httpx.Client:
            cookies = session_of(app, role)
            return stack.enter_context(
                httpx.Client(base_url=page_server, cookies=cookies, timeout=60)
            )

        yield browser


@pytest.fixture
def public(page_server: str) -> Iterator[httpx.Client]:
    """A browser without script of somebody who is not logged in."""
    with httpx.Client(base_url=page_server, timeout=60) as browser:
        yield browser


@pytest.fixture
def client(signed_in: SignedIn) -> httpx.Client:
    """A browser without script of somebody who may see everything."""
    return signed_in(Role.ADMINISTRATOR)


def csrf_of(browser: httpx.Client, path: str) -> str:
    """The token in the first form of a page."""
    found = re.search(r'name="csrf" value="([^"]+)"', browser.get(path).text)
    assert found is not None, path
    return found[1]


@pytest.fixture(scope="session")
def simulated_town(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The configuration of a simulated town that ends now; whoever changes it copies it first."""
    from tests.dashboards.briefing.simulated import make_town  # noqa: PLC0415 - it needs this file

    return make_town(tmp_path_factory.mktemp("town"))
