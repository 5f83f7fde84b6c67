"""Small plots as SVG: axes, lines, marked spans and images, with nothing to install.

>>> figure = Figure(640, 320)
>>> axes = figure.axes(60, 30, 560, 230, x=(0, 10), y=(30, 90))
>>> axes.labels("time / s", "level / dB")
>>> axes.line([0, 5, 10], [40, 80, 50], label="LAF")
>>> svg = figure.text()
"""

from __future__ import annotations

import base64
import math
import struct
import zlib
from collections.abc import Sequence
from html import escape
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sensor.errors import InputError

# Distinct for colour-blind readers too (Okabe and Ito).
COLOURS: Final = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#56b4e9", "#e69f00")
# Dark to light in even steps of lightness.
SCALE: Final = ("#1b1044", "#4a1f73", "#7f2f7a", "#b8416c", "#e66152", "#f89a4e", "#fcdf8f")
INK: Final = "#333333"
GRID: Final = "#dddddd"
FONT: Final = 'font-family="DejaVu Sans, Helvetica, Arial, sans-serif" font-size="12"'

Limits = tuple[float, float]


class Figure:
    """A drawing, `width` by `height` pixels, that holds any number of axes."""

    def __init__(self, width: int, height: int, title: str = "") -> None:
        self.width, self.height, self.title = width, height, title
        self._axes: list[Axes] = []

    def axes(
        self, left: float, top: float, width: float, height: float, *, x: Limits, y: Limits
    ) -> Axes:
        """Add axes with their corner at (`left`, `top`) pixels and the limits `x` and `y`."""
        axes = Axes((left, top, width, height), x, y)
        self._axes.append(axes)
        return axes

    def text(self) -> str:
        """The drawing as an SVG document."""
        size = f'width="{self.width}" height="{self.height}"'
        view = f'viewBox="0 0 {self.width} {self.height}"'
        parts = [
            f'<svg xmlns="http://www.w3.org/2000/svg" {size} {view} role="img" {FONT}>',
            f"<title>{escape(self.title)}</title>",
            f'<rect {size} fill="white"/>',
            _text(self.width / 2, 18, self.title, 'text-anchor="middle" font-size="14"'),
            *(axes.svg() for axes in self._axes),
            "</svg>",
        ]
        return "\n".join(parts) + "\n"

    def write(self, path: Path) -> None:
        """Write the drawing.

        Raises
        ------
        InputError
            If the file cannot be written.
        """
        try:
            path.write_text(self.text(), encoding="utf-8")
        except OSError as error:
            text = f"The plot cannot be written to {path} ({error.strerror}): choose another place."
            raise InputError(text) from error


