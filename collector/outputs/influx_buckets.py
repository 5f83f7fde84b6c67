"""Buckets of InfluxDB 2, which are retention policies of a database in InfluxDB 1.

Named ``<bucket>``, ``<bucket>/seconds`` and ``<bucket>/hours``: that is how every version maps
InfluxQL's ``"<database>"."<retention policy>"``. They are made when one is found missing.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from influxdb_client.client.exceptions import InfluxDBError

from collector.outputs.measurements import HOURS, SECONDS, SECONDS_KEPT_DAYS

DEFAULT_POLICY: Final = "autogen"
"""What InfluxDB 1 calls the retention policy that a new database has."""

_DAY_S: Final = 86_400


@dataclass(frozen=True, slots=True)
class Retention:
    """How long points are kept (None: for good), and in shards of which length."""

    kept_days: int | None
    shard_days: int


RETENTIONS: Final[dict[str | None, Retention]] = {
    None: Retention(kept_days=None, shard_days=7),
    SECONDS: Retention(kept_days=SECONDS_KEPT_DAYS, shard_days=1),
    # Few points over many years: with a shard a week, an hour-of-week query opens hundreds.
    HOURS: Retention(kept_days=None, shard_days=3640),
}


def bucket_name(bucket: str, policy: str | None) -> str:
    """Name of the bucket that stands for a retention policy (None: the default one)."""
    return bucket if policy is None else f"{bucket}/{policy}"


def create_bucket(client: Any, bucket: str, policy: str | None) -> None:
    """Make the bucket, as InfluxDB 2 or else as InfluxDB 1 wants it.

    Parameters
    ----------
    client : influxdb_client.InfluxDBClient
        Its functions carry no types.

    Raises
    ------
    InfluxDBError
        Neither was possible, as with a token that may only write.
    """
    try:
        _create_bucket_2(client, bucket, policy)
    except InfluxDBError:
        _create_policy_1(client, bucket, policy)


def statements_1(bucket: str, policy: str | None) -> list[str]:
    """InfluxQL that makes the database and its retention policy in InfluxDB 1."""
    statements = [f'CREATE DATABASE "{bucket}"']
    if policy is not None:
        retention = RETENTIONS[policy]
        kept = "INF" if retention.kept_days is None else f"{retention.kept_days}d"
        statements.append(
            f'CREATE RETENTION POLICY "{policy}" ON "{bucket}" DURATION {kept} REPLICATION 1 '
            f"SHARD DURATION {retention.shard_days}d"
        )
    return statements


def _create_bucket_2(client: Any, bucket: str, policy: str | None) -> None:
    retention = RETENTIONS[policy]
    rule = {
        "type": "expire",
        "everySeconds": (retention.kept_days or 0) * _DAY_S,
        "shardGroupDurationSeconds": retention.shard_days * _DAY_S,
    }
    created = client.buckets_api().create_bucket(
        bucket_name=bucket_name(bucket, policy), retention_rules=rule
    )
    mapping = {
        "orgID": created.org_id,
        "bucketID": created.id,
        "database": bucket,
        "retention_policy": policy or DEFAULT_POLICY,
        "default": policy is None,
    }
    _post(client, "/api/v2/dbrps", body=mapping)


def _create_policy_1(client: Any, bucket: str, policy: str | None) -> None:
    for statement in statements_1(bucket, policy):
        _post(client, "/query", query_params=[("q", statement)])


def _post(client: Any, path: str, **request: Any) -> None:
    headers = {"Content-Type": "application/json", "Accept": "application/json"}
    client.api_client.call_api(path, "POST", header_params=headers, **request)
