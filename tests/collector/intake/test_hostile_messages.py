"""Any bytes on any topic: nothing fails, nothing wrong is stored, all is counted."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Final

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace
from sqlalchemy import Engine

from sensor.contract import codec, topics
from sensor.contract.messages import Event, Live, Source, event_id
from tests.collector.conftest import ONLY_SQLITE
from tests.fuzz.intake import NODE, OTHER, START, Entrance, deliveries
from tests.fuzz.mutation import changed_json
from tests.peers import event, levels

GOOD: Final = codec.encode(event(NODE, START))
EVENTS: Final = topics.topic(NODE, "event").encode()
OUTCOMES: Final = {"stored", "known", "quarantined", "status", "live"}


@pytest.fixture
def entrance(engine: Engine) -> Iterator[Entrance]:
    """A collector's way in, without a broker."""
    made = Entrance(engine)
    yield made
    made.close()


def event_of_bytes(size: int) -> bytes:
    """A message that is as long as told."""
    short = event(NODE, START, source=Source(kind="car", probability=0.5, scores={"": 0.5}))
    name = "x" * (size - len(codec.encode(short)))
    return codec.encode(replace(short, source=replace(short.source, scores={name: 0.5})))


def dated(time: datetime) -> bytes:
    """The message as a node sends it whose clock stands there."""
    return codec.encode(event(NODE, time))


@dataclass
class Case:
    """A payload that the node signs, and why it is refused; None: it is stored."""

    payload: Callable[[], bytes]
    reason: str | None = "undecodable"


def changed(old: bytes, new: bytes) -> Callable[[], bytes]:
    """The good message with something else in it."""
    assert old in GOOD, old
    return lambda: GOOD.replace(old, new)


CASES: Final = {
    "as large as allowed": Case(lambda: event_of_bytes(codec.MAX_PAYLOAD_BYTES), None),
    "a byte larger": Case(lambda: event_of_bytes(codec.MAX_PAYLOAD_BYTES) + b" ", "oversized"),
    "a megabyte": Case(lambda: b"x" * 2**20, "oversized"),
    "empty": Case(lambda: b""),
    "deep arrays": Case(lambda: b"[" * 60_000),
    "deep objects": Case(changed(b'"bands_db":null', b'"bands_db":' + b'{"a":' * 10_000)),
    "a huge integer": Case(changed(b'"seq":1', b'"seq":1' + b"0" * 400)),
    "an integer of 5,000 digits": Case(changed(b'"seq":1', b'"seq":' + b"9" * 5000)),
    "a number beyond 2^53": Case(changed(b'"seq":1', b'"seq":9007199254740992')),
    "a huge float": Case(changed(b'"lafmax_db":82.0', b'"lafmax_db":1e400')),
    "NaN": Case(changed(b'"lafmax_db":82.0', b'"lafmax_db":NaN')),
    "infinity": Case(changed(b'"lafmax_db":82.0', b'"lafmax_db":-Infinity')),
    "another unit": Case(changed(b'"speed_kmh":42.0', b'"speed_mps":11.7')),
    "a unit in the value": Case(changed(b'"lafmax_db":82.0', b'"lafmax_db":"82 dB"')),
    "watts in place of decibels": Case(changed(b'"lae_db":85.0', b'"lae_db":316227766.0')),
    "another node": Case(lambda: codec.encode(event(OTHER, START)), "wrong_node"),
    "a line end behind the node": Case(changed(NODE.encode(), NODE.encode() + b"\\n")),
    "a line end behind the hash": Case(changed(b'0","time"', b'0\\n","time"')),
    "another kind": Case(lambda: codec.encode(levels(NODE, START)), "wrong_kind"),
    "1970": Case(lambda: dated(datetime(1970, 1, 1, tzinfo=UTC)), None),
    "2100": Case(lambda: dated(datetime(2100, 1, 1, tzinfo=UTC)), None),
    "the year 9999": Case(changed(b'"start":"2026', b'"start":"9999')),
    "the year 1": Case(changed(b'"start":"2026', b'"start":"0001')),
    "no time zone": Case(changed(b'00Z","duration', b'00","duration')),
    "another time zone": Case(changed(b'00Z","duration', b'00+01:00","duration')),
    "a key twice": Case(changed(b'"lae_db":', b'"lae_db":84.0,"lae_db":')),
    "a key spelled otherwise": Case(changed(b'"lae_db":', b'"\\u006cae_db":')),
    "a byte order mark": Case(lambda: b"\xef\xbb\xbf" + GOOD),
    "invalid UTF-8": Case(changed(b'"moped_motorcycle"', b'"moped\xff\xfe"')),
    "a surrogate in UTF-8": Case(changed(b'"moped_motorcycle"', b'"\xed\xa0\x80"')),
    "a lone surrogate": Case(changed(b'"moped_motorcycle"', b'"\\ud800"')),
    "a NUL behind": Case(lambda: GOOD + b"\0"),
    "two messages": Case(lambda: GOOD + GOOD),
}


@ONLY_SQLITE
@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_what_a_node_signs_is_stored_or_refused_with_its_reason(
    entrance: Entrance, case: Case
) -> None:
    payload = case.payload()
    outcome = entrance.hand_over(EVENTS, payload, entrance.signature_of("own", payload))
    told = [item.reason for item in entrance.ledger.quarantined()]
    assert (outcome, told) == (
        ("stored", []) if case.reason is None else ("quarantined", [case.reason])
    )


