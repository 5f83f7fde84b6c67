"""Watch over the microphone: is what it delivers sound at all?"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, replace
from typing import Final, Literal

from sensor.acoustics.readings import LevelReading

MicrophoneState = Literal["ok", "dead", "stuck", "implausible"]

# Seconds of the same finding before an alarm, and of the opposite before it ends.
ALARM_S: Final = 60
RECOVERY_S: Final = 60

# No street is louder, and no measurement microphone of a node bears more.
CEILING_DB: Final = 140.0
# Used when the microphone's own noise is not known: the quietest night is louder than this.
QUIETEST_STREET_DB: Final = 15.0
# The street is never this even for a minute; the noise of a microphone or a hum always is.
STEADY_SPAN_DB: Final = 1.5
# A microphone's port full of water leaves its own noise, and a little of the loudest sounds.
OWN_NOISE_SPAN_DB: Final = 6.0
# What an open input picks up from the mains: C beyond A by more than any traffic.
HUM_DB: Final = 22.0


@dataclass(frozen=True, slots=True)
class MicrophoneAlarm:
    """A change of the microphone's state.

    Parameters
    ----------
    state : {"ok", "dead", "stuck", "implausible"}
        The state from now on.
    since_frame : int
        Where what led to it began.
    text : str
        One sentence for people.
    """

    state: MicrophoneState
    since_frame: int
    text: str


class MicrophoneWatch:
    """Tells a dead, stuck, wet or unplugged microphone from a quiet street.

    Every reading is judged by itself: equal samples throughout (stuck), a level below the
    microphone's own noise (dead), a level that no street has, or a hum (implausible). Over a
    minute, a level as even as only a microphone's own noise is counts as dead too. A finding that
    lasts a minute raises an alarm; until the state is ok again, :meth:`judged` takes the levels out
    of the readings, and it takes them out of a single bad reading at once.

    Parameters
    ----------
    floor_db : float, optional
        A-weighted level that the microphone's own noise always exceeds.
    """

    def __init__(self, floor_db: float | None = None) -> None:
        self._floor_db = QUIETEST_STREET_DB if floor_db is None else floor_db
        self._recent: deque[LevelReading] = deque()
        self._finding: MicrophoneState = "ok"
        self._finding_since = 0
        self.state: MicrophoneState = "ok"
        self.since_frame = 0

    def process(self, reading: LevelReading) -> list[MicrophoneAlarm]:
        """Take in the next reading of about a second.

        Returns
        -------
        list of MicrophoneAlarm
            Empty unless the state changes with this reading.
        """
        if not reading.measured_frames and not (reading.under_range or reading.stuck):
            return []
        self._remember(reading)
        finding, since = self._found(reading)
        if finding != self._finding:
            self._finding, self._finding_since = finding, since
        lasting = reading.end_frame - self._finding_since
        wanted_s = RECOVERY_S if finding == "ok" else ALARM_S
        if finding == self.state or lasting < wanted_s * reading.sample_rate:
            return []
        self.state, self.since_frame = finding, self._finding_since
        return [MicrophoneAlarm(self.state, self.since_frame, _TEXTS[self.state])]

    def judged(self, reading: LevelReading) -> LevelReading:
        """The reading, without levels when they cannot be believed; call after :meth:`process`."""
        if self.state == "ok" and self.verdict(reading) == "ok":
            return reading
        return replace(
            LevelReading(reading.start_frame, reading.frames, reading.sample_rate),
            overload=reading.overload,
            gap=reading.gap,
            under_range=reading.under_range or self.verdict(reading) == "dead",
            stuck=reading.stuck,
        )

    def _remember(self, reading: LevelReading) -> None:
        self._recent.append(reading)
        while self._recent[-1].end_frame - self._recent[0].end_frame >= (
            ALARM_S * reading.sample_rate
        ):
            self._recent.popleft()

    def _found(self, reading: LevelReading) -> tuple[MicrophoneState, int]:
        """What is wrong now, and since when."""
        verdict = self.verdict(reading)
        if verdict != "ok":
            return verdict, reading.start_frame
        lasting = self._recent[-1].end_frame - self._recent[0].start_frame
        if lasting < ALARM_S * reading.sample_rate or not self._is_own_noise():
            return "ok", reading.start_frame
        # The minute that showed it is the minute it must last.
        return "dead", self._recent[0].start_frame

    def verdict(self, reading: LevelReading) -> MicrophoneState:
        """What is wrong with a reading by itself."""
        if reading.stuck:
            return "stuck"
        if not reading.measured_frames and not reading.under_range:
            return "ok"
        if reading.laeq_db is None or reading.laeq_db < self._floor_db:
            return "dead"
        highest = max(reading.laeq_db, reading.lafmax_db or 0.0)
        if highest > CEILING_DB or self._is_hum(reading):
            return "implausible"
        return "ok"

    def _is_hum(self, reading: LevelReading) -> bool:
        if None in (reading.lafmax_db, reading.lafmin_db, reading.lceq_db, reading.laeq_db):
            return False
        span = (reading.lafmax_db or 0.0) - (reading.lafmin_db or 0.0)
        beyond = (reading.lceq_db or 0.0) - (reading.laeq_db or 0.0)
        return span < STEADY_SPAN_DB and beyond > HUM_DB

    def _is_own_noise(self) -> bool:
        """Whether the last minute is as quiet and as even as the microphone's own noise."""
        levels = [r.laeq_db for r in self._recent if r.laeq_db is not None]
        if len(levels) < len(self._recent):
            return False
        even = max(levels) - min(levels) < STEADY_SPAN_DB
        return even and max(levels) < self._floor_db + OWN_NOISE_SPAN_DB


_TEXTS: Final[dict[MicrophoneState, str]] = {
    "ok": "the microphone delivers sound again",
    "dead": "the microphone is dead, wet or unplugged: it delivers no more than its own noise",
    "stuck": "the microphone is stuck: all its samples are equal; check its plug and its card",
    "implausible": (
        "the microphone delivers levels that no street has, or a hum: check its plug and its power"
    ),
}
