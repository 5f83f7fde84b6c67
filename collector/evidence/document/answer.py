"""The question, and the answer in three sentences: how often, how loud, how fast."""

from __future__ import annotations

from collector.evidence.document.writer import Writer
from collector.evidence.figures import report as figures
from collector.writing import NO_BREAK

_LEAST_S = 10 * 3600.0


def question(writer: Writer) -> str:
    """What was asked."""
    asked = writer.report.request.question
    return asked or writer.words.text("document.question_usual", site=writer.registry.site.name)


def answer(writer: Writer) -> list[str]:
    """Return the sentences of the answer."""
    report = writer.report
    if not report.coverage.measured_s:
        return [writer.words.text("document.answer_nothing")]
    return [_how_often(writer), _how_loud(writer), _how_fast(writer)]


def _how_often(writer: Writer) -> str:
    words, report = writer.words, writer.report
    coverage = report.coverage
    rate = report.passes.per_day
    interval = f"{words.number(rate.value)} ({words.number(rate.low)}–{words.number(rate.high)})"
    return words.text(
        "document.answer_count",
        measured=writer.hours(coverage.measured_s),
        share=words.percent(coverage.measured_s / coverage.asked_s),
        passes=words.count(report.counts.passes),
        rate=interval,
        episodes=episodes_text(writer, report.episodes.count),
        peak=_peak(writer),
    )


def episodes_text(writer: Writer, count: int) -> str:
    """So many episodes, in words."""
    if count == 0:
        return writer.words.text("document.episodes_none")
    if count == 1:
        return writer.words.text("document.episodes_one")
    return writer.words.text("document.episodes_many", count=writer.words.count(count))


def _peak(writer: Writer) -> str:
    """The hour of the day with the most passes a measured hour, where enough was measured."""
    known = [one for one in writer.report.by_hour if one.measured_s >= _LEAST_S and one.passes]
    if not known:
        return ""
    most = max(known, key=lambda one: one.passes / one.measured_s)
    first, last = f"{most.hour:02d}", f"{most.hour + 1:02d}"
    return writer.words.text("document.answer_peak", first=first, last=last)


def _how_loud(writer: Writer) -> str:
    words, report = writer.words, writer.report
    guideline = _guideline(writer)
    if not report.worst:
        return words.text("document.answer_level_none", guideline=guideline)
    loudest = report.worst[0]
    level = f"{words.number(loudest.lafmax_db)} ± {words.number(report.level_u95_db)}"
    return words.text(
        "document.answer_level",
        lafmax=level,
        when=writer.moment(loudest.start),
        guideline=guideline,
    )


def _guideline(writer: Writer) -> str:
    """The guideline value that is most surely exceeded, or the first."""
    order = ("above", "within_uncertainty", "not_above", "not_measured")
    values = sorted(writer.report.guidelines, key=lambda one: order.index(one.verdict))
    if not values:
        return writer.words.text("document.answer_guideline_none")
    chosen = values[0]
    return writer.words.text(
        "document.answer_guideline",
        quantity=writer.words.name("quantities", chosen.quantity),
        found=_amount(writer, chosen, chosen.found),
        value=_amount(writer, chosen, chosen.allowed),
        verdict=writer.words.text(f"verdicts.{chosen.verdict}"),
    )


def _amount(writer: Writer, one: figures.GuidelineFigures, value: float | None) -> str:
    if value is None:
        return "–"
    if one.quantity == "lafmax_5_an_hour":
        text = writer.words.text("levels.passes_an_hour", value=writer.words.number(value))
        return f"{text} > {writer.words.number(one.value_db, 0)}{NO_BREAK}dB(A)"
    return writer.level(value)


def _how_fast(writer: Writer) -> str:
    words, speeds = writer.words, writer.report.speeds_all
    if not speeds.measured:
        return words.text("document.answer_speed_none")
    values = {
        "v50": words.number(speeds.v50_kmh.value, 0),
        "v85": words.number(speeds.v85_kmh.value, 0),
    }
    over = speeds.over_limit
    if not over.of:
        return words.text(
            "document.answer_speed_no_limit", measured=words.count(speeds.measured), **values
        )
    return words.text(
        "document.answer_speed",
        count=words.count(over.count),
        of=words.count(over.of),
        share=words.percent(over.count / over.of),
        interval=writer.percents(over),
        **values,
    )
