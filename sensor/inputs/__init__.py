"""Sources of sound: one file each, listed in :data:`INPUTS`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

from sensor.inputs.base import Input
from sensor.inputs.microphone import MicrophoneConfig, MicrophoneInput
from sensor.inputs.recording import RecordingConfig, RecordingInput
from sensor.inputs.street import StreetConfig, StreetInput

InputConfig: TypeAlias = MicrophoneConfig | RecordingConfig | StreetConfig

INPUTS: dict[str, Callable[[Any], Input]] = {
    "microphone": MicrophoneInput,
    "recording": RecordingInput,
    "street": StreetInput,
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


__all__ = [
    "INPUTS",
    "Input",
    "InputConfig",
    "MicrophoneConfig",
    "RecordingConfig",
    "StreetConfig",
    "open_input",
]
