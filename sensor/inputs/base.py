"""What every input of sound is, and the pace at which made or stored sound is handed out."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from types import TracebackType
from typing import Annotated, Literal, Protocol, Self, TypeAlias

from msgspec import Meta

from sensor.blocks import AudioBlock

State: TypeAlias = Literal["ok", "lost"]
SampleRate: TypeAlias = Annotated[int, Meta(ge=16_000, le=192_000, description="frames a second")]
BlockSeconds: TypeAlias = Annotated[float, Meta(ge=0.005, le=1.0, description="length of a block")]
PressurePa: TypeAlias = Annotated[float, Meta(gt=0, le=1e6)]

# stop() is a plain flag, since a signal handler may call it: sleeps are cut so as to see it soon.
_LONGEST_SLEEP_S = 0.1


class Input(Protocol):
    """A source of sound, open from its making until it is left or closed.

    Attributes
    ----------
    sample_rate, channels : int
        Frames a second and channels of every block.
    full_scale_pa : float or None
        Peak pressure at digital full scale, where the source has such a limit.
    simulated : bool
        Nothing of this ever sounded.
    real_time : bool
        Frames arrive as they sound; else as fast as they are read or made.
    description : str
        One line about the source, for people.
    overflows : int
        Times that sound was lost on the way in.
    state : {"ok", "lost"}
        ``lost`` while a device that was there is not.
    replugged : int or None
        Times that it came back; None where there is nothing to unplug.
    """

    @property
    def sample_rate(self) -> int: ...
    @property
    def channels(self) -> int: ...
    @property
    def full_scale_pa(self) -> float | None: ...
    @property
    def simulated(self) -> bool: ...
    @property
    def real_time(self) -> bool: ...
    @property
    def description(self) -> str: ...
    @property
    def overflows(self) -> int: ...
    @property
    def state(self) -> State: ...
    @property
    def replugged(self) -> int | None: ...

    def blocks(self) -> Iterator[AudioBlock]:
        """Yield the sound until the source ends or :meth:`stop` is called; once per input.

        Raises
        ------
        InputError
            The source has failed for good.
        """
        ...

    def stop(self) -> None:
        """Let :meth:`blocks` end soon; may be called from any thread and from signal handlers."""
        ...

    def close(self) -> None:
        """Give back what the input holds; harmless when repeated."""
        ...

    def __enter__(self) -> Self: ...

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None: ...


def block_frames(block_s: float, sample_rate: int) -> int:
    """Number of frames in a block of `block_s`."""
    return max(1, round(block_s * sample_rate))


class Pace:
    """Hands out sound as fast as it would have sounded.

    A reader that falls behind catches up: nothing is lost, since nothing is recorded.

    Parameters
    ----------
    sample_rate : int
        Frames a second.
    """

    def __init__(self, sample_rate: int) -> None:
        self.sample_rate = sample_rate
        self._began_s: float | None = None

    def wait(self, end_frame: int, stopped: Callable[[], bool]) -> None:
        """Return when `end_frame` would have been recorded, or soon after `stopped` holds."""
        if self._began_s is None:
            self._began_s = time.monotonic()
        due_s = self._began_s + end_frame / self.sample_rate
        while not stopped() and (left_s := due_s - time.monotonic()) > 0:
            time.sleep(min(left_s, _LONGEST_SLEEP_S))
