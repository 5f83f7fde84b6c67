"""Runs revisions on the connection that :func:`collector.database.schema.upgrade` hands over."""

from __future__ import annotations

from alembic import context

# The connection is in a transaction already, on both databases: all revisions, or none.
context.configure(connection=context.config.attributes["connection"])
with context.begin_transaction():
    context.run_migrations()
