"""The tables, as SQLAlchemy Core sees them; the same on SQLite and PostgreSQL.

``message`` is the ledger itself: rows are only ever added, which triggers see to (see
:mod:`collector.database.append_only`). What :data:`PROJECTIONS` lists is derived from it and can
be remade. The registry's tables and ``quarantine`` stand beside it.

Who changes a table adds a revision in ``migrations/versions``; a test compares both.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any, Final

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    Dialect,
    Double,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    PrimaryKeyConstraint,
    String,
    Table,
    UniqueConstraint,
    false,
)
from sqlalchemy.types import TypeDecorator

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)


def microseconds(at: datetime) -> int:
    """Microseconds since 1970 until `at`, which must know its time zone."""
    return (at - _EPOCH) // _MICROSECOND


class UtcTime(TypeDecorator[datetime]):
    """A time, kept as whole microseconds since 1970 in UTC: exact, sortable, the same anywhere."""

    impl = BigInteger
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> Any:  # noqa: ARG002 - SQLAlchemy's signature
        """Return `value` as microseconds; it must know its time zone."""
        return None if value is None else microseconds(value)

    def process_result_value(self, value: Any, dialect: Dialect) -> datetime | None:  # noqa: ARG002 - SQLAlchemy's signature
        """Return the time of `value` microseconds."""
        return None if value is None else _EPOCH + timedelta(microseconds=value)


METADATA: Final = MetaData()

# Named and shaped as Alembic expects it.
schema_version: Final = Table(
    "alembic_version",
    METADATA,
    Column("version_num", String(32), nullable=False),
    PrimaryKeyConstraint("version_num", name="alembic_version_pkc"),
)

# SQLite numbers rows by itself only in a column whose type is exactly INTEGER.
_Id = BigInteger().with_variant(Integer(), "sqlite")

message: Final = Table(
    "message",
    METADATA,
    # Given by the ledger under its write lock: dense, and in the order of the commits.
    Column("position", BigInteger, primary_key=True, autoincrement=False),
    Column("node", String(63), nullable=False),
    Column("seq", BigInteger, nullable=False),
    Column("prev", String(64), nullable=False),
    Column("sha256", String(64), nullable=False),
    Column("kind", String(20), nullable=False),
    Column("time", UtcTime, nullable=False),
    Column("start", UtcTime, nullable=False),
    Column("received_at", UtcTime, nullable=False),
    # Empty once it is pruned; no message is empty by itself.
    Column("payload", LargeBinary, nullable=False),
    Column("signature", String, nullable=False),
    UniqueConstraint("node", "seq", name="message_node_seq"),
    Index("message_node_kind_start", "node", "kind", "start"),
)

# What was pruned, and when. A row that is `at_work` is what lets payloads be emptied; it is so only
# within a transaction, so that nobody else can use it.
pruning: Final = Table(
    "pruning",
    METADATA,
    Column("id", _Id, primary_key=True),
    Column("kind", String(20), nullable=False),
    Column("received_before", UtcTime, nullable=False),
    Column("begun_at", UtcTime, nullable=False),
    Column("count", BigInteger, nullable=False),
    Column("at_work", Boolean, nullable=False),
)

quarantine: Final = Table(
    "quarantine",
    METADATA,
    Column("id", _Id, primary_key=True),
    Column("received_at", UtcTime, nullable=False),
    Column("last_received_at", UtcTime, nullable=False),
    Column("count", BigInteger, nullable=False),
    Column("reason", String(20), nullable=False),
    Column("detail", String, nullable=False),
    Column("topic", String, nullable=False),
    Column("sha256", String(64), nullable=False),
    Column("size", BigInteger, nullable=False),
    Column("payload", LargeBinary, nullable=False),
    Column("signature", String),
    UniqueConstraint("topic", "reason", "sha256", name="quarantine_same"),
)

# What made room for newer entries: only its number is kept.
quarantine_overflow: Final = Table(
    "quarantine_overflow",
    METADATA,
    Column("reason", String(20), primary_key=True),
    Column("entries", BigInteger, nullable=False),
    Column("count", BigInteger, nullable=False),
    Column("last_at", UtcTime, nullable=False),
)

output_cursor: Final = Table(
    "output_cursor",
    METADATA,
    Column("output", String(40), primary_key=True),
    Column("position", BigInteger, nullable=False),
)

# What an output refused for good, line by line; the same again is counted.
output_rejected: Final = Table(
    "output_rejected",
    METADATA,
    Column("output", String(40), primary_key=True),
    Column("sha256", String(64), primary_key=True),
    Column("line", String, nullable=False),
    Column("reason", String, nullable=False),
    Column("rejected_at", UtcTime, nullable=False),
    Column("last_rejected_at", UtcTime, nullable=False),
    Column("count", BigInteger, nullable=False),
)

# When each collector last wrote: that it can is known by trying.
heartbeat: Final = Table(
    "heartbeat",
    METADATA,
    Column("collector", String(200), primary_key=True),
    Column("at", UtcTime, nullable=False),
)

node_online: Final = Table(
    "node_online",
    METADATA,
    Column("node", String(63), primary_key=True),
    Column("online", Boolean, nullable=False),
    Column("changed_at", UtcTime, nullable=False),
)

# What came in and is not in the ledger, so that it cannot be derived from there.
node_anomaly: Final = Table(
    "node_anomaly",
    METADATA,
    Column("node", String(63), primary_key=True),
    Column("replays", BigInteger, nullable=False),
    Column("forks", BigInteger, nullable=False),
)

# Gaps that somebody accepted to stay: rows are only ever added.
gap_accepted: Final = Table(
    "gap_accepted",
    METADATA,
    Column("id", _Id, primary_key=True),
    Column("node", String(63), nullable=False),
    Column("first_seq", BigInteger, nullable=False),
    Column("last_seq", BigInteger, nullable=False),
    Column("reason", String, nullable=False),
    Column("accepted_at", UtcTime, nullable=False),
    Index("gap_accepted_node_last_seq", "node", "last_seq"),
)

# What somebody should know: each time that a condition held, once.
alert: Final = Table(
    "alert",
    METADATA,
    Column("id", _Id, primary_key=True),
    Column("kind", String(20), nullable=False),
    Column("subject", String(300), nullable=False),
    Column("simulated", Boolean, nullable=False),
    Column("site", String(63)),
    Column("node", String(63)),
    Column("told_by", String(200)),
    Column("since", UtcTime, nullable=False),
    Column("facts", JSON, nullable=False),
    Column("opened_at", UtcTime, nullable=False),
    Column("gone_at", UtcTime),
    Column("ended_at", UtcTime, index=True),
)

# Who is to be told of it, that it began or ended, and in which message they were.
alert_notice: Final = Table(
    "alert_notice",
    METADATA,
    Column("alert", ForeignKey("alert.id"), primary_key=True),
    Column("recipient", String(80), primary_key=True),
    Column("phase", String(5), primary_key=True),
    Column("due_at", UtcTime, nullable=False),
    Column("composed_at", UtcTime, index=True),
)

# A message on its one way to a recipient. Written down before anything is sent.
alert_message: Final = Table(
    "alert_message",
    METADATA,
    Column("id", _Id, primary_key=True),
    Column("recipient", String(80), nullable=False),
    Column("target", String(16), nullable=False),
    Column("kind", String(20), nullable=False),
    Column("title", String, nullable=False),
    Column("body", String, nullable=False),
    Column("made_at", UtcTime, nullable=False),
    Column("attempts", BigInteger, nullable=False),
    Column("next_at", UtcTime, nullable=False),
    Column("failure", String),
    Column("sent_at", UtcTime),
    Column("given_up_at", UtcTime),
    Index("alert_message_recipient_kind", "recipient", "kind", "made_at"),
    Index("alert_message_open", "sent_at", "given_up_at", "next_at"),
)

# Each weekly mail that was due, once; without `made_at` nothing was sent, as when it all began.
weekly_mail: Final = Table(
    "weekly_mail",
    METADATA,
    Column("recipient", String(80), primary_key=True),
    Column("due_at", UtcTime, primary_key=True, autoincrement=False),
    Column("made_at", UtcTime),
    Column("facts", JSON, nullable=False),
)

# --- projections: derived from `message` and the registry alone

node_state: Final = Table(
    "node_state",
    METADATA,
    Column("node", String(63), primary_key=True),
    Column("acked_seq", BigInteger, nullable=False),
    Column("highest_seq", BigInteger, nullable=False),
    Column("head_sha256", String(64), nullable=False),
    Column("chain_breaks", BigInteger, nullable=False),
    Column("last_time", UtcTime, nullable=False),
    Column("last_received_at", UtcTime, nullable=False),
    Column("simulated", Boolean, nullable=False),
    Column("health_seq", BigInteger, nullable=False),
    Column("health", JSON),
)

message_count: Final = Table(
    "message_count",
    METADATA,
    Column("node", String(63), primary_key=True),
    Column("kind", String(20), primary_key=True),
    Column("count", BigInteger, nullable=False),
)

event: Final = Table(
    "event",
    METADATA,
    Column("position", BigInteger, primary_key=True, autoincrement=False),
    Column("node", String(63), nullable=False),
    Column("site", String(63)),
    Column("id", String(16), nullable=False, index=True),
    Column("start", UtcTime, nullable=False, index=True),
    Column("duration_s", Double, nullable=False),
    Column("trigger", String(20), nullable=False),
    Column("lafmax_db", Double, nullable=False),
    Column("lae_db", Double, nullable=False),
    Column("laeq_db", Double, nullable=False),
    Column("background_laf90_db", Double),
    Column("emergence_db", Double),
    Column("source", String(30), nullable=False),
    Column("source_probability", Double),
    Column("speed_kmh", Double),
    Column("speed_low_kmh", Double),
    Column("speed_high_kmh", Double),
    Column("direction", Integer),
    Column("speed_method", String(20)),
    Column("speed_refused", String(30)),
    Column("simulated", Boolean, nullable=False),
    Column("flags", JSON, nullable=False),
    Index("event_site_start", "site", "start"),
    Index("event_site_simulated_start", "site", "simulated", "start"),
    Index("event_node_start", "node", "start"),
)


def _hours(name: str, *indexes: Index) -> Table:
    # What is simulated never shares a row with what was measured.
    return Table(
        name,
        METADATA,
        Column("node", String(63), primary_key=True),
        Column("hour", UtcTime, primary_key=True, autoincrement=False),
        Column("site", String(63), primary_key=True),
        Column("simulated", Boolean, primary_key=True),
        Column("energy", Double, nullable=False),
        Column("lafmax_db", Double),
        Column("valid_s", BigInteger, nullable=False),
        *indexes,
    )


level_hour: Final = _hours("level_hour", Index("level_hour_site_hour", "site", "hour"))

# The share of `level_hour` whose messages were pruned: what a rebuild starts from.
level_hour_pruned: Final = _hours("level_hour_pruned")


def _node_hours(name: str, *indexes: Index) -> Table:
    # How each is carried on stands in collector.ledger.node_hours.
    counts = ("reports", "prompt", "microphone_bad", "under_voltage", "throttled", "clock_unsure")
    numbers = ("outbox_depth", "disk_free_bytes", "disk_written_bytes", "disk_errors",
               "memory_available_bytes")  # fmt: skip
    sizes = ("uptime_s", "cpu_load", "cpu_own_share", "cpu_temperature_c", "disk_worn_share",
             "clock_offset_s", "microphone_lowest_db", "outbox_oldest_s",
             "background_db_s", "background_s")  # fmt: skip
    return Table(
        name,
        METADATA,
        Column("node", String(63), primary_key=True),
        Column("hour", UtcTime, primary_key=True, autoincrement=False),
        Column("simulated", Boolean, primary_key=True),
        *(Column(one, BigInteger) for one in (*counts, *numbers)),
        *(Column(one, Double) for one in sizes),
        *indexes,
    )


# How each node did in each hour, and the background that it heard; null: not told.
node_hour: Final = _node_hours("node_hour", Index("node_hour_hour", "hour"))

# The share of `node_hour` whose messages were pruned.
node_hour_pruned: Final = _node_hours("node_hour_pruned")

# Passes of vehicles that belong together, found anew around whatever comes in.
episode: Final = Table(
    "episode",
    METADATA,
    Column("site", String(63), primary_key=True),
    Column("simulated", Boolean, primary_key=True),
    Column("start", UtcTime, primary_key=True, autoincrement=False),
    Column("end", UtcTime, nullable=False),
    Column("passes", BigInteger, nullable=False),
    Column("unconfirmed", BigInteger, nullable=False),
    Column("lafmax_db", Double, nullable=False),
    Column("speed_kmh", Double),
    Column("reasons", JSON, nullable=False),
)


def _days(name: str, *columns: Column[Any]) -> Table:
    # 24 numbers a column, one an hour from `begins` on: see collector.ledger.rollups.
    counts = ("events", "unconfirmed", "episodes")
    return Table(
        name,
        METADATA,
        Column("site", String(63), primary_key=True),
        Column("begins", UtcTime, primary_key=True, autoincrement=False),
        Column("simulated", Boolean, primary_key=True),
        *columns,
        *(Column(count, LargeBinary, nullable=False) for count in counts),
    )


site_day: Final = _days("site_day", Column("measured_s", LargeBinary, nullable=False))

# The share of `site_day` whose events were pruned: what is counted is added to it.
site_day_pruned: Final = _days("site_day_pruned")

# What nodes say they have no more: what they announced it with stands in `message`.
absence: Final = Table(
    "absence",
    METADATA,
    Column("position", BigInteger, primary_key=True, autoincrement=False),
    Column("first_seq", BigInteger, primary_key=True, autoincrement=False),
    Column("last_seq", BigInteger, nullable=False),
    Column("node", String(63), nullable=False),
    Column("reason", String(20), nullable=False),
    Column("hashes", JSON(none_as_null=True)),
    Index("absence_node_last_seq", "node", "last_seq"),
)

NODE_PROJECTIONS: Final = (node_state, message_count, event, level_hour, node_hour, absence)
SITE_PROJECTIONS: Final = (episode, site_day)
PROJECTIONS: Final = (*NODE_PROJECTIONS, *SITE_PROJECTIONS)

# --- the registry

site: Final = Table(
    "site",
    METADATA,
    Column("id", String(63), primary_key=True),
    Column("name", String, nullable=False),
    Column("municipality", String, nullable=False),
    Column("latitude", Double),
    Column("longitude", Double),
    Column("time_zone", String(60), nullable=False),
    Column("note", String, nullable=False),
)

node: Final = Table(
    "node",
    METADATA,
    Column("id", String(63), primary_key=True),
    Column("note", String, nullable=False),
)

placement: Final = Table(
    "placement",
    METADATA,
    Column("node", ForeignKey("node.id"), primary_key=True),
    Column("since", UtcTime, primary_key=True, autoincrement=False),
    Column("until", UtcTime),
    Column("site", ForeignKey("site.id"), nullable=False),
    Column("geometry", JSON, nullable=False),
)

# Only the hash of a secret is kept: whoever reads the database cannot enrol anything.
enrolment: Final = Table(
    "enrolment",
    METADATA,
    Column("id", _Id, primary_key=True),
    Column("node", ForeignKey("node.id"), nullable=False),
    Column("secret_sha256", String(64), nullable=False),
    Column("opened_at", UtcTime, nullable=False),
    Column("expires_at", UtcTime, nullable=False),
    Column("used_at", UtcTime),
    Column("kid", String(43)),
    UniqueConstraint("secret_sha256", name="enrolment_secret"),
)

node_key: Final = Table(
    "node_key",
    METADATA,
    Column("kid", String(43), primary_key=True),
    Column("node", ForeignKey("node.id"), nullable=False),
    Column("public_key", String(43), nullable=False),
    Column("since", UtcTime, nullable=False),
    Column("revoked_at", UtcTime),
    # The node's messages that announced it, and that announced the one after it.
    Column("announced_seq", BigInteger),
    Column("last_seq", BigInteger),
)

# As they hang: for technicians alone, and in no summary.
node_photo: Final = Table(
    "node_photo",
    METADATA,
    Column("id", _Id, primary_key=True),
    Column("node", ForeignKey("node.id"), nullable=False, index=True),
    Column("added_at", UtcTime, nullable=False),
    Column("added_by", String(100), nullable=False),
    Column("width", Integer, nullable=False),
    Column("height", Integer, nullable=False),
    Column("sha256", String(64), nullable=False),
    Column("jpeg", LargeBinary, nullable=False),
)

# A release on its way through the fleet, wave by wave up to `stage`.
rollout: Final = Table(
    "rollout",
    METADATA,
    Column("id", _Id, primary_key=True),
    Column("version", String(40), nullable=False),
    Column("manifest_sha256", String(64), nullable=False),
    Column("begun_at", UtcTime, nullable=False),
    Column("stage", Integer, nullable=False),
    Column("wait_s", Double, nullable=False),
    Column("ended_at", UtcTime),
    Column("end", String(10)),
    Column("reason", String, nullable=False),
)

# What each node is wished to run, signed when it was made: the collector, which has no key, only
# decides when the node hears of it.
wish: Final = Table(
    "wish",
    METADATA,
    Column("node", ForeignKey("node.id"), primary_key=True),
    Column("number", BigInteger, primary_key=True, autoincrement=False),
    Column("made_at", UtcTime, nullable=False),
    Column("rollout", ForeignKey("rollout.id")),
    Column("wave", Integer, nullable=False),
    Column("payload", LargeBinary, nullable=False),
    Column("signature", String, nullable=False),
    Column("released_at", UtcTime),
    Column("withdrawn_at", UtcTime),
    # What the node said of it in the end.
    Column("outcome", String(10)),
    Column("reason", String, nullable=False),
    Column("outcome_at", UtcTime),
)

speed_limit: Final = Table(
    "speed_limit",
    METADATA,
    Column("id", _Id, primary_key=True),
    Column("site", ForeignKey("site.id"), nullable=False),
    Column("kmh", Double, nullable=False),
    Column("weekdays", JSON, nullable=False),
    Column("from_time", String(5), nullable=False),
    Column("to_time", String(5), nullable=False),
    Column("since", UtcTime, nullable=False),
    Column("source", String, nullable=False),
)

guideline: Final = Table(
    "guideline",
    METADATA,
    Column("id", _Id, primary_key=True),
    Column("site", ForeignKey("site.id"), nullable=False),
    Column("quantity", String(30), nullable=False),
    Column("value_db", Double, nullable=False),
    Column("source", String, nullable=False),
    Column("note", String, nullable=False),
)

patrol: Final = Table(
    "patrol",
    METADATA,
    Column("id", _Id, primary_key=True),
    Column("site", ForeignKey("site.id"), nullable=False),
    Column("start", UtcTime, nullable=False),
    Column("end", UtcTime, nullable=False),
    Column("note", String, nullable=False),
    # Raised by each change, so that two who change it at once are told.
    Column("version", BigInteger, nullable=False, server_default="1"),
    Column("changed_by", String, nullable=False, server_default=""),
    Column("changed_at", UtcTime),
)

# --- who may see and do what on the pages

# Who has no password logs in with OpenID Connect, and is known there as `subject` of `issuer`.
account: Final = Table(
    "account",
    METADATA,
    Column("id", _Id, primary_key=True),
    Column("name", String(100), nullable=False, unique=True),
    Column("role", String(20), nullable=False),
    Column("site", ForeignKey("site.id")),
    Column("password_hash", String),
    Column("issuer", String),
    Column("subject", String),
    Column("added_at", UtcTime, nullable=False),
    Column("disabled_at", UtcTime),
    UniqueConstraint("issuer", "subject", name="account_issuer_subject"),
)

# The key is the SHA-256 of what the browser holds: who reads this table cannot log in with it.
login_session: Final = Table(
    "login_session",
    METADATA,
    Column("key", String(64), primary_key=True),
    Column("account", ForeignKey("account.id"), nullable=False, index=True),
    Column("begun_at", UtcTime, nullable=False),
    Column("seen_at", UtcTime, nullable=False),
    Column("device", String(200), nullable=False),
)

# Links by which somebody chooses a password, once. The key is the SHA-256 of what is secret in it.
invitation: Final = Table(
    "invitation",
    METADATA,
    Column("key", String(64), primary_key=True),
    Column("account", ForeignKey("account.id"), nullable=False, unique=True),
    Column("expires_at", UtcTime, nullable=False),
)

# Logins that failed in a row. Names and addresses stand here as SHA-256 only.
login_failure: Final = Table(
    "login_failure",
    METADATA,
    Column("key", String(64), primary_key=True),
    Column("count", BigInteger, nullable=False),
    Column("last_at", UtcTime, nullable=False),
    Column("until", UtcTime, nullable=False),
)

# Who looked at what: rows are only added, and removed once `keep_until` is past.
access_log: Final = Table(
    "access_log",
    METADATA,
    Column("id", _Id, primary_key=True),
    Column("at", UtcTime, nullable=False),
    Column("keep_until", UtcTime, nullable=False, index=True),
    Column("account", String(100)),
    Column("role", String(20)),
    Column("action", String(20), nullable=False),
    Column("subject", String, nullable=False),
    Column("status", Integer),
    Column("address", String(45), nullable=False),
    Index("access_log_account_at", "account", "at"),
    Index("access_log_action", "action"),
)

# Addresses that let in whoever knows them; only the hash of what is secret in them is kept.
secret_link: Final = Table(
    "secret_link",
    METADATA,
    Column("id", _Id, primary_key=True),
    Column("purpose", String(20), nullable=False),
    Column("site", ForeignKey("site.id")),
    Column("note", String, nullable=False),
    Column("secret_sha256", String(64), nullable=False, unique=True),
    Column("made_at", UtcTime, nullable=False),
    Column("used_at", UtcTime),
    Column("revoked_at", UtcTime),
)

# What was handed out, to whom, and why.
export_log: Final = Table(
    "export_log",
    METADATA,
    Column("id", _Id, primary_key=True),
    Column("at", UtcTime, nullable=False),
    Column("who", String(200), nullable=False),
    Column("reason", String, nullable=False),
    Column("site", String(63), nullable=False),
    Column("start", UtcTime, nullable=False),
    Column("end", UtcTime, nullable=False),
    Column("language", String(2), nullable=False),
    Column("question", String, nullable=False),
    Column("messages", BigInteger, nullable=False),
    Column("events", BigInteger, nullable=False),
    Column("public", Boolean, nullable=False, server_default=false()),
    Column("manifest_sha256", String(64), nullable=False),
)

# What people were disturbed by; what was measured then is found anew each time.
disturbance: Final = Table(
    "disturbance",
    METADATA,
    Column("id", _Id, primary_key=True),
    Column("site", ForeignKey("site.id"), nullable=False),
    Column("what", String(20), nullable=False),
    Column("when", String(20), nullable=False),
    Column("at", UtcTime, nullable=False),
    Column("note", String, nullable=False),
    Column("told_at", UtcTime, nullable=False),
    # The account, or the number of the link.
    Column("told_by", String(100), nullable=False),
    Index("disturbance_site_at", "site", "at"),
    Index("disturbance_told_by", "told_by", "told_at"),
)

registry_version: Final = Table(
    "registry_version",
    METADATA,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("version", BigInteger, nullable=False),
)
