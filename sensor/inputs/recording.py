"""Sound from a file, in real time or as fast as it goes."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from importlib import import_module
from pathlib import Path
from types import TracebackType
from typing import Annotated, Any, Self

import numpy as np
from msgspec import Meta, Struct
from numpy.typing import NDArray

from sensor.acoustics.weighting import FrequencyWeighting
from sensor.blocks import AudioBlock
from sensor.errors import InputError
from sensor.inputs.base import BlockSeconds, Pace, PressurePa, State, block_frames
from sensor.inputs.upsampling import Upsampler

UNCALIBRATED_FULL_SCALE_PA = 1.0
"""Without a calibration the samples are taken as pascals: full scale is 1 Pa."""

LOWEST_RATE = 16_000
"""Lowest sample rate that the meter takes; files of lower ones are raised by a whole factor."""

FILE_RATES = (4_000, 768_000)
"""Lowest and highest sample rate of a file: beyond, its header is damaged."""

MOST_CHANNELS = 64

REFERENCE_PA = 20e-6
_UNLIMITED = ("FLOAT", "DOUBLE")


class RecordingConfig(
    Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="recording", tag_field="kind"
):
    """A recording that is played.

    Attributes
    ----------
    path : str
        The file: anything that libsndfile reads.
    full_scale_pa : float, optional
        Peak pressure at digital full scale.
    laeq_db : float, optional
        Known LAeq of the whole file (its first channel), from which the scale is computed.
        Without either, the samples are taken as pascals and the levels mean nothing absolute.
    real_time : bool
        Paced by the clock, else as fast as it is read.
    repeat : bool
        From the beginning again at the end, without a gap.
    block_s : float
        Length of a block.
    """

    path: Annotated[str, Meta(min_length=1)]
    full_scale_pa: PressurePa | None = None
    laeq_db: Annotated[float, Meta(ge=-50, le=200)] | None = None
    real_time: bool = True
    repeat: bool = False
    block_s: BlockSeconds = 0.1

    def __post_init__(self) -> None:
        if self.full_scale_pa is not None and self.laeq_db is not None:
            raise ValueError("full_scale_pa and laeq_db both set the level: give one of them")


class RecordingInput:
    """The :class:`~sensor.inputs.base.Input` that plays a file.

    Raises
    ------
    InputError
        No such file, no sound in it, or nothing that the level can be computed from.
    """

    simulated = False
    overflows = 0
    replugged = None
    state: State = "ok"

    def __init__(self, config: RecordingConfig) -> None:
        self.config = config
        self._file = _opened(Path(config.path))
        self._read_frames = 0
        self.real_time = config.real_time
        self._stopped = False
        try:
            file_rate: int = self._file.samplerate
            self._factor = max(1, math.ceil(LOWEST_RATE / file_rate))
            self.sample_rate = self._factor * file_rate
            self.channels: int = self._file.channels
            self._block_frames = block_frames(config.block_s, file_rate)
            self._scale_pa = self._found_scale_pa()
        except BaseException:
            self.close()
            raise

    @property
    def full_scale_pa(self) -> float | None:
        """Peak pressure at digital full scale; None where float samples have no such limit."""
        unlimited = self._file.subtype in _UNLIMITED and self.config.full_scale_pa is None
        return None if unlimited else self._scale_pa

    @property
    def description(self) -> str:
        """File, length, and how its level is known."""
        length_s = self._file.frames / self._file.samplerate
        calibrated = self.config.full_scale_pa is not None or self.config.laeq_db is not None
        level = f"full scale {self._scale_pa:.4g} Pa" if calibrated else "not calibrated"
        rate = f", {self._file.samplerate} Hz raised {self._factor} times" * (self._factor > 1)
        return f"recording {Path(self.config.path).name}, {length_s:.1f} s{rate}, {level}"

    def blocks(self) -> Iterator[AudioBlock]:
        """Yield the file's sound; see :meth:`sensor.inputs.base.Input.blocks`."""
        pace = Pace(self.sample_rate)
        start_frame = 0
        for samples in self._samples(self._read_block):
            if self._stopped:
                return
            end_frame = start_frame + len(samples)
            if self.config.real_time:
                pace.wait(end_frame, lambda: self._stopped)
            pressure_pa = samples * np.float32(self._scale_pa)
            yield AudioBlock(pressure_pa, self.sample_rate, start_frame)
            start_frame = end_frame

    def stop(self) -> None:
        """End :meth:`blocks` soon."""
        self._stopped = True

    def close(self) -> None:
        """Close the file."""
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

    def _samples(self, read: Callable[[], NDArray[np.float32]]) -> Iterator[NDArray[np.float32]]:
        """What `read` gives until it gives nothing, at a rate that the meter takes."""
        upsampler = Upsampler(self._factor, self.channels) if self._factor > 1 else None
        while len(samples := read()):
            if upsampler is None:
                yield samples
            elif len(raised := upsampler.process(samples)):
                yield raised
        if upsampler is not None and len(rest := upsampler.flush()):
            yield rest

    def _read_block(self) -> NDArray[np.float32]:
        """The next full block, over the end into the beginning when repeated; empty at the end."""
        samples = self._read(self._block_frames)
        while self.config.repeat and len(samples) < self._block_frames:
            self._rewind()
            more = self._read(self._block_frames - len(samples))
            if not len(more):
                break
            samples = np.concatenate([samples, more])
        return samples

    def _read(self, frames: int) -> NDArray[np.float32]:
        at_s = self._read_frames / self._file.samplerate
        try:
            samples = self._file.read(frames, dtype="float32", always_2d=True)
        except RuntimeError as error:
            raise InputError(
                f"{self.config.path} cannot be read after {at_s:.1f} s: {error}"
            ) from error
        self._read_frames += len(samples)
        return np.asarray(samples, dtype=np.float32)

    def _rewind(self) -> None:
        self._file.close()
        self._file = _opened(Path(self.config.path))
        self._read_frames = 0

    def _found_scale_pa(self) -> float:
        if self.config.full_scale_pa is not None:
            return self.config.full_scale_pa
        if self.config.laeq_db is None:
            return UNCALIBRATED_FULL_SCALE_PA
        played_db = self._laeq_db()
        if not np.isfinite(played_db):
            raise InputError(
                f"{self.config.path} is silent, so laeq_db cannot set its level: "
                "give full_scale_pa instead"
            )
        return float(10.0 ** ((self.config.laeq_db - played_db) / 20.0))

    def _laeq_db(self) -> float:
        """LAeq of the first channel with the samples taken as pascals, by a pass over the file."""
        weighting = FrequencyWeighting(self.sample_rate)
        energy, frames = 0.0, 0
        for samples in self._samples(lambda: self._read(self._block_frames)):
            a_weighted, _ = weighting.process(samples[:, 0].astype(np.float64))
            energy += float(np.sum(np.square(a_weighted)))
            frames += len(samples)
        self._rewind()
        if not frames:
            raise InputError(f"{self.config.path} is damaged: no sound can be read from it")
        with np.errstate(divide="ignore"):
            return float(10.0 * np.log10(energy / frames / REFERENCE_PA**2))


def _opened(path: Path) -> Any:
    # libsndfile is loaded only where a file is played.
    soundfile = import_module("soundfile")

    if not path.is_file():
        raise InputError(
            f"{path} is no file: check the path"
            if path.exists()
            else f"there is no recording at {path}: check the path"
        )
    try:
        file = soundfile.SoundFile(path)
        # Each read of a file that can be sought ends with a seek to where it is already, which
        # spoils what libsndfile decodes of an MP3 by decibels; here it is only read onwards.
        file.seekable = lambda: False
    except (RuntimeError, TypeError, OSError) as error:
        raise InputError(
            f"{path} is not a sound file that can be read here: give WAV, FLAC, Ogg or MP3"
        ) from error
    if not file.frames:
        file.close()
        raise InputError(f"{path} has no sound in it: not a single frame")
    if not FILE_RATES[0] <= file.samplerate <= FILE_RATES[1] or file.channels > MOST_CHANNELS:
        file.close()
        raise InputError(
            f"{path} has {file.channels} channels of {file.samplerate} samples a second: give at "
            f"most {MOST_CHANNELS} channels of {FILE_RATES[0]} to {FILE_RATES[1]}"
        )
    return file
