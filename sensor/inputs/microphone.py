"""Sound from a sound card, by PortAudio."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator
from importlib import import_module
from types import TracebackType
from typing import Annotated, Any, Self

import numpy as np
from msgspec import Meta, Struct

from sensor.blocks import AudioBlock
from sensor.errors import InputError
from sensor.inputs.base import BlockSeconds, PressurePa, SampleRate, State, block_frames
from sensor.inputs.capture import CaptureQueue, Chunk, FrameCount
from sensor.inputs.urgency import take_precedence

_log = logging.getLogger(__name__)

_QUEUE_S = 10.0
_POLL_S = 0.1
# A card that starts may need seconds until its first sound; one that runs never pauses so long.
_START_S = 5.0
_STALL_S = 2.0
_FIRST_RETRY_S = 0.5
_LONGEST_RETRY_S = 15.0


class MicrophoneConfig(
    Struct,
    frozen=True,
    kw_only=True,
    forbid_unknown_fields=True,
    tag="microphone",
    tag_field="kind",
):
    """A microphone at a sound card.

    Attributes
    ----------
    device : str, optional
        Name of the device or a part of it that no other has; else the system's default.
    sample_rate, channels : int
        Frames a second and channels to record.
    full_scale_pa : float
        Peak pressure at digital full scale. The default is that of the common digital MEMS
        microphones, which give -26 dB re full scale for 94 dB.
    block_s : float
        Length of a block.
    """

    device: Annotated[str, Meta(min_length=1)] | None = None
    sample_rate: SampleRate = 48_000
    channels: Annotated[int, Meta(ge=1, le=8)] = 1
    full_scale_pa: PressurePa = 28.2
    block_s: BlockSeconds = 0.1


class MicrophoneInput:
    """The :class:`~sensor.inputs.base.Input` that listens.

    A device that goes away is waited for: `state` is ``lost`` meanwhile, and the first block
    after its return is marked as following a gap as long as it was away.

    Raises
    ------
    InputError
        PortAudio is missing, there is no such device, or it cannot record as configured.
    """

    simulated = False
    real_time = True

    def __init__(self, config: MicrophoneConfig) -> None:
        self.config = config
        self.sample_rate = config.sample_rate
        self.channels = config.channels
        self.full_scale_pa = config.full_scale_pa
        self.state: State = "ok"
        self.replugged = 0
        self._stopped = False
        self._opening = 0
        self._queue = CaptureQueue(round(_QUEUE_S / config.block_s))
        self._sounddevice = _portaudio()
        self._stream = self._opened()
        self._name = str(self._sounddevice.query_devices(self._stream.device)["name"])

    @property
    def description(self) -> str:
        """Name of the device and how it records."""
        channels = "1 channel" if self.channels == 1 else f"{self.channels} channels"
        return f"microphone {self._name}, {self.sample_rate} Hz, {channels}"

    @property
    def overflows(self) -> int:
        """Times that sound was lost, by the card or because the reader was too slow."""
        return self._queue.overflows

    def blocks(self) -> Iterator[AudioBlock]:
        """Yield what is heard; see :meth:`sensor.inputs.base.Input.blocks`."""
        count = FrameCount(self.sample_rate)
        retry_s = _FIRST_RETRY_S
        self._start(self._stream)
        patience_s = time.monotonic() + _START_S
        while not self._stopped:
            chunk = self._queue.get(_POLL_S)
            if chunk is not None:
                self._found()
                retry_s, patience_s = _FIRST_RETRY_S, time.monotonic() + _STALL_S
                yield self._block(chunk, count)
            elif time.monotonic() > patience_s:
                self._lost()
                wait_s = _START_S if self._reopened() else retry_s
                retry_s = min(2.0 * retry_s, _LONGEST_RETRY_S)
                patience_s = time.monotonic() + wait_s

    def stop(self) -> None:
        """End :meth:`blocks` soon."""
        self._stopped = True

    def close(self) -> None:
        """Stop recording and give the device back."""
        self._stream.close(ignore_errors=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def _block(self, chunk: Chunk, count: FrameCount) -> AudioBlock:
        start_frame, gap = count.place(chunk)
        pressure_pa = chunk.samples * np.float32(self.full_scale_pa)
        return AudioBlock(pressure_pa, self.sample_rate, start_frame, gap)

    def _found(self) -> None:
        if self.state == "lost":
            self.state = "ok"
            self.replugged += 1
            _log.warning("the microphone %s is back", self._name)

    def _lost(self) -> None:
        if self.state == "ok":
            self.state = "lost"
            _log.warning("the microphone %s is gone: waiting for it", self._name)

    def _reopened(self) -> bool:
        """Try once to open the device anew."""
        self._stream.abort(ignore_errors=True)
        self._stream.close(ignore_errors=True)
        # PortAudio lists the devices only once, when it is initialised, and sounddevice has no
        # public name for doing that again.
        self._sounddevice._terminate()  # noqa: SLF001
        self._sounddevice._initialize()  # noqa: SLF001
        try:
            self._opening += 1
            self._stream = self._opened()
            self._start(self._stream)
        except InputError as error:
            _log.info("%s", error)
            return False
        return True

    def _opened(self) -> Any:
        device = _device(self._sounddevice, self.config.device)
        opening = self._opening
        is_first = True

        def heard(samples: Any, frames: int, at: Any, status: Any) -> None:  # noqa: ARG001 - PortAudio's call
            nonlocal is_first
            if is_first:
                # This is PortAudio's own thread, which nobody else could ask.
                is_first = False
                take_precedence()
            self._queue.put(
                samples,
                at.inputBufferAdcTime,
                time.monotonic(),
                overflow=status.input_overflow,
                opening=opening,
            )

        try:
            return self._sounddevice.InputStream(
                device=device["index"],
                samplerate=self.sample_rate,
                channels=self.channels,
                dtype="float32",
                blocksize=block_frames(self.config.block_s, self.sample_rate),
                latency="high",
                callback=heard,
            )
        except self._sounddevice.PortAudioError as error:
            raise InputError(
                f"{device['name']} cannot record {self.channels} channel(s) at "
                f"{self.sample_rate} Hz ({_reason(error)}): change sample_rate or channels, or "
                "see whether another program holds it"
            ) from error

    def _start(self, stream: Any) -> None:
        try:
            stream.start()
        except self._sounddevice.PortAudioError as error:
            raise InputError(
                f"the microphone does not start ({_reason(error)}): see whether another program "
                "holds it"
            ) from error


def _portaudio() -> Any:
    """The module sounddevice, loaded only here: whoever has no sound card needs no PortAudio."""
    try:
        return import_module("sounddevice")
    except ModuleNotFoundError as error:
        raise InputError(
            "the microphone needs the package sounddevice: pip install 'skolro[sensor]'"
        ) from error
    except OSError as error:
        raise InputError(
            "the microphone needs PortAudio, which is not installed: apt install libportaudio2"
        ) from error


def _device(sounddevice: Any, name: str | None) -> Any:
    """The one device that `name` means, as PortAudio describes it."""
    there = [d for d in sounddevice.query_devices() if d["max_input_channels"] > 0]
    if not there:
        raise InputError(
            "there is no sound card that records here: connect one, or choose the input recording "
            "or street"
        )
    names = ", ".join(sorted({device["name"] for device in there}))
    try:
        return sounddevice.query_devices(name, "input")
    except (ValueError, sounddevice.PortAudioError) as error:
        if name is None:
            raise InputError(
                f"the system has no default for recording: set device to one of {names}"
            ) from error
        several = "more than one sound card is" if "Multiple" in str(error) else "no sound card is"
        raise InputError(f"{several} called {name!r} here: there are {names}") from error


def _reason(error: Exception) -> str:
    return str(error.args[0]).splitlines()[0]
