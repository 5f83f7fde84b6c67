"""OPS243-A, a 24 GHz Doppler radar on a serial line.

The sensor writes a JSON object a line, but not the same one in every firmware: numbers may come
as strings, readings may share lines with settings, blank lines and zeros come when nothing moves,
and a line may be cut where the plug was pulled.  Whatever is not a reading is counted and passed
over; a line that falls silent is opened again.
"""

from __future__ import annotations

import json
import math
import re
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib import import_module
from types import TracebackType
from typing import Annotated, Any, Literal, Self, TypeAlias

from msgspec import Meta, Struct

from sensor.errors import InputError

Direction: TypeAlias = Literal["inbound", "outbound"]

# Kilometres an hour; JSON; magnitudes too; both directions; 10,000 samples a second (up to
# 112 km/h in steps of 0.22); silence instead of zeros while nothing moves.
COMMANDS = ("UK", "OJ", "OM", "R|", "SX", "BZ")
# Beyond what the sampling rate can tell, a reading is a garbled line.
FASTEST_KMH = 250.0
LONGEST_LINE = 4096
_BARE_NUMBER = re.compile(r"[-+]?[0-9]+(\.[0-9]+)?")


class Ops243Config(
    Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="ops243", tag_field="kind"
):
    """An OPS243-A radar.

    Attributes
    ----------
    port : str
        Serial device, as in ``/dev/ttyACM0``.
    baud : int
        Speed of the line; 19200 on the UART, of no matter on USB.
    quiet_s : float
        After this long without a line the device is opened again; 0 never does: a street may be
        empty for hours.
    retry_s : float
        Longest pause between attempts to open a device that is gone.
    """

    port: Annotated[str, Meta(min_length=1)]
    baud: Annotated[int, Meta(ge=9600, le=1_000_000)] = 19_200
    quiet_s: Annotated[float, Meta(ge=0, le=86_400)] = 0.0
    retry_s: Annotated[float, Meta(ge=0.05, le=3600)] = 30.0


@dataclass(frozen=True, slots=True)
class SpeedReading:
    """What a radar saw: the component of a speed along its line of sight.

    Parameters
    ----------
    time : datetime
        When the line arrived (UTC).
    speed_kmh : float
        Never negative.
    direction : {"inbound", "outbound"} or None
    magnitude : float or None
        Strength of the echo, in the radar's own units.
    """

    time: datetime
    speed_kmh: float
    direction: Direction | None = None
    magnitude: float | None = None


def parse_line(line: str, time: datetime) -> list[SpeedReading]:
    """Readings in one line of the radar; none where it is something else.

    With several echoes at once the radar sends lists: one reading each.
    """
    text = line.strip()
    if _BARE_NUMBER.fullmatch(text):
        # Before OJ has taken effect readings are bare, with the direction as sign.
        return _readings({"speed": text}, time)
    fields = _object(text)
    return [] if fields is None else _readings(fields, time)


def _object(text: str) -> dict[str, object] | None:
    """The JSON object in `text`; None where it is something else."""
    try:
        fields = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return fields if isinstance(fields, dict) else None


def _readings(fields: dict[str, object], time: datetime) -> list[SpeedReading]:
    speeds, magnitudes = _numbers(fields.get("speed")), _numbers(fields.get("magnitude"))
    directions = fields.get("direction")
    readings = []
    for index, speed_kmh in enumerate(speeds):
        if speed_kmh is None or not 0.0 < abs(speed_kmh) <= FASTEST_KMH:
            continue
        named = directions
        if isinstance(directions, list):
            named = directions[index] if index < len(directions) else None
        magnitude = magnitudes[index] if index < len(magnitudes) else None
        direction = _direction(named, speed_kmh)
        readings.append(SpeedReading(time, abs(speed_kmh), direction, magnitude))
    return readings


def _direction(named: object, speed_kmh: float) -> Direction | None:
    """Direction by name or, in firmware that sends a sign instead, by that."""
    if isinstance(named, str):
        lowered = named.strip().lower()
        if lowered == "inbound":
            return "inbound"
        if lowered == "outbound":
            return "outbound"
    return "outbound" if speed_kmh < 0 else None


