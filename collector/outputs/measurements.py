"""What InfluxDB is given: measurements, tags, fields and where they are kept.

``docs/influxdb.md`` shows this file as tables; a test keeps the two equal.
"""

from __future__ import annotations

from typing import Final

from collector.outputs.derived import (
    EPISODE,
    GUIDELINE,
    GUIDELINE_COMPARISON,
    HOUR_OF_WEEK,
    NODE_STATUS,
    PATROL,
    PATROL_EFFECT,
    PATROL_WINDOW,
    SITE,
    SITE_DAY,
    SITE_NOW,
    SITE_WEEK,
    SOURCE_WEEK,
    SPECTRUM_1H,
    SPEED_FIGURES,
)
from collector.outputs.line_protocol import FieldType, Measurement

SECONDS: Final = "seconds"
"""Retention policy of the values by the second, kept for :data:`SECONDS_KEPT_DAYS`."""

HOURS: Final = "hours"
"""Retention policy of the values by the hour, kept for good in shards of ten years."""

SECONDS_KEPT_DAYS: Final = 30

UNPLACED: Final = "unplaced"
"""Tag ``site`` of a node that hung nowhere known at that time."""

MEASURED: Final = "measured"
SIMULATED: Final = "simulated"
"""Values of the tag ``origin``."""

_NODE_TAGS: Final = ("site", "node", "origin")

_LEVELS: Final[dict[str, FieldType]] = {
    "laeq_db": "float",
    "energy": "float",
    "lafmax_db": "float",
    "lceq_db": "float",
}
STATISTICS: Final[dict[str, FieldType]] = {
    "laf10_db": "float",
    "laf50_db": "float",
    "laf90_db": "float",
    "lcpeak_db": "float",
}
"""What a node computes over a whole batch."""

SOUND_LEVEL: Final = Measurement("sound_level", _NODE_TAGS, _LEVELS)

SOUND_LEVEL_1M: Final = Measurement(
    "sound_level_1m", _NODE_TAGS, {**_LEVELS, "valid_s": "float", **STATISTICS}
)

SOUND_LEVEL_1H: Final = Measurement(
    "sound_level_1h",
    (*_NODE_TAGS, "weekday", "hour"),
    {
        "laeq_db": "float",
        "energy": "float",
        "lafmax_db": "float",
        "valid_s": "float",
        **STATISTICS,
    },
)

MEASURED_1H: Final = Measurement("measured_1h", _NODE_TAGS, {"valid_s": "float"})
"""What ``sound_level_1h`` has too, in one series a node: it is asked of all nodes at once."""

EVENT: Final = Measurement(
    "event",
    (*_NODE_TAGS, "source", "trigger"),
    {
        "id": "string",
        "seq": "integer",
        "duration_s": "float",
        "lafmax_db": "float",
        "lafmax_7m5_db": "float",
        "lae_db": "float",
        "laeq_db": "float",
        "energy": "float",
        "lcpeak_db": "float",
        "background_laf90_db": "float",
        "emergence_db": "float",
        "source_probability": "float",
        "speed_kmh": "float",
        "speed_low_kmh": "float",
        "speed_high_kmh": "float",
        "direction": "integer",
        "speed_method": "string",
        "speed_refused": "string",
        "flags": "string",
        "weekday": "string",
        "hour": "string",
    },
)

NODE_HEALTH: Final = Measurement(
    "node_health",
    _NODE_TAGS,
    {
        "seq": "integer",
        "version": "string",
        "uptime_s": "float",
        "input": "string",
        "microphone": "string",
        "outbox_depth": "integer",
        "disk_free_bytes": "integer",
        "memory_rss_bytes": "integer",
        "cpu_load": "float",
        "cpu_temperature_c": "float",
        "clock_offset_s": "float",
        "clock_error_s": "float",
        "clock_synchronised": "boolean",
        "overflows": "integer",
        "events_dropped": "integer",
        "cpu_own_share": "float",
        "memory_available_bytes": "integer",
        "under_voltage": "boolean",
        "under_voltage_since_boot": "boolean",
        "throttled": "boolean",
        "throttled_since_boot": "boolean",
        "disk_written_bytes": "integer",
        "disk_worn_share": "float",
        "disk_errors": "integer",
        "disk_read_only": "boolean",
        "root": "string",
        "root_used_share": "float",
        "microphone_lowest_db": "float",
        "microphone_replugged": "integer",
        "outbox_oldest_s": "float",
        "calibration_age_s": "float",
        "flags": "string",
    },
)

RETENTION_POLICIES: Final[dict[str | None, tuple[Measurement, ...]]] = {
    None: (SOUND_LEVEL_1M, EVENT, NODE_HEALTH, SITE),
    SECONDS: (SOUND_LEVEL, NODE_STATUS),
    HOURS: (
        SOUND_LEVEL_1H,
        MEASURED_1H,
        SPECTRUM_1H,
        EPISODE,
        SITE_DAY,
        SITE_WEEK,
        SOURCE_WEEK,
        SITE_NOW,
        HOUR_OF_WEEK,
        SPEED_FIGURES,
        GUIDELINE_COMPARISON,
        PATROL_WINDOW,
        PATROL_EFFECT,
        GUIDELINE,
        PATROL,
    ),
}
"""Measurements by retention policy; None is the database's default one."""


def policy_of(measurement: Measurement) -> str | None:
    """Retention policy that keeps `measurement`."""
    for policy, measurements in RETENTION_POLICIES.items():
        if measurement in measurements:
            return policy
    raise ValueError(f"{measurement.name} is kept nowhere")
