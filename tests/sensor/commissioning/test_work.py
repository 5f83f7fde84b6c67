from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import get_args

import numpy as np
import pytest

from sensor.acoustics.calibration import CALIBRATION_FILE, CalibrationStore
from sensor.commissioning import requests as ask
from sensor.commissioning.problems import Problem, WorkError
from sensor.commissioning.requests import REQUESTS
from sensor.contract.commissioning import CommissioningNow
from sensor.contract.messages import CalibrationCheck, Commissioning, Health
from sensor.events import Passage
from sensor.inputs import SpeedReading, StreetConfig
from tests.peers import event, wait_for
from tests.sensor.commissioning.bench import BEGIN, NODE, PLACE, Bench, bench
from tests.sensor.commissioning.sounds import RATE, quiet, tone, with_tap

CALIBRATE = ask.Calibrate(serial="31415", certificate="K-2026-0042", level_db=None)


def now(made: Bench) -> CommissioningNow:
    found = made.work.now()
    assert found is not None
    return found


def refusal(made: Bench, request: ask.Request) -> Problem:
    with pytest.raises(WorkError) as refused:
        made.work.act(request)
    return refused.value.problem


def test_ten_seconds_of_every_channel_are_measured(tmp_path: Path) -> None:
    with bench(tmp_path) as made:
        made.work.act(BEGIN)
        made.work.act(ask.Levels())
        assert now(made).listening == "levels"
        sound = quiet(11, level_pa=0.02)
        sound[:, 1] *= 2
        made.play(sound)
        found = now(made).findings.levels
        assert found is not None
        assert found.seconds == 10
        assert [channel.state for channel in found.channels] == ["ok", "ok"]
        assert found.difference_db == pytest.approx(6.0, abs=0.3)
        assert now(made).listening is None
        # Nothing of the street is kept from the meter by that.
        assert sum(block.frames for block in made.heard) == 11 * RATE


def test_a_dead_channel_is_told(tmp_path: Path) -> None:
    with bench(tmp_path) as made:
        made.work.act(BEGIN)
        made.work.act(ask.Levels())
        sound = quiet(11)
        sound[:, 1] = 1e-7 * np.random.default_rng(2).standard_normal(len(sound))
        made.play(sound)
        found = now(made).findings.levels
        assert found is not None
        assert [channel.state for channel in found.channels] == ["ok", "dead"]


@pytest.mark.parametrize(("swapped", "right"), [(False, True), (True, False)])
def test_taps_tell_the_order_and_are_kept_from_the_meter(
    tmp_path: Path, swapped: bool, right: bool
) -> None:
    with bench(tmp_path) as made:
        made.work.act(BEGIN)
        made.play(quiet(1))
        for microphone in (0, 1):
            made.work.act(ask.ListenForTap(microphone=microphone))
            made.play(with_tap(quiet(1.2), 0.6, microphone != swapped))
            assert now(made).listening is None
        order = now(made).findings.order
        assert order is not None
        assert order.right is right
        peak_pa = max(float(np.abs(block.pressure_pa).max()) for block in made.heard)
        assert peak_pa < 0.1
        # The meter is told that sound is missing, and of nothing else.
        assert [block.gap for block in made.heard].count(True) == 2


def test_a_calibrator_adjusts_and_is_kept_from_the_meter_until_it_is_off(tmp_path: Path) -> None:
    with bench(tmp_path) as made:
        made.work.act(BEGIN)
        made.play(quiet(1))
        made.work.act(CALIBRATE)
        made.play(tone(8, 93.2))
        made.play(quiet(3))
        found = now(made).findings.calibrator
        assert found is not None
        assert found.result == "initial"
        assert found.measured_db == pytest.approx(93.2, abs=0.01)
        assert not found.repeated
        assert made.adjusted == 1
        peak_pa = max(float(np.abs(block.pressure_pa).max()) for block in made.heard)
        assert peak_pa < 0.1
        # The second check confirms the first.
        made.work.act(CALIBRATE)
        made.play(tone(6, 93.2))
        again = now(made).findings.calibrator
        assert again is not None
        assert (again.result, again.repeated) == ("ok", True)
        assert again.measured_db == pytest.approx(94.0, abs=0.01)
        checks = [m for m in made.stored() if isinstance(m, CalibrationCheck)]
        assert [check.seq for check in checks] == [found.seq, again.seq]
        assert checks[1].result == "ok"
        store = CalibrationStore(tmp_path / CALIBRATION_FILE)
        assert [record.result for record in store.records] == ["initial", "ok"]


def test_a_tone_that_is_no_calibrators_is_told_why(tmp_path: Path) -> None:
    with bench(tmp_path) as made:
        made.work.act(BEGIN)
        made.work.act(ask.Calibrate(serial="1", certificate="", level_db=None))
        made.play(tone(7, 104.0))
        assert made.work.problem == "calibrator_unlike"
        assert now(made).findings.calibrator is None
        assert made.stored() == []


def test_what_is_waited_for_can_be_given_up(tmp_path: Path) -> None:
    with bench(tmp_path) as made:
        made.work.act(BEGIN)
        made.work.act(CALIBRATE)
        assert refusal(made, ask.Levels()) == "busy"
        assert refusal(made, ask.Sign(remarks="")) == "busy"
        made.work.act(ask.Stop())
        assert now(made).listening is None
        made.work.act(ask.Levels())


