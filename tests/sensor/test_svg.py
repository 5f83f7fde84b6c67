"""Drawings are valid SVG, and show what they were given."""

from __future__ import annotations

import base64
import struct
import zlib
from pathlib import Path
from xml.etree import ElementTree as ET

import numpy as np
import pytest

from sensor.errors import InputError
from sensor.svg import Figure, colour_scale, nice_ticks, png_uri


def _figure() -> Figure:
    figure = Figure(400, 300, "a < b & c")
    axes = figure.axes(50, 40, 300, 200, x=(0, 10), y=(-5, 5))
    axes.image(np.arange(12.0).reshape(3, 4), low=0, high=11)
    axes.span(2, 3)
    axes.line([0, 5, 7, 10], [-5, np.nan, 0, 5], label="up")
    axes.points([1, 2], [0, np.inf], label="dots")
    axes.labels("time / s", "level / dB")
    axes.ticks(y=[(0, "zero")])
    axes.note("a note")
    return figure


def test_a_figure_is_valid_and_complete() -> None:
    root = ET.fromstring(_figure().text())  # noqa: S314 - our own text
    texts = {element.text for element in root.iter() if element.tag.endswith("text")}
    assert {"a < b & c", "up", "dots", "time / s", "level / dB", "zero", "a note"} <= texts
    paths = [element for element in root.iter() if element.tag.endswith("path")]
    assert [path.get("d") for path in paths] == ["M50.0 240.0M260.0 140.0L350.0 40.0"]
    assert sum(element.tag.endswith("circle") for element in root.iter()) == 1


def test_an_image_comes_back(tmp_path: Path) -> None:
    pixels = np.arange(2 * 3 * 3, dtype=np.uint8).reshape(2, 3, 3)
    data = base64.b64decode(png_uri(pixels).partition(",")[2])
    assert data[:8] == b"\x89PNG\r\n\x1a\n"
    assert struct.unpack(">II", data[16:24]) == (3, 2)
    start = data.index(b"IDAT")
    (length,) = struct.unpack(">I", data[start - 4 : start])
    lines = np.frombuffer(zlib.decompress(data[start + 4 : start + 4 + length]), np.uint8)
    assert np.array_equal(lines.reshape(2, 10)[:, 1:].reshape(2, 3, 3), pixels)


def test_colours_rise_and_gaps_are_grey() -> None:
    colours = colour_scale(np.array([[-9.0, 0.0, 5.0, 10.0, 99.0, np.nan]]), 0, 10)[0].astype(int)
    assert colours[0].tolist() == colours[1].tolist()
    assert colours[3].tolist() == colours[4].tolist()
    assert colours[1].sum() < colours[2].sum() < colours[3].sum()
    assert colours[5].tolist() == [190, 190, 190]


@pytest.mark.parametrize(
    ("low", "high", "expected"),
    [
        (0, 10, [0, 2, 4, 6, 8, 10]),
        (-0.35, 0.35, [-0.3, -0.2, -0.1, 0, 0.1, 0.2, 0.3]),
        (5, 5, [5]),
    ],
)
def test_ticks_are_round(low: float, high: float, expected: list[float]) -> None:
    assert nice_ticks(low, high) == pytest.approx(expected)


def test_a_place_that_cannot_be_written_is_said(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot be written"):
        _figure().write(tmp_path / "no" / "x.svg")
