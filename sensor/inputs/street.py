"""A synthesised street: sound to try everything with, and the truth about it."""

from __future__ import annotations

import math
from collections.abc import Iterator
from itertools import count
from pathlib import Path
from types import TracebackType
from typing import Annotated, BinaryIO, Literal, Self

import msgspec
import numpy as np
from msgspec import Meta, Struct
from numpy.typing import NDArray

from sensor.blocks import AudioBlock
from sensor.errors import InputError
from sensor.inputs.base import BlockSeconds, Pace, SampleRate, State, block_frames
from sensor.inputs.street_ambience import Ambience
from sensor.inputs.street_scene import CHARACTERS, Happening, Scene, Street, Truth, timetable

# The sound is made in stretches of this length whatever the blocks are, so that it is the same.
_STRETCH_S = 0.5


class StreetConfig(
    Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="street", tag_field="kind"
):
    """A simulated street.

    Attributes
    ----------
    seed : int
        The same seed gives the same street, whatever the length of the blocks.
    sample_rate, channels : int
        Frames a second; one microphone, or two along the road.
    spacing_m, mic_height_m, distance_m : float
        Distance between the microphones, their height, and how far the near lane is.
    temperature_c : float
        Temperature of the air, which sets the speed of sound.
    event_interval_s : float
        Mean time from one thing that happens to the next.
    events : list of str
        What may happen.
    ambient_laf90_db : float
        Background level.
    duration_s : float, optional
        The street ends after this time; else it never does.
    real_time : bool
        Paced by the clock, else as fast as it is made.
    truth_path : str, optional
        File to which the truth about everything that happened is added, one JSON object a line,
        as soon as it has ended.
    block_s : float
        Length of a block.
    """

    seed: Annotated[int, Meta(ge=0, le=2**53)] = 0
    sample_rate: SampleRate = 48_000
    channels: Literal[1, 2] = 1
    spacing_m: Annotated[float, Meta(ge=0.05, le=2.0)] = 0.3
    mic_height_m: Annotated[float, Meta(ge=0.5, le=10.0)] = 2.5
    distance_m: Annotated[float, Meta(ge=2.0, le=50.0)] = 7.0
    temperature_c: Annotated[float, Meta(ge=-30.0, le=45.0)] = 15.0
    event_interval_s: Annotated[float, Meta(ge=1.0, le=86_400.0)] = 25.0
    events: Annotated[tuple[Happening, ...], Meta(min_length=1)] = tuple(CHARACTERS)
    ambient_laf90_db: Annotated[float, Meta(ge=10.0, le=80.0)] = 45.0
    duration_s: Annotated[float, Meta(gt=0.0)] | None = None
    real_time: bool = True
    truth_path: str | None = None
    block_s: BlockSeconds = 0.1


class StreetInput:
    """The :class:`~sensor.inputs.base.Input` that makes its own sound.

    Attributes
    ----------
    truth : list of Truth
        Everything that has happened and ended, in the order of its end.

    Raises
    ------
    InputError
        The file for the truth cannot be written.
    """

    simulated = True
    overflows = 0
    replugged = None
    full_scale_pa = None
    state: State = "ok"

    def __init__(self, config: StreetConfig) -> None:
        self.config = config
        self.sample_rate = config.sample_rate
        self.channels: int = config.channels
        self.truth: list[Truth] = []
        self.real_time = config.real_time
        self._stopped = False
        self._file = _opened(config.truth_path)
        street = Street(
            sample_rate=config.sample_rate,
            channels=config.channels,
            distance_m=config.distance_m,
            spacing_m=config.spacing_m,
            mic_height_m=config.mic_height_m,
            temperature_c=config.temperature_c,
        )
        self._ambience = Ambience(
            [config.seed, 0], config.sample_rate, config.channels, config.ambient_laf90_db
        )
        self._scene = Scene(street, timetable(config.seed, config.event_interval_s, config.events))

    @property
    def description(self) -> str:
        """That it is simulated, and by which seed."""
        return f"simulated street, seed {self.config.seed}"

    def blocks(self) -> Iterator[AudioBlock]:
        """Yield the street's sound; see :meth:`sensor.inputs.base.Input.blocks`."""
        frames = block_frames(self.config.block_s, self.sample_rate)
        pace = Pace(self.sample_rate)
        start_frame = 0
        for block in _cut(self._stretches(), frames):
            if self.config.real_time:
                pace.wait(start_frame + len(block), lambda: self._stopped)
            if self._stopped:
                return
            yield AudioBlock(block, self.sample_rate, start_frame)
            start_frame += len(block)

    def stop(self) -> None:
        """End :meth:`blocks` soon."""
        self._stopped = True

    def close(self) -> None:
        """Close the file of the truth."""
        if self._file is not None:
            self._file.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def _stretches(self) -> Iterator[NDArray[np.float32]]:
        frames = round(_STRETCH_S * self.sample_rate)
        total = math.inf
        if self.config.duration_s is not None:
            total = round(self.config.duration_s * self.sample_rate)
        for number in count():
            first = number * frames
            pressure_pa, ended = self._scene.render(first, frames)
            pressure_pa += self._ambience.render(first, frames)
            self._note(ended)
            if first + frames >= total:
                yield pressure_pa[: int(total) - first].astype(np.float32)
                return
            yield pressure_pa.astype(np.float32)

    def _note(self, ended: list[Truth]) -> None:
        self.truth += ended
        if self._file is not None and ended:
            self._file.write(b"".join(msgspec.json.encode(truth) + b"\n" for truth in ended))
            self._file.flush()


def _cut(stretches: Iterator[NDArray[np.float32]], frames: int) -> Iterator[NDArray[np.float32]]:
    """Cut `stretches` into pieces of `frames`; the last may be shorter."""
    held: list[NDArray[np.float32]] = []
    ready = 0
    for stretch in stretches:
        held.append(stretch)
        ready += len(stretch)
        if ready < frames:
            continue
        sound = np.concatenate(held)
        whole = ready - ready % frames
        yield from (sound[first : first + frames] for first in range(0, whole, frames))
        held, ready = [sound[whole:]], ready - whole
    if ready:
        yield np.concatenate(held)


def _opened(path: str | None) -> BinaryIO | None:
    if path is None:
        return None
    try:
        return Path(path).open("ab")
    except OSError as error:
        raise InputError(
            f"the truth cannot be written to {path} ({error.strerror}): check truth_path"
        ) from error
