"""The document of the public form: what it says, from what may be told to anybody alone."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from importlib.resources import files
from typing import Any
from zoneinfo import ZoneInfo

import msgspec

from collector.evidence.document.typeset import attachments, compiled
from collector.evidence.document.writer import period_text
from collector.evidence.language import Language, language
from collector.evidence.manifest import Authority
from collector.evidence.public import report as public
from collector.evidence.public.suppression import Shown
from collector.writing import NO_BREAK


def typeset_public(
    report: public.Report,
    registry: public.Registry,
    authority: Authority,
    software: str,
    as_of: datetime,
    attached: Sequence[str],
) -> bytes:
    """Return the document; each of `attached` has its mark (:func:`.pdf_file.mark`) within."""
    writer = _Writer(report, registry, language(report.request.language))
    data = {
        **writer.head(authority.name, as_of),
        "answer": writer.answer(),
        "facts": [writer.site(), writer.coverage(), writer.levels(), writer.speeds()],
        "tables": [writer.by_hour(), writer.by_day()],
        "seal": writer.seal(authority, software),
        "attached": attachments(attached),
    }
    project = {
        "main.typ": (files(__package__) / "public.typ").read_bytes(),
        "data.json": msgspec.json.encode(data),
    }
    return compiled(project, "a-3b", as_of)


class _Writer:
    def __init__(self, report: public.Report, registry: public.Registry, words: Language) -> None:
        self._report = report
        self._registry = registry
        self._words = words
        self._zone = ZoneInfo(registry.site.time_zone)

    # --- small things

    def _text(self, key: str, **values: object) -> str:
        return self._words.text(f"public.{key}", **values)

    def _moment(self, at: datetime) -> str:
        local, words = at.astimezone(self._zone), self._words
        return words.text("document.as_of", day=words.day(local), clock=words.clock(local))

    def _hours(self, seconds: float) -> str:
        return self._words.number(seconds / 3600)

    def _part(self, one: Shown) -> str:
        """A part of a sum; a dash where nothing was measured."""
        if one.hidden:
            return self._text("hidden")
        return "–" if one.count is None else self._words.count(one.count)

    def _total(self, one: Shown) -> str:
        if one.count is None:
            return self._text("few", small=self._report.small_count)
        return self._words.count(one.count)

    def _decibels(self, value: float | None) -> str:
        return "–" if value is None else f"{self._words.number(value)}{NO_BREAK}dB(A)"

    # --- what it says

    def head(self, authority: str, as_of: datetime) -> dict[str, Any]:
        """What stands above and below, and what the form leaves out."""
        words, report, site = self._words, self._report, self._registry.site
        period = period_text(report.request, self._zone, words)
        usual = words.text("document.question_usual", site=site.name)
        small = report.small_count
        return {
            "lang": words.code,
            "kind": self._text("kind"),
            "title": self._text("title", site=site.name, period=period),
            "site_name": site.name,
            "municipality": site.municipality,
            "period": period,
            "author": authority,
            "by": words.text("document.by", authority=authority, as_of=self._moment(as_of)),
            "date": [as_of.year, as_of.month, as_of.day, as_of.hour, as_of.minute],
            "simulated": words.text("document.simulated") if report.simulated else "",
            "notice_title": self._text("notice_title"),
            "notice": self._text("notice", small=small),
            "question": report.request.question or usual,
            "hidden_note": self._text("hidden_note", small=small),
            "limitations": words.texts("public.limitations"),
            "limitations_title": self._text("limitations_title"),
            "checking": self._text("checking"),
            "checking_title": words.text("checking.title"),
            "question_title": words.text("document.question"),
            "answer_title": words.text("document.answer"),
            **{name: words.text(f"document.{name}") for name in ("footer", "page", "of")},
        }

    def answer(self) -> list[str]:
        """How often, how loud, how fast."""
        if not self._report.coverage.measured_s:
            return [self._words.text("document.answer_nothing")]
        told = [self._how_often(), self._how_loud(), *self._how_fast()]
        return [*told, self._text("pruned")] if self._report.pruned else told

    def _how_often(self) -> str:
        words, report = self._words, self._report
        coverage, per_day = report.coverage, report.passes.per_day
        rate = ""
        if per_day is not None and per_day.value is not None:
            ends = f"{words.number(per_day.low)}–{words.number(per_day.high)}"
            rate = self._text("answer_rate", rate=f"{words.number(per_day.value)} ({ends})")
        return self._text(
            "answer_count",
            measured=words.number(coverage.measured_s / 3600, 0),
            share=words.percent(coverage.measured_s / coverage.asked_s),
            passes=self._total(report.passes.count),
            rate=rate,
            episodes=self._total(report.episodes.count),
        )

    def _how_loud(self) -> str:
        known = [one for one in self._report.levels if one.laeq_db is not None]
        if not known:
            return self._text("answer_levels_none")
        levels = ", ".join(f"{self._decibels(one.laeq_db)} ({one.node})" for one in known)
        u95 = self._words.number(self._report.level_u95_db)
        return self._text("answer_levels", levels=levels, u95=u95)

    def _how_fast(self) -> list[str]:
        speeds = self._report.speeds
        told = [self._text("answer_speed_none")]
        if speeds.v50_kmh is not None:
            v85 = "" if speeds.v85_kmh is None else self._text("answer_v85", v85=speeds.v85_kmh)
            told = [self._text("answer_speed", v50=speeds.v50_kmh, v85=v85)]
        if speeds.over_limit.count is not None:
            told.append(self._text("answer_over", count=speeds.over_limit.count))
        return told

    def site(self) -> dict[str, Any]:
        """The place, what hung there, limits, guideline values and calibrations."""
        words, registry = self._words, self._registry
        rows = []
        for node in registry.nodes:
            for place in node.places:
                rows += self._mounting(node.id, place)
        for limit in registry.speed_limits:
            kmh = f"{words.number(limit.kmh, 0)}{NO_BREAK}km/h"
            when = f"{limit.from_time}–{limit.to_time}"
            rows.append((words.text("site.limit"), f"{kmh}, {when}. {self._source(limit.source)}"))
        for node in registry.nodes:
            rows += [
                (self._text("calibrations"), self._calibration(node.id, one))
                for one in node.calibrations
            ]
            if not node.calibrations:
                none = f"{node.id}: {self._text('calibration_none')}"
                rows.append((self._text("calibrations"), none))
        return {"title": words.text("site.title"), "rows": rows}

    def _mounting(self, node: str, place: public.Place) -> list[tuple[str, str]]:
        words, mounting = self._words, place.mounting
        unknown = words.text("document.not_told")

        def metres(value: float | None) -> str:
            return unknown if value is None else f"{words.number(value)}{NO_BREAK}m"

        distances = [metres(mounting.distance_m)]
        if mounting.distance_back_m is not None:
            distances.append(metres(mounting.distance_back_m))
        return [
            (words.text("site.node"), node),
            (words.text("site.microphone"), mounting.microphone or unknown),
            (words.text("site.height"), metres(mounting.mic_height_m)),
            (words.text("site.distance"), ", ".join(distances)),
        ]

    def _source(self, source: str) -> str:
        if not source:
            return self._words.text("site.source_none")
        return self._words.text("site.source_of", source=source.rstrip("."))

    def _calibration(self, node: str, one: public.Calibration) -> str:
        return self._text(
            "calibration",
            node=node,
            when=self._words.day(one.quarter.astimezone(self._zone)),
            deviation=self._words.number(one.deviation_db, 2),
            result=self._words.name("equipment", one.result),
        )

    def coverage(self) -> dict[str, Any]:
        """How much was measured, and what was left out."""
        words, report = self._words, self._report
        whole = report.coverage
        share = words.percent(whole.measured_s / whole.asked_s)
        told = f"{self._hours(whole.measured_s)} / {self._hours(whole.asked_s)} h ({share})"
        rows = [(self._text("measured"), told)]
        for one in report.excluded:
            reason = words.name("exclusions", one.reason)
            hours = f"{self._hours(one.excluded_s)} h, {reason}, {one.node}"
            rows.append((words.text("coverage.left_out"), hours))
        return {"title": words.text("coverage.title"), "rows": rows}

    def levels(self) -> dict[str, Any]:
        """Mean levels, and guideline values beside them."""
        words = self._words
        rows = []
        for one in self._report.levels:
            parts = {
                "period": one.laeq_db, "day": one.lday_db, "evening": one.levening_db,
                "night": one.lnight_db, "lden": one.lden_db,
            }  # fmt: skip
            told = "; ".join(
                f"{words.text(f'levels.{name}')} {self._decibels(value)}"
                for name, value in parts.items()
            )
            rows.append((one.node, told))
        label = words.text("levels.guideline")
        rows += [(label, self._guideline(one)) for one in self._report.guidelines]
        return {"title": words.text("levels.title"), "rows": rows}

    def _guideline(self, one: public.Guideline) -> str:
        words = self._words
        found, allowed = self._decibels(one.found), self._decibels(one.allowed)
        if one.quantity == "lafmax_5_an_hour":
            found, allowed = words.number(one.found), words.number(one.allowed, 0)
        quantity = words.name("quantities", one.quantity)
        verdict = words.text(f"verdicts.{one.verdict}")
        source = self._source(one.source)
        return f"{quantity}, {one.node}: {found} / {allowed}, {verdict}. {source}"

    def speeds(self) -> dict[str, Any]:
        """How many passes were over the limit."""
        speeds = self._report.speeds
        names = ("over_limit", "not_over", "without_limit", "not_measured")
        rows = [(self._text(name), self._part(getattr(speeds, name))) for name in names]
        return {"title": self._text("speeds"), "rows": rows}

    def by_hour(self) -> dict[str, Any]:
        """Counts by hour of the day."""
        rows = [
            [
                f"{one.hour:02d}–{one.hour + 1:02d}",
                self._hours(one.measured_s),
                self._part(one.passes),
                self._part(one.episodes),
            ]
            for one in self._report.by_hour
        ]
        return self._table("by_hour", ("hour", "measured"), rows)

    def by_day(self) -> dict[str, Any]:
        """Counts and levels by day."""
        rows = [
            [
                one.date,
                self._hours(one.measured_s),
                self._words.number(one.laeq_db),
                self._part(one.passes),
                self._part(one.episodes),
            ]
            for one in self._report.by_day
        ]
        return self._table("by_day", ("day", "measured", "laeq"), rows)

    def _table(self, name: str, first: Sequence[str], rows: list[list[str]]) -> dict[str, Any]:
        counted = [self._words.text(f"results.{one}") for one in ("passes", "episodes")]
        head = [*(self._text(one) for one in first), *counted]
        return {"title": self._text(name), "head": head, "rows": rows}

    def seal(self, authority: Authority, software: str) -> list[tuple[str, str]]:
        """Whose seal it is."""
        told = {
            "authority": authority.name,
            "fingerprint": authority.fingerprint,
            "software": software,
        }
        return [(self._words.text(f"checking.{name}"), value) for name, value in told.items()]
