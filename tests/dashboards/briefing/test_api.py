"""The JSON API tells what the ledger holds, and answers nonsense with a sentence."""

from __future__ import annotations

import re
from datetime import datetime, timedelta

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine, text

from collector.ledger.ledger import Received
from sensor.contract.codec import KINDS
from sensor.contract.messages import Source
from tests.dashboards.briefing.conftest import Town

SENTENCE = re.compile(r"\S+ \S+.*", re.DOTALL)


def test_events_come_newest_first_with_all_their_fields(town: Town, client: httpx.Client) -> None:
    old = town.event("ekskolan-1", town.now - timedelta(hours=2), lafmax_db=71.5)
    new = town.event("askolan-1", town.now - timedelta(minutes=2), flags=("simulated",))
    answer = client.get("/api/v1/events").json()
    assert [item["id"] for item in answer] == [new.id, old.id]
    assert answer[1] == {
        "id": old.id, "node": "ekskolan-1", "site": "ekskolan",
        "start": f"{old.start:%Y-%m-%dT%H:%M:%SZ}", "duration_s": 4.0, "lafmax_db": 71.5,
        "lae_db": 74.5, "laeq_db": 68.5, "background_laf90_db": 47.0, "emergence_db": 24.5,
        "source": "moped_motorcycle", "source_probability": 0.8, "speed_kmh": 42.0,
        "speed_low_kmh": 39.0, "speed_high_kmh": 45.0, "speed_method": "stereo",
        "speed_refused": None, "direction": 1, "trigger": "emergence", "simulated": False,
        "flags": [],
    }  # fmt: skip
    assert answer[0]["simulated"] is True


def test_events_are_chosen_by_site_node_time_and_number(town: Town, client: httpx.Client) -> None:
    times = [town.now - timedelta(hours=hours) for hours in (5, 4, 3, 2)]
    nodes = ["ekskolan-1", "ekskolan-2", "askolan-1", "ekskolan-1"]
    ids = [town.event(node, start).id for node, start in zip(nodes, times, strict=True)]

    def chosen(**query: str | int) -> list[str]:
        answer = client.get("/api/v1/events", params=query)
        assert answer.status_code == 200, answer.text
        return [item["id"] for item in answer.json()]

    assert chosen(site="ekskolan") == [ids[3], ids[1], ids[0]]
    assert chosen(node="ekskolan-1") == [ids[3], ids[0]]
    assert chosen(site="askolan", node="ekskolan-1") == []
    assert chosen(limit=2) == [ids[3], ids[2]]
    # From is included, to is not.
    assert chosen(**{"from": times[1].isoformat(), "to": times[3].isoformat()}) == [ids[2], ids[1]]


def test_levels_keep_what_is_missing_missing(town: Town, client: httpx.Client) -> None:
    town.levels("ekskolan-1", 3, 50.0, interval_s=60, count=1)
    town.levels("ekskolan-1", 2, None, interval_s=60, count=1)
    answer = client.get("/api/v1/levels", params={"node": "ekskolan-1"}).json()
    assert answer["laeq_db"] == [50.0, None]
    assert answer["lafmax_db"] == [56.0, None]
    assert answer["interval_s"] == [60, 60]
    assert datetime.fromisoformat(answer["start"][0]) == town.now - timedelta(minutes=3)


def test_nodes_tell_where_they_stand(town: Town, client: httpx.Client) -> None:
    town.ledger.set_online("ekskolan-1", online=True, at=town.now)
    for minutes_ago in (31, 1):
        town.levels("ekskolan-1", minutes_ago, 60.0)
    town.reading("ekskolan-1", 54.3)
    nodes = {node["id"]: node for node in client.get("/api/v1/nodes").json()}
    one = nodes["ekskolan-1"]
    assert (one["site"], one["online"], one["acked_seq"]) == ("ekskolan", True, 2)
    assert one["laeq_now_db"] == 54.3
    assert one["last_hour"]["laeq_db"] == pytest.approx(60.0)
    assert (one["last_hour"]["measured_s"], one["last_hour"]["whole_s"]) == (120.0, 3600.0)
    silent = nodes["askolan-1"]
    assert (silent["online"], silent["last_time"], silent["laeq_now_db"]) == (None, None, None)
    assert silent["last_hour"] == {"laeq_db": None, "measured_s": 0.0, "whole_s": 3600.0}


def test_sites_count_the_local_day(town: Town, client: httpx.Client) -> None:
    town.event("ekskolan-1", town.now - timedelta(days=1, hours=1))
    latest = town.event("ekskolan-1", town.now)
    sites = {site["id"]: site for site in client.get("/api/v1/sites").json()}
    assert sites["ekskolan"]["events_today"] == 1
    assert sites["ekskolan"]["latest_event"]["id"] == latest.id
    assert sites["ekskolan"]["nodes"] == ["ekskolan-1", "ekskolan-2"]
    assert sites["askolan"]["events_today"] == 0
    assert sites["askolan"]["latest_event"] is None


