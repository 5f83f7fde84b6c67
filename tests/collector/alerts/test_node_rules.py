"""What a node tells of itself, and shows beside its neighbours, is found when it needs hands."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest

from collector.alert_config import AlertKind, AlertRules
from collector.alerts.alert import as_alert
from collector.alerts.condition import Condition, Unknown
from collector.alerts.node_rules import NODE_RULES, written_gb_a_day
from collector.alerts.rules import judge
from collector.analysis.drift import Drift, Untold
from tests.collector.alerts.situations import NOW, RULES, node, situation
from tests.collector.alerts.test_wording import words

BOOT = {"id": "0123abcd", "s": 2 * 86_400.0}
OLD, RECENT = ((NOW - timedelta(days=days)).isoformat() for days in (31, 8))
DRIFT = Drift(
    change_db=-3.04, low_db=-4.1, high_db=-2.0, since=date(2026, 10, 12),
    since_low=date(2026, 10, 12), since_high=date(2026, 10, 12), score=7.0, holds=True,
    nights=80, neighbours=4,
)  # fmt: skip


def holds(kind: AlertKind, health: dict[str, Any], rules: AlertRules = RULES) -> Condition | None:
    """What one rule finds of a node that told so; the others find nothing."""
    found = judge(situation(node(health=health)), rules).holds
    assert [one.kind for one in found] in ([], [kind])
    return found[0] if found else None


@pytest.mark.parametrize(
    ("kind", "health", "said"),
    [
        ("card", {"disk_read_only": True}, "går inte att skriva på längre"),
        ("card", {"disk_errors": 3, "disk_read_only": False}, "har räknat 3 fel"),
        ("card", {"disk_worn_share": 0.8}, "slitet till 80 %"),
        ("card", {"disk_worn_share": 0.7}, None),
        ("card", {"disk_errors": 0, "disk_read_only": False}, None),
        ("card", {"disk_written_bytes": 25 * 10**9, "boot": BOOT}, "skrivs 12,5 GB om dygnet"),
        ("card", {"disk_written_bytes": 19 * 10**9, "boot": BOOT}, None),
        ("card", {"disk_written_bytes": 25 * 10**9}, None),
        ("card", {"root": "writable"}, None),
        ("card", {"root": "refused"}, "systemdelen blev inte skrivskyddad"),
        ("card", {"root": "opened", "boot": BOOT}, "öppen för skrivning i mer än ett dygn"),
        ("card", {"root": "opened", "boot": {"id": "x", "s": 80_000.0}}, None),
        ("card", {"root": "read_only", "root_used_share": 0.8}, "fullt till 80 %"),
        ("card", {"root": "read_only", "root_used_share": 0.79}, None),
        ("card", {"root": "read_only", "system_current_at": OLD}, "aktuella på 31 dygn"),
        ("card", {"root": "read_only", "system_current_at": RECENT}, None),
        ("card", {"root": "read_only", "boot": {"id": "x", "s": 15 * 86_400.0}}, "en enda gång"),
        ("card", {"root": "read_only", "boot": BOOT}, None),
        ("card", {"root": "writable", "boot": {"id": "x", "s": 15 * 86_400.0}}, None),
        ("under_voltage", {"under_voltage": True}, "för låg just nu"),
        ("under_voltage", {"under_voltage": False, "under_voltage_since_boot": True}, "har varit"),
        ("under_voltage", {"under_voltage": False, "under_voltage_since_boot": False}, None),
        ("clock", {"clock_synchronised": False}, "inte mot någon tidsserver"),
        ("clock", {"clock_synchronised": True, "clock_offset_s": -1.26}, "går −1,3 s fel"),
        ("clock", {"clock_synchronised": True, "clock_offset_s": 0.9}, None),
        ("clock", {"clock_synchronised": False, "flags": ["simulated"]}, None),
        ("outbox", {"outbox_oldest_s": 7 * 3600.0, "outbox_depth": 40}, "sedan 7 timmar"),
        ("outbox", {"outbox_oldest_s": 5 * 3600.0, "outbox_depth": 40}, None),
        ("outbox", {"outbox_depth": 2001}, "2001 meddelanden väntar på att skickas."),
        ("outbox", {"outbox_depth": 2000}, None),
    ],
)
def test_what_a_node_tells_is_found_and_said(
    kind: AlertKind, health: dict[str, Any], said: str | None
) -> None:
    one = holds(kind, health)
    if said is None:
        assert one is None
    else:
        assert one is not None
        line = words().line(as_alert(one, NOW), NOW)
        assert line.startswith("Ekskolan, mätnod ekskolan-1: ")
        assert said in line
        without = words().line(as_alert(one, NOW), NOW, with_place=False)
        assert not without[0].islower()
        assert "ekskolan-1" not in without


@pytest.mark.parametrize(
    ("kind", "health", "rules"),
    [
        ("card", {"disk_worn_share": 0.5}, AlertRules(card_worn_share=0.5)),
        ("card", {"disk_written_bytes": 3 * 10**9, "boot": BOOT}, AlertRules(card_gb_a_day=1.0)),
        ("clock", {"clock_offset_s": 0.2}, AlertRules(clock_s=0.1)),
        ("outbox", {"outbox_depth": 11}, AlertRules(outbox_messages=10)),
        ("outbox", {"outbox_oldest_s": 4000.0}, AlertRules(outbox_hours=1.0)),
    ],
)
def test_limits_are_those_of_the_configuration(
    kind: AlertKind, health: dict[str, Any], rules: AlertRules
) -> None:
    assert holds(kind, health) is None
    assert holds(kind, health, rules) is not None


def test_what_a_silent_node_said_is_not_known_any_more() -> None:
    told = {"disk_errors": 1, "under_voltage": True, "clock_synchronised": False, "outbox_depth": 1}
    found = judge(situation(node(31, health=told)), RULES)
    assert [one.kind for one in found.holds] == ["node_silent"]
    unknown = {one.kind for one in found.unknown}
    assert {"card", "under_voltage", "clock", "outbox"} <= unknown


def test_a_drift_says_look_and_how_sure_it_is() -> None:
    found = judge(situation(node(), drifts={"ekskolan-1": DRIFT}), RULES)
    (one,) = found.holds
    assert one.kind == "drift"
    line = words().line(as_alert(one, NOW), NOW)
    assert "3,0 dB lägre jämfört med 4 grannar (2,0–4,1 dB, 95 %) sedan natten till 12 okt" in line
    assert "Titta på den." in line
    assert "defekt" not in line


def test_what_cannot_be_compared_stays_as_it_was() -> None:
    untold = Untold("few_neighbours", 40, 1)
    found = judge(situation(node(), drifts={"ekskolan-1": untold}), RULES)
    assert found.holds == ()
    assert found.unknown == {Unknown("drift", "ekskolan-1")}


def test_a_rate_of_writing_needs_a_day() -> None:
    assert written_gb_a_day({"disk_written_bytes": 10**9, "boot": {"id": "x", "s": 80_000.0}}) is (
        None
    )
    assert written_gb_a_day({"disk_written_bytes": 10**9, "boot": BOOT}) == pytest.approx(0.5)
    assert set(NODE_RULES) == {"card", "under_voltage", "clock", "outbox", "drift"}
