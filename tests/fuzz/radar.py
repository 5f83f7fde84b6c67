"""What a radar, or a damaged line to it, can send."""

from __future__ import annotations

import math
from collections.abc import Iterable
from datetime import UTC, datetime
from random import Random

from sensor.inputs.ops243 import FASTEST_KMH, parse_line
from tests.fuzz.mutation import changed_json
from tests.fuzz.target import Target, require

_NOW = datetime(2026, 11, 2, 7, 0, tzinfo=UTC)


class RadarLines(Target):
    """Lines of a radar: a reading is a speed that the radar can tell, or there is none."""

    words = (b'"speed":', b'"direction":"inbound"', b'"magnitude":', b'{"Units":"km/h"}')

    def seeds(self) -> Iterable[bytes]:
        """What several firmwares write."""
        yield b'{"speed":28.5,"direction":"inbound","time":105,"tick":135}'
        yield b'{"time":"5.1","unit":"km/h","magnitude":"612","speed":"-44"}'
        yield b'{"speed":["28.5",12.1],"magnitude":[90,40],"direction":["inbound","outbound"]}'
        yield b"-33.1"
        yield b'{"Units":"km/h"}'

    def change(self, data: bytes, random: Random) -> bytes:
        """Change the JSON text."""
        return changed_json(data, random)

    def run(self, data: bytes) -> str:
        """Read a line as the driver does."""
        readings = parse_line(data.decode("utf-8", errors="replace"), _NOW)
        for reading in readings:
            require(0 < reading.speed_kmh <= FASTEST_KMH, "a speed is one that a radar can tell")
            require(reading.direction in {"inbound", "outbound", None}, "a direction has a name")
            require(
                reading.magnitude is None or math.isfinite(reading.magnitude),
                "a magnitude is a number",
            )
        return f"{min(len(readings), 2)} readings"
