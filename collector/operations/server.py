"""How the collector itself does, as its alerts want to know it."""

from __future__ import annotations

import shutil
from datetime import UTC, datetime

from collector.alerts.situation import ServerNow
from collector.certificates import certificates_of
from collector.config import CollectorConfig
from collector.database.backup import sqlite_path
from collector.operations.operations import ALERTS, Operations


def server_now(config: CollectorConfig, operations: Operations) -> ServerNow:
    """How the collector of this process does, by its last look at itself."""
    problems = operations.problems_since
    return ServerNow(
        name=config.broker.client_id,
        hears_since=operations.hears_since,
        free_bytes=_free_bytes(config.ledger),
        # That nobody can be told cannot be told.
        problems={part: since for part, since in problems.items() if part != ALERTS},
        certificates=operations.certificates,
    )


def server_elsewhere(config: CollectorConfig) -> ServerNow:
    """The same as far as another process can tell: taken to have heard the broker for long."""
    return ServerNow(
        name=config.broker.client_id,
        hears_since=datetime(1970, 1, 1, tzinfo=UTC),
        free_bytes=_free_bytes(config.ledger),
        problems={},
        certificates=certificates_of(config),
    )


def _free_bytes(ledger_url: str) -> int | None:
    path = sqlite_path(ledger_url)
    return None if path is None else shutil.disk_usage(path.absolute().parent).free
