"""Removal of points that no longer hold: by the API of InfluxDB 1.8 and 2, else by InfluxQL."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from influxdb_client.client.exceptions import InfluxDBError
from influxdb_client.rest import ApiException

from collector.outputs.influx_buckets import bucket_name

_EVER: Final = (datetime(1970, 1, 1, tzinfo=UTC), datetime(2200, 1, 1, tzinfo=UTC))
_NOT_THERE: Final = "database not found"


@dataclass(frozen=True, slots=True, kw_only=True)
class Deletion:
    """All points of a measurement with these tags within [`start`, `end`); None: at any time."""

    bucket: str
    policy: str | None
    measurement: str
    tags: Mapping[str, str]
    start: datetime | None = None
    end: datetime | None = None


def delete_points(client: Any, what: Deletion) -> None:
    """Remove the points; nothing being there is no fault.

    Parameters
    ----------
    client : influxdb_client.InfluxDBClient
        Its functions carry no types.

    Raises
    ------
    ApiException
        InfluxDB is not ready; its status is 429 or 5xx.
    InfluxDBError
        It lets nothing be deleted.
    """
    try:
        _delete_2(client, what)
    except ApiException as error:
        if _is_no_bucket(error):
            return
        if not _is_refusal(error):
            raise
        _delete_1(client, what)


def statement_1(what: Deletion) -> str:
    """InfluxQL that removes the points from InfluxDB 1, in whichever retention policy."""
    conditions = [f"\"{tag}\" = '{_quoted(value)}'" for tag, value in sorted(what.tags.items())] + [
        f"time {comparison} '{at.astimezone(UTC):%Y-%m-%dT%H:%M:%S.%fZ}'"
        for comparison, at in ((">=", what.start), ("<", what.end))
        if at is not None
    ]
    where = f" WHERE {' AND '.join(conditions)}" if conditions else ""
    return " ".join(("DELETE FROM", f'"{what.measurement}"')) + where


def _delete_2(client: Any, what: Deletion) -> None:
    conditions = {"_measurement": what.measurement, **what.tags}
    predicate = " AND ".join(f'{name}="{value}"' for name, value in conditions.items())
    start, end = what.start or _EVER[0], what.end or _EVER[1]
    client.delete_api().delete(start, end, predicate, bucket_name(what.bucket, what.policy))


def _delete_1(client: Any, what: Deletion) -> None:
    parameters = [("db", what.bucket), ("q", statement_1(what))]
    headers = {"Accept": "application/json"}
    try:
        answer = client.api_client.call_api(
            "/query", "POST", query_params=parameters, header_params=headers, response_type=object
        )
    except ApiException as error:
        if _is_refusal(error):
            raise InfluxDBError(message=str(error.message or error.reason)) from error
        raise
    for result in (answer[0] if isinstance(answer, tuple) else answer or {}).get("results", []):
        problem = str(result.get("error", ""))
        if problem and _NOT_THERE not in problem:
            raise InfluxDBError(message=problem)


def _is_refusal(error: ApiException) -> bool:
    return 400 <= (error.status or 0) < 500 and error.status != 429


def _is_no_bucket(error: ApiException) -> bool:
    """Whether an InfluxDB 2 says that there is no such bucket, so nothing to be removed."""
    try:
        return error.status == 404 and bool(json.loads(error.body or "")["code"] == "not found")
    except (ValueError, TypeError, KeyError):
        return False


def _quoted(value: str) -> str:
    return value.replace("\\", "\\\\").replace("'", "\\'")
