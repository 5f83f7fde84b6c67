"""A light that shows how the node is to who stands below it; a buzzer where one hangs there."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Annotated, Final, Literal, Self, TypeAlias

from msgspec import Meta, Struct

from sensor.errors import LightError

log = logging.getLogger(__name__)

LEDS: Final = Path("/sys/class/leds")

Condition: TypeAlias = Literal["measuring", "no_network", "fault"]

PATTERNS: Final[dict[Condition, tuple[tuple[float, float], ...]]] = {
    "measuring": ((0.05, 2.95),),
    "no_network": ((0.15, 0.25), (0.15, 2.45)),
    "fault": ((0.25, 0.25),),
}
"""Seconds on and seconds off, again and again; dark is a node that does not run."""


class LightConfig(Struct, frozen=True, forbid_unknown_fields=True):
    """Which light, by its name in ``/sys/class/leds``; ``ACT`` is the green one of the board."""

    led: Annotated[str, Meta(pattern=r"^[A-Za-z0-9_:.-]{1,64}$")] = "ACT"


class Light:
    """Blinks from entering to leaving, in a thread of its own, and then is as it was.

    Parameters
    ----------
    folder : Path
        The light's own, with ``brightness`` and ``trigger``.
    condition : callable
        How the node is; asked before each pattern.

    Raises
    ------
    LightError
        There is no such light, or it may not be used.
    """

    def __init__(self, folder: Path, condition: Callable[[], Condition]) -> None:
        self._brightness = folder / "brightness"
        self._trigger = folder / "trigger"
        self._condition = condition
        self._leaving = threading.Event()
        self._thread = threading.Thread(target=self._blink, name="light", daemon=True)
        try:
            self._on = (folder / "max_brightness").read_text(encoding="ascii").strip()
            self._before = _chosen(self._trigger.read_text(encoding="ascii"))
            self._trigger.write_text("none", encoding="ascii")
        except OSError as error:
            names = ", ".join(sorted(path.name for path in folder.parent.glob("*"))) or "none"
            raise LightError(
                f"the light {folder.name} cannot be used ({error.strerror}): set led in [light] "
                f"to one of {names}, or leave [light] out"
            ) from error

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._leaving.set()
        self._thread.join()
        try:
            self._show("0")
            self._trigger.write_text(self._before, encoding="ascii")
        except OSError as failure:
            log.warning("the light is left as it is: %s", failure)

    def _blink(self) -> None:
        try:
            while not self._leaving.is_set():
                for on_s, off_s in PATTERNS[self._condition()]:
                    self._show(self._on)
                    self._leaving.wait(on_s)
                    self._show("0")
                    self._leaving.wait(off_s)
        except OSError as error:
            # It measures without a light as well.
            log.warning("the light is gone: %s", error)

    def _show(self, brightness: str) -> None:
        self._brightness.write_text(brightness, encoding="ascii")


def _chosen(triggers: str) -> str:
    """The one in brackets, as the kernel lists them."""
    return triggers.partition("[")[2].partition("]")[0] or "none"
