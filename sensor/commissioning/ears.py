"""What each channel hears, second by second, without the third octaves that nobody looks at."""

from __future__ import annotations

from collections import deque
from datetime import UTC, datetime
from typing import Final

from sensor.acoustics.meter import LevelReading, SoundLevelMeter, combine
from sensor.acoustics.watch import MicrophoneWatch
from sensor.blocks import AudioBlock
from sensor.contract.commissioning import ChannelLevels, ChannelNow, LevelFindings
from sensor.levels import rounded

MOST_CHANNELS: Final = 8
"""Beyond, nobody has a microphone to look at."""

MEASURED_S: Final = 10
"""Seconds of sound that a check of the levels takes."""


class Ears:
    """Measures every channel by itself.

    Parameters
    ----------
    sample_rate, channels : int
        Of the sound.
    full_scale_pa : float, optional
        Peak pressure at digital full scale, where there is such a limit.
    floor_db : float, optional
        Self-noise of the microphones.
    sensitivity : float
        Factor from the input's nominal to true pressure.
    """

    def __init__(
        self,
        sample_rate: int,
        channels: int,
        full_scale_pa: float | None,
        floor_db: float | None,
        sensitivity: float,
    ) -> None:
        self._floor_db = floor_db
        self._meters = [
            SoundLevelMeter(
                sample_rate,
                full_scale_pa=full_scale_pa,
                bands=False,
                channel=channel,
                sensitivity=sensitivity,
            )
            for channel in range(min(channels, MOST_CHANNELS))
        ]
        self._readings: list[deque[LevelReading]] = [deque(maxlen=MEASURED_S) for _ in self._meters]

    def hear(self, block: AudioBlock) -> None:
        """Take in the next block."""
        for meter, readings in zip(self._meters, self._readings, strict=True):
            measured, _ = meter.process(block)
            readings.extend(measured)

    def forget(self) -> None:
        """Let a check of the levels begin now."""
        for readings in self._readings:
            readings.clear()

    def now(self) -> tuple[ChannelNow, ...]:
        """What each channel heard in the last second; nothing before the first is over."""
        latest = [readings[-1] for readings in self._readings if readings]
        return tuple(
            ChannelNow(laf_db=rounded(one.lafmax_db), overload=one.overload) for one in latest
        )

    @property
    def heard_s(self) -> int:
        """Seconds that a check of the levels has heard by now."""
        return min(len(readings) for readings in self._readings)

    def findings(self) -> LevelFindings:
        """Return what was heard in the last :data:`MEASURED_S` seconds."""
        channels = tuple(self._levels(list(readings)) for readings in self._readings)
        difference = None
        if len(channels) > 1:
            first, second = channels[0].laeq_db, channels[1].laeq_db
            difference = None if first is None or second is None else round(second - first, 1)
        return LevelFindings(
            at=datetime.now(UTC),
            seconds=float(self.heard_s),
            channels=channels,
            difference_db=difference,
        )

    def _levels(self, readings: list[LevelReading]) -> ChannelLevels:
        watch = MicrophoneWatch(self._floor_db)
        verdicts = [watch.verdict(reading) for reading in readings]
        whole = combine(readings)
        return ChannelLevels(
            laeq_db=rounded(whole.laeq_db),
            lafmax_db=rounded(whole.lafmax_db),
            lafmin_db=rounded(whole.lafmin_db),
            overload=whole.overload,
            state=next((verdict for verdict in verdicts if verdict != "ok"), "ok"),
        )
