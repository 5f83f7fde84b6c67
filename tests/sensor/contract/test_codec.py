from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, get_args

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import UNSET
from msgspec.structs import replace

from sensor.contract import codec, messages, quantities
from sensor.contract.errors import ContractError
from tests.sensor.contract.samples import GOLDEN, NODE, samples

KINDS = list(samples())

decibels = st.floats(-50, 200).map(lambda level: round(level, 1))
levels = st.none() | decibels
times = st.datetimes(datetime(1970, 1, 2), datetime(2100, 1, 1)).map(
    lambda t: t.replace(tzinfo=UTC)
)
flags = st.sets(st.sampled_from(get_args(messages.Flag))).map(lambda names: tuple(sorted(names)))
spectra = st.none() | st.dictionaries(st.sampled_from(messages.BAND_CENTRES), levels)
heads: st.SearchStrategy[Any] = st.fixed_dictionaries(
    {
        "node": st.from_regex(messages.NODE_PATTERN, fullmatch=True),
        "seq": st.integers(1, 2**53 - 1),
        "prev": st.binary(min_size=32, max_size=32).map(bytes.hex),
        "time": times,
    }
)


@st.composite
def level_batches(draw: st.DrawFn) -> messages.LevelBatch:
    series: Any = st.tuples(*[levels] * draw(st.integers(1, 5)))
    return messages.LevelBatch(
        **draw(heads), start=draw(times), interval_s=draw(st.integers(1, 720)),
        laeq_db=draw(series), lafmax_db=draw(series), lceq_db=draw(series),
        laf10_db=draw(levels), laf50_db=draw(levels), laf90_db=draw(levels),
        lcpeak_db=draw(levels), bands_db=draw(spectra), flags=draw(flags),
    )  # fmt: skip


@st.composite
def events(draw: st.DrawFn) -> messages.Event:
    low, speed, high = sorted(draw(st.tuples(*[st.floats(0, 500)] * 3)))
    known = draw(st.booleans())
    return messages.Event(
        **draw(heads), id=draw(st.binary(min_size=8, max_size=8)).hex(), start=draw(times),
        duration_s=draw(st.floats(0.1, 3600)), trigger="level", lafmax_db=draw(decibels),
        lae_db=draw(decibels), laeq_db=draw(decibels), background_laf90_db=draw(levels),
        emergence_db=draw(levels), bands_db=draw(spectra),
        source=messages.Source(kind=draw(st.sampled_from(get_args(messages.SourceKind)))),
        speed=messages.Speed(
            speed_kmh=speed, low_kmh=low, high_kmh=high,
            direction=draw(st.sampled_from([1, -1, None])),
            method="stereo",
        ) if known else None,
        speed_refused=None if known else draw(st.sampled_from(get_args(quantities.SpeedRefusal))),
        trace_lafmax_db=tuple(draw(st.lists(levels, max_size=5))), flags=draw(flags),
    )  # fmt: skip


