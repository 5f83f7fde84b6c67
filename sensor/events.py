"""From a detection and its sound to the event that travels."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

import numpy as np

from sensor.blocks import AudioBlock
from sensor.config import Mounting
from sensor.contract.messages import Event, Flag, Source, Speed, draft, event_id
from sensor.contract.quantities import SpeedRefusal
from sensor.inputs import SpeedReading
from sensor.levels import rounded, spectrum
from sensor.passby.detector import Detection, normalised_7m5_db
from sensor.passby.geometry import Geometry
from sensor.passby.speed import SpeedRefused, estimate_speed
from sensor.passby.vehicle import VehicleClassifier

UNCLASSIFIED = Source(kind="unclassified")


@dataclass(frozen=True, slots=True, eq=False)
class Passage:
    """An event with what it was made of, in memory for as long as it is looked at.

    Attributes
    ----------
    event : Event
    start : datetime
        When `sound` begins.
    sound : AudioBlock, optional
    radar : sequence of SpeedReading
    """

    event: Event
    start: datetime
    sound: AudioBlock | None
    radar: Sequence[SpeedReading]


class EventAnalyst:
    """Says of a detection what it was and how fast.

    Parameters
    ----------
    node : str
        Who measures.
    mounting : Mounting, optional
        Where the microphones hang; without it there is no speed.
    classifier : VehicleClassifier, optional
        Without it sources stay unclassified.
    channel : int
        The channel that is classified.
    normalise : bool
        Whether LAFmax is given for 7.5 m too.
    """

    def __init__(
        self,
        node: str,
        mounting: Mounting | None = None,
        classifier: VehicleClassifier | None = None,
        channel: int = 0,
        *,
        normalise: bool = False,
    ) -> None:
        self._node = node
        self._mounting = mounting
        self._classifier = classifier
        self._channel = channel
        self._normalise = normalise

    def describe(
        self,
        detection: Detection,
        start: datetime,
        sound: AudioBlock | None,
        radar: Sequence[SpeedReading] = (),
        flags: frozenset[Flag] = frozenset(),
    ) -> Event:
        """Return the event of `detection`, which began at `start`.

        Parameters
        ----------
        detection : Detection
            What was detected.
        start : datetime
            When it began.
        sound : AudioBlock, optional
            Its sound, with some seconds around it where they are still there: a speed is heard
            before and after a source is told from the background.
        radar : sequence of SpeedReading
            What a radar saw during `sound`.
        flags : frozenset of str
            What holds for the node at that time.
        """
        speed, refused = self._speed(detection, start, sound, radar)
        return Event(
            **draft(self._node),
            id=event_id(self._node, start),
            start=start,
            duration_s=round(detection.duration_s, 3),
            trigger=detection.trigger,
            lafmax_db=round(detection.lafmax_db, 1),
            lafmax_7m5_db=self._lafmax_7m5_db(detection.lafmax_db, speed),
            lae_db=round(detection.lae_db, 1),
            laeq_db=round(detection.laeq_db, 1),
            lcpeak_db=rounded(detection.lcpeak_db),
            background_laf90_db=rounded(detection.background_laf90_db),
            emergence_db=rounded(detection.emergence_db),
            bands_db=spectrum(detection.bands_db),
            source=self._source(detection, sound),
            speed=speed,
            speed_refused=refused,
            trace_lafmax_db=tuple(rounded(level) for level in detection.trace_lafmax_db),
            flags=tuple(sorted(detection.flags | flags)),
        )

    def _source(self, detection: Detection, sound: AudioBlock | None) -> Source:
        if self._classifier is None or sound is None:
            return UNCLASSIFIED
        first = max(0, detection.start_frame - sound.start_frame)
        own = sound.pressure_pa[first : detection.end_frame - sound.start_frame, self._channel]
        if not own.size or not np.isfinite(own).all():
            return UNCLASSIFIED
        return self._classifier.classify(own, sound.sample_rate)

    def _speed(
        self,
        detection: Detection,
        start: datetime,
        sound: AudioBlock | None,
        radar: Sequence[SpeedReading],
    ) -> tuple[Speed | None, SpeedRefusal | None]:
        if self._mounting is None:
            return None, "not_configured"
        if sound is None or sound.gap:
            return None, "gap"
        if "overload" in detection.flags:
            return None, "overload"
        lead = timedelta(seconds=(detection.start_frame - sound.start_frame) / sound.sample_rate)
        found = estimate_speed(
            sound.pressure_pa,
            sound.sample_rate,
            geometry(self._mounting),
            radar,
            start - lead,
        )
        if isinstance(found, SpeedRefused):
            return None, found.reason
        return (
            Speed(
                speed_kmh=round(found.speed_kmh, 1),
                low_kmh=round(found.low_kmh, 1),
                high_kmh=round(found.high_kmh, 1),
                direction=_sign(found.direction),
                method=found.method,
            ),
            None,
        )

    def _lafmax_7m5_db(self, lafmax_db: float, speed: Speed | None) -> float | None:
        if self._mounting is None or not self._normalise:
            return None
        direction = speed.direction if speed else None
        distance_m = geometry(self._mounting).distance_m[direction or 1]
        return round(normalised_7m5_db(lafmax_db, distance_m), 1)


def _sign(direction: int | None) -> Literal[1, -1] | None:
    return None if direction is None else (1 if direction > 0 else -1)


def geometry(mounting: Mounting) -> Geometry:
    """What the speed estimators are told of a mounting."""
    back_m = mounting.distance_back_m or mounting.distance_m
    return Geometry(
        distance_m={1: mounting.distance_m, -1: back_m},
        distance_uncertainty_m=mounting.distance_uncertainty_m,
        spacing_m=mounting.spacing_m,
        mic_height_m=mounting.mic_height_m,
        temperature_c=mounting.temperature_c,
    )
