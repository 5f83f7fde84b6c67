"""Sound in at one end, an event with its level on the page at the other."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from deploy.demo_folder import Table
from tests.system.chain import Chain, measure

RATE = 48_000
FULL_SCALE_PA = 20.0
RECORDINGS = Path(__file__).parents[3] / "shared" / "reference" / "audio" / "esc10"


@pytest.fixture(scope="module")
def chain(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Chain]:
    with Chain(tmp_path_factory.mktemp("chain")) as running:
        yield running


def write_bursts(path: Path, levels_db: list[float]) -> None:
    """Bursts of 2 s of a 1 kHz tone, one every 8 s, in faint noise."""
    random = np.random.default_rng(1)
    sound = 2e-4 * random.standard_normal(8 * RATE * len(levels_db))
    tone = np.sqrt(2) * np.sin(2 * np.pi * 1000 * np.arange(2 * RATE) / RATE)
    for number, level_db in enumerate(levels_db):
        start = (8 * number + 4) * RATE
        sound[start : start + len(tone)] += 20e-6 * 10 ** (level_db / 20) * tone
    soundfile.write(path, sound / FULL_SCALE_PA, RATE, subtype="FLOAT")


def test_calibrated_bursts_become_events_with_their_levels_in_order(
    chain: Chain, tmp_path: Path
) -> None:
    levels_db = [84.0, 94.0, 78.0]
    write_bursts(tmp_path / "bursts.wav", levels_db)
    source: Table = {
        "kind": "recording", "path": str(tmp_path / "bursts.wav"),
        "full_scale_pa": FULL_SCALE_PA, "real_time": False,
    }  # fmt: skip
    events = chain.play("bursts-1", source)
    assert [event["lafmax_db"] for event in events] == pytest.approx(levels_db, abs=0.2)
    starts = [datetime.fromisoformat(event["start"]) for event in events]
    assert [(b - a).total_seconds() for a, b in itertools.pairwise(starts)] == (
        pytest.approx([8, 8], abs=0.3)
    )
    for event in events:
        assert 2.0 <= event["duration_s"] <= 4.0
        assert event["site"] == "ekskolan"
        assert event["simulated"] is False


def test_a_synthesised_street_is_found_again(chain: Chain, tmp_path: Path) -> None:
    truth_path = tmp_path / "truth.jsonl"
    source: Table = {
        "kind": "street", "seed": 7, "duration_s": 240.0, "event_interval_s": 20.0,
        "real_time": False, "truth_path": str(truth_path),
    }  # fmt: skip
    events = chain.play("street-1", source)
    truths = [json.loads(line) for line in truth_path.read_text().splitlines()]
    assert len(truths) >= 6
    spans = aligned(events, truths)
    # Each thing that happened is one event with its level, in the order in which it happened;
    # whatever else was found is a part of one of them, or still went on at the end.
    main = [
        max(
            (event for event, start_s, end_s in spans if start_s < truth["end_s"]
             and end_s > truth["start_s"]),
            key=lambda event: -abs(event["lafmax_db"] - truth["lafmax_db"]),
        )
        for truth in truths
    ]  # fmt: skip
    assert [event["lafmax_db"] for event in main] == pytest.approx(
        [truth["lafmax_db"] for truth in truths], abs=0.5
    )
    assert [event["start"] for event in main] == sorted({event["start"] for event in main})
    for event, start_s, end_s in spans:
        within = any(start_s < t["end_s"] and end_s > t["start_s"] for t in truths)
        assert within or "cut" in event["flags"], event
    assert all(event["simulated"] for event in events)


def aligned(
    events: list[dict[str, Any]], truths: list[dict[str, Any]]
) -> list[tuple[dict[str, Any], float, float]]:
    """Each event with its start and end in seconds of the street, by the loudest of both."""
    loudest = max(events, key=lambda event: float(event["lafmax_db"]))
    truth = max(truths, key=lambda truth: float(truth["lafmax_db"]))
    peak = datetime.fromisoformat(loudest["start"]) + timedelta(seconds=loudest["duration_s"] / 2)
    origin = peak - timedelta(seconds=(truth["start_s"] + truth["end_s"]) / 2)
    starts = [(datetime.fromisoformat(event["start"]) - origin).total_seconds() for event in events]
    return [
        (event, start_s, start_s + event["duration_s"])
        for event, start_s in zip(events, starts, strict=True)
    ]


@pytest.mark.recordings
@pytest.mark.skipif(not RECORDINGS.is_dir(), reason=f"the recordings are not in {RECORDINGS.name}")
@pytest.mark.parametrize("clip", ["dog_bark_1-30226-A", "chainsaw_1-19898-A", "rooster_1-26806-A"])
def test_a_real_recording_is_measured_alike_by_the_chain_and_by_hand(
    chain: Chain, clip: str
) -> None:
    path = str(RECORDINGS / f"{clip}.ogg")
    source: Table = {"kind": "recording", "path": path, "full_scale_pa": 2.0, "real_time": False}
    events = chain.play(clip.replace("_", "-").lower(), source)
    by_hand = measure("--full-scale-pa", "2", path)
    loudest = max(second["lafmax_db"] for second in by_hand if second["lafmax_db"] is not None)
    assert max(event["lafmax_db"] for event in events) == pytest.approx(loudest, abs=0.2)


def test_the_page_shows_the_events(chain: Chain, tmp_path: Path) -> None:
    write_bursts(tmp_path / "one.wav", [88.8])
    source: Table = {
        "kind": "recording", "path": str(tmp_path / "one.wav"), "full_scale_pa": FULL_SCALE_PA,
        "real_time": False,
    }  # fmt: skip
    chain.play("page-1", source)
    page = chain.reader.pages.get("/live").text
    assert "88,8" in page
    assert "Ekskolan" in page


def test_nothing_was_lost_or_refused(chain: Chain) -> None:
    summary = chain.reader.get("/api/v1/summary")
    assert summary["quarantined"] == 0
    states = {node["id"]: node for node in chain.reader.get("/api/v1/nodes")}
    assert states
