"""A radar that sees vehicles that never drove, for demonstrations and tests."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from types import TracebackType
from typing import Annotated, Self

import numpy as np
from msgspec import Meta, Struct

from sensor.inputs.ops243 import SpeedReading

# The OPS243-A's step at 10,000 samples a second.
STEP_KMH = 0.22
_CUTOFF_KMH = 3.0
_SPREAD_KMH = 0.3


class SimulatedRadarConfig(
    Struct,
    frozen=True,
    kw_only=True,
    forbid_unknown_fields=True,
    tag="simulated_radar",
    tag_field="kind",
):
    """Passes at even intervals, seen by a radar beside the road.

    Attributes
    ----------
    speed_kmh : float
        Speed of every pass.
    distance_m : float
        From the radar to the line of driving.
    every_s : float
        From pass to pass; the first is nearest half of it after the beginning.
    passes : int, optional
        How many; without it they go on.
    readings_per_s : float
    sight_m : float
        How far along the road the radar sees.
    real_time : bool
        Paced by the clock, else at once.
    seed : int
    """

    speed_kmh: Annotated[float, Meta(ge=5, le=150)] = 42.0
    distance_m: Annotated[float, Meta(gt=0, le=50)] = 6.0
    every_s: Annotated[float, Meta(ge=1, le=3600)] = 20.0
    passes: Annotated[int, Meta(ge=1)] | None = None
    readings_per_s: Annotated[float, Meta(ge=1, le=50)] = 10.0
    sight_m: Annotated[float, Meta(ge=5, le=100)] = 40.0
    real_time: bool = True
    seed: int = 1


class SimulatedRadar:
    """Readings of :class:`SimulatedRadarConfig`'s passes.

    Parameters
    ----------
    config : SimulatedRadarConfig
    start : datetime, optional
        Time of the beginning (UTC).
    """

    simulated = True

    def __init__(self, config: SimulatedRadarConfig, start: datetime | None = None) -> None:
        self.config = config
        self._start = start or datetime.now(UTC)
        self._random = np.random.default_rng(config.seed)
        self._stopped = False

    @property
    def description(self) -> str:
        """One line about the source, for people."""
        return f"simulated radar, {self.config.speed_kmh:g} km/h every {self.config.every_s:g} s"

    def readings(self) -> Iterator[SpeedReading]:
        """Yield the readings of all passes."""
        number = 0
        while not self._stopped and (self.config.passes is None or number < self.config.passes):
            yield from self._one_pass((number + 0.5) * self.config.every_s)
            number += 1

    def stop(self) -> None:
        """End :meth:`readings`."""
        self._stopped = True

    def close(self) -> None:
        """Stop."""
        self.stop()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def _one_pass(self, nearest_s: float) -> Iterator[SpeedReading]:
        """Readings of a pass that is nearest `nearest_s` after the beginning."""
        speed_mps = self.config.speed_kmh / 3.6
        half_s = min(self.config.sight_m / speed_mps, self.config.every_s / 2.0)
        for after_s in np.arange(-half_s, half_s, 1.0 / self.config.readings_per_s).tolist():
            along_m = speed_mps * after_s
            cosine = along_m / np.hypot(along_m, self.config.distance_m)
            noisy = abs(self.config.speed_kmh * cosine) + self._random.normal(0.0, _SPREAD_KMH)
            seen_kmh = round(noisy / STEP_KMH) * STEP_KMH
            if seen_kmh < _CUTOFF_KMH:
                continue
            when = self._start + timedelta(seconds=nearest_s + after_s)
            if not self._until(when):
                return
            yield SpeedReading(when, round(seen_kmh, 2), "inbound" if after_s < 0 else "outbound")

    def _until(self, when: datetime) -> bool:
        """Wait for `when` in real time; False when stopped meanwhile."""
        while self.config.real_time and not self._stopped:
            left_s = (when - datetime.now(UTC)).total_seconds()
            if left_s <= 0:
                break
            time.sleep(min(left_s, 0.1))
        return not self._stopped
