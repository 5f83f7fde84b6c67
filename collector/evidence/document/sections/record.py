"""What a document says of a record of commissioning."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from collector.evidence.document.writer import Section, Writer
from collector.evidence.figures import report as figures
from collector.writing import NO_BREAK
from sensor.contract.words import open_point, step_name

_MEASURED: Final = {
    "height": "mic_height_m",
    "distance": "distance_m",
    "distance_back": "distance_back_m",
    "spacing": "spacing_m",
    "facade": "facade_m",
}


def record_section(writer: Writer, one: figures.CommissioningFigures) -> Section:
    """Return a record's title, its facts, and the measures that differ."""
    words = writer.words
    names = ("differs", "registry", "record", "node")
    return {
        "title": words.text("commissioning.title", node=writer.node_name(one.node)),
        "facts": list(_facts(writer, one)),
        "head": [words.text(f"commissioning.{name}") for name in names],
        "rows": [_difference(writer, each) for each in one.differences],
        "note": words.text("commissioning.counts"),
    }


def _facts(writer: Writer, one: figures.CommissioningFigures) -> Iterator[tuple[str, str]]:
    yield _fact(writer, "by", _by(writer, one))
    if not one.here:
        yield _fact(writer, "elsewhere", writer.words.text("commissioning.elsewhere_text"))
    code = writer.words.code
    checked = ", ".join(_lower(step_name(code, step)) for step in one.checked)
    yield _fact(writer, "checked", checked or writer.words.text("commissioning.checked_none"))
    if one.left_out:
        left = [
            writer.words.text(
                "commissioning.left_out_one",
                step=_lower(step_name(code, each.step)),
                reason=each.reason,
            )
            for each in one.left_out
        ]
        yield _fact(writer, "left_out", ", ".join(left))
    points = " ".join(open_point(code, point) for point in one.open_points)
    yield _fact(writer, "open", points or writer.words.text("commissioning.open_none"))
    yield _fact(writer, "drives", _drives(writer, one.drives))
    if one.radar_angle_deg is not None:
        yield _fact(writer, "radar", f"{writer.words.number(one.radar_angle_deg, 0)}°")
    yield from _place(writer, one)
    if one.remarks:
        yield _fact(writer, "remarks", one.remarks)


def _fact(writer: Writer, name: str, text: str) -> tuple[str, str]:
    return writer.words.text(f"commissioning.{name}"), text


def _by(writer: Writer, one: figures.CommissioningFigures) -> str:
    return writer.words.text(
        "commissioning.by_of" if one.organisation else "commissioning.by_alone",
        when=writer.moment(one.signed_at),
        technician=one.technician,
        organisation=one.organisation,
        seq=writer.words.count(one.seq),
    )


def _drives(writer: Writer, drives: figures.DriveFigures | None) -> str:
    words = writer.words
    if drives is None:
        return words.text("commissioning.drives_none")
    error = drives.error_percent
    if error is None:
        return words.text("commissioning.drives_unmeasured", count=drives.count)
    told = words.text(
        "commissioning.drives_told", count=drives.count, error=_signed(writer, error.value)
    )
    if error.low is None or error.high is None:
        return told
    return told + words.text(
        "commissioning.drives_interval",
        low=_signed(writer, error.low),
        high=_signed(writer, error.high),
    )


def _signed(writer: Writer, value: float | None) -> str:
    told = writer.words.number(value)
    return f"+{told}" if value is not None and round(value, 1) > 0 else told


def _place(writer: Writer, one: figures.CommissioningFigures) -> Iterator[tuple[str, str]]:
    words, position = writer.words, one.position
    if position is not None:
        told = f"{words.number(position.latitude, 5)}, {words.number(position.longitude, 5)}"
        if position.accuracy_m is not None:
            told += words.text(
                "commissioning.position_accuracy", accuracy=words.number(position.accuracy_m, 0)
            )
        yield _fact(writer, "position", told)
    measured = [
        words.text(f"commissioning.{name}", value=words.number(value, 2))
        for name, field in _MEASURED.items()
        if (value := getattr(one.measured, field)) is not None
    ]
    if measured:
        yield _fact(writer, "measured", ", ".join(measured).replace(" m,", f"{NO_BREAK}m,"))


def _difference(writer: Writer, one: figures.Difference) -> list[str]:
    values = (one.registry, one.record, one.node)
    decimals = 0 if one.field == "bearing_deg" else 2
    return [
        writer.words.text(f"commissioning.{one.field}"),
        *("–" if value is None else writer.words.number(value, decimals) for value in values),
    ]


def _lower(name: str) -> str:
    return name[:1].lower() + name[1:]
