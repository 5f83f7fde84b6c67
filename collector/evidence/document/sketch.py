"""Small drawings made of numbers alone: where the microphone hangs, and how a pass sounded."""

from __future__ import annotations

from collections.abc import Sequence
from math import cos, radians, sin
from typing import Final
from xml.sax.saxutils import escape

from collector.evidence.excerpt import Mounting
from collector.evidence.language import Language

FONT: Final = "Libertinus Serif"
_WIDTH, _HEIGHT = 360.0, 250.0
_INK, _ROAD, _BLUE, _GREY = "#3d4852", "#dfe4e8", "#005a9c", "#8795a1"
_LANE_M: Final = 3.5


def sketch(mounting: Mounting, words: Language) -> str:
    """Return the microphone and the road from above, to scale, as SVG."""
    if mounting.distance_m is None:
        return _svg(_WIDTH, 90.0, [_microphone(60.0, 45.0), *_unknown(words)])
    lanes = [mounting.distance_m]
    if mounting.distance_back_m is not None:
        lanes.append(mounting.distance_back_m)
    near, far = min(lanes) - _LANE_M / 2, max(lanes) + _LANE_M / 2
    behind = min(mounting.facade_m or 0.0, 15.0)
    scale = min((_HEIGHT - 90.0) / (far + behind), 18.0)
    y_mic = 20.0 + far * scale + 12.0
    x_mic = _WIDTH / 2
    parts = [_road(y_mic - far * scale, (far - near) * scale, words)]
    if len(lanes) > 1:
        middle = y_mic - scale * sum(lanes) / 2
        parts.append(_line(0, middle, _WIDTH, middle, "white", "8 6", 2.0))
    for index, lane in enumerate(sorted(lanes)):
        x = x_mic + (-84.0 if index == 0 else 36.0)
        parts += _dimension(x, y_mic, y_mic - lane * scale, f"{words.number(lane)} m")
    if mounting.facade_m is not None:
        y = y_mic + max(behind * scale, 28.0)
        parts.append(_line(x_mic - 110, y, x_mic + 110, y, _GREY, "", 4.0))
        label = f"{words.text('site.sketch_facade')} {words.number(mounting.facade_m)} m"
        parts.append(_text(x_mic + 8, y + 20, label, _INK))
    parts.append(_microphone(x_mic, y_mic))
    if mounting.mic_height_m is not None:
        height = f"h = {words.number(mounting.mic_height_m)} m"
        parts.append(_text(x_mic - 42, y_mic + 22, height, _BLUE))
    parts += _scale_bar(scale, _HEIGHT - 14.0)
    if mounting.bearing_deg is not None:
        parts += _north(mounting.bearing_deg)
    return _svg(_WIDTH, _HEIGHT, parts)


def _unknown(words: Language) -> list[str]:
    return [_text(80.0, 51.0, words.text("site.sketch_unknown"), _INK)]


def _road(top: float, height: float, words: Language) -> str:
    band = f'<rect x="0" y="{top:.1f}" width="{_WIDTH:g}" height="{height:.1f}" fill="{_ROAD}"/>'
    return band + _text(8, top + height - 8, words.text("site.sketch_road"), _GREY)


def _dimension(x: float, begin: float, end: float, label: str) -> list[str]:
    return [
        _line(x, begin, x, end, _INK, "", 1.0),
        _line(x - 4, begin, x + 4, begin, _INK, "", 1.0),
        _line(x - 4, end, x + 4, end, _INK, "", 1.0),
        _text(x + 5, (begin + end) / 2 + 4, label, _INK),
    ]


def _scale_bar(scale: float, y: float) -> list[str]:
    length = 5 * scale
    return [
        _line(12, y, 12 + length, y, _INK, "", 2.0),
        _text(18 + length, y + 6, "5 m", _INK),
    ]


def _north(bearing_deg: float) -> list[str]:
    # The road lies upwards, in the direction `bearing_deg`.
    angle = radians(-bearing_deg - 90.0)
    x, y = _WIDTH - 28.0, _HEIGHT - 34.0
    dx, dy = 14.0 * cos(angle), 14.0 * sin(angle)
    return [
        _line(x - dx, y - dy, x + dx, y + dy, _INK, "", 1.5),
        f'<circle cx="{x + dx:.1f}" cy="{y + dy:.1f}" r="2.5" fill="{_INK}"/>',
        _text(x + 1.7 * dx - 4, y + 1.7 * dy + 4, "N", _INK),
    ]


def _microphone(x: float, y: float) -> str:
    return f'<circle cx="{x:.1f}" cy="{y:.1f}" r="6" fill="{_BLUE}"/>'


def _line(x: float, y: float, x2: float, y2: float, colour: str, dash: str, width: float) -> str:
    dashed = f' stroke-dasharray="{dash}"' if dash else ""
    return (
        f'<line x1="{x:.1f}" y1="{y:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" '
        f'stroke="{colour}" stroke-width="{width:g}"{dashed}/>'
    )


def _text(x: float, y: float, text: str, colour: str) -> str:
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" font-family="{FONT}" font-size="17" '
        f'fill="{colour}">{escape(text)}</text>'
    )


def _svg(width: float, height: float, parts: Sequence[str]) -> str:
    size = f'width="{width:g}" height="{height:g}" viewBox="0 0 {width:g} {height:g}"'
    return f'<svg xmlns="http://www.w3.org/2000/svg" {size}>{"".join(parts)}</svg>'


_TRACE_WIDTH, _TRACE_HEIGHT = 120.0, 30.0
_TRACE_LOW_DB, _TRACE_HIGH_DB = 40.0, 100.0
_LONGEST_TRACE: Final = 60


def trace(levels_db: Sequence[float | None]) -> str:
    """Return the course of an event, one value a second, as SVG; gaps stay gaps."""
    shown = levels_db[:_LONGEST_TRACE]
    step = _TRACE_WIDTH / max(len(shown) - 1, 1)
    runs: list[list[str]] = [[]]
    for index, level in enumerate(shown):
        if level is None:
            runs.append([])
            continue
        share = (level - _TRACE_LOW_DB) / (_TRACE_HIGH_DB - _TRACE_LOW_DB)
        y = _TRACE_HEIGHT * (1 - min(max(share, 0.0), 1.0))
        runs[-1].append(f"{index * step:.1f},{y:.1f}")
    base = _line(0, _TRACE_HEIGHT - 0.5, _TRACE_WIDTH, _TRACE_HEIGHT - 0.5, "#c2cbd3", "", 1.0)
    parts = [base]
    for run in runs:
        if len(run) == 1:
            cx, cy = run[0].split(",")
            parts.append(f'<circle cx="{cx}" cy="{cy}" r="1.5" fill="#b3123f"/>')
        elif run:
            points = " ".join(run)
            parts.append(
                f'<polyline points="{points}" fill="none" stroke="#b3123f" stroke-width="1.6"/>'
            )
    return _svg(_TRACE_WIDTH, _TRACE_HEIGHT, parts)
