"""What is said between a server and the process that makes summaries for it."""

from __future__ import annotations

import msgspec

from collector.config import Evidence
from collector.evidence.request import Request


class Order(msgspec.Struct, frozen=True):
    """What to make, of which ledger, and where; `who` asks for it, and `reason` says what for.

    With a `small_count` it is the public form, in which fewer than that are hidden.
    """

    ledger: str
    evidence: Evidence | None
    request: Request
    out: str
    who: str
    reason: str
    small_count: int | None = None


class News(msgspec.Struct, frozen=True, omit_defaults=True):
    """How far it is, or how it ended: with the name of an archive, or an error in one sentence."""

    done: int = 0
    total: int = 0
    archive: str | None = None
    error: str | None = None
