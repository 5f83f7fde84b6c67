"""Where the vehicle is when it is heard: the one model behind every way to measure its speed."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]

_RETARDATION_STEPS = 3
_ACCELERATING_S = 3.0
# Direct sound less reflected over their sum, as the delays see it; 0 is a mirror of a road.
_DIRECT_EXCESS = 0.35
_DIRECT_EXCESS_UNCERTAINTY = 0.3


def speed_of_sound_mps(temperature_c: float) -> float:
    """Speed of sound in air (ideal gas, 331.3 m/s at 0 °C)."""
    return 331.3 * float(np.sqrt(1.0 + temperature_c / 273.15))


@dataclass(frozen=True, slots=True)
class Geometry:
    """What is known of a place before anything has driven past.

    Parameters
    ----------
    distance_m : dict of int to float
        Horizontal distance from the microphone to the middle of the lane, by direction of
        travel: 1 from channel 0 to channel 1, -1 the other way.
    distance_uncertainty_m : float
        Standard uncertainty of `distance_m`, with the vehicle's place within its lane.
    spacing_m : float, optional
        Between the two microphones, along the road; None where there is one microphone.
    mic_height_m, source_height_m : float
        Heights above the road.
    temperature_c : float
        Of the air.
    yaw_uncertainty_deg : float
        Standard uncertainty of the angle between microphone axis and road.
    temperature_uncertainty_c : float
        Standard uncertainty of `temperature_c`.
    """

    distance_m: dict[int, float] = field(default_factory=lambda: {1: 7.5, -1: 7.5})
    distance_uncertainty_m: float = 0.4
    spacing_m: float | None = None
    mic_height_m: float = 2.0
    source_height_m: float = 0.4
    temperature_c: float = 15.0
    yaw_uncertainty_deg: float = 1.2
    temperature_uncertainty_c: float = 3.0

    @property
    def c_mps(self) -> float:
        """Speed of sound."""
        return speed_of_sound_mps(self.temperature_c)

    @property
    def height2_m2(self) -> float:
        """Square of the effective height.

        Direct sound travels the difference of the heights, its reflection in the road their sum;
        the direct sound is somewhat stronger and counts for more.
        """
        product = self.mic_height_m * self.source_height_m
        mean2 = self.mic_height_m**2 + self.source_height_m**2
        return mean2 - 2.0 * _DIRECT_EXCESS * product

    def slant_m(self, direction: int) -> float:
        """Effective distance at the nearest point."""
        return float(np.sqrt(self.distance_m[direction] ** 2 + self.height2_m2))

    def slant_log_uncertainty(self, direction: int) -> float:
        """Standard uncertainty of the logarithm of :meth:`slant_m`.

        From the distance, and from how much of the sound came by way of the road.
        """
        from_distance = self.distance_uncertainty_m * self.distance_m[direction]
        from_road = _DIRECT_EXCESS_UNCERTAINTY * self.mic_height_m * self.source_height_m
        return float(np.hypot(from_distance, from_road)) / self.slant_m(direction) ** 2


@dataclass(frozen=True, slots=True)
class Track:
    """A drive past the microphone, as it is heard.

    Parameters
    ----------
    speed_mps : float
        Speed at the nearest point, positive.
    slant_m : float
        Distance at the nearest point.
    heard_s : float
        When the sound sent at the nearest point is heard.
    direction : int
        1 or -1.
    acceleration_mps2 : float
        Constant change of speed.
    """

    speed_mps: float
    slant_m: float
    heard_s: float
    direction: int = 1
    acceleration_mps2: float = 0.0

    def ahead(self, ahead_m: float) -> Track:
        """Track of a part of the vehicle that sits `ahead_m` of its middle."""
        early_s = ahead_m / self.speed_mps
        return replace(
            self,
            heard_s=self.heard_s - early_s,
            speed_mps=self.speed_mps - self.acceleration_mps2 * early_s,
        )


@dataclass(frozen=True, slots=True, eq=False)
class SourceState:
    """State of the source that is heard at each of some instants.

    `emission_s` counts from the nearest point; `along_m` is signed in the direction of travel;
    `range_rate` is the change of distance with emission time over the speed of sound.
    """

    emission_s: FloatArray
    along_m: FloatArray
    range_m: FloatArray
    range_rate: FloatArray


def heard(track: Track, time_s: FloatArray, c_mps: float) -> SourceState:
    """Solve the retarded time of `track` for sound heard at `time_s`.

    Source: t = tau + r(tau) / c, Newton's method from the plane-wave guess.
    """
    arrival_s = time_s - track.heard_s + track.slant_m / c_mps
    half_gain = 0.5 * track.acceleration_mps2
    emission_s = arrival_s - track.slant_m / c_mps
    along_m = emission_s
    range_m = emission_s
    range_rate = emission_s
    for _ in range(_RETARDATION_STEPS):
        # Constant acceleration holds for some seconds only; beyond, the speed stays as it is.
        bounded_s = np.clip(emission_s, -_ACCELERATING_S, _ACCELERATING_S)
        velocity = track.speed_mps + 2.0 * half_gain * bounded_s
        along_m = velocity * emission_s - half_gain * bounded_s**2
        range_m = np.sqrt(along_m**2 + track.slant_m**2)
        range_rate = velocity * along_m / (range_m * c_mps)
        emission_s = emission_s - (emission_s + range_m / c_mps - arrival_s) / (1.0 + range_rate)
    return SourceState(emission_s, along_m, range_m, range_rate)


def arrival_offsets_s(
    track: Track, state: SourceState, geometry: Geometry, yaw_rad: float = 0.0
) -> tuple[FloatArray, FloatArray]:
    """When each of two microphones hears what the middle between them hears, relative to it.

    Returns
    -------
    first_s, second_s : ndarray
        Offsets of channels 0 and 1; their difference is the delay between the channels.
    """
    half_m = (geometry.spacing_m or 0.0) / 2.0
    lateral_m = np.sqrt(max(track.slant_m**2 - geometry.height2_m2, 0.25))
    x_m = track.direction * state.along_m
    across = x_m * np.cos(yaw_rad) + lateral_m * np.sin(yaw_rad)
    far2 = state.range_m**2 + half_m**2
    first_m = np.sqrt(far2 + 2.0 * half_m * across)
    second_m = np.sqrt(far2 - 2.0 * half_m * across)
    return (first_m - state.range_m) / geometry.c_mps, (second_m - state.range_m) / geometry.c_mps