def test_all_of_it_in_one_ledger_leaves_the_ledger_true(entrance: Entrance) -> None:
    for case in CASES.values():
        payload = case.payload()
        entrance.hand_over(EVENTS, payload, entrance.signature_of("own", payload))
    # All that could be stored have the same number.
    assert entrance.ledger.counts().messages == 1
    assert entrance.tally == {"stored": 1, "quarantined": len(CASES) - 1}
    entrance.verify()


def test_a_text_may_hold_what_no_database_likes(entrance: Entrance) -> None:
    name = "\0\ufeff\u2028\U0001f6f5' ; DROP TABLE message --"
    message = event(NODE, START, source=Source(scores={name: 0.5}))
    payload = codec.encode(message)
    assert entrance.hand_over(EVENTS, payload, entrance.signature_of("own", payload)) == "stored"
    (stored,) = entrance.ledger.after(0, 10)
    assert isinstance(stored.message, Event)
    assert stored.message.source.scores == {name: 0.5}
    entrance.verify()


def test_levels_at_the_ends_of_the_calendar_are_shown(entrance: Entrance) -> None:
    starts = [datetime(1900, 1, 1, tzinfo=UTC), datetime(2199, 12, 31, 22, 59, 59, tzinfo=UTC)]
    for start in starts:
        message = entrance.nodes[NODE].signed(levels(NODE, start, interval_s=60, count=60))
        pairs = [("sig", str(message.signature))]
        assert entrance.hand_over(message.topic.encode(), message.payload, pairs) == "stored"
        shown = entrance.ledger.levels(NODE, start, start + timedelta(hours=1))
        assert len(shown.laeq_db) == 60
    entrance.verify()


@ONLY_SQLITE
@pytest.mark.parametrize(
    "pairs",
    [
        [("sig", "x" * 60_000)],
        [("sig", "\ufeff")],
        [("sig", "\0")],
        [("sig", "")],
        [("", "")],
        [("SIG", "a..b")],
        [("sig", "eyJhbGciOiJub25lIn0..")],
        [("other", "\U0001f6f5")] * 500,
    ],
    ids=["long", "mark", "NUL", "empty", "nameless", "capitals", "alg none", "many"],
)
def test_strange_user_properties_are_no_signature(
    entrance: Entrance, pairs: list[tuple[str, str]]
) -> None:
    assert entrance.hand_over(EVENTS, GOOD, pairs) == "quarantined"
    (refused,) = entrance.ledger.quarantined()
    assert refused.reason in {"unsigned", "forged"}


@ONLY_SQLITE
def test_a_live_reading_without_a_time_zone_is_not_shown(entrance: Entrance) -> None:
    reading = codec.encode_live(Live(node=NODE, time=START, laeq_db=50.0, lafmax_db=None))
    topic = topics.topic(NODE, topics.LIVE).encode()
    for time in (b"2026-11-02T07:00:00", b"9999-12-31T23:59:59Z", b"2026-11-02T08:00:00+01:00"):
        entrance.hand_over(topic, reading.replace(b"2026-11-02T07:00:00Z", time), [])
    entrance.hand_over(topic, reading.replace(b"[]", b"[" + b'"gap",' * 90_000 + b'"gap"]'), [])
    assert entrance.live.all() == {}
    entrance.hand_over(topic, reading, [])
    assert list(entrance.live.all()) == [NODE]


_HERE = settings(
    max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


def test_changed_messages_end_in_one_place(entrance: Entrance) -> None:
    @_HERE
    @given(
        st.sampled_from(deliveries()), st.randoms(use_true_random=False), st.integers(1, 3),
        st.sampled_from(["own", "own", "none", "other", "revoked"]),
    )  # fmt: skip
    def hand_over(delivery: tuple[str, str, bytes], random: Random, changes: int, how: str) -> None:
        _, topic, payload = delivery
        for _ in range(changes):
            payload = changed_json(payload, random)
        pairs = entrance.signature_of(how, payload)
        assert entrance.hand_over(topic.encode(), payload, pairs) in OUTCOMES

    hand_over()
    entrance.verify()


def test_any_topic_payload_and_properties_end_in_one_place(entrance: Entrance) -> None:
    kinds = st.sampled_from([*codec.KINDS, "live", "status", "ack", "config", "", "EVENT"])
    ours = st.builds(topics.topic, st.sampled_from([NODE, "nobody", "", "a/b", "A"]), kinds).map(
        str.encode
    )

    @_HERE
    @given(
        st.binary(max_size=60) | st.text(max_size=60).map(str.encode) | ours,
        st.binary(max_size=300) | st.sampled_from([b"online", b"offline", b"{}", GOOD]),
        st.lists(st.tuples(st.text(max_size=9) | st.just("sig"), st.text(max_size=60)), max_size=4),
    )
    def hand_over(topic: bytes, payload: bytes, pairs: list[tuple[str, str]]) -> None:
        assert entrance.hand_over(topic, payload, pairs) in OUTCOMES

    hand_over()
    entrance.verify()
    payload = codec.encode(event(NODE, START, id=event_id(NODE, START)))
    pairs = entrance.signature_of("own", payload)
    assert entrance.hand_over(EVENTS, payload, pairs) == "stored"