def _numbers(value: object) -> list[float | None]:
    return [_number(item) for item in (value if isinstance(value, list) else [value])]


def _number(value: object) -> float | None:
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        return None
    try:
        number = float(value)
    except (ValueError, OverflowError):
        return None
    return number if math.isfinite(number) else None


class Ops243Radar:
    """Readings of an OPS243-A radar, until it is stopped.

    Parameters
    ----------
    config : Ops243Config
    now : callable, optional
        The clock that dates readings.

    Attributes
    ----------
    ignored : int
        Lines so far that were no readings and no answers to settings.
    reopened : int
        Times that the device was opened again.

    Raises
    ------
    InputError
        pyserial is missing, or the device cannot be opened at first.
    """

    def __init__(
        self, config: Ops243Config, now: Callable[[], datetime] = lambda: datetime.now(UTC)
    ) -> None:
        self.config = config
        self.ignored = 0
        self.reopened = 0
        self._now = now
        self._stopped = False
        self._serial = _pyserial()
        self._port: Any = None
        self._heard_s = 0.0
        try:
            self._open()
        except OSError as error:
            raise InputError(
                f"The radar at {config.port} cannot be opened ({error}): check the plug, the"
                " port's name and that the user belongs to the group dialout."
            ) from error

    @property
    def description(self) -> str:
        """One line about the source, for people."""
        return f"OPS243-A radar at {self.config.port}"

    def readings(self) -> Iterator[SpeedReading]:
        """Yield readings as they come; a device that is unplugged is awaited and opened again."""
        waiting = b""
        while not self._stopped:
            try:
                received = self._port.read(max(1, self._port.in_waiting))
            except OSError:
                self._reopen()
                waiting = b""
                continue
            if not received:
                if self._silent():
                    self._reopen()
                continue
            self._heard_s = time.monotonic()
            *lines, waiting = (waiting + received).split(b"\n")
            # Without an end of line this is no radar, and must not fill the memory.
            waiting = waiting[-LONGEST_LINE:]
            for line in lines:
                yield from self._parsed(line)

    def stop(self) -> None:
        """End :meth:`readings` within half a second."""
        self._stopped = True

    def close(self) -> None:
        """Let go of the device."""
        self.stop()
        if self._port is not None:
            self._port.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def _open(self) -> None:
        """Open the device and tell it what to send."""
        self._port = self._serial.Serial(self.config.port, self.config.baud, timeout=0.2)
        self._heard_s = time.monotonic()
        try:
            for command in COMMANDS:
                self._port.write(command.encode("ascii") + b"\n")
        except OSError:
            self._port.close()
            raise

    def _reopen(self) -> None:
        """Open the device again, with pauses that double up to the longest."""
        self._port.close()
        pause_s = min(0.1, self.config.retry_s)
        while not self._stopped:
            try:
                self._open()
            except OSError:
                self._sleep(pause_s)
                pause_s = min(2.0 * pause_s, self.config.retry_s)
            else:
                self.reopened += 1
                return

    def _sleep(self, pause_s: float) -> None:
        until_s = time.monotonic() + pause_s
        while not self._stopped and time.monotonic() < until_s:
            time.sleep(min(0.2, pause_s))

    def _silent(self) -> bool:
        quiet_s = self.config.quiet_s
        return quiet_s > 0 and time.monotonic() - self._heard_s > quiet_s

    def _parsed(self, line: bytes) -> list[SpeedReading]:
        text = line.decode("utf-8", errors="replace").strip()
        readings = parse_line(text, self._now())
        # An object without a speed is the answer to a setting, as in {"Units":"km/h"}.
        if not readings and text and '"speed"' not in text and _object(text) is None:
            self.ignored += 1
        return readings


def _pyserial() -> Any:
    try:
        return import_module("serial")
    except ImportError as error:
        raise InputError(
            "The radar needs pyserial, which is not installed: install skolro[radar]."
        ) from error
