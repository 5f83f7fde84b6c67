"""The place, where the microphones are, and what holds there."""

from __future__ import annotations

from collections.abc import Sequence

from collector.evidence import excerpt
from collector.evidence.document.writer import Section, Writer
from collector.writing import NO_BREAK


def site_section(writer: Writer) -> Section:
    """The place, where the microphones are, and what holds there."""
    words, site = writer.words, writer.registry.site
    rows: list[tuple[str, str]] = []
    if site.latitude is not None and site.longitude is not None:
        place = f"{words.number(site.latitude, 5)} N, {words.number(site.longitude, 5)} E"
        rows.append((words.text("site.coordinates"), place))
    for node in writer.registry.nodes:
        rows += _node_rows(writer, node)
    rows += _limit_rows(writer)
    return {"title": words.text("site.title"), "rows": rows}


def _node_rows(writer: Writer, node: excerpt.Node) -> list[tuple[str, str]]:
    words = writer.words
    rows = [(words.text("site.node"), writer.node_name(node.id))]
    for place in node.placements:
        if place.site != writer.registry.site.id:
            continue
        since = writer.moment(place.since)
        hung = (
            words.text("site.hung_since", since=since)
            if place.until is None
            else words.text("site.hung_between", since=since, until=writer.moment(place.until))
        )
        rows.append((words.text("site.hung"), hung))
        rows += _mounting_rows(writer, place.mounting)
    return rows


def _mounting_rows(writer: Writer, mounting: excerpt.Mounting) -> list[tuple[str, str]]:
    words = writer.words
    unknown = words.text("document.not_told")

    def metres(value: float | None) -> str:
        return unknown if value is None else f"{words.number(value)}{NO_BREAK}m"

    distance = metres(mounting.distance_m)
    if mounting.distance_m is not None and mounting.distance_back_m is not None:
        distance = words.text(
            "site.distance_pair",
            there=words.number(mounting.distance_m),
            back=words.number(mounting.distance_back_m),
        )
    rows = [
        (words.text("site.microphone"), mounting.microphone or unknown),
        (words.text("site.height"), metres(mounting.mic_height_m)),
        (words.text("site.distance"), distance),
    ]
    if mounting.spacing_m is not None:
        spacing = f"{words.number(mounting.spacing_m, 2)}{NO_BREAK}m"
        rows.append((words.text("site.spacing"), spacing))
    if mounting.facade_m is not None:
        rows.append((words.text("site.facade"), metres(mounting.facade_m)))
    if mounting.bearing_deg is not None:
        rows.append((words.text("site.bearing"), f"{words.number(mounting.bearing_deg, 0)}°"))
    return rows


def _limit_rows(writer: Writer) -> list[tuple[str, str]]:
    words = writer.words
    rows = []
    for limit in writer.registry.speed_limits:
        line = words.text(
            "site.limit_line", kmh=words.number(limit.kmh, 0), when=_when(writer, limit)
        )
        rows.append((words.text("site.limit"), f"{line}. {_source(writer, limit.source)}."))
    if not rows:
        rows.append((words.text("site.limit"), words.text("site.limit_none")))
    for value in writer.registry.guidelines:
        line = words.text(
            "site.guideline_line",
            quantity=words.name("quantities", value.quantity),
            value=words.number(value.value_db, 0),
        )
        rows.append((words.text("site.guideline"), f"{line}. {_source(writer, value.source)}."))
    if not writer.registry.guidelines:
        rows.append((words.text("site.guideline"), words.text("site.guideline_none")))
    return rows


def _when(writer: Writer, limit: excerpt.SpeedLimit) -> str:
    words = writer.words
    whole_day = (limit.from_time, limit.to_time) == ("00:00", "24:00")
    if len(set(limit.weekdays)) == 7:
        days = words.text("site.every_day")
        if whole_day:
            return words.text("site.limit_always")
    else:
        names = words.texts("calendar.weekdays")
        days = _spans(sorted(set(limit.weekdays)), names)
    return words.text("site.limit_when", days=days, begin=limit.from_time, end=limit.to_time)


def _source(writer: Writer, source: str) -> str:
    if not source:
        return writer.words.text("site.source_none")
    return writer.words.text("site.source_of", source=source.rstrip("."))


def _spans(numbers: Sequence[int], names: Sequence[str]) -> str:
    """Weekdays from 1, those that follow each other joined."""
    runs: list[list[int]] = []
    for number in numbers:
        if runs and runs[-1][-1] == number - 1:
            runs[-1].append(number)
        else:
            runs.append([number])
    texts = [
        names[run[0] - 1] if len(run) == 1 else f"{names[run[0] - 1]}–{names[run[-1] - 1]}"
        for run in runs
    ]
    return ", ".join(texts)
