"""The short form of ``make chaos``: whatever fails, every message stands in the ledger once."""

from __future__ import annotations

import os

import pytest
from rich.console import Console

from tests.influx import INFLUXD
from tests.peers import MOSQUITTO
from tests.system.chaos.chaos import Chaos, Plan, chosen_seed
from tests.system.chaos.verdict import judge, show


@pytest.mark.skipif(
    (INFLUXD is None or MOSQUITTO is None) and os.environ.get("CI") != "true",
    reason="influxd or mosquitto is not installed",
)
def test_nothing_is_lost_whatever_fails() -> None:
    console = Console()
    plan = Plan(
        chosen_seed(),
        each=40,
        processes=2,
        down_s=(0.1, 0.8),
        between_s=(0.2, 0.8),
        most_faults=15,
        settle_s=90.0,
    )
    console.print(f"SEED={plan.seed}")
    with Chaos(plan) as chaos:
        happened = chaos.rage()
        chaos.settle()
        verdict = judge(chaos)
    show(happened, verdict, console)
    assert set(happened.times) == {"sensor", "network", "broker", "collector", "InfluxDB"}
    assert verdict.numbered == plan.nodes * plan.each
    assert verdict.holds