def test_summary_counts_messages_and_quarantine(town: Town, client: httpx.Client) -> None:
    town.event("ekskolan-1", town.now)
    town.levels("ekskolan-1", 1, 50.0)
    town.ledger.append([Received("skolro/v1/ekskolan-1/event", b"nonsense", None, town.now)])
    town.ledger.set_online("askolan-1", online=True, at=town.now)
    assert client.get("/api/v1/summary").json() == {
        "messages": 2,
        "by_kind": dict.fromkeys(KINDS, 0) | {"levels": 1, "event": 1},
        "quarantined": 1,
        "sites": 2,
        "nodes": 3,
        "nodes_online": 1,
    }


@pytest.mark.parametrize(
    ("address", "status", "word"),
    [
        ("events?site=nowhere", 404, "nowhere"),
        ("events?node=nobody", 404, "nobody"),
        ("levels?node=nobody", 404, "nobody"),
        ("levels", 422, "node"),
        ("events?limit=0", 422, "limit"),
        ("events?limit=100000", 422, "limit"),
        ("events?limit=many", 422, "limit"),
        ("events?site=../etc", 422, "site"),
        ("events?site=%00", 422, "site"),
        ("events?from=yesterday", 422, "from"),
        ("events?from=1763800000", 422, "as in 2026"),
        ("events?from=2026-11-22T10:00:00", 422, "from"),
        ("events?from=0001-01-01T00:00:00%2B14:00", 422, "from"),
        ("events?to=9999-12-31T23:59:59-14:00", 422, "to"),
        ("events?from=2026-11-22T10:00:00Z&to=2026-11-22T09:00:00Z", 422, "later"),
        ("levels?node=ekskolan-1&from=2026-01-01T00:00:00Z&to=2026-03-01T00:00:00Z", 422, "day"),
        ("nothing", 404, "Not Found"),
    ],
)
def test_wrong_input_is_explained(
    client: httpx.Client, address: str, status: int, word: str
) -> None:
    answer = client.get(f"/api/v1/{address}")
    assert answer.status_code == status
    assert list(answer.json()) == ["detail"]
    assert word in answer.json()["detail"]
    assert SENTENCE.fullmatch(answer.json()["detail"])


_names = st.sampled_from(["site", "node", "from", "to", "limit", "lang", "hours", "theme", "width"])
_values = st.one_of(
    st.text(max_size=30),
    st.sampled_from(["ekskolan", "ekskolan-1", "2026-11-22T10:00:00Z", "1", "-1", "1e400", "sv"]),
)
_paths = st.sampled_from(
    ["/live", "/briefing", "/patrols", "/effect/ekskolan", "/site/ekskolan", "/site/x",
     "/episode/ekskolan/x", "/event/x", "/api/v1/events", "/api/v1/levels", "/api/v1/nodes",
     "/chart/levels/ekskolan.json", "/chart/rates/ekskolan.svg"]
)  # fmt: skip


@settings(
    deadline=None, max_examples=80, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(path=_paths, query=st.dictionaries(_names, _values, max_size=4))
def test_no_query_is_a_fault_of_the_server(
    client: httpx.Client, path: str, query: dict[str, str]
) -> None:
    query = {name: value.encode(errors="replace").decode() for name, value in query.items()}
    assert client.get(path, params=query).status_code in {200, 404, 422}


def test_a_ledger_that_cannot_be_read_is_said(
    town: Town, client: httpx.Client, engine: Engine
) -> None:
    with engine.begin() as connection:
        connection.execute(text("DROP TABLE event"))
    answer = client.get("/api/v1/events")
    assert answer.status_code == 503
    assert "ledger" in answer.json()["detail"]
    page = client.get("/live")
    assert page.status_code == 503
    assert "Mätloggen kan inte läsas" in page.text


def test_health(client: httpx.Client) -> None:
    """Without a collector in the process there is only the ledger to be read."""
    for path in ("/health", "/health/live", "/health/ready"):
        answer = client.get(path)
        assert (answer.status_code, answer.json()["status"]) == (200, "ok")
    assert client.get("/metrics").status_code == 404


def test_the_api_describes_itself_and_loads_nothing_from_elsewhere(client: httpx.Client) -> None:
    described = client.get("/openapi.json").json()
    assert set(described["paths"]) == {
        "/api/v1/sites", "/api/v1/nodes", "/api/v1/events", "/api/v1/levels", "/api/v1/summary",
        "/api/v1/quarters",
        "/health", "/health/live", "/health/ready",
    }  # fmt: skip
    event = described["components"]["schemas"]["EventOut"]["properties"]
    assert {"lafmax_db", "speed_low_kmh", "simulated"} <= set(event)
    assert client.get("/docs").status_code == client.get("/redoc").status_code == 404


def test_an_unclassified_event_without_speed_is_told_as_such(
    town: Town, client: httpx.Client
) -> None:
    town.event(
        "ekskolan-1", town.now, source=Source(), speed=None, speed_refused="two_vehicles",
        background_laf90_db=None, emergence_db=None,
    )  # fmt: skip
    event = client.get("/api/v1/events").json()[0]
    assert (event["source"], event["source_probability"]) == ("unclassified", None)
    assert (event["speed_kmh"], event["speed_refused"]) == (None, "two_vehicles")
    assert event["background_laf90_db"] is None