class Axes:
    """A rectangle with two scales; everything drawn in it is cut off at its border."""

    def __init__(self, place: tuple[float, float, float, float], x: Limits, y: Limits) -> None:
        self._left, self._top, self._width, self._height = place
        self._x, self._y = x, y
        self._x_ticks = [(value, _number(value)) for value in nice_ticks(*x)]
        self._y_ticks = [(value, _number(value)) for value in nice_ticks(*y)]
        self._drawn: list[str] = []
        self._around: list[str] = []
        self._legend: list[tuple[str, str]] = []

    def labels(self, x: str, y: str) -> None:
        """Name the two scales."""
        middle = self._left + self._width / 2
        self._around.append(_text(middle, self._bottom + 36, x, 'text-anchor="middle"'))
        across, down = self._left - 44, self._top + self._height / 2
        turned = f'text-anchor="middle" transform="rotate(-90 {across:.1f} {down:.1f})"'
        self._around.append(_text(across, down, y, turned))

    def ticks(
        self,
        *,
        x: Sequence[tuple[float, str]] | None = None,
        y: Sequence[tuple[float, str]] | None = None,
    ) -> None:
        """Set the ticks of a scale instead of round numbers: places and what stands there."""
        self._x_ticks = list(x) if x is not None else self._x_ticks
        self._y_ticks = list(y) if y is not None else self._y_ticks

    def line(
        self,
        x: ArrayLike,
        y: ArrayLike,
        *,
        label: str = "",
        colour: str | None = None,
        width: float = 1.5,
        dashes: str = "",
    ) -> None:
        """Draw a line through points; values that are not finite interrupt it."""
        colour = colour or COLOURS[len(self._legend) % len(COLOURS)]
        across, down = self._place(np.asarray(x, float), np.asarray(y, float))
        path = _path(across, down)
        style = f'stroke="{colour}" stroke-width="{width}" stroke-dasharray="{dashes or "none"}"'
        self._drawn.append(f'<path d="{path}" fill="none" {style} stroke-linejoin="round"/>')
        if label:
            self._legend.append((colour, label))

    def points(
        self, x: ArrayLike, y: ArrayLike, *, label: str = "", colour: str | None = None
    ) -> None:
        """Draw a small circle at every finite point."""
        colour = colour or COLOURS[len(self._legend) % len(COLOURS)]
        across, down = self._place(np.asarray(x, float), np.asarray(y, float))
        for left, top in zip(across, down, strict=True):
            if math.isfinite(left) and math.isfinite(top):
                self._drawn.append(
                    f'<circle cx="{left:.1f}" cy="{top:.1f}" r="2.2" fill="{colour}"/>'
                )
        if label:
            self._legend.append((colour, label))

    def span(self, first_x: float, last_x: float, *, colour: str = "#f0c0c0") -> None:
        """Shade the whole height between two places of the x scale."""
        across, _ = self._place(np.array([first_x, last_x], float), np.zeros(2))
        width = max(float(across[1] - across[0]), 1.0)
        self._drawn.append(
            f'<rect x="{across[0]:.1f}" y="{self._top:.1f}" width="{width:.1f}"'
            f' height="{self._height:.1f}" fill="{colour}"/>'
        )

    def image(self, values: ArrayLike, *, low: float, high: float, x: Limits | None = None) -> None:
        """Draw a picture of the whole height: row 0 at the bottom, `low` dark, `high` light.

        It fills the axes from side to side, or lies between the limits `x`.
        """
        uri = png_uri(colour_scale(np.asarray(values, float)[::-1], low, high))
        across, _ = self._place(np.array(x or self._x, float), np.zeros(2))
        self._drawn.append(
            f'<image x="{across[0]:.1f}" y="{self._top}" width="{across[1] - across[0]:.1f}"'
            f' height="{self._height}" preserveAspectRatio="none"'
            f' style="image-rendering:pixelated" href="{uri}"/>'
        )

    def note(self, text: str) -> None:
        """Write a line above the axes, at their right end."""
        place = self._left + self._width
        self._around.append(_text(place, self._top - 8, text, 'text-anchor="end"'))

    def svg(self) -> str:
        """The axes as SVG elements."""
        clip = f"c{self._left:.0f}-{self._top:.0f}"
        box = f'x="{self._left}" y="{self._top}" width="{self._width}" height="{self._height}"'
        return "\n".join(
            [
                f'<clipPath id="{clip}"><rect {box}/></clipPath>',
                *self._grid(),
                f'<g clip-path="url(#{clip})">',
                *self._drawn,
                "</g>",
                f'<rect {box} fill="none" stroke="{INK}"/>',
                *self._around,
                *self._legend_entries(),
            ]
        )

    @property
    def _bottom(self) -> float:
        return self._top + self._height

    def _place(
        self, x: NDArray[np.float64], y: NDArray[np.float64]
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        across = self._left + (x - self._x[0]) / (self._x[1] - self._x[0]) * self._width
        down = self._bottom - (y - self._y[0]) / (self._y[1] - self._y[0]) * self._height
        return across, down

    def _grid(self) -> list[str]:
        parts = []
        for value, label in self._x_ticks:
            across = float(self._place(np.array([value]), np.zeros(1))[0][0])
            parts.append(_line(across, self._top, across, self._bottom))
            parts.append(_text(across, self._bottom + 17, label, 'text-anchor="middle"'))
        for value, label in self._y_ticks:
            down = float(self._place(np.zeros(1), np.array([value]))[1][0])
            parts.append(_line(self._left, down, self._left + self._width, down))
            parts.append(_text(self._left - 7, down + 4, label, 'text-anchor="end"'))
        return parts

    def _legend_entries(self) -> list[str]:
        parts, across = [], self._left + 8
        for colour, label in self._legend:
            down = self._top - 8
            parts.append(
                f'<line x1="{across:.1f}" y1="{down - 4:.1f}" x2="{across + 18:.1f}"'
                f' y2="{down - 4:.1f}" stroke="{colour}" stroke-width="3"/>'
            )
            parts.append(_text(across + 23, down, label, ""))
            across += 40 + 7.2 * len(label)
        return parts


def nice_ticks(low: float, high: float, most: int = 8) -> list[float]:
    """Round numbers from `low` to `high`, at most about `most` of them."""
    span = high - low
    if not (math.isfinite(span) and span > 0):
        return [low]
    power = 10.0 ** math.floor(math.log10(span / most))
    step = next(power * factor for factor in (1, 2, 5, 10) if span / (power * factor) <= most)
    first = math.ceil(low / step - 1e-9)
    return [number * step for number in range(first, math.floor(high / step + 1e-9) + 1)]


def colour_scale(values: NDArray[np.float64], low: float, high: float) -> NDArray[np.uint8]:
    """Colours of values, shape (rows, columns, 3); what is not finite is grey."""
    stops = np.array([[int(colour[at : at + 2], 16) for at in (1, 3, 5)] for colour in SCALE])
    share = np.clip((values - low) / (high - low), 0, 1) * (len(SCALE) - 1)
    known = np.isfinite(share)
    place = np.where(known, share, 0)
    channels = [np.interp(place, np.arange(len(SCALE)), stops[:, channel]) for channel in range(3)]
    colours = np.stack(channels, axis=-1)
    colours[~known] = 190
    rounded: NDArray[np.uint8] = np.rint(colours).astype(np.uint8)
    return rounded


def png_uri(pixels: NDArray[np.uint8]) -> str:
    """An image, shape (rows, columns, 3), as a PNG in a data URI."""
    rows, columns, _ = pixels.shape
    filtered = np.zeros((rows, 1 + 3 * columns), dtype=np.uint8)
    filtered[:, 1:] = pixels.reshape(rows, -1)
    header = struct.pack(">IIBBBBB", columns, rows, 8, 2, 0, 0, 0)
    data = zlib.compress(filtered.tobytes(), 9)
    chunks = (_chunk(b"IHDR", header), _chunk(b"IDAT", data), _chunk(b"IEND", b""))
    png = b"\x89PNG\r\n\x1a\n" + b"".join(chunks)
    return "data:image/png;base64," + base64.b64encode(png).decode("ascii")


def _chunk(kind: bytes, data: bytes) -> bytes:
    checked = kind + data
    return struct.pack(">I", len(data)) + checked + struct.pack(">I", zlib.crc32(checked))


def _path(across: NDArray[np.float64], down: NDArray[np.float64]) -> str:
    parts, pen = [], "M"
    for left, top in zip(across.tolist(), down.tolist(), strict=True):
        if math.isfinite(left) and math.isfinite(top):
            parts.append(f"{pen}{left:.1f} {top:.1f}")
            pen = "L"
        else:
            pen = "M"
    return "".join(parts)


def _line(x1: float, y1: float, x2: float, y2: float) -> str:
    place = f'x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}"'
    return f'<line {place} stroke="{GRID}"/>'


def _text(x: float, y: float, text: str, style: str) -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" fill="{INK}" {style}>{escape(text)}</text>'


def _number(value: float) -> str:
    return f"{value:.10g}".replace("-", "−")
