"""What somebody can do who owns the database: first of all, remove the triggers."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import Connection, Engine, text

from collector.database.append_only import install
from collector.database.database import writing


@contextmanager
def unguarded(engine: Engine) -> Iterator[Connection]:
    """A transaction in which every message can be changed."""
    with writing(engine) as connection:
        if engine.dialect.name == "postgresql":
            connection.execute(text("ALTER TABLE message DISABLE TRIGGER USER"))
        else:
            triggers = "SELECT name FROM sqlite_master WHERE type = 'trigger'"
            for name in connection.execute(text(triggers)).scalars().all():
                connection.execute(text(f"DROP TRIGGER {name}"))
        yield connection
        install(connection)
