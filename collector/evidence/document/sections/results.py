"""How often and how loud, with exposure and uncertainty."""

from __future__ import annotations

from collector.evidence.document.writer import Section, Writer
from collector.evidence.figures import report as figures


def results_section(writer: Writer) -> Section:
    """How often, with exposure and uncertainty."""
    words, report = writer.words, writer.report
    rows = [
        _frequency(writer, "passes", report.passes),
        _frequency(writer, "episodes", report.episodes),
        [words.text("results.unconfirmed"), words.count(report.counts.unconfirmed), "", ""],
        [words.text("results.others"), words.count(report.counts.others), "", ""],
    ]
    return {
        "title": words.text("results.title"),
        "explain": words.text("results.explain"),
        "head": [words.text(f"results.{n}") for n in ("what", "count", "per_day", "interval")],
        "rows": rows,
        "note": words.text("results.interval_note"),
        "by_hour": words.text("results.by_hour"),
        "by_day": words.text("results.by_day"),
        "by_episode": words.text("results.by_episode"),
        "no_episodes": words.text("results.no_episodes"),
        "hour_alt": words.text("results.hour_alt"),
        "day_alt": words.text("results.day_alt"),
        "episode_alt": words.text("results.episode_alt"),
    }


def _frequency(writer: Writer, name: str, one: figures.Frequency) -> list[str]:
    words, rate = writer.words, one.per_day
    interval = "–"
    if rate.low is not None and rate.high is not None:
        interval = f"{words.number(rate.low)}–{words.number(rate.high)}"
    return [
        words.text(f"results.{name}"),
        words.count(one.count),
        words.number(rate.value),
        interval,
    ]


def levels_section(writer: Writer) -> Section:
    """Levels, and guideline values beside them."""
    words = writer.words
    parts = ("node", "period", "day", "evening", "night", "lden", "loudest")
    heads = ("node", "guideline", "found", "allowed", "verdict", "basis")
    return {
        "title": words.text("levels.title"),
        "explain": words.text("levels.explain", u95=words.number(writer.report.level_u95_db)),
        "head": [words.text(f"levels.{name}") for name in parts],
        "rows": [_level_row(writer, one) for one in writer.report.levels],
        "guideline_head": [words.text(f"levels.{name}") for name in heads],
        "guidelines": [_guideline_row(writer, one) for one in writer.report.guidelines],
        "none": words.text("levels.none"),
        "chart": words.text("levels.chart"),
        "chart_alt": words.text("levels.chart_alt"),
    }


def _level_row(writer: Writer, one: figures.LevelFigures) -> list[list[str]]:
    words = writer.words
    asked_s = writer.report.coverage.asked_s
    shares = [
        words.text("levels.measured", share=words.percent(measured / possible)) if possible else ""
        for measured, possible in zip(one.part_measured_s, one.part_possible_s, strict=True)
    ]
    whole = words.text("levels.measured", share=words.percent(one.measured_s / asked_s))
    return [
        [writer.node_name(one.node), ""],
        [words.number(one.laeq_db), whole],
        [words.number(one.lday_db), shares[0]],
        [words.number(one.levening_db), shares[1]],
        [words.number(one.lnight_db), shares[2]],
        [words.number(one.lden_db), ""],
        [words.number(one.lafmax_db), ""],
    ]


def _guideline_row(writer: Writer, one: figures.GuidelineFigures) -> list[str]:
    words = writer.words
    if one.quantity == "lafmax_5_an_hour":
        found = words.text("levels.passes_an_hour", value=words.number(one.found))
        allowed = words.text("levels.passes_an_hour", value=words.number(one.allowed, 0))
        basis = words.text(
            "levels.basis_passes",
            above=one.exceedances,
            of=one.of,
            value=words.number(one.value_db, 0),
        )
    else:
        found, allowed = writer.level(one.found), writer.level(one.allowed)
        basis = words.text("levels.basis_days", above=one.exceedances, of=one.of)
    share = words.percent(one.measured_s / one.possible_s) if one.possible_s else "–"
    return [
        writer.node_name(one.node),
        words.name("quantities", one.quantity),
        found if one.found is not None else "–",
        allowed,
        words.text(f"verdicts.{one.verdict}"),
        f"{basis}; {words.text('levels.measured', share=share)}",
    ]
