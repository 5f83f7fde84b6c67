"""One speed out of several, unless they contradict each other."""

from __future__ import annotations

import numpy as np

from sensor.passby.results import SpeedEstimate, SpeedRefused, estimated, refused

# Beyond this many standard uncertainties two estimates do not speak of the same vehicle.
_DISAGREEMENT = 3.0
# Refusals of the sound that a radar cannot heal: it cannot tell which of two it followed.
_SPOILT = ("two_vehicles", "disagreement")


def fused(
    by_sound: SpeedEstimate | SpeedRefused, by_radar: SpeedEstimate | SpeedRefused
) -> SpeedEstimate | SpeedRefused:
    """Combine two estimates by their inverse variances.

    Where only one of them is an estimate it stands, except beside two vehicles; contradiction is
    reported, not averaged away.
    """
    if isinstance(by_radar, SpeedRefused):
        return by_sound
    if isinstance(by_sound, SpeedRefused):
        return by_sound if by_sound.reason in _SPOILT else by_radar
    variances = np.array([by_sound.log_sigma, by_radar.log_sigma]) ** 2
    logs = np.log(np.array([by_sound.speed_kmh, by_radar.speed_kmh]) / 3.6)
    if abs(logs[0] - logs[1]) > _DISAGREEMENT * np.sqrt(variances.sum()):
        return refused("disagreement")
    weights = 1.0 / variances
    mean = float(weights @ logs / weights.sum())
    sigma = float(1.0 / np.sqrt(weights.sum()))
    return estimated(mean, sigma, by_sound.direction, "fused", by_sound.nearest_s)
