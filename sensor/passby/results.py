"""What an attempt to measure a speed ends with: an estimate, or a reason why there is none."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from sensor.contract.quantities import SpeedMethod, SpeedRefusal
from sensor.passby.delays import DelayMap
from sensor.passby.doppler import Belief, Harmonic
from sensor.passby.geometry import Geometry
from sensor.passby.harmonics import Rates
from sensor.passby.phase_fit import StereoFit

# Student's t with two dozen degrees of freedom: noise, echoes and the engine's wander are judged
# from the one pass itself, some two dozen frames of a quarter second.
_COVERAGE_95 = 2.06
_WIDEST_LOG_SIGMA, _WIDEST_KMH = 0.18, 8.0
# What is shorter holds no whole passage.
SHORTEST_S = 1.5

REASONS: dict[SpeedRefusal, str] = {
    "not_configured": "No distance to the road is configured, so there is no speed.",
    "no_vehicle": "Nothing in the sound moves along the road as a vehicle does.",
    "too_quiet": "What passed hardly rose above the background.",
    "stationary": "The source stayed where it was.",
    "tonal_machine": "It has a tone, but does not rise and fall as something that passes.",
    "two_vehicles": "Two vehicles passed so close together that their sounds cannot be told apart.",
    "no_harmonics": "One microphone needs an engine's tone, and none was heard.",
    "disagreement": "The ways of measuring contradict each other.",
    "too_short": "The sound is too short or begins or ends while the vehicle is nearest.",
    "gap": "Sound was lost during the passage.",
    "overload": "The microphone was overloaded during the passage.",
    "too_uncertain": "The speed could only be given with an interval too wide to be of use.",
}
"""One sentence for each reason, for people."""


@dataclass(frozen=True, slots=True)
class SpeedEstimate:
    """An indicative speed at the nearest point, with its 95 % interval.

    Parameters
    ----------
    speed_kmh, low_kmh, high_kmh : float
    direction : int or None
        1 from channel 0 to channel 1, -1 the other way, None where it cannot be told.
    method : {"stereo", "doppler", "radar", "fused"}
    nearest_s : float
        When the nearest point is heard, from the beginning of the sound.
    log_sigma : float
        Standard uncertainty of the logarithm of the speed.
    """

    speed_kmh: float
    low_kmh: float
    high_kmh: float
    direction: int | None
    method: SpeedMethod
    nearest_s: float
    log_sigma: float


@dataclass(frozen=True, slots=True)
class SpeedRefused:
    """Why there is no speed: a code for machines and a sentence for people."""

    reason: SpeedRefusal
    text: str


def refused(reason: SpeedRefusal) -> SpeedRefused:
    """The refusal with its sentence."""
    return SpeedRefused(reason, REASONS[reason])


def estimated(
    log_speed_mps: float,
    log_sigma: float,
    direction: int | None,
    method: SpeedMethod,
    nearest_s: float,
) -> SpeedEstimate:
    """The estimate that a Gaussian over the logarithm of the speed amounts to."""
    speed_kmh = 3.6 * float(np.exp(log_speed_mps))
    wide = float(np.exp(_COVERAGE_95 * log_sigma))
    low_kmh, high_kmh = speed_kmh / wide, speed_kmh * wide
    return SpeedEstimate(
        speed_kmh, low_kmh, high_kmh, direction, method, float(nearest_s), log_sigma
    )


def useful(estimate: SpeedEstimate) -> bool:
    """Whether the interval is narrow enough to say something.

    In parts of the speed or in km/h: five either way say little about walking pace in parts, and
    much about a limit.
    """
    half_kmh = (estimate.high_kmh - estimate.low_kmh) / 2.0
    return estimate.log_sigma <= _WIDEST_LOG_SIGMA or half_kmh <= _WIDEST_KMH


@dataclass(frozen=True, slots=True, eq=False)
class Analysis:
    """An outcome with what led to it, for plots.

    Times of everything but the outcome count from `begin_s`, where the analysed part begins.
    """

    outcome: SpeedEstimate | SpeedRefused
    geometry: Geometry
    begin_s: float = 0.0
    delays: DelayMap | None = None
    stereo: StereoFit | None = None
    engine: Harmonic | None = None
    rates: Rates | None = None
    belief: Belief | None = None

    def later(self, begin_s: float) -> Analysis:
        """The same, of a sound in which this one begins at `begin_s`."""
        begin_s += self.begin_s
        outcome = self.outcome
        if isinstance(outcome, SpeedEstimate):
            outcome = replace(outcome, nearest_s=outcome.nearest_s + begin_s)
        return replace(self, outcome=outcome, begin_s=begin_s)
