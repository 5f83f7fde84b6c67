"""Each rule finds what it should, nothing else, and says what it cannot know."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, get_args

import pytest

from collector.alert_config import AlertKind, AlertRules
from collector.alerts.condition import Condition, Findings, Unknown
from collector.alerts.hours import within
from collector.alerts.rules import RULES as EVERY_RULE
from collector.alerts.rules import judge
from collector.alerts.situation import EpisodeNow, RecentLevel, UpdatesNow
from collector.analysis.episodes import Episode, Reason
from collector.certificates import HOLDERS, Certificate, Holder
from collector.registry.wishes import End, NodeWish, Outcome, Rollout
from tests.collector.alerts.situations import NOW, RULES, SITE, node, server, situation


def found(findings: Findings) -> list[tuple[str, str]]:
    """Kind and subject of what holds."""
    return [(one.kind, one.subject) for one in findings.holds]


def only(findings: Findings) -> Condition:
    """The one thing that holds."""
    (one,) = findings.holds
    return one


def level(laeq_db: float, measured_s: float = 900.0) -> RecentLevel:
    """The level of the last quarter of an hour."""
    start = NOW - timedelta(minutes=15)
    return RecentLevel(
        start=start, end=NOW, laeq_db=laeq_db, measured_s=measured_s, simulated=False
    )


def test_where_all_is_well_no_rule_finds_anything() -> None:
    findings = judge(situation(node(), node(name="ekskolan-2", level=level(64.9))), RULES)
    assert findings == Findings((), frozenset())
    assert set(EVERY_RULE) == set(get_args(AlertKind))


def test_an_episode_is_told_with_why_and_how_fast() -> None:
    episode = Episode(
        start=NOW - timedelta(minutes=20), end=NOW - timedelta(minutes=2), passes=7, unconfirmed=1,
        lafmax_db=84.2, speed_kmh=46.0,
        reasons=(Reason("repeated_passes", {"visits": 6.0, "within_minutes": 12.4}),),
    )  # fmt: skip
    now = EpisodeNow(site=SITE, episode=episode, simulated=True, speed_kmh=(46.0, 43.0, 49.0))
    one = only(judge(situation(episodes=(now,)), RULES))
    assert (one.kind, one.subject, one.site, one.simulated) == (
        "episode", "ekskolan", "ekskolan", True
    )  # fmt: skip
    assert one.since == episode.start
    assert (one.facts["passes"], one.facts["speed_kmh"]) == (7, (46.0, 43.0, 49.0))
    assert one.facts["reasons"][0]["code"] == "repeated_passes"


@pytest.mark.parametrize(
    ("laeq_db", "measured_s", "holds"),
    [(65.0, 900.0, False), (65.1, 900.0, True), (80.0, 599.0, False), (80.0, 600.0, True)],
)
def test_a_night_is_loud_over_the_limit_where_enough_was_measured(
    laeq_db: float, measured_s: float, holds: bool
) -> None:
    findings = judge(situation(node(level=level(laeq_db, measured_s))), RULES)
    assert found(findings) == ([("night_level", "ekskolan-1")] if holds else [])


def test_a_node_is_silent_from_the_limit_on() -> None:
    assert found(judge(situation(node(29.9)), RULES)) == []
    one = only(judge(situation(node(30.1)), RULES))
    assert (one.kind, one.node, one.site) == ("node_silent", "ekskolan-1", "ekskolan")
    assert one.since == NOW - timedelta(minutes=30.1)
    # One that has not been mounted yet is not silent.
    assert judge(situation(node(None)), RULES) == Findings((), frozenset())


@pytest.mark.parametrize("hears_for", [None, timedelta(minutes=29)])
def test_who_hears_nothing_cannot_call_a_node_silent(hears_for: timedelta | None) -> None:
    since = None if hears_for is None else NOW - hears_for
    findings = judge(situation(node(45), server=server(hears_since=since)), RULES)
    assert found(findings) == []
    assert Unknown("node_silent", "ekskolan-1") in findings.unknown


@pytest.mark.parametrize("state", ["dead", "stuck", "implausible", "lost"])
def test_a_microphone_that_gives_no_sound_is_found(state: str) -> None:
    one = only(judge(situation(node(health={"microphone": state})), RULES))
    assert (one.kind, one.facts["state"]) == ("dead_microphone", state)
    assert one.since == NOW - timedelta(minutes=4)


def test_what_a_silent_node_last_said_is_not_known_to_hold() -> None:
    silent = node(31, health={"microphone": "dead", "disk_free_bytes": 5})
    findings = judge(situation(silent), RULES)
    assert found(findings) == [("node_silent", "ekskolan-1")]
    assert {one.kind for one in findings.unknown} == {"dead_microphone", "disk"}


@pytest.mark.parametrize(
    ("calibrated_at", "flags", "state"),
    [
        ("2026-06-01T10:00:00Z", (), None),
        ("2025-12-05T22:00:01Z", (), None),
        ("2025-12-04T21:59:59Z", (), "due"),
        ("2025-06-01T10:00:00Z", (), "due"),
        (None, (), None),  # what plays a recording has no microphone
        (None, ("calibration_due",), "never"),
        ("2026-06-01T10:00:00Z", ("calibration_due",), "flagged"),
        ("2026-06-01T10:00:00Z", ("calibration_invalid",), "invalid"),
    ],
)
def test_a_calibration_is_due_two_weeks_before_it_runs_out(
    calibrated_at: str | None, flags: tuple[str, ...], state: str | None
) -> None:
    findings = judge(situation(node(health={"calibrated_at": calibrated_at}, flags=flags)), RULES)
    assert [one.facts["state"] for one in findings.holds] == ([state] if state else [])
    if state == "due":
        due = datetime.fromisoformat(only(findings).facts["due"])
        assert due == datetime.fromisoformat(str(calibrated_at)) + timedelta(days=365)


def test_little_room_is_found_on_the_server_and_on_nodes() -> None:
    full = node(health={"disk_free_bytes": 199_000_000})
    findings = judge(situation(full, server=server(free_bytes=1_999_000_000)), RULES)
    assert found(findings) == [("disk", "server one"), ("disk", "ekskolan-1")]
    assert [one.facts["free_mb"] for one in findings.holds] == [1999, 199]
    assert [one.told_by for one in findings.holds] == ["one", None]
    elsewhere = situation(node(health={"disk_free_bytes": None}), server=server(free_bytes=None))
    assert judge(elsewhere, RULES) == Findings((), frozenset())


def test_a_part_that_has_not_worked_for_minutes_is_found() -> None:
    problems = {"broker": NOW - timedelta(minutes=5), "influxdb": NOW - timedelta(minutes=4)}
    one = only(judge(situation(server=server(problems=problems)), RULES))
    assert (one.kind, one.subject, one.told_by) == ("server", "broker of one", "one")


def wished(node_name: str, outcome: Outcome | None, days_ago: float = 1.0, **more: Any) -> NodeWish:
    """What became of a wish some days ago."""
    at = None if outcome is None else NOW - timedelta(days=days_ago)
    return NodeWish(
        node=node_name, number=1, made_at=NOW, payload=b"{}", signature="x", outcome=outcome,
        reason="it did not start", outcome_at=at, **more,
    )  # fmt: skip


def rolled_out(end: End | None, *members: NodeWish) -> UpdatesNow:
    """A rollout that ended so."""
    rollout = Rollout(
        id=7, version="0.2.0", manifest_sha256="", begun_at=NOW, stage=3, wait_s=0.0, end=end,
        ended_at=None if end is None else NOW - timedelta(days=1),
    )  # fmt: skip
    return UpdatesNow(newest={one.node: one for one in members}, rollout=rollout, members=members)


def test_a_rollout_that_was_stopped_is_one_thing_with_the_nodes_that_stopped_it() -> None:
    members = (wished("a", "current", rollout=7), wished("b", "returned", rollout=7),
               wished("c", None, rollout=7))  # fmt: skip
    nodes = [node(name=name) for name in "abc"]
    one = only(judge(situation(*nodes, updates=rolled_out("stopped", *members)), RULES))
    assert (one.kind, one.subject, one.site, one.node) == ("update", "0.2.0 (7)", None, None)
    assert (one.facts["working"], one.facts["nodes"]) == (1, 3)
    assert one.facts["failed"] == [
        {"node": "b", "outcome": "returned", "reason": "it did not start"}
    ]


@pytest.mark.parametrize(
    "updates",
    [
        UpdatesNow(),
        rolled_out(None, wished("a", "current", rollout=7)),
        rolled_out("done", wished("a", "current", rollout=7)),
        # By hand: who did it knows.
        rolled_out("stopped", wished("a", None, rollout=7)),
        # For long enough.
        rolled_out("stopped", wished("a", "returned", 15.0, rollout=7)),
        UpdatesNow(newest={"a": wished("a", "current")}),
        UpdatesNow(newest={"a": wished("a", "refused", 15.0)}),
    ],
)
def test_updates_that_need_nobody_are_not_told(updates: UpdatesNow) -> None:
    assert judge(situation(node(name="a"), updates=updates), RULES).holds == ()


def test_a_node_that_went_back_from_its_own_wish_is_told_at_its_site() -> None:
    updates = UpdatesNow(newest={"a": wished("a", "returned"), "gone": wished("gone", "refused")})
    one = only(judge(situation(node(name="a"), updates=updates), RULES))
    assert (one.kind, one.subject, one.site) == ("update", "a", "ekskolan")
    assert one.facts["outcome"] == "returned"


def ending(days: float, years: float = 2.0) -> Certificate:
    """A certificate that ends so soon."""
    ends = NOW + timedelta(days=days)
    return Certificate(ends - timedelta(days=365 * years), ends)


@pytest.mark.parametrize(
    ("holder", "certificate", "holds"),
    [
        ("broker", ending(59.9), True),
        ("broker", ending(60.1), False),
        ("broker", ending(-1.0), True),
        # Every node needs a new card before its authority ends.
        ("authority", ending(364.0, 20.0), True),
        ("authority", ending(366.0, 20.0), False),
        # A public authority's hold for 90 days, and are renewed when 30 are left.
        ("pages", ending(29.0, 90 / 365), False),
        ("pages", ending(22.0, 90 / 365), True),
        # The proxy's own hold for twelve hours.
        ("pages", ending(0.2, 0.5 / 365), False),
        ("pages", ending(0.1, 0.5 / 365), True),
    ],
)
def test_a_certificate_that_ends_soon_is_found(
    holder: Holder, certificate: Certificate, holds: bool
) -> None:
    findings = judge(situation(server=server(certificates={holder: certificate})), RULES)
    assert [one.subject for one in findings.holds] == [f"{holder} of one"] * holds
    # Of the others it is not known whether an alert about them is over.
    others = {Unknown("certificate", f"{one} of one") for one in HOLDERS if one != holder}
    assert findings.unknown == others
    if holds:
        (one,) = findings.holds
        assert (one.kind, one.told_by) == ("certificate", "one")
        assert one.facts == {"holder": holder, "ends": certificate.ends.isoformat()}


@pytest.mark.parametrize(
    ("changes", "moved"),
    [
        ({"silent_minutes": 60.0}, "node_silent"),
        ({"night_laeq_db": 75.0}, "night_level"),
        ({"node_free_mb": 10.0}, "disk"),
        ({"calibration_days": 2000.0}, "calibration_due"),
    ],
)
def test_limits_are_those_of_the_configuration(changes: dict[str, Any], moved: str) -> None:
    nodes = (
        node(31, name="a"),
        node(name="b", level=level(70.0)),
        node(name="c", health={"disk_free_bytes": 100_000_000}),
        node(name="d", health={"calibrated_at": "2024-06-01T10:00:00Z"}),
    )
    kinds = {kind for kind, _ in found(judge(situation(*nodes), RULES))}
    assert kinds == {"node_silent", "night_level", "disk", "calibration_due"}
    rules = AlertRules(**changes)
    assert {kind for kind, _ in found(judge(situation(*nodes), rules))} == kinds - {moved}


def test_what_is_simulated_says_so() -> None:
    silent = replace(situation(node(31, simulated=True)))
    assert only(judge(silent, RULES)).simulated


@pytest.mark.parametrize(
    ("hours", "clock", "holds"),
    [
        ("22:00-06:00", "2026-11-20T21:00Z", True),  # 22:00 there
        ("22:00-06:00", "2026-11-20T20:59Z", False),
        ("22:00-06:00", "2026-11-21T04:59Z", True),
        ("22:00-06:00", "2026-11-21T05:00Z", False),
        ("08:00-16:00", "2026-07-01T06:00Z", True),  # summer time
        ("08:00-16:00", "2026-07-01T14:00Z", False),
        ("00:00-00:00", "2026-07-01T14:00Z", True),
    ],
)
def test_hours_of_the_day_are_local_and_may_be_over_midnight(
    hours: str, clock: str, holds: bool
) -> None:
    assert within(hours, datetime.fromisoformat(clock), "Europe/Stockholm") is holds