def optional(values: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.just(UNSET) | values


@st.composite
def healths(draw: st.DrawFn) -> messages.Health:
    counts = st.integers(0, 2**53 - 1)
    truths = st.booleans()
    return messages.Health(
        **draw(heads), version="1", uptime_s=draw(st.floats(0, 1e10)), input="x", microphone="ok",
        outbox_depth=draw(counts), disk_free_bytes=None, memory_rss_bytes=None, cpu_load=None,
        cpu_temperature_c=None, clock_offset_s=None, clock_synchronised=draw(st.none() | truths),
        overflows=0, events_dropped=0, calibrated_at=draw(st.none() | times),
        cpu_own_share=draw(optional(st.floats(0, 1000))),
        memory_available_bytes=draw(optional(counts)), under_voltage=draw(optional(truths)),
        under_voltage_since_boot=draw(optional(truths)), throttled=draw(optional(truths)),
        throttled_since_boot=draw(optional(truths)), disk_written_bytes=draw(optional(counts)),
        disk_worn_share=draw(optional(st.floats(0, 1))), disk_errors=draw(optional(counts)),
        disk_read_only=draw(optional(truths)),
        root=draw(optional(st.sampled_from(["writable", "read_only", "opened", "refused"]))),
        root_used_share=draw(optional(st.floats(0, 1))), system_current_at=draw(optional(times)),
        microphone_lowest_db=draw(optional(decibels)),
        microphone_replugged=draw(optional(counts)),
        outbox_oldest_s=draw(optional(st.floats(0, 1e10))), flags=draw(flags),
    )  # fmt: skip


@pytest.mark.parametrize("kind", KINDS)
def test_the_bytes_of_each_kind_are_the_golden_ones(kind: str) -> None:
    assert codec.encode(samples()[kind]) == (GOLDEN / f"{kind}.json").read_bytes()


@pytest.mark.parametrize("kind", KINDS)
def test_golden_bytes_decode_to_the_message(kind: str) -> None:
    assert codec.decode((GOLDEN / f"{kind}.json").read_bytes()) == samples()[kind]


@pytest.mark.parametrize("kind", KINDS)
def test_a_payload_is_plain_json_that_starts_with_the_head(kind: str) -> None:
    fields = json.loads((GOLDEN / f"{kind}.json").read_bytes())
    assert list(fields)[:6] == ["v", "node", "seq", "prev", "time", "kind"]
    assert fields["time"].endswith("Z")


@settings(max_examples=200, deadline=None)
@given(st.one_of(level_batches(), events(), healths()))
def test_decode_reverses_encode(message: messages.Message) -> None:
    assert codec.decode(codec.encode(message)) == message


@settings(max_examples=500, deadline=None)
@given(st.binary(max_size=300))
def test_any_bytes_decode_or_raise_contract_error(payload: bytes) -> None:
    with pytest.raises(ContractError):
        codec.decode(payload)


@settings(max_examples=500, deadline=None)
@given(st.data())
def test_any_change_of_a_payload_decodes_or_raises_contract_error(data: st.DataObject) -> None:
    payload = bytearray((GOLDEN / f"{data.draw(st.sampled_from(KINDS))}.json").read_bytes())
    position = data.draw(st.integers(0, len(payload) - 1))
    payload[position : position + data.draw(st.integers(0, 3))] = data.draw(st.binary(max_size=3))
    try:
        message = codec.decode(bytes(payload))
    except ContractError:
        return
    assert codec.encode(message) == bytes(payload)


@dataclass
class Wrong:
    """A change of the golden event, and a word of the reason that it must be refused for."""

    change: dict[str, Any]
    reason: str


@pytest.mark.parametrize(
    "wrong",
    [
        Wrong({"lafmax_db": "82"}, "lafmax_db"),
        Wrong({"lafmax_db": 1e9}, "lafmax_db"),
        Wrong({"node": "A/b"}, "node"),
        Wrong({"seq": 0}, "seq"),
        Wrong({"v": 2}, "version 2"),
        Wrong({"kind": "levels"}, "levels|unknown field|required"),
        Wrong({"kind": "x"}, "unknown kind"),
        Wrong({"time": "2026-11-22T14:30:05+01:00"}, "UTC"),
        Wrong({"start": "yesterday"}, "start"),
        Wrong({"start": "9999-12-31T23:59:59Z"}, "start must be of a year"),
        Wrong({"time": "0001-01-01T00:00:00Z"}, "time must be of a year"),
        Wrong({"node": "ekskolan-1\n"}, "without a line end"),
        Wrong({"prev": "0" * 64 + "\n"}, "prev"),
        Wrong({"id": "0" * 16 + "\n"}, "id"),
        Wrong({"flags": ["overload", "gap"]}, "sorted"),
        Wrong({"bands_db": {"123": 50.0}}, "third octave"),
        Wrong({"speed_refused": "gap"}, "not both"),
        Wrong({"surprise": 1}, "surprise"),
    ],
    ids=lambda wrong: next(iter(wrong.change)),
)
def test_what_the_contract_does_not_allow_is_refused_with_its_place(wrong: Wrong) -> None:
    fields = json.loads((GOLDEN / "event.json").read_bytes())
    payload = json.dumps({**fields, **wrong.change}, separators=(",", ":")).encode()
    with pytest.raises(ContractError, match=wrong.reason):
        codec.decode(payload)


@pytest.mark.parametrize(
    ("old", "new"),
    [(b'"v":1,', b'"v":1,"v":1,'), (b'"v":1', b'"v": 1'), (b"82.4", b"82.40"), (b"}", b"}\n")],
    ids=["repeated key", "space", "spelling of a number", "newline"],
)
def test_a_message_has_one_form_only(old: bytes, new: bytes) -> None:
    payload = (GOLDEN / "event.json").read_bytes()
    at = payload.rindex(old)
    with pytest.raises(ContractError, match="one form"):
        codec.decode(payload[:at] + new + payload[at + len(old) :])


def test_nan_is_never_sent() -> None:
    event = samples()["event"]
    assert isinstance(event, messages.Event)
    with pytest.raises(ContractError):
        codec.encode(replace(event, laeq_db=float("nan")))
    with pytest.raises(ContractError, match="cannot carry"):
        codec.encode(replace(event, emergence_db=float("nan")))


def test_oversized_and_deeply_nested_payloads_are_refused() -> None:
    with pytest.raises(ContractError, match="more than"):
        codec.decode(b" " * (codec.MAX_PAYLOAD_BYTES + 1))
    with pytest.raises(ContractError):
        codec.decode(b'{"v":1,"kind":"event","x":' + b"[" * 60_000)


def test_an_event_id_follows_from_node_and_start() -> None:
    start = datetime(2026, 1, 2, tzinfo=UTC)
    assert messages.event_id(NODE, start) == messages.event_id(NODE, start)
    assert messages.event_id(NODE, start) != messages.event_id("other", start)


def test_live_and_ack_travel_too() -> None:
    live = messages.Live(
        node=NODE, time=datetime(2026, 1, 2, tzinfo=UTC), laeq_db=50.0, lafmax_db=None
    )
    assert codec.decode_live(codec.encode_live(live)) == live
    assert codec.encode_ack(messages.Ack(seq=7)) == b'{"seq":7}'
    asking = messages.Ack(seq=7, missing=((9, 12),), highest_seq=20, head_sha256="ab" * 32)
    for ack in (messages.Ack(seq=7), asking):
        assert codec.decode_ack(codec.encode_ack(ack)) == ack
    # What a later collector may add.
    assert codec.decode_ack(b'{"seq":7,"more":1}') == messages.Ack(seq=7)
    with pytest.raises(ContractError):
        codec.decode_ack(b'{"seq":-1}')
    for decode in (codec.decode_live, codec.decode_ack):
        with pytest.raises(ContractError, match="more than"):
            decode(b" " * (codec.MAX_PAYLOAD_BYTES + 1))


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"absent": []}, "absent"),
        ({"absent": [{"first": 3, "last": 2, "sha256": None}]}, "first must not"),
        ({"absent": [{"first": 1, "last": 2, "sha256": ["ab" * 32]}]}, "one hash for each"),
        ({"absent": [{"first": 1, "last": 5, "sha256": None}]}, "only what came before"),
        (
            {"absent": [{"first": a, "last": b, "sha256": None} for a, b in ((1, 3), (3, 4))]},
            "not overlap",
        ),
        ({"reason": "dull"}, "reason"),
    ],
)
def test_an_absence_that_makes_no_sense_is_refused(change: dict[str, Any], reason: str) -> None:
    fields = json.loads((GOLDEN / "absence.json").read_bytes())
    payload = json.dumps({**fields, **change}, separators=(",", ":")).encode()
    with pytest.raises(ContractError, match=reason):
        codec.decode(payload)
