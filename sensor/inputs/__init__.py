"""Sources of sound and of speed: one file each, listed in :data:`INPUTS` and :data:`RADARS`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

from sensor.inputs.base import Input
from sensor.inputs.microphone import MicrophoneConfig, MicrophoneInput
from sensor.inputs.ops243 import Ops243Config, Ops243Radar, SpeedReading
from sensor.inputs.recording import RecordingConfig, RecordingInput
from sensor.inputs.simulated_radar import SimulatedRadar, SimulatedRadarConfig
from sensor.inputs.street import StreetConfig, StreetInput

InputConfig: TypeAlias = MicrophoneConfig | RecordingConfig | StreetConfig

INPUTS: dict[str, Callable[[Any], Input]] = {
    "microphone": MicrophoneInput,
    "recording": RecordingInput,
    "street": StreetInput,
}
"""By the `kind` in the configuration: what opens it."""


RadarConfig: TypeAlias = Ops243Config | SimulatedRadarConfig
Radar: TypeAlias = Ops243Radar | SimulatedRadar

RADARS: dict[str, Callable[[Any], Radar]] = {
    "ops243": Ops243Radar,
    "simulated_radar": SimulatedRadar,
}
"""By the `kind` in the configuration: what opens it."""


def open_input(config: InputConfig) -> Input:
    """Open the source that `config` describes.

    Raises
    ------
    InputError
        It cannot be opened; the text says why in one sentence.
    """
    return INPUTS[str(config.__struct_config__.tag)](config)


def open_radar(config: RadarConfig) -> Radar:
    """Open the radar that `config` describes; raises as :func:`open_input`."""
    return RADARS[str(config.__struct_config__.tag)](config)


__all__ = [
    "INPUTS",
    "RADARS",
    "Input",
    "InputConfig",
    "MicrophoneConfig",
    "Radar",
    "RadarConfig",
    "RecordingConfig",
    "SpeedReading",
    "StreetConfig",
    "open_input",
    "open_radar",
]
