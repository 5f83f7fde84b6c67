"""The live view: one reader for all, told as it comes, for as long as the session lasts."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from collector.roles import Role
from dashboards.briefing import streams
from dashboards.briefing.live_hub import LiveHub
from tests.dashboards.briefing.conftest import SignedIn, Town
from tests.peers import wait_for


class Follower:
    """Follows a stream in a thread of its own."""

    def __init__(self, browser: httpx.Client, address: str) -> None:
        self.told: list[tuple[str, str]] = []
        self.over = threading.Event()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._follow, args=(browser, address))
        self._thread.start()

    def _follow(self, browser: httpx.Client, address: str) -> None:
        kind = ""
        data: list[str] = []
        with browser.stream("GET", address, timeout=30) as answer:
            assert answer.headers["Content-Type"].startswith("text/event-stream")
            for line in answer.iter_lines():
                if self._stop.is_set():
                    break
                name, _, value = line.partition(": ")
                if name == "event":
                    kind = value
                    data.clear()
                elif name == "data":
                    data.append(value)
                elif not line and kind:
                    self.told.append((kind, "\n".join(data)))
                    kind = ""
        self.over.set()

    def has(self, kind: str, text: str) -> Any:
        """Whether something of a kind was told that holds a text."""
        return any(one == kind and text in data for one, data in self.told)

    def levels(self) -> dict[str, str]:
        """The levels that were told last."""
        found = [data for kind, data in self.told if kind == "levels"]
        levels: dict[str, str] = json.loads(found[-1]) if found else {}
        return levels

    def close(self) -> None:
        """Look no longer."""
        self._stop.set()
        self._thread.join(20)


@contextmanager
def following(browser: httpx.Client, address: str = "/live/stream?lang=sv") -> Iterator[Follower]:
    """Follow a stream while the block runs."""
    follower = Follower(browser, address)
    try:
        yield follower
    finally:
        follower.close()


def test_levels_and_events_come_as_they_are(town: Town, signed_in: SignedIn, app: FastAPI) -> None:
    hub: LiveHub = app.state.live_hub
    with following(signed_in(Role.POLICE)) as one, following(signed_in(Role.TECHNICIAN)) as other:
        wait_for(lambda: hub.viewers == 2)
        town.reading("ekskolan-1", 61.5)
        event = town.event("askolan-1", town.now)
        for follower in (one, other):
            wait_for(partial(follower.has, "parts", event.id))
            wait_for(partial(follower.has, "levels", "61,5"))
            assert follower.levels()["askolan-1"] == "ingen mätning"
        town.reading("ekskolan-1", 62.5)
        wait_for(lambda: "62,5" in one.levels()["ekskolan-1"])
    wait_for(lambda: hub.viewers == 0)


def test_a_sites_stream_tells_of_that_site_alone_in_its_language(
    town: Town, client: httpx.Client
) -> None:
    with following(client, "/live/stream?lang=en&site=askolan") as follower:
        town.event("ekskolan-1", town.now)
        event = town.event("askolan-1", town.now)
        wait_for(lambda: follower.has("parts", event.id))
        wait_for(follower.levels)
        assert follower.levels() == {"askolan-1": "no measurement"}
        assert not any("Ekskolan" in data for _, data in follower.told)


def test_the_stream_ends_with_the_session(
    town: Town, app: FastAPI, signed_in: SignedIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(streams, "LOOK_EVERY_S", 0.1)
    access = app.state.access
    with following(signed_in(Role.POLICE)) as follower:
        wait_for(lambda: follower.told)
        access.accounts.disable("police-1")
        for level_db in range(50, 80):
            town.reading("ekskolan-1", float(level_db))
            if follower.over.wait(1.0):
                break
        assert follower.told[-1] == ("over", "")


def test_who_may_not_look_does_not(public: httpx.Client, signed_in: SignedIn) -> None:
    assert public.get("/live/stream?lang=sv").status_code == 401
    assert signed_in(Role.SCHOOL).get("/live/stream?lang=sv").status_code == 403


@pytest.mark.parametrize(
    ("query", "status"), [("lang=tlh", 422), ("lang=sv&site=nowhere", 404), ("", 422)]
)
def test_nonsense_is_no_stream(client: httpx.Client, query: str, status: int) -> None:
    assert client.get(f"/live/stream?{query}").status_code == status
