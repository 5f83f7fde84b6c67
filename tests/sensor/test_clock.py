from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from msgspec import UNSET, UnsetType
from msgspec.structs import replace

from sensor.clock import ClockWatch, boot_s, boot_time
from sensor.contract import codec
from tests.sensor.contract.samples import samples

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)


@pytest.mark.parametrize("step_s", [3600.0, -3600.0, 0.6, -0.6, -1.79e9])
def test_a_setting_is_seen_once_with_its_size(step_s: float) -> None:
    watch = ClockWatch(NOW, 100.0)
    assert watch.set_by(NOW + timedelta(seconds=1), 101.0) == 0
    assert watch.set_by(NOW + timedelta(seconds=2 + step_s), 102.0) == pytest.approx(step_s)
    assert watch.set_by(NOW + timedelta(seconds=3 + step_s), 103.0) == 0


def test_a_clock_that_is_led_slowly_is_not_set() -> None:
    watch = ClockWatch(NOW, 0.0)
    led = [watch.set_by(NOW + timedelta(seconds=s * 1.0005), float(s)) for s in range(1, 7200)]
    assert set(led) == {0.0}


def test_the_boot_clock_travels_with_a_message_and_is_no_part_of_others() -> None:
    before, boot = boot_s(), boot_time()
    assert not isinstance(boot, UnsetType)
    assert before - 0.001 <= boot.s <= boot_s() + 0.001
    for message in samples().values():
        plain = codec.encode(replace(message, boot=UNSET))
        dated = codec.encode(replace(message, boot=boot))
        assert codec.decode(dated) == replace(message, boot=boot)
        assert b'"boot"' not in plain
