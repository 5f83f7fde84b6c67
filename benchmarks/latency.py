"""How long after its end an event stands on the page: real time, real broker, real processes.

``python -m benchmarks.latency``: two nodes hear a burst of noise every few seconds, and the page
is asked 20 times a second whether it shows it. The end of an event is the last moment at which
the level was above the release threshold; the detector can only know it `hold_s` later, which
is shown beside.
"""

from __future__ import annotations

import statistics
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import soundfile

from sensor.passby.thresholds import DetectorConfig
from tests.system.chain import Chain

RATE = 48_000
BURSTS = 15
SPACING_S = 4.0
POLL_S = 0.05


def write_bursts(path: Path, first_s: float) -> None:
    """Noise bursts of half a second at about 85 dB."""
    random = np.random.default_rng(1)
    sound = 2e-4 * random.standard_normal(round((first_s + BURSTS * SPACING_S) * RATE))
    for number in range(BURSTS):
        start = round((first_s + number * SPACING_S) * RATE)
        sound[start : start + RATE // 2] += 0.4 * random.standard_normal(RATE // 2)
    soundfile.write(path, sound / 20, RATE, subtype="PCM_16")


def main() -> None:
    """Print the latencies."""
    nodes = {"latency-1": 2.0, "latency-2": 3.7}
    seen: dict[str, float] = {}
    with tempfile.TemporaryDirectory() as folder, Chain(Path(folder)) as chain:
        for node, first_s in nodes.items():
            path = Path(folder) / f"{node}.wav"
            write_bursts(path, first_s)
            chain.start(node, {"kind": "recording", "path": str(path), "full_scale_pa": 20.0})
        deadline = time.monotonic() + BURSTS * SPACING_S + 30
        while len(seen) < BURSTS * len(nodes) and time.monotonic() < deadline:
            for event in (event for node in nodes for event in chain.events(node)):
                end = datetime.fromisoformat(event["start"]) + timedelta(
                    seconds=event["duration_s"]
                )
                seen.setdefault(event["id"], (datetime.now(UTC) - end).total_seconds())
            time.sleep(POLL_S)
    latencies = sorted(seen.values())
    print(f"{len(latencies)} of {BURSTS * len(nodes)} events on the page")
    print(f"detector's hold: {DetectorConfig().hold_s:.2f} s")
    print(
        f"from the event's end to the page: median {statistics.median(latencies):.2f} s, "
        f"90 % within {latencies[int(0.9 * len(latencies))]:.2f} s, worst {latencies[-1]:.2f} s"
    )


if __name__ == "__main__":
    main()
