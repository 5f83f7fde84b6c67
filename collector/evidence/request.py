"""What a summary was asked for: with it, the messages and the registry all else is decided."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Final

from msgspec import Meta, Struct, field

from collector.analysis.episodes import EDITIONS
from collector.evidence.errors import EvidenceError
from collector.writing import Code
from sensor.contract.messages import NODE_PATTERN

LONGEST_DAYS: Final = 400
"""Of a period; a longer one is cut in several summaries."""

LONGEST_QUESTION: Final = 300


class Request(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A question about one site and the period [`start`, `end`).

    `question` is the reader's own; empty: the usual one of that language. `episode_rules` is the
    edition of :data:`~collector.analysis.episodes.EDITIONS` that the figures go by: an earlier
    summary is computed anew by the rules of its time.
    """

    site: Annotated[str, Meta(pattern=NODE_PATTERN, max_length=63)]
    start: datetime = field(name="from")
    end: datetime = field(name="to")
    question: Annotated[str, Meta(max_length=LONGEST_QUESTION)] = ""
    language: Code = "sv"
    episode_rules: Annotated[int, Meta(ge=1, le=len(EDITIONS))] = 1

    def __post_init__(self) -> None:
        for at in (self.start, self.end):
            if at.tzinfo is None or at.utcoffset() != UTC.utcoffset(None):
                raise ValueError("a period is given in UTC")
            if not 1900 <= at.year < 2200:
                raise ValueError("a period lies within the years 1900 to 2199")
        if not self.start < self.end:
            raise ValueError("the period is empty")
        if (self.end - self.start).days > LONGEST_DAYS:
            raise ValueError(f"the period is longer than {LONGEST_DAYS} days")

    @property
    def seconds(self) -> float:
        """How long the period is."""
        return (self.end - self.start).total_seconds()


def make_request(
    site: str,
    start: datetime,
    end: datetime,
    *,
    question: str = "",
    language: Code = "sv",
) -> Request:
    """Return the request; :class:`EvidenceError` says what of it cannot be."""
    question = " ".join(question.split())
    if len(question) > LONGEST_QUESTION:
        raise EvidenceError(
            f"the question has {len(question)} characters: {LONGEST_QUESTION} at most"
        )
    if not question.isprintable():
        raise EvidenceError("the question holds characters that cannot be printed")
    try:
        return Request(
            site=site,
            start=start,
            end=end,
            question=question,
            language=language,
            episode_rules=len(EDITIONS),
        )
    except ValueError as error:
        period = f"{start:%Y-%m-%d %H:%M} to {end:%Y-%m-%d %H:%M}"
        raise EvidenceError(f"the period from {period} UTC cannot be: {error}") from error
