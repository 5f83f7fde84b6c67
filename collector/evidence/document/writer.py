"""How a document writes times, levels, shares and names."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any, TypeAlias
from zoneinfo import ZoneInfo

from collector.evidence import excerpt
from collector.evidence.figures import report as figures
from collector.evidence.language import Language
from collector.evidence.request import Request
from collector.writing import NO_BREAK

Section: TypeAlias = dict[str, Any]


class Writer:
    """Knows one report, and writes its values in the words of a language."""

    def __init__(self, report: figures.Report, registry: excerpt.Excerpt, words: Language) -> None:
        self.report = report
        self.registry = registry
        self.words = words
        self.zone = ZoneInfo(registry.site.time_zone)

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
