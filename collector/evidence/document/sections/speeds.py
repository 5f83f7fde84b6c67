"""How fast, and the loudest passes."""

from __future__ import annotations

from collector.evidence.document.writer import Section, Writer
from collector.evidence.figures import report as figures
from collector.writing import NO_BREAK


def speeds_section(writer: Writer) -> Section:
    """Speeds, by the limit that held."""
    words, report = writer.words, writer.report
    names = ("limit", "passes", "measured", "v50", "v85", "over", "over_30")
    rows = []
    if report.speeds_all.measured:
        rows = [_speed_row(writer, one, one.limit_kmh) for one in report.speeds]
        if len(rows) > 1:
            rows.append(_speed_row(writer, report.speeds_all, "all"))
    lines = []
    if report.speeds_all.uncertainty_kmh is not None:
        value = words.number(report.speeds_all.uncertainty_kmh)
        lines.append(words.text("speed.single", value=value))
    if report.speeds_refused:
        ordered = sorted(report.speeds_refused.items(), key=lambda one: (-one[1], one[0]))
        reasons = [
            words.text("speed.refused_one", count=n, reason=words.name("refusals", reason))
            for reason, n in ordered
        ]
        count = words.count(sum(report.speeds_refused.values()))
        lines.append(words.text("speed.refused", count=count, reasons=", ".join(reasons)))
    return {
        "title": words.text("speed.title"),
        "explain": words.text("speed.explain"),
        "head": [words.text(f"speed.{name}") for name in names],
        "rows": rows,
        "none": words.text("speed.none"),
        "lines": lines,
        "chart": words.text("speed.chart"),
        "chart_alt": words.text("speed.chart_alt"),
    }


def _speed_row(writer: Writer, one: figures.SpeedFigures, limit: float | str | None) -> list[str]:
    words = writer.words
    if limit == "all":
        name = words.text("speed.limit_all")
    elif isinstance(limit, float):
        name = f"{words.number(limit, 0)}{NO_BREAK}km/h"
    else:
        name = words.text("speed.limit_none")
    return [
        name,
        words.count(one.passes),
        words.count(one.measured),
        _estimate(writer, one.v50_kmh),
        _estimate(writer, one.v85_kmh),
        _share(writer, one.over_limit),
        _share(writer, one.over_30),
    ]


def _estimate(writer: Writer, one: figures.Interval) -> str:
    words = writer.words
    if one.value is None:
        return "–"
    low, high = words.number(one.low), words.number(one.high)
    return f"{words.number(one.value)} ({low}–{high})"


def _share(writer: Writer, one: figures.Share) -> str:
    if not one.of:
        return "–"
    words = writer.words
    return words.text(
        "speed.share",
        count=one.count,
        of=one.of,
        share=words.percent(one.count / one.of),
        interval=writer.percents(one),
    )


def worst_section(writer: Writer) -> Section:
    """The loudest passes."""
    words = writer.words
    names = (
        "when", "trace", "level", "exposure", "over_background", "source", "speed", "limit",
        "message",
    )  # fmt: skip
    return {
        "title": words.text("worst.title"),
        "explain": words.text("worst.explain"),
        "head": [words.text(f"worst.{name}") for name in names],
        "rows": [_worst_row(writer, one) for one in writer.report.worst],
        "none": words.text("worst.none"),
        "trace_alt": words.text("worst.trace_alt"),
    }


def _worst_row(writer: Writer, one: figures.WorstEvent) -> list[str]:
    words = writer.words
    source = words.name("sources", one.source)
    if one.source_probability is not None:
        source += f" ({words.percent(one.source_probability)})"
    if one.speed_kmh is None:
        reason = words.name("refusals", one.speed_refused or "not_configured")
        speed = words.text("worst.speed_refused", reason=reason)
    else:
        speed = words.text(
            "worst.speed_interval",
            speed=words.number(one.speed_kmh, 0),
            low=words.number(one.speed_low_kmh, 0),
            high=words.number(one.speed_high_kmh, 0),
        )
    local = one.start.astimezone(writer.zone)
    return [
        f"{words.weekday(local)} {words.day_short(local)} {local:%H:%M:%S}",
        words.number(one.lafmax_db),
        words.number(one.lae_db),
        words.number(one.background_laf90_db),
        source,
        speed,
        words.number(one.limit_kmh, 0),
        str(one.seq),
    ]
