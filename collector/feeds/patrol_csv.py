"""Patrol windows as a table: for people in Swedish, for programs in English.

In Swedish it is what a spreadsheet there opens by itself: semicolons, decimal commas and a mark of
UTF-8. In English it is RFC 4180.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from datetime import UTC
from typing import Final, Literal

from collector.feeds.weeks import PlannedWeek, PlannedWindow

Language = Literal["sv", "en"]

_HEADS: Final[Mapping[Language, tuple[str, ...]]] = {
    "sv": (
        "vecka", "ordning", "mätplats", "namn", "från", "till", "från (UTC)", "till (UTC)",
        "väntade episoder", "osäkerhet 95 % från", "osäkerhet 95 % till", "sedda episoder",
        "mättid (h)", "samma dagtyp mätt", "simulerad", "ur mätning före",
    ),
    "en": (
        "week", "rank", "site", "name", "from_local", "to_local", "from_utc", "to_utc",
        "expected_episodes", "low_95", "high_95", "seen_episodes", "measured_h",
        "same_day_type_measured", "simulated", "from_measured_before_local",
    ),
}  # fmt: skip
_YES_NO: Final[Mapping[Language, tuple[str, str]]] = {"sv": ("nej", "ja"), "en": ("no", "yes")}
_FORMULA: Final = ("=", "+", "-", "@", "\t")
_BYTE_ORDER_MARK: Final = "\ufeff"


def patrol_csv(weeks: Sequence[PlannedWeek], language: Language) -> str:
    """Return the windows of `weeks`, one a line, under a head."""
    out = io.StringIO()
    writer = csv.writer(out, delimiter=";" if language == "sv" else ",", lineterminator="\r\n")
    writer.writerow(_HEADS[language])
    for week in weeks:
        for one in week.windows:
            writer.writerow(_row(one, week, language))
    return (_BYTE_ORDER_MARK if language == "sv" else "") + out.getvalue()


def _row(one: PlannedWindow, week: PlannedWeek, language: Language) -> list[str]:
    window, yes_no = one.window, _YES_NO[language]

    def number(value: float, digits: int) -> str:
        text = f"{value:.{digits}f}"
        return text.replace(".", ",") if language == "sv" else text

    return [
        one.week,
        str(one.rank),
        one.site.id,
        _text(one.site.name),
        f"{one.start:%Y-%m-%d %H:%M}",
        f"{one.end:%Y-%m-%d %H:%M}",
        f"{one.start.astimezone(UTC):%Y-%m-%dT%H:%MZ}",
        f"{one.end.astimezone(UTC):%Y-%m-%dT%H:%MZ}",
        number(window.expected, 3),
        number(window.low, 3),
        number(window.high, 3),
        str(window.seen),
        number(window.measured_h, 1),
        yes_no[window.same_day_type],
        yes_no[week.simulated],
        f"{week.begins:%Y-%m-%d %H:%M}",
    ]


def _text(text: str) -> str:
    """The text, so that no spreadsheet takes it for a formula."""
    return f"'{text}" if text.startswith(_FORMULA) else text
