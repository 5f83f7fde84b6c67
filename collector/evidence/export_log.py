"""Who made which summary, when, and why: kept with the ledger, for whoever answers for it."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Final

from sqlalchemy import Engine, select

from collector.database.database import reading, writing
from collector.database.tables import export_log
from collector.evidence.errors import EvidenceError

LONGEST_REASON: Final = 500


@dataclass(frozen=True, slots=True)
class Asked:
    """Who asks for a summary, and what for (in their own words, or empty)."""

    who: str
    reason: str = ""

    def __post_init__(self) -> None:
        if len(self.reason) > LONGEST_REASON:
            raise EvidenceError(
                f"the reason has {len(self.reason)} characters: {LONGEST_REASON} at most"
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class Made:
    """A summary that was handed out.

    Attributes
    ----------
    at : datetime
        When it was made.
    who : str
        The account that asked for it, or the user at the server itself.
    reason : str
        What for, in their own words.
    site, start, end, language, question
        What was asked.
    messages, events : int
        What it holds.
    public : bool
        Whether it was the public form.
    manifest_sha256 : str
        Of its ``manifest.json``: which of several with the same question it is.
    """

    at: datetime
    who: str
    reason: str
    site: str
    start: datetime
    end: datetime
    language: str
    question: str
    messages: int
    events: int
    public: bool
    manifest_sha256: str


def note_export(engine: Engine, made: Made) -> None:
    """Keep a note of a summary.

    Raises
    ------
    LedgerError
        It cannot be written: then the summary must not be handed out.
    """
    with writing(engine) as connection:
        connection.execute(export_log.insert().values(asdict(made)))


def exports(engine: Engine, limit: int = 100) -> list[Made]:
    """The newest notes, newest first."""
    columns = [export_log.c[name] for name in Made.__slots__]
    query = select(*columns).order_by(export_log.c.id.desc()).limit(limit)
    with reading(engine) as connection:
        return [Made(**row) for row in connection.execute(query).mappings()]
