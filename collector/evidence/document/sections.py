"""What a document says, section by section, as plain strings that the template sets."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, TypeAlias
from zoneinfo import ZoneInfo

from msgspec import UnsetType

from collector.evidence import excerpt
from collector.evidence.document.record import RecordWriter
from collector.evidence.figures import report as figures
from collector.evidence.language import Language
from collector.evidence.request import Request
from collector.evidence.uncertainty import level_budget
from collector.writing import NO_BREAK

Section: TypeAlias = dict[str, Any]


class Writer:
    """Writes the sections of one report."""

    def __init__(self, report: figures.Report, registry: excerpt.Excerpt, words: Language) -> None:
        self.report = report
        self.registry = registry
        self.words = words
        self.zone = ZoneInfo(registry.site.time_zone)

    # --- small things

    def moment(self, at: datetime) -> str:
        """A local day and time."""
        local = at.astimezone(self.zone)
        return self.words.text(
            "document.as_of", day=self.words.day(local), clock=self.words.clock(local)
        )

    def short_moment(self, at: datetime) -> str:
        """A local day and time without the year."""
        local = at.astimezone(self.zone)
        return f"{self.words.day_short(local)} {self.words.clock(local)}"

    def hours(self, seconds: float, decimals: int = 0) -> str:
        """Seconds as hours."""
        return self.words.number(seconds / 3600, decimals)

    def period(self) -> str:
        """The period, in whole local days where it is of such."""
        return period_text(self.report.request, self.zone, self.words)

    def level(self, value: float | None) -> str:
        """A level with its unit."""
        return "–" if value is None else f"{self.words.number(value)}{NO_BREAK}dB(A)"

    def percents(self, one: figures.Share) -> str:
        """The interval of a share, such as 38–50 %."""
        if one.low is None or one.high is None:
            return "–"
        return f"{self.words.number(100 * one.low, 0)}–{self.words.percent(one.high)}"

    def node_name(self, node: str) -> str:
        """A node's id, that does not break."""
        return node.replace("-", "\N{NON-BREAKING HYPHEN}")

    # --- sections

    def site(self) -> Section:
        """The place, where the microphones are, and what holds there."""
        words, site = self.words, self.registry.site
        rows: list[tuple[str, str]] = []
        if site.latitude is not None and site.longitude is not None:
            place = f"{words.number(site.latitude, 5)} N, {words.number(site.longitude, 5)} E"
            rows.append((words.text("site.coordinates"), place))
        for node in self.registry.nodes:
            rows += self._node_rows(node)
        rows += self._limit_rows()
        return {"title": words.text("site.title"), "rows": rows}

    def _node_rows(self, node: excerpt.Node) -> list[tuple[str, str]]:
        words = self.words
        rows = [(words.text("site.node"), self.node_name(node.id))]
        for place in node.placements:
            if place.site != self.registry.site.id:
                continue
            since = self.moment(place.since)
            hung = (
                words.text("site.hung_since", since=since)
                if place.until is None
                else words.text("site.hung_between", since=since, until=self.moment(place.until))
            )
            rows.append((words.text("site.hung"), hung))
            rows += self._mounting_rows(place.mounting)
        return rows

    def _mounting_rows(self, mounting: excerpt.Mounting) -> list[tuple[str, str]]:
        words = self.words
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

    def _limit_rows(self) -> list[tuple[str, str]]:
        words = self.words
        rows = []
        for limit in self.registry.speed_limits:
            line = words.text(
                "site.limit_line", kmh=words.number(limit.kmh, 0), when=self._when(limit)
            )
            rows.append((words.text("site.limit"), f"{line}. {self._source(limit.source)}."))
        if not rows:
            rows.append((words.text("site.limit"), words.text("site.limit_none")))
        for value in self.registry.guidelines:
            line = words.text(
                "site.guideline_line",
                quantity=words.name("quantities", value.quantity),
                value=words.number(value.value_db, 0),
            )
            rows.append((words.text("site.guideline"), f"{line}. {self._source(value.source)}."))
        if not self.registry.guidelines:
            rows.append((words.text("site.guideline"), words.text("site.guideline_none")))
        return rows

    def _when(self, limit: excerpt.SpeedLimit) -> str:
        words = self.words
        whole_day = (limit.from_time, limit.to_time) == ("00:00", "24:00")
        if len(set(limit.weekdays)) == 7:
            days = words.text("site.every_day")
            if whole_day:
                return words.text("site.limit_always")
        else:
            names = words.texts("calendar.weekdays")
            days = _spans(sorted(set(limit.weekdays)), names)
        return words.text("site.limit_when", days=days, begin=limit.from_time, end=limit.to_time)

    def _source(self, source: str) -> str:
        if not source:
            return self.words.text("site.source_none")
        return self.words.text("site.source_of", source=source.rstrip("."))

    def equipment(self) -> Section:
        """Checks with a calibrator, before, during and after."""
        words = self.words
        rows, lines = [], []
        for one in self.report.calibrations:
            checks = [("before", one.before), *(("within", check) for check in one.within)]
            checks.append(("after", one.after))
            rows += [self._check_row(one.node, place, check) for place, check in checks if check]
            drift = words.number(one.largest_drift_db)
            lines.append(words.text(f"equipment.state_{one.state}", node=one.node, drift=drift))
        versions = sorted({v for node in self.report.coverage.nodes for v in node.versions})
        if versions:
            lines.append(words.text("equipment.software", versions=", ".join(versions)))
        names = ("when", "node", "place", "deviation", "result", "calibrator")
        return {
            "title": words.text("equipment.title"),
            "explain": words.text("equipment.explain"),
            "head": [words.text(f"equipment.{name}") for name in names],
            "rows": rows,
            "none": words.text("equipment.none"),
            "lines": lines,
            "records_none": words.text("commissioning.none"),
            "records": [self._record(one) for one in self._records()],
        }

    def _records(self) -> Sequence[figures.CommissioningFigures]:
        found = self.report.commissionings
        return () if isinstance(found, UnsetType) else found

    def _record(self, one: figures.CommissioningFigures) -> Section:
        return RecordWriter(self.words, self.moment, self.node_name).section(one)

    def _check_row(self, node: str, place: str, check: excerpt.Calibration) -> list[str]:
        words = self.words
        deviation = words.number(check.deviation_db, 2)
        signed = deviation if check.deviation_db < 0 else f"+{deviation}"
        certificate = words.text(
            "equipment.certificate", certificate=check.calibrator_certificate or "–"
        )
        level = words.number(check.calibrator_level_db, 0)
        return [
            self.moment(check.time),
            self.node_name(node),
            words.text(f"equipment.{place}"),
            f"{signed}{NO_BREAK}dB",
            words.name("equipment", check.result),
            f"{check.calibrator_serial or '–'}, {level}{NO_BREAK}dB, {certificate}",
        ]

    def coverage(self) -> Section:
        """How much was measured, and what casts doubt on it."""
        words, coverage = self.words, self.report.coverage
        share = coverage.measured_s / coverage.asked_s
        lines = [
            words.text(
                "coverage.summary",
                measured=self.hours(coverage.measured_s, 1),
                asked=self.hours(coverage.asked_s),
                share=words.percent(share, 1),
            ),
            self._gaps(),
            self._excluded(),
        ]
        if self.report.counts.excluded:
            reasons = [
                words.text(
                    "coverage.excluded_events_one",
                    count=count,
                    reason=words.name("exclusions", reason),
                )
                for reason, count in self.report.counts.excluded.items()
            ]
            lines.append(words.text("coverage.excluded_events", reasons=", ".join(reasons)))
        lines += [self._clock(node) for node in coverage.nodes]
        lines += [
            words.text("coverage.microphone_faults", node=n.node, count=n.microphone_faults)
            for n in coverage.nodes
            if n.microphone_faults
        ]
        lines += [self._chain(chain) for chain in self.report.chains]
        return {
            "title": words.text("coverage.title"),
            "explain": words.text("coverage.explain"),
            "alt": words.text("coverage.alt"),
            "lines": lines,
        }

    def _gaps(self) -> str:
        gaps = self.report.coverage.gaps
        if not gaps:
            return self.words.text("coverage.gaps_none")
        longest = max(gaps, key=lambda gap: gap.end - gap.start)
        return self.words.text(
            "coverage.gaps",
            count=len(gaps),
            longest=self.hours((longest.end - longest.start).total_seconds()),
            when=self.moment(longest.start),
        )

    def _excluded(self) -> str:
        words = self.words
        sums: dict[str, float] = {}
        for node in self.report.coverage.nodes:
            for reason, seconds in node.excluded_s.items():
                sums[reason] = sums.get(reason, 0.0) + seconds
        if not sums:
            return words.text("coverage.excluded_none")
        reasons = [
            words.text(
                "coverage.excluded_one",
                hours=self.hours(seconds, 1),
                reason=words.name("exclusions", reason),
            )
            for reason, seconds in sorted(sums.items(), key=lambda one: -one[1])
        ]
        return words.text("coverage.excluded", reasons=", ".join(reasons))

    def _clock(self, node: figures.NodeFigures) -> str:
        words = self.words
        if not node.health_messages:
            return words.text("coverage.clock_none", node=node.node)
        offset = node.largest_clock_offset_s
        told = (
            words.text("coverage.clock_offset_none")
            if offset is None
            else f"{words.number(offset, 3)}{NO_BREAK}s"
        )
        return words.text(
            "coverage.clock",
            node=node.node,
            health=words.count(node.health_messages),
            unsure=node.unsynchronised,
            offset=told,
        )

    def _chain(self, chain: figures.ChainFigures) -> str:
        words = self.words
        if not chain.last_seq:
            return words.text("coverage.chain_none", node=chain.node)
        counts = {
            "missing": chain.missing,
            "broken": chain.broken,
            "pruned": chain.pruned,
            "thinned": chain.thinned,
            "lost": chain.lost,
            "accepted": chain.accepted,
        }
        rest = "".join(
            words.text(f"coverage.chain_{name}", count=words.count(count))
            for name, count in counts.items()
            if count
        )
        return words.text(
            "coverage.chain",
            node=chain.node,
            first=words.count(chain.first_seq),
            last=words.count(chain.last_seq),
            messages=words.count(chain.messages),
            rest=rest or words.text("coverage.chain_whole"),
        )

    def results(self) -> Section:
        """How often, with exposure and uncertainty."""
        words, report = self.words, self.report
        rows = [
            self._frequency("passes", report.passes),
            self._frequency("episodes", report.episodes),
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

    def _frequency(self, name: str, one: figures.Frequency) -> list[str]:
        words, rate = self.words, one.per_day
        interval = "–"
        if rate.low is not None and rate.high is not None:
            interval = f"{words.number(rate.low)}–{words.number(rate.high)}"
        return [
            words.text(f"results.{name}"),
            words.count(one.count),
            words.number(rate.value),
            interval,
        ]

    def levels(self) -> Section:
        """Levels, and guideline values beside them."""
        words = self.words
        parts = ("node", "period", "day", "evening", "night", "lden", "loudest")
        heads = ("node", "guideline", "found", "allowed", "verdict", "basis")
        return {
            "title": words.text("levels.title"),
            "explain": words.text("levels.explain", u95=words.number(self.report.level_u95_db)),
            "head": [words.text(f"levels.{name}") for name in parts],
            "rows": [self._level_row(one) for one in self.report.levels],
            "guideline_head": [words.text(f"levels.{name}") for name in heads],
            "guidelines": [self._guideline_row(one) for one in self.report.guidelines],
            "none": words.text("levels.none"),
            "chart": words.text("levels.chart"),
            "chart_alt": words.text("levels.chart_alt"),
        }

    def _level_row(self, one: figures.LevelFigures) -> list[list[str]]:
        words = self.words
        asked_s = self.report.coverage.asked_s
        shares = [
            words.text("levels.measured", share=words.percent(measured / possible))
            if possible
            else ""
            for measured, possible in zip(one.part_measured_s, one.part_possible_s, strict=True)
        ]
        whole = words.text("levels.measured", share=words.percent(one.measured_s / asked_s))
        return [
            [self.node_name(one.node), ""],
            [words.number(one.laeq_db), whole],
            [words.number(one.lday_db), shares[0]],
            [words.number(one.levening_db), shares[1]],
            [words.number(one.lnight_db), shares[2]],
            [words.number(one.lden_db), ""],
            [words.number(one.lafmax_db), ""],
        ]

    def _guideline_row(self, one: figures.GuidelineFigures) -> list[str]:
        words = self.words
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
            found, allowed = self.level(one.found), self.level(one.allowed)
            basis = words.text("levels.basis_days", above=one.exceedances, of=one.of)
        share = words.percent(one.measured_s / one.possible_s) if one.possible_s else "–"
        return [
            self.node_name(one.node),
            words.name("quantities", one.quantity),
            found if one.found is not None else "–",
            allowed,
            words.text(f"verdicts.{one.verdict}"),
            f"{basis}; {words.text('levels.measured', share=share)}",
        ]

    def speeds(self) -> Section:
        """Speeds, by the limit that held."""
        words, report = self.words, self.report
        names = ("limit", "passes", "measured", "v50", "v85", "over", "over_30")
        rows = []
        if report.speeds_all.measured:
            rows = [self._speed_row(one, one.limit_kmh) for one in report.speeds]
            if len(rows) > 1:
                rows.append(self._speed_row(report.speeds_all, "all"))
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

    def _speed_row(self, one: figures.SpeedFigures, limit: float | str | None) -> list[str]:
        words = self.words
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
            self._estimate(one.v50_kmh),
            self._estimate(one.v85_kmh),
            self._share(one.over_limit),
            self._share(one.over_30),
        ]

    def _estimate(self, one: figures.Interval) -> str:
        words = self.words
        if one.value is None:
            return "–"
        low, high = words.number(one.low), words.number(one.high)
        return f"{words.number(one.value)} ({low}–{high})"

    def _share(self, one: figures.Share) -> str:
        if not one.of:
            return "–"
        words = self.words
        return words.text(
            "speed.share",
            count=one.count,
            of=one.of,
            share=words.percent(one.count / one.of),
            interval=self.percents(one),
        )

    def worst(self) -> Section:
        """The loudest passes."""
        words = self.words
        names = (
            "when", "trace", "level", "exposure", "over_background", "source", "speed", "limit",
            "message",
        )  # fmt: skip
        return {
            "title": words.text("worst.title"),
            "explain": words.text("worst.explain"),
            "head": [words.text(f"worst.{name}") for name in names],
            "rows": [self._worst_row(one) for one in self.report.worst],
            "none": words.text("worst.none"),
            "trace_alt": words.text("worst.trace_alt"),
        }

    def _worst_row(self, one: figures.WorstEvent) -> list[str]:
        words = self.words
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
        local = one.start.astimezone(self.zone)
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

    def method(self) -> Section:
        """How it was measured, and what that may be used for."""
        words = self.words
        parts = level_budget(self.registry).contributions
        values = {
            "contributions": ", ".join(words.number(one.standard) for one in parts),
            "names": ", ".join(words.text(f"method.{one.name}") for one in parts),
            "u95": words.number(self.report.level_u95_db),
        }
        return {
            "title": words.text("method.title"),
            "lines": [line.format(**values) for line in words.texts("method.lines")],
        }

    def limitations(self) -> Section:
        """What the summary may and may not be used for."""
        words = self.words
        return {
            "title": words.text("limitations.title"),
            "may_title": words.text("limitations.may_title"),
            "may": words.texts("limitations.may"),
            "not_title": words.text("limitations.not_title"),
            "not": words.texts("limitations.not"),
        }

    def checking(self, facts: Mapping[str, str], heads: Sequence[tuple[str, int, str]]) -> Section:
        """How to check it; `facts` are the values by name, `heads` the ledger's state by node."""
        words = self.words
        rows = [(words.text(f"checking.{name}"), value) for name, value in facts.items()]
        for node, seq, sha256 in heads:
            value = words.text("checking.node_head_value", seq=words.count(seq), sha256=sha256)
            rows.append((words.text("checking.node_head", node=self.node_name(node)), value))
        return {
            "title": words.text("checking.title"),
            "intro": words.text("checking.intro"),
            "steps": words.texts("checking.steps"),
            "rows": rows,
        }


def period_text(request: Request, zone: ZoneInfo, words: Language) -> str:
    """A period, in whole local days where it is of such."""
    first, end = request.start.astimezone(zone), request.end.astimezone(zone)
    if any((at.hour, at.minute, at.second) != (0, 0, 0) for at in (first, end)):
        return words.text(
            "document.period_times",
            first=words.day(first),
            last=words.day(end),
            first_clock=words.clock(first),
            last_clock=words.clock(end),
        )
    last = (end - timedelta(hours=1)).date()
    if last == first.date():
        return words.text("document.period_day", first=words.day(first))
    begin = words.day(first)
    if (first.year, first.month) == (last.year, last.month):
        begin = str(first.day)
    elif first.year == last.year:
        begin = words.day_of_year(first)
    return words.text("document.period_days", first=begin, last=words.day(last))


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
