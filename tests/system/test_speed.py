"""A stereo recording with two pass-bys goes in at the sensor; two events with speeds come out."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import soundfile

from sensor.inputs.propagation import Motion
from tests.sensor.passby.generator import SAMPLE_RATE, Scenario, scenario, synthesise
from tests.system.chain import Chain

NEAR_M = 6.0
FAR_M = 9.0


def two_passes() -> Scenario:
    """A moped one way and, nine seconds later, an A-tractor the other way in the far lane."""
    return replace(
        scenario("normal", 10_000),
        vehicles=("moped4", "atractor"),
        motions=(
            Motion(speed_mps=47 / 3.6, nearest_s=5.0, lateral_m=NEAR_M),
            Motion(speed_mps=-33 / 3.6, nearest_s=14.0, lateral_m=FAR_M, height_m=0.35),
        ),
        snr_db=25.0,
        spacing_m=0.5,
        mic_height_m=2.5,
        yaw_deg=0.5,
        temperature_c=12.0,
        length_s=19.0,
    )


def test_two_passes_become_two_events_with_speed_direction_and_source(tmp_path: Path) -> None:
    made = two_passes()
    path = tmp_path / "passes.wav"
    soundfile.write(path, synthesise(made), SAMPLE_RATE, subtype="FLOAT")
    with Chain(tmp_path) as chain:
        events = chain.play(
            "stereo-1",
            {"kind": "recording", "path": str(path), "full_scale_pa": 5.0, "real_time": False},
            mounting={
                "distance_m": NEAR_M,
                "distance_back_m": FAR_M,
                "spacing_m": made.spacing_m,
                "mic_height_m": made.mic_height_m,
                "temperature_c": made.temperature_c,
            },
        )
    assert [event["direction"] for event in events] == [1, -1]
    for event, speed_kmh in zip(events, made.speeds_kmh, strict=True):
        assert event["speed_kmh"] == pytest.approx(speed_kmh, rel=0.2)
        assert event["speed_low_kmh"] <= speed_kmh <= event["speed_high_kmh"]
        assert event["speed_method"] in {"stereo", "fused"}
        # Without the model nothing is claimed of the source.
        assert event["source"] == "unclassified"
