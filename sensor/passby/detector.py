"""Finds events in the level: where something louder, or something that moves, begins and ends."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from sensor.contract.messages import Flag, Trigger
from sensor.passby.background import BackgroundTracker
from sensor.passby.limits import RadarSightings, RateLimit
from sensor.passby.open_event import OpenEvent
from sensor.passby.summary import Detection, flags_of, lceq_of, normalised_7m5_db, summarise
from sensor.passby.thresholds import DetectorConfig
from sensor.passby.trace import STEP_S, steps_in
from sensor.passby.weather import RainWatch, wind_suspected

if TYPE_CHECKING:
    from sensor.acoustics.readings import LevelReading, LevelStep

__all__ = ["Detection", "DetectorConfig", "EventDetector", "normalised_7m5_db"]

LOOKBACK_S = 10.0
"""How far before its trigger an event may begin: a slow vehicle rises for seconds."""

SETTLED_S = 3.0
"""Steps older than this, with no event since, count as background."""


class EventDetector:
    """Turns the meter's steps and readings into events.

    An event opens when LAF reaches a threshold, rises far enough above the background, or the
    radar sees something fast enough. It lasts while LAF stays above the release threshold and
    within `fall_db` of its own peak, dips shorter than `hold_s` bridged, and is given out
    `hold_s` after its last such moment. Deeper and longer dips part two passes.

    Parameters
    ----------
    config : DetectorConfig
        The thresholds.
    sample_rate : int
        Frames a second of the stream.

    Attributes
    ----------
    dropped : int
        Events given up because of `maximum_per_hour`.
    """

    def __init__(self, config: DetectorConfig, sample_rate: int) -> None:
        self.dropped = 0
        self._config = config
        self._hold_frames = round(config.hold_s * sample_rate)
        self._background = BackgroundTracker(
            config.background_s, config.background_settle_s, sample_rate
        )
        self._rain = RainWatch(config)
        self._limit = RateLimit(config.maximum_per_hour, sample_rate)
        self._radar = RadarSightings(config.radar_kmh, sample_rate)
        self._readings: deque[LevelReading] = deque()
        # Steps since the last event, as far as the next one may reach back.
        self._before: deque[LevelStep] = deque(maxlen=steps_in(LOOKBACK_S))
        self._open: OpenEvent | None = None
        # Lowest level since an event ended above its release threshold; None when armed.
        self._valley_db: float | None = None
        self._next_frame: int | None = None
        self._observed_frame = 0

    @property
    def background_laf90_db(self) -> float | None:
        """LAF90 of the last minutes without events; None while too little is known."""
        return self._background.laf90_db

    def rain_suspected(self) -> bool:
        """Whether the last readings sound like rain."""
        return self._rain.suspected()

    def process(
        self, readings: Sequence[LevelReading], steps: Sequence[LevelStep]
    ) -> list[Detection]:
        """Return the events that these readings and steps end.

        Parameters
        ----------
        readings : sequence of LevelReading
            Those that the meter completed with a block, one a second.
        steps : sequence of LevelStep
            Likewise, one every 125 ms.
        """
        for reading in readings:
            self._readings.append(reading)
            self._rain.observe(reading)
        found = [event for step in steps for event in self._advance(step)]
        self._forget_readings()
        return found

    def radar(self, frame: int, speed_kmh: float) -> None:
        """Note that the radar saw something with `speed_kmh` at `frame`."""
        self._radar.note(frame, speed_kmh)

    def flush(self) -> list[Detection]:
        """Return the event that was going on, flagged ``cut``, since the stream has ended."""
        return self._close({"cut"}) if self._open else []

    def _advance(self, step: LevelStep) -> list[Detection]:
        found = self._break_at_gap(step)
        self._next_frame = step.start_frame + step.frames
        seen, fresh = self._radar.until(self._next_frame)
        if self._open is None:
            self._watch(step, radar=fresh)
            return found
        return found + self._follow(self._open, step, radar=seen)

    def _break_at_gap(self, step: LevelStep) -> list[Detection]:
        expected = step.start_frame if self._next_frame is None else self._next_frame
        if step.start_frame - expected < self._hold_frames:
            return []
        found = self._close({"gap"}) if self._open else []
        self._before.clear()
        self._valley_db = None
        return found

    def _watch(self, step: LevelStep, *, radar: bool) -> None:
        """Look for a beginning."""
        self._before.append(step)
        if len(self._before) > steps_in(SETTLED_S):
            self._observe(self._before[-steps_in(SETTLED_S) - 1])
        self._rearm(step.lafmax_db)
        trigger: Trigger | None = "radar" if radar else self._trigger(step.lafmax_db)
        if trigger:
            self._begin(list(self._before), trigger, self._valley_db)
            self._before.clear()

    def _threshold_db(self) -> float:
        """Lowest level that opens an event.

        Where even the background is louder than `level_db`, only what rises above it counts.
        """
        config, background_db = self._config, self._background.laf90_db
        if background_db is None:
            return config.level_db
        emergence_db = max(background_db + config.emergence_db, config.emergence_floor_db)
        return max(min(config.level_db, emergence_db), background_db + config.split_db)

    def _release_db(self) -> float:
        return self._threshold_db() - self._config.release_db

    def _trigger(self, level_db: float) -> Trigger | None:
        if not level_db >= self._threshold_db():
            return None
        if self._valley_db is not None and level_db < self._valley_db + self._config.split_db:
            return None
        return "level" if level_db >= self._config.level_db else "emergence"

    def _rearm(self, level_db: float) -> None:
        """While the last event fades, only a new rise from the lowest point since counts."""
        if self._valley_db is None:
            return
        if level_db < self._release_db():
            self._valley_db = None
        elif level_db < self._valley_db:
            self._valley_db = level_db
            while len(self._before) > 1:
                self._before.popleft()

    def _begin(self, steps: list[LevelStep], trigger: Trigger, noise_db: float | None) -> OpenEvent:
        """Open an event; over a lasting noise it ends when it has fallen back to that noise."""
        opens_db = self._threshold_db()
        if noise_db is not None:
            opens_db = max(opens_db, noise_db + self._config.split_db)
        self._valley_db = None
        self._open = OpenEvent(
            steps,
            trigger,
            release_db=opens_db - self._config.release_db,
            fall_db=self._config.fall_db,
            background_db=self._background.laf90_db,
        )
        return self._open

    def _follow(self, event: OpenEvent, step: LevelStep, *, radar: bool) -> list[Detection]:
        """Look for the end."""
        found: list[Detection] = []
        trigger = self._trigger(step.lafmax_db)
        dip = trigger and event.dip_before(
            step.lafmax_db, self._config.split_db, steps_in(self._config.split_s)
        )
        if trigger and dip:
            rest = event.cut_off(dip)
            found = self._close()
            self._before.clear()
            event = self._begin(rest, trigger, None)
        event.add(step, radar=radar)
        if event.quiet_steps >= steps_in(self._config.hold_s):
            return found + self._close()
        if self._is_too_long(event):
            return found + self._close({"cut"})
        return found

    def _is_too_long(self, event: OpenEvent) -> bool:
        longest = steps_in(self._config.maximum_s)
        if len(event.steps) < longest:
            return False
        return len(event.steps) - self._first(event) >= longest

    def _first(self, event: OpenEvent) -> int:
        """First step of `event` with its pre-roll, as far as there is sound before it."""
        first, _ = event.span(steps_in(self._config.hold_s))
        return max(0, first - round(self._config.pre_roll_s / STEP_S))

    def _close(self, flags: set[Flag] | None = None) -> list[Detection]:
        event, self._open = self._open, None
        if event is None:
            return []
        onset, last = event.span(steps_in(self._config.hold_s))
        first = self._first(event)
        for step in event.steps[:first]:
            self._observe(step)
        self._start_over(event, last)
        if event.heard and (last + 1 - onset) * STEP_S < self._config.minimum_s:
            return []
        return self._given_out(event, first, last, flags or set())

    def _start_over(self, event: OpenEvent, last: int) -> None:
        """Watch on; what fades after the event is not the beginning of the next one."""
        rest = event.steps[last + 1 :]
        lowest = min(range(len(rest)), key=lambda i: _or_quietest(rest[i].lafmax_db), default=0)
        self._before.clear()
        self._before.extend(rest[lowest:])
        levels_db = [x for x in event.levels_db[last:] if not math.isnan(x)]
        lowest_db = min(levels_db, default=-math.inf)
        self._valley_db = None if lowest_db < self._release_db() else lowest_db

    def _given_out(
        self, event: OpenEvent, first: int, last: int, flags: set[Flag]
    ) -> list[Detection]:
        steps = event.steps[first : last + 1]
        found = summarise(steps, self._readings, event.trigger, event.background_db)
        if found is None:
            return []
        if not self._limit.admits(found.end_frame):
            self.dropped += 1
            return []
        # What is lost during the hold may be the rest of the event.
        flags |= flags_of(event.steps[first:], self._readings)
        bands_db = {float(hz): level for hz, level in (found.bands_db or {}).items()}
        if wind_suspected(bands_db, lceq_of(steps), found.laeq_db, self._config):
            flags.add("wind_suspected")
        if self._rain.suspected():
            flags.add("rain_suspected")
        return [replace(found, flags=frozenset(flags))]

    def _observe(self, step: LevelStep) -> None:
        """Count a step as background, once."""
        if step.valid and step.start_frame >= self._observed_frame:
            self._background.observe(step.lafmax_db, step.start_frame, step.frames)
            self._observed_frame = step.start_frame + step.frames

    def _forget_readings(self) -> None:
        kept = self._open.steps if self._open else self._before
        oldest = kept[0].start_frame if kept else self._next_frame
        while self._readings and oldest is not None:
            reading = self._readings[0]
            if reading.start_frame + reading.frames > oldest:
                break
            self._readings.popleft()


def _or_quietest(level_db: float) -> float:
    return -math.inf if math.isnan(level_db) else level_db
