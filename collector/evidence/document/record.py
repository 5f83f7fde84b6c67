"""What a document says of a record of commissioning."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Any, Final

from collector.evidence.figures import report as figures
from collector.evidence.language import Language
from collector.writing import NO_BREAK
from sensor.contract.words import open_point, step_name

_MEASURED: Final = {
    "height": "mic_height_m",
    "distance": "distance_m",
    "distance_back": "distance_back_m",
    "spacing": "spacing_m",
    "facade": "facade_m",
}


class RecordWriter:
    """Writes records in the words of a language.

    Parameters
    ----------
    words : Language
    moment, node_name : callable
        How the document writes times and names of nodes.
    """

    def __init__(
        self,
        words: Language,
        moment: Callable[[datetime], str],
        node_name: Callable[[str], str],
    ) -> None:
        self._words = words
        self._moment = moment
        self._node_name = node_name

    def section(self, one: figures.CommissioningFigures) -> dict[str, Any]:
        """Return a record's title, its facts, and the measures that differ."""
        words = self._words
        names = ("differs", "registry", "record", "node")
        return {
            "title": words.text("commissioning.title", node=self._node_name(one.node)),
            "facts": list(self._facts(one)),
            "head": [words.text(f"commissioning.{name}") for name in names],
            "rows": [self._difference(each) for each in one.differences],
            "note": words.text("commissioning.counts"),
        }

    def _facts(self, one: figures.CommissioningFigures) -> Iterator[tuple[str, str]]:
        yield self._fact("by", self._by(one))
        if not one.here:
            yield self._fact("elsewhere", self._words.text("commissioning.elsewhere_text"))
        code = self._words.code
        checked = ", ".join(_lower(step_name(code, step)) for step in one.checked)
        yield self._fact("checked", checked or self._words.text("commissioning.checked_none"))
        if one.left_out:
            left = [
                self._words.text(
                    "commissioning.left_out_one",
                    step=_lower(step_name(code, each.step)),
                    reason=each.reason,
                )
                for each in one.left_out
            ]
            yield self._fact("left_out", ", ".join(left))
        points = " ".join(open_point(code, point) for point in one.open_points)
        yield self._fact("open", points or self._words.text("commissioning.open_none"))
        yield self._fact("drives", self._drives(one.drives))
        if one.radar_angle_deg is not None:
            yield self._fact("radar", f"{self._words.number(one.radar_angle_deg, 0)}°")
        yield from self._place(one)
        if one.remarks:
            yield self._fact("remarks", one.remarks)

    def _fact(self, name: str, text: str) -> tuple[str, str]:
        return self._words.text(f"commissioning.{name}"), text

    def _by(self, one: figures.CommissioningFigures) -> str:
        return self._words.text(
            "commissioning.by_of" if one.organisation else "commissioning.by_alone",
            when=self._moment(one.signed_at),
            technician=one.technician,
            organisation=one.organisation,
            seq=self._words.count(one.seq),
        )

    def _drives(self, drives: figures.DriveFigures | None) -> str:
        words = self._words
        if drives is None:
            return words.text("commissioning.drives_none")
        error = drives.error_percent
        if error is None:
            return words.text("commissioning.drives_unmeasured", count=drives.count)
        told = words.text(
            "commissioning.drives_told", count=drives.count, error=self._signed(error.value)
        )
        if error.low is None or error.high is None:
            return told
        return told + words.text(
            "commissioning.drives_interval",
            low=self._signed(error.low),
            high=self._signed(error.high),
        )

    def _signed(self, value: float | None) -> str:
        told = self._words.number(value)
        return f"+{told}" if value is not None and round(value, 1) > 0 else told

    def _place(self, one: figures.CommissioningFigures) -> Iterator[tuple[str, str]]:
        words, position = self._words, one.position
        if position is not None:
            told = f"{words.number(position.latitude, 5)}, {words.number(position.longitude, 5)}"
            if position.accuracy_m is not None:
                told += words.text(
                    "commissioning.position_accuracy", accuracy=words.number(position.accuracy_m, 0)
                )
            yield self._fact("position", told)
        measured = [
            words.text(f"commissioning.{name}", value=words.number(value, 2))
            for name, field in _MEASURED.items()
            if (value := getattr(one.measured, field)) is not None
        ]
        if measured:
            yield self._fact("measured", ", ".join(measured).replace(" m,", f"{NO_BREAK}m,"))

    def _difference(self, one: figures.Difference) -> list[str]:
        values = (one.registry, one.record, one.node)
        decimals = 0 if one.field == "bearing_deg" else 2
        return [
            self._words.text(f"commissioning.{one.field}"),
            *("–" if value is None else self._words.number(value, decimals) for value in values),
        ]


def _lower(name: str) -> str:
    return name[:1].lower() + name[1:]
