"""What InfluxDB is given that no single message says: the registry, and what the analysis makes.

As all of :mod:`collector.outputs.measurements`, shown as tables in ``docs/influxdb.md``.
"""

from __future__ import annotations

from typing import Final

from collector.outputs.line_protocol import FieldType, Measurement

SITE: Final = Measurement(
    "site",
    ("site", "municipality", "label"),
    {"name": "string", "latitude": "float", "longitude": "float", "note": "string"},
)

GUIDELINE: Final = Measurement(
    "guideline", ("site", "quantity"), {"value_db": "float", "source": "string"}
)

PATROL: Final = Measurement(
    "patrol",
    ("site",),
    {"id": "integer", "end_ms": "integer", "duration_s": "float", "note": "string"},
)

NODE_STATUS: Final = Measurement(
    "node_status",
    ("site", "node", "origin"),
    {
        "online": "integer",
        "silent_s": "float",
        "reported_s": "float",
        "microphone": "string",
        "microphone_ok": "integer",
        "outbox_depth": "integer",
        "clock_offset_s": "float",
        "clock_synchronised": "integer",
        "calibration_age_s": "float",
        "missing": "integer",
        "chain_breaks": "integer",
        "disk_free_bytes": "integer",
        "cpu_temperature_c": "float",
        "uptime_s": "float",
        "version": "string",
    },
)

EPISODE: Final = Measurement(
    "episode",
    ("site", "origin"),
    {
        "start_ms": "integer",
        "end_ms": "integer",
        "duration_s": "float",
        "passes": "integer",
        "unconfirmed": "integer",
        "lafmax_db": "float",
        "speed_kmh": "float",
        "reasons": "string",
        "visits": "integer",
        "within_minutes": "float",
        "turns": "integer",
        "vehicles": "integer",
        "revving_s": "float",
        "neighbours": "string",
        "weekday": "string",
        "hour": "string",
    },
)

_COUNTS: Final[dict[str, FieldType]] = {
    "episodes": "integer",
    "passes": "integer",
    "unconfirmed": "integer",
}
_SPEEDS: Final[dict[str, FieldType]] = {
    "speeds": "integer",
    "speeds_refused": "integer",
    "v50_kmh": "float",
    "v50_low_kmh": "float",
    "v50_high_kmh": "float",
    "v85_kmh": "float",
    "v85_low_kmh": "float",
    "v85_high_kmh": "float",
    "uncertainty_kmh": "float",
    "over_limit": "integer",
    "over_limit_of": "integer",
    "over_limit_share": "float",
    "over_limit_low": "float",
    "over_limit_high": "float",
    "over_30": "integer",
    "over_30_share": "float",
}

SITE_DAY: Final = Measurement("site_day", ("site", "origin"), {**_COUNTS, "measured_s": "float"})

SITE_WEEK: Final = Measurement(
    "site_week",
    ("site", "origin"),
    {
        **_COUNTS,
        "measured_s": "float",
        "episodes_a_week": "float",
        "episodes_a_week_low": "float",
        "episodes_a_week_high": "float",
        **_SPEEDS,
    },
)

SOURCE_WEEK: Final = Measurement("source_week", ("site", "origin", "source"), {"events": "integer"})

SPEED_FIGURES: Final = Measurement(
    "speed_figures", ("site", "origin", "weeks"), {"passes": "integer", **_SPEEDS}
)

HOUR_OF_WEEK: Final = Measurement(
    "hour_of_week",
    ("site", "origin", "weeks", "weekday", "hour"),
    {
        "rate": "float",
        "rate_low": "float",
        "rate_high": "float",
        "count": "integer",
        "measured_h": "float",
    },
)

SITE_NOW: Final = Measurement(
    "site_now",
    ("site", "origin"),
    {
        "name": "string",
        "latitude": "float",
        "longitude": "float",
        "as_of_ms": "integer",
        "nodes": "integer",
        "nodes_online": "integer",
        "measured_s": "float",
        "episodes": "integer",
        "expected": "float",
        "usual_low": "integer",
        "usual_high": "integer",
        "verdict": "string",
        "unmeasured_h": "integer",
    },
)

PATROL_WINDOW: Final = Measurement(
    "patrol_window",
    ("site", "origin", "chosen"),
    {
        "rank": "integer",
        "end_ms": "integer",
        "hours": "integer",
        "expected": "float",
        "expected_low": "float",
        "expected_high": "float",
        "seen": "integer",
        "measured_h": "float",
        "same_day_type": "integer",
    },
)

PATROL_EFFECT: Final = Measurement(
    "patrol_effect",
    ("site", "origin", "compared", "other"),
    {
        "ratio": "float",
        "ratio_low": "float",
        "ratio_high": "float",
        "says": "string",
        "before_weeks": "integer",
        "after_weeks": "integer",
        "count_before": "integer",
        "count_after": "integer",
        "measured_before_h": "float",
        "measured_after_h": "float",
        "dispersion": "float",
        "power": "float",
        "relapse_weeks": "integer",
    },
)

GUIDELINE_COMPARISON: Final = Measurement(
    "guideline_comparison",
    ("site", "node", "origin", "quantity", "weeks"),
    {
        "value_db": "float",
        "found": "float",
        "allowed": "float",
        "exceedances": "integer",
        "of": "integer",
        "coverage": "float",
        "verdict": "string",
        "source": "string",
    },
)

SPECTRUM_1H: Final = Measurement(
    "spectrum_1h",
    ("site", "node", "origin", "band"),
    {"leq_db": "float", "energy": "float", "valid_s": "float"},
)
