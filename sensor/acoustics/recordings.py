"""Recordings as blocks, for measuring a file as fast as it goes."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import soundfile

from sensor.blocks import AudioBlock
from sensor.errors import InputError

# Samples of these files are not limited to full scale.
UNLIMITED_SUBTYPES = ("FLOAT", "DOUBLE")


class Recording:
    """One channel of a sound file.

    Parameters
    ----------
    path : Path
        Anything that libsndfile reads.
    full_scale_pa : float or None
        Pressure at digital full scale; without it samples are taken as pascals.
    channel : int

    Attributes
    ----------
    sample_rate : int
    limit_pa : float or None
        Pressure at which the file ends, when there is such a limit.

    Raises
    ------
    InputError
        If there is no such file, no sound in it, or not the channel.
    """

    def __init__(self, path: Path, full_scale_pa: float | None = None, channel: int = 0) -> None:
        self.path, self._channel = path, channel
        if not path.is_file():
            raise InputError(f"There is no file {path}: give the path of a recording.")
        try:
            info = soundfile.info(str(path))
        except (soundfile.LibsndfileError, RuntimeError) as error:
            text = f"{path} is not sound that can be read: give a WAV, FLAC or Ogg file."
            raise InputError(text) from error
        if not info.frames:
            raise InputError(f"{path} holds no sound at all: give a recording that is not empty.")
        if channel >= info.channels:
            raise InputError(
                f"{path} has {info.channels} channel(s) and no channel {channel}: count from 0"
            )
        self.sample_rate: int = info.samplerate
        self._scale = 1.0 if full_scale_pa is None else full_scale_pa
        unlimited = full_scale_pa is None and info.subtype in UNLIMITED_SUBTYPES
        self.limit_pa = None if unlimited else self._scale

    def blocks(self, block_s: float) -> Iterator[AudioBlock]:
        """The sound in blocks of `block_s` seconds, at least one frame each.

        Raises
        ------
        InputError
            If the file turns out to be damaged.
        """
        frames = max(1, round(block_s * self.sample_rate))
        start = 0
        try:
            with soundfile.SoundFile(str(self.path)) as file:
                for samples in file.blocks(frames, dtype="float32", always_2d=True):
                    one = samples[:, self._channel, None] * self._scale
                    yield AudioBlock(one, self.sample_rate, start)
                    start += len(samples)
        except (soundfile.LibsndfileError, RuntimeError) as error:
            text = f"{self.path} is damaged after {start / self.sample_rate:.1f} s: copy it again."
            raise InputError(text) from error