def test_passes_become_drives_while_somebody_works(tmp_path: Path) -> None:
    with bench(tmp_path) as made:
        start = datetime(2026, 11, 22, 12, tzinfo=UTC)
        made.work.passed(Passage(event(NODE, start), start, None, ()))
        made.work.act(BEGIN)
        for minute in range(12):
            at = start + timedelta(minutes=minute)
            made.work.passed(Passage(event(NODE, at), at, None, ()))
        passes = now(made).passes
        assert len(passes) == 10
        assert passes[0].at == start + timedelta(minutes=11)
        chosen = passes[3].event
        drive = ask.AddDrive(event=chosen, known_kmh=40, known_by="gps", direction=1)
        made.work.act(drive)
        made.work.act(drive)
        (kept,) = now(made).findings.drives
        assert kept.passed == passes[3]
        made.work.act(ask.RemoveDrive(event=chosen))
        assert now(made).findings.drives == ()
        gone = ask.AddDrive(event="0" * 16, known_kmh=40, known_by="gps", direction=1)
        assert refusal(made, gone) == "pass_unknown"


def test_a_message_is_followed_into_the_ledger(tmp_path: Path) -> None:
    with bench(tmp_path) as made:
        made.work.act(BEGIN)
        made.work.act(ask.Deliver())
        assert now(made).listening == "delivery"
        assert refusal(made, ask.Deliver()) == "busy"
        (sent,) = made.stored()
        assert isinstance(sent, Health)
        made.acked_seq = sent.seq
        wait_for(lambda: now(made).findings.delivery, what="no delivery")
        found = now(made).findings.delivery
        assert found is not None
        assert found.seq == sent.seq
        assert found.seconds is not None
        assert now(made).listening is None


def test_the_radar_is_shown_only_while_it_sees(tmp_path: Path) -> None:
    with bench(tmp_path) as made:
        made.work.act(BEGIN)
        assert now(made).radar_kmh is None
        made.work.see(SpeedReading(datetime.now(UTC), 37.26, "inbound"))
        assert now(made).radar_kmh == 37.3
        made.work.see(SpeedReading(datetime.now(UTC) - timedelta(seconds=3), 37.26, "inbound"))
        assert now(made).radar_kmh is None


def leave_out_all_but_place(made: Bench) -> None:
    made.work.act(PLACE)
    for step in ("levels", "order", "calibrator", "drives", "radar", "network", "clock"):
        made.work.act(ask.LeaveOut(step=step, reason=f"{step}: later"))


def test_what_is_signed_holds_all_that_was_found_and_left_out(tmp_path: Path) -> None:
    with bench(tmp_path) as made:
        assert refusal(made, ask.Sign(remarks="")) == "not_begun"
        made.work.act(BEGIN)
        leave_out_all_but_place(made)
        assert refusal(made, ask.Sign(remarks="")) == "unexplained"
        made.work.act(ask.LeaveOut(step="delivery", reason="no network here"))
        made.work.act(ask.LeaveOut(step="clock", reason=""))
        made.work.act(ask.CheckClock(phone_s=datetime.now(UTC).timestamp() + 5))
        made.work.act(ask.Sign(remarks="Regn."))
        (record,) = made.stored()
        assert isinstance(record, Commissioning)
        assert (record.technician, record.organisation) == ("Anna Ek", "Kungsbacka kommun")
        assert record.begun_at <= record.time
        assert record.findings == now(made).findings
        assert {one.step: one.reason for one in record.findings.left_out}["delivery"] == (
            "no network here"
        )
        assert {"levels_not_done", "delivery_not_done"} <= set(record.open_points)
        assert record.remarks == "Regn."
        assert record.flags == ("simulated",)
        clock = record.findings.clock
        assert clock is not None
        assert clock.phone_offset_s == pytest.approx(5, abs=0.5)
        assert now(made).signed_seq == record.seq
        # It stands; only a new one can follow.
        assert refusal(made, PLACE) == "signed"
        assert not made.work.at_work
        made.work.act(BEGIN)
        assert now(made).findings.place is None


def test_a_restart_loses_nothing_and_goes_on(tmp_path: Path) -> None:
    with bench(tmp_path) as made:
        made.work.act(BEGIN)
        made.work.act(PLACE)
        before = now(made)
    with bench(tmp_path) as again:
        assert now(again).findings == before.findings
        assert again.work.at_work
        again.work.act(ask.CheckNetwork())
        assert now(again).findings.network is not None


def test_a_damaged_file_does_not_keep_a_node_from_measuring(tmp_path: Path) -> None:
    with bench(tmp_path) as made:
        made.work.act(BEGIN)
    (tmp_path / "commissioning" / "progress.json").write_text("{")
    with bench(tmp_path) as again:
        assert again.work.now() is None
        again.play(quiet(1))
        again.work.act(BEGIN)
        assert again.work.now() is not None


def test_nobody_works_and_nothing_is_heard_while_the_door_is_shut(tmp_path: Path) -> None:
    with bench(tmp_path) as made:
        made.work.act(BEGIN)
        made.work.end_hearing()
        assert not made.work.at_work
        assert made.work.live() is None
        made.play(quiet(2))
        assert now(made).channels == ()
        assert len(made.heard) == 20


def test_one_microphone_has_no_order(tmp_path: Path) -> None:
    with bench(tmp_path, input=StreetConfig(channels=1), radar=None, mounting=None) as made:
        made.work.act(BEGIN)
        assert refusal(made, ask.ListenForTap(microphone=0)) == "no_second_microphone"
        findings = now(made).findings
        assert not any(findings.applies(step) for step in ("order", "radar", "drives"))


def test_every_request_has_an_address() -> None:
    assert set(REQUESTS.values()) == set(get_args(ask.Request))
