"""A drawing of where one node hangs, to be printed and filled in on the ladder."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from importlib.resources import files
from typing import Any, Final

import msgspec

from collector.evidence.document.typeset import compiled
from collector.writing import Code, Writing
from deploy.errors import DeployError

_SHEET_MM: Final = 180.0
_SCALES: Final = (50, 100, 200, 250, 500, 1000)
_ARM_SCALES: Final = (1, 2, 5, 10, 25, 50)
_ARM_MM: Final = 105.0
_TALLEST_MM: Final = 62.0
_DEEPEST_MM: Final = 64.0
_LANE_M: Final = 3.5
_CHECKS: Final = ("sight", "screen", "order", "calibrator", "light", "sign")


def mounting_drawing(
    node: str, site_name: str, geometry: Mapping[str, Any], code: Code, drawn_at: datetime
) -> bytes:
    """Return the drawing as PDF/A, A4; what is not known is left to be measured on site.

    Parameters
    ----------
    geometry : mapping
        Of the placement, by the names of ``[mounting]``.
    drawn_at : datetime
        Local time.

    Raises
    ------
    DeployError
        It is not known how far the road is: there would be nothing to draw.
    """
    if "distance_m" not in geometry:
        raise DeployError(
            f"the registry does not know how far the road is from {node}: tell it with "
            f"skolro node move {node} --site S --distance M"
        )
    folder = files(__package__)
    words = Writing(code, [folder / f"{code}.toml"])
    project = {
        "main.typ": (folder / "drawing.typ").read_bytes(),
        "data.json": msgspec.json.encode(_data(node, site_name, geometry, words, drawn_at)),
    }
    return compiled(project, "a-2b", drawn_at)


def _data(
    node: str, site_name: str, geometry: Mapping[str, Any], words: Writing, drawn_at: datetime
) -> dict[str, Any]:
    near, back = geometry["distance_m"], geometry.get("distance_back_m")
    lanes = [near] if back is None else [near, back]
    behind_m = min(geometry.get("facade_m") or 0.0, 6.0)
    far_m = max(lanes) + _LANE_M / 2 + 0.5
    height_m = geometry.get("mic_height_m")
    spacing_m = geometry.get("spacing_m")
    is_nearer_first = back is None or near <= back
    begin, end = ("left", "right") if is_nearer_first else ("right", "left")
    return {
        "lang": words.code,
        "t": {
            key.partition(".")[2]: words.text(key)
            for key in sorted(words.keys())
            if key.startswith("drawing.")
        },
        "head": f"{node}, {site_name}",
        "drawn": words.text("drawing.drawn", day=words.day(drawn_at.date())),
        "date": [drawn_at.year, drawn_at.month, drawn_at.day],
        "lanes": lanes,
        "lane_labels": [f"{words.number(lane, 2)} m" for lane in lanes],
        "near": min(lanes) - _LANE_M / 2,
        "far": max(lanes) + _LANE_M / 2,
        "behind": behind_m,
        "facade": geometry.get("facade_m"),
        "height": height_m,
        "spacing": spacing_m,
        "bearing": geometry.get("bearing_deg"),
        "straight": words.text(
            "drawing.straight", bearing=words.number(geometry.get("bearing_deg"), 0)
        ),
        "side_scale": _scale((behind_m + far_m + 1.0, _SHEET_MM), (height_m or 0.0, _TALLEST_MM)),
        "plan_scale": _scale((far_m + 1.5, _DEEPEST_MM)),
        "arm_scale": next(
            (n for n in _ARM_SCALES if (spacing_m or 0.0) * 1000 / n <= _ARM_MM), _ARM_SCALES[-1]
        ),
        "channels": [words.text("drawing.channel", number=number) for number in (0, 1)],
        "first_is_left": is_nearer_first,
        "right_hand": words.text(
            "drawing.right_hand",
            begin=words.text(f"drawing.{begin}"),
            end=words.text(f"drawing.{end}"),
        ),
        "labels": {
            "height": _metres(height_m, words),
            "spacing": None if spacing_m is None else f"{words.number(spacing_m * 1000, 0)} mm",
            "facade": _metres(geometry.get("facade_m"), words),
        },
        "rows": _rows(geometry, words),
        "checks": [
            words.text(f"drawing.check_{name}")
            for name in _CHECKS
            if name != "order" or spacing_m is not None
        ],
    }


def _rows(geometry: Mapping[str, Any], words: Writing) -> list[list[str]]:
    bearing = geometry.get("bearing_deg")
    told = {
        "distance": _metres(geometry.get("distance_m"), words),
        "distance_back": _metres(geometry.get("distance_back_m"), words),
        "height": _metres(geometry.get("mic_height_m"), words),
        "spacing": _metres(geometry.get("spacing_m"), words),
        "facade_row": _metres(geometry.get("facade_m"), words),
        "bearing": None if bearing is None else f"{words.number(bearing, 0)}°",
        "radar_row": words.text("drawing.at_most_30"),
        "microphone_row": geometry.get("microphone"),
    }
    unknown = words.text("drawing.unknown")
    return [[words.text(f"drawing.{name}"), value or unknown] for name, value in told.items()]


def _metres(value: float | None, words: Writing) -> str | None:
    return None if value is None else f"{words.number(value, 2)} m"


def _scale(*wanted: tuple[float, float]) -> int:
    """The largest scale at which each length in metres fits its room in millimetres."""
    return next(
        (n for n in _SCALES if all(1000 * long / n <= room for long, room in wanted)), _SCALES[-1]
    )
