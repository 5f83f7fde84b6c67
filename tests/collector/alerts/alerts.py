"""Alerts of every kind, made by hand."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from collector.alert_config import AlertKind
from collector.alerts.alert import Alert
from tests.collector.alerts.situations import NOW

FACTS: dict[AlertKind, dict[str, Any]] = {
    "episode": {
        "end": "2026-11-20T21:58:00+00:00", "passes": 7, "unconfirmed": 1, "lafmax_db": 84.2,
        "speed_kmh": [46.0, 43.4, 49.1],
        "reasons": [
            {"code": "repeated_passes", "numbers": {"visits": 6.0, "within_minutes": 12.4},
             "sites": []},
            {"code": "both_directions", "numbers": {"turns": 3.0}, "sites": []},
            {"code": "several_vehicles", "numbers": {"vehicles": 3.0, "times": 2.0}, "sites": []},
            {"code": "revving", "numbers": {"times": 2.0, "seconds": 41.0}, "sites": []},
        ],
    },
    "night_level": {
        "start": "2026-11-20T21:45:00+00:00", "end": "2026-11-20T22:00:00+00:00", "laeq_db": 68.3,
        "measured_s": 870.0, "whole_s": 900.0, "limit_db": 65.0,
    },
    "node_silent": {},
    "dead_microphone": {"state": "stuck"},
    "calibration_due": {"state": "due", "due": "2026-12-04T10:00:00+00:00"},
    "disk": {"free_mb": 150, "limit_mb": 200.0},
    "card": {"state": "worn", "worn_share": 0.9},
    "under_voltage": {"state": "earlier"},
    "clock": {"state": "off", "offset_s": -2.5},
    "outbox": {"messages": 2100, "hours": 7},
    "drift": {
        "change_db": -3.1, "low_db": -4.0, "high_db": -2.2, "since": "2026-10-12",
        "since_low": "2026-10-08", "since_high": "2026-10-14", "neighbours": 4,
    },
    "server": {"part": "broker"},
    "update": {
        "own": False, "version": "0.2.0", "working": 2, "nodes": 9,
        "failed": [
            {"node": "askolan-1", "outcome": "returned", "reason": "it did not start"},
            {"node": "askolan-2", "outcome": "refused", "reason": ""},
        ],
    },
    "certificate": {"holder": "broker", "ends": "2027-01-04T10:00:00+00:00"},
}  # fmt: skip


def alert(kind: AlertKind, number: int = 1, **changes: Any) -> Alert:
    """An alert at Ekskolan that has been open for a while."""
    of_server = kind in {"server", "certificate", "update"}
    values: dict[str, Any] = {
        "id": number,
        "kind": kind,
        "subject": "broker of one" if of_server else f"ekskolan-{number}",
        "simulated": False,
        "site": None if of_server else "ekskolan",
        "node": None if kind == "episode" or of_server else f"ekskolan-{number}",
        "told_by": "one" if of_server else None,
        "since": NOW - timedelta(minutes=35),
        "facts": FACTS[kind],
        "opened_at": NOW - timedelta(minutes=5),
    }
    return Alert(**{**values, **changes})
