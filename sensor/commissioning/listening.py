"""What the node waits to hear when the phone asks for it, and for how long."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal, Protocol

from sensor.acoustics.tone import CalibratorTone, ToneFinder
from sensor.blocks import AudioBlock
from sensor.commissioning.ears import MEASURED_S, Ears
from sensor.commissioning.requests import Calibrate
from sensor.commissioning.taps import Nearest, TapFinder
from sensor.contract.commissioning import LevelFindings, Tap

LONGEST_S: Final = 60.0

Heard = LevelFindings | Tap | CalibratorTone
Kind = Literal["levels", "tap_0", "tap_1", "calibrator"]


class Listening(Protocol):
    """Something that is waited for.

    `kind` names it; what it is made of is no sound of the street where `is_ours`.
    """

    @property
    def kind(self) -> Kind: ...
    @property
    def is_ours(self) -> bool: ...
    @property
    def why_not(self) -> str: ...

    def process(self, block: AudioBlock) -> Heard | None:
        """Take in the next block, which the ears have heard; return what was found, if it was."""


@dataclass(slots=True)
class ForLevels:
    """Some seconds of every channel."""

    ears: Ears
    kind: Kind = "levels"
    is_ours: bool = False
    why_not: str = ""

    def __post_init__(self) -> None:
        self.ears.forget()

    def process(self, block: AudioBlock) -> LevelFindings | None:  # noqa: ARG002 - the ears have it
        """Return the levels once all seconds are there."""
        return self.ears.findings() if self.ears.heard_s >= MEASURED_S else None


class ForTap:
    """A clap or tap at a microphone."""

    is_ours = True
    why_not = ""

    def __init__(self, sample_rate: int, microphone: Nearest) -> None:
        self.kind: Kind = "tap_0" if microphone == 0 else "tap_1"
        self._finder = TapFinder(sample_rate, microphone)

    def process(self, block: AudioBlock) -> Tap | None:
        """Return the tap once it was heard."""
        return self._finder.process(block)


class ForCalibrator:
    """A calibrator's tone on the measured channel."""

    kind: Kind = "calibrator"
    is_ours = True

    def __init__(self, request: Calibrate, finder: ToneFinder) -> None:
        self.request = request
        self._finder = finder

    @property
    def why_not(self) -> str:
        """What kept the latest sound from being the tone."""
        return self._finder.fault

    def process(self, block: AudioBlock) -> CalibratorTone | None:
        """Return the tone once it has been stable."""
        return self._finder.process(block)
