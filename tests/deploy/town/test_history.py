"""The simulated history: reproducible, consistent, signed, plausible."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from statistics import fmean
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from collector.analysis.school_calendar import DayType
from collector.ledger.ledger import Ledger, Received
from collector.registry.registry import Registry
from deploy.town.history import node_history, sign_chain
from deploy.town.terms import usual_calendar
from deploy.town.town import Town, simulate_town
from sensor.acoustics.weighting import weighting_db
from sensor.contract.codec import decode
from sensor.contract.messages import GENESIS, Event, Health, LevelBatch, Message
from sensor.contract.signature import payload_hash, public_key_text, verify
from sensor.contract.topics import parse

END = datetime(2026, 11, 22, 23, 17, 5, tzinfo=UTC)
START = END - timedelta(weeks=8)
LAST = END.replace(second=0)
STOCKHOLM = ZoneInfo("Europe/Stockholm")


NODES = (("ekskolan-1", "ekskolan"), ("ekskolan-2", "ekskolan"), ("askolan-1", "askolan"))


def town_of(seed: int, weeks: int = 8) -> Town:
    return simulate_town(seed, END - timedelta(weeks=weeks), weeks, kind="busy", nodes=NODES)


def messages_of(town: Town, node: str) -> list[Message]:
    return list(node_history(town, node, END).messages)


@pytest.fixture(scope="module")
def town() -> Town:
    """Eight weeks of a busy town."""
    return town_of(1)


@pytest.fixture(scope="module")
def history(town: Town) -> list[Message]:
    """What one of its nodes would have sent."""
    return messages_of(town, "ekskolan-1")


@pytest.fixture(scope="module")
def events(history: list[Message]) -> list[Event]:
    return [message for message in history if isinstance(message, Event)]


@pytest.fixture(scope="module")
def batches(history: list[Message]) -> list[LevelBatch]:
    return [message for message in history if isinstance(message, LevelBatch)]


def test_the_same_seed_is_the_same_history() -> None:
    week = messages_of(town_of(1, weeks=1), "ekskolan-1")
    assert messages_of(town_of(1, weeks=1), "ekskolan-1") == week
    assert messages_of(town_of(2, weeks=1), "ekskolan-1") != week


def test_everything_says_that_it_is_simulated(history: list[Message]) -> None:
    assert all("simulated" in message.flags for message in history)


def test_messages_come_in_order_of_time_and_end_with_the_period(history: list[Message]) -> None:
    assert all(one.time <= other.time for one, other in pairwise(history))
    assert history[0].time >= START
    assert history[-1].time <= END + timedelta(seconds=5)


def test_hours_do_not_overlap_and_the_last_reaches_to_the_end(batches: list[LevelBatch]) -> None:
    ends = [one.start + timedelta(seconds=one.interval_s * len(one.laeq_db)) for one in batches]
    assert all(end <= later.start for end, later in zip(ends, batches[1:], strict=False))
    assert ends[-1] == LAST
    assert {len(one.laeq_db) for one in batches[:-1]} == {60}
    # Some hours are missing, and some have holes; what is missing is null and flagged.
    hours = (LAST - batches[0].start) / timedelta(hours=1)
    assert 0.9 * hours < len(batches) < hours
    for batch in batches:
        holes = [level is None for level in batch.laeq_db]
        assert any(holes) == ("gap" in batch.flags)
        assert holes == [level is None for level in batch.lafmax_db]
        assert holes == [level is None for level in batch.lceq_db]
        assert not all(holes)


def test_an_event_stands_in_the_levels_of_its_minutes(
    events: list[Event], batches: list[LevelBatch]
) -> None:
    minutes = {
        batch.start + timedelta(minutes=number): (laeq, lafmax)
        for batch in batches
        for number, (laeq, lafmax) in enumerate(zip(batch.laeq_db, batch.lafmax_db, strict=True))
    }
    for event in events:
        first = event.start.replace(second=0, microsecond=0)
        span = int(
            (event.start + timedelta(seconds=event.duration_s) - first).total_seconds() // 60
        )
        within = [minutes[first + timedelta(minutes=number)] for number in range(span + 1)]
        assert all(laeq is not None for laeq, _ in within), "an event while nothing was measured"
        assert max(lafmax or 0.0 for _, lafmax in within) >= event.lafmax_db
        energy = sum(60.0 * 10.0 ** ((laeq or 0.0) / 10.0) for laeq, _ in within)
        assert 10.0 * np.log10(energy) >= event.lae_db - 0.1


def test_an_event_agrees_with_itself(events: list[Event]) -> None:
    for event in events:
        assert max(level for level in event.trace_lafmax_db if level is not None) == event.lafmax_db
        assert len(event.trace_lafmax_db) == int(np.ceil(event.duration_s))
        assert event.laeq_db == pytest.approx(
            event.lae_db - 10.0 * np.log10(event.duration_s), abs=0.06
        )
        assert event.laeq_db < event.lafmax_db
        assert event.background_laf90_db is not None
        assert event.emergence_db == pytest.approx(event.lafmax_db - event.background_laf90_db)
        assert event.time > event.start + timedelta(seconds=event.duration_s)
    assert len({event.id for event in events}) == len(events)


def test_events_do_not_overlap(events: list[Event]) -> None:
    for one, other in pairwise(events):
        assert one.start + timedelta(seconds=one.duration_s) < other.start


def test_spectra_add_up_to_their_level(events: list[Event], batches: list[LevelBatch]) -> None:
    messages: list[Event | LevelBatch] = [*events[:50], *batches[:50]]
    for message in messages:
        assert message.bands_db is not None
        centres = np.array([float(centre) for centre in message.bands_db])
        levels = np.array(list(message.bands_db.values()), dtype=np.float64)
        total_db = 10.0 * np.log10(np.sum(10.0 ** ((levels + weighting_db("A", centres)) / 10.0)))
        if isinstance(message, Event):
            laeq_db = message.laeq_db
        else:
            valid = [level for level in message.laeq_db if level is not None]
            laeq_db = 10.0 * np.log10(np.mean(10.0 ** (np.array(valid) / 10.0)))
        assert total_db == pytest.approx(laeq_db, abs=1.5)


def test_percentiles_are_in_their_order(batches: list[LevelBatch]) -> None:
    for batch in batches:
        assert batch.laf90_db is not None
        assert batch.laf50_db is not None
        assert batch.laf10_db is not None
        assert batch.laf90_db < batch.laf50_db < batch.laf10_db


def test_only_vehicles_have_speeds(events: list[Event]) -> None:
    for event in events:
        if event.source.kind in ("voices", "bell", "animal"):
            assert event.speed_refused == "no_vehicle"
    measured = [event.speed for event in events if event.speed is not None]
    assert 0.5 < len(measured) / len(events) < 0.9
    assert 30.0 < fmean(speed.speed_kmh for speed in measured) < 50.0
    refused = Counter(event.speed_refused for event in events)
    assert {"too_uncertain", "two_vehicles", "no_vehicle"} <= set(refused)


def test_the_young_are_out_on_friday_and_saturday_evenings(events: list[Event]) -> None:
    local = [event.start.astimezone(STOCKHOLM) for event in events]
    evenings = Counter(time.weekday() for time in local if 19 <= time.hour <= 22)
    assert min(evenings[4], evenings[5]) > max(evenings[day] for day in (0, 1, 2, 3, 6))
    nights = sum(time.hour < 5 for time in local)
    assert nights < 0.05 * len(local)


def test_after_school_is_busier_on_school_days(events: list[Event]) -> None:
    local = [event.start.astimezone(STOCKHOLM) for event in events]
    afternoons = [time.date() for time in local if time.hour == 15]
    days = [(START + timedelta(days=number)).date() for number in range(56)]
    calendar = usual_calendar(days[0], days[-1])
    opened = {day: calendar.day_type(day) is DayType.SCHOOL for day in days}
    rate = {
        school: sum(opened.get(day) == school for day in afternoons)
        / sum(open_ == school for open_ in opened.values())
        for school in (True, False)
    }
    assert rate[True] > 2.0 * rate[False]


def test_some_drive_round_and_round(events: list[Event]) -> None:
    starts = np.array([event.start.timestamp() for event in events])
    within = np.searchsorted(starts, starts + 900.0) - np.arange(len(starts))
    assert (within >= 5).sum() > 10


def test_nights_are_quieter_than_days(batches: list[LevelBatch]) -> None:
    levels: dict[bool, list[float]] = {True: [], False: []}
    for batch in batches:
        hour = batch.start.astimezone(STOCKHOLM).hour
        if batch.laf90_db is not None and (hour < 4 or 9 <= hour < 16):
            levels[hour < 4].append(batch.laf90_db)
    assert fmean(levels[True]) + 8.0 < fmean(levels[False])


def test_two_nodes_at_one_school_hear_the_same_things(town: Town, events: list[Event]) -> None:
    other = [m for m in messages_of(town, "ekskolan-2") if isinstance(m, Event)]
    far = [m for m in messages_of(town, "askolan-1") if isinstance(m, Event)]
    assert _met(events, other) > 0.8
    assert _met(events, far) < 0.3


def _met(events: list[Event], others: list[Event]) -> float:
    """Share of `events` that have one of `others` within half a minute."""
    times = np.array([event.start.timestamp() for event in others])
    away = [np.abs(times - event.start.timestamp()).min() for event in events]
    return fmean(distance_s < 30.0 for distance_s in away)


def test_a_node_that_was_off_has_started_anew(history: list[Message]) -> None:
    uptimes = [message.uptime_s for message in history if isinstance(message, Health)]
    assert any(later < earlier for earlier, later in pairwise(uptimes))


def test_the_chain_is_signed_and_whole(history: list[Message]) -> None:
    key = Ed25519PrivateKey.generate()
    prev = GENESIS
    for number, signed in enumerate(sign_chain(history[:300], key), start=1):
        message = decode(signed.payload)
        assert (message.seq, message.prev) == (number, prev)
        assert parse(signed.topic) == (message.node, message.kind)
        verify(signed.payload, signed.signature, key.public_key())
        prev = payload_hash(signed.payload)


def test_a_chain_goes_on_where_it_is_told(history: list[Message]) -> None:
    (signed,) = sign_chain(history[:1], Ed25519PrivateKey.generate(), seq=41, prev="ab" * 32)
    message = decode(signed.payload)
    assert (message.seq, message.prev) == (41, "ab" * 32)


def test_the_ledger_takes_all_of_it(ledger: Ledger, registry: Registry) -> None:
    key = Ed25519PrivateKey.generate()
    start = END - timedelta(days=8)
    registry.add_node("askolan-1", "askolan", public_key_text(key.public_key()), start)
    week = messages_of(town_of(7, weeks=1), "askolan-1")
    result = ledger.append([Received(*signed, received_at=END) for signed in sign_chain(week, key)])
    assert (result.stored, result.duplicates, result.quarantined) == (len(week), 0, 0)
    assert ledger.node_states()["askolan-1"].chain_breaks == 0
    assert ledger.node_states()["askolan-1"].acked_seq == len(week)
    shown = ledger.events(node="askolan-1", limit=1000)
    assert len(shown) == sum(isinstance(message, Event) for message in week)
    assert all(event.simulated for event in shown)


def test_no_time_is_no_history(town: Town) -> None:
    assert list(node_history(town, "ekskolan-1", town.when.start).messages) == []


def test_each_episode_has_the_events_of_its_passes(town: Town) -> None:
    history = node_history(town, "ekskolan-1", END)
    events = {m.id: m for m in history.messages if isinstance(m, Event)}
    episodes = {one.number: one for one in town.episodes}
    assert len(history.episode_events) > 20
    for number, ids in history.episode_events.items():
        episode = episodes[number]
        assert town.sites[episode.site].id == "ekskolan"
        assert len(ids) <= episode.passes
        first = events[ids[0]].start - town.when.start
        assert first / timedelta(hours=1) == pytest.approx(episode.at_h, abs=0.3)
    # Most are heard whole enough to be recognised as more than single passes.
    assert fmean(len(ids) >= 4 for ids in history.episode_events.values()) > 0.8


def test_some_stand_and_rev(town: Town, events: list[Event]) -> None:
    standing = [event for event in events if event.speed_refused == "stationary"]
    assert standing
    assert all(event.duration_s > 10.0 for event in standing)
