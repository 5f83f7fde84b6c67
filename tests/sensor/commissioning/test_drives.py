from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest

from sensor.commissioning.drives import pass_of, radar_findings
from sensor.config import Mounting
from sensor.contract.commissioning import Drive, KnownBy, Measured, Pass
from sensor.events import Passage, geometry
from sensor.inputs import SpeedReading
from sensor.inputs.simulated_radar import SimulatedRadar, SimulatedRadarConfig
from tests.peers import event

START = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
MOUNTING = Mounting(distance_m=6.0, spacing_m=0.3)


def readings(speed_kmh: float) -> list[SpeedReading]:
    """What a radar sees of one pass, nearest 10 s after the start."""
    config = SimulatedRadarConfig(
        speed_kmh=speed_kmh, distance_m=6.0, passes=1, every_s=20.0, real_time=False
    )
    return list(SimulatedRadar(config, START).readings())


def passed(speed_kmh: float) -> Pass:
    told = event("ekskolan-1", START + timedelta(seconds=8))
    return pass_of(Passage(told, START, None, readings(speed_kmh)), geometry(MOUNTING))


def drive(speed_kmh: float, known_kmh: float, known_by: KnownBy = "gps") -> Drive:
    return Drive(passed=passed(speed_kmh), known_kmh=known_kmh, known_by=known_by, direction=1)


def test_a_pass_keeps_what_each_way_says_beside_what_travels() -> None:
    one = passed(40.0)
    assert one.combined == Measured(
        method="stereo", speed_kmh=42.0, low_kmh=39.0, high_kmh=45.0, direction=1
    )
    (radar,) = one.by
    assert radar.method == "radar"
    assert radar.speed_kmh == pytest.approx(40.0, abs=1.5)
    assert radar.low_kmh is not None
    assert radar.high_kmh is not None
    assert radar.low_kmh < 40.0 < radar.high_kmh


def test_the_radars_angle_follows_from_known_speeds() -> None:
    # It sees 40 m along the road from 6 m beside it: under 8.5 degrees at the least.
    found = radar_findings([drive(40.0, 40.0), drive(31.0, 31.0), drive(50.0, 50.0)])
    assert found is not None
    assert found.drives == 3
    assert found.cosine == pytest.approx(0.98, abs=0.02)
    assert found.low < found.cosine < found.high
    assert 0 <= found.angle_deg < 20


def test_a_radar_that_looks_across_the_road_is_told() -> None:
    # All that it saw is 0.7 of the speed: cos 45.
    found = radar_findings([drive(28.3, 40.0), drive(35.4, 50.0)])
    assert found is not None
    assert found.angle_deg == pytest.approx(45.0, abs=4.0)


def test_the_interval_holds_what_is_not_known_of_the_speeds_however_many_drives() -> None:
    widths = []
    for count in (2, 5, 10):
        found = radar_findings([drive(40.0, 40.0, "speedometer")] * count)
        assert found is not None
        widths.append(found.high - found.low)
    assert all(later <= earlier for earlier, later in pairwise(widths))
    # At 40 km/h by a speedometer the true speed is from 32.7 to 40.
    assert widths[-1] == pytest.approx(2 * (40 - 32.7) / (40 + 32.7), abs=0.03)


def test_drives_that_no_radar_saw_tell_no_angle() -> None:
    told = event("ekskolan-1", START)
    unseen = pass_of(Passage(told, START, None, ()), geometry(MOUNTING))
    assert unseen.by == ()
    one = Drive(passed=unseen, known_kmh=40.0, known_by="gps", direction=None)
    assert radar_findings([one]) is None
    assert radar_findings([]) is None
