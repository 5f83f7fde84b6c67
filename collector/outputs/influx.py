"""InfluxDB as an output: 1.8 and newer take ``/api/v2/write``, as does 1.x behind a proxy."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from itertools import chain
from typing import Any, Final

from influxdb_client.client.exceptions import InfluxDBError
from influxdb_client.client.influxdb_client import InfluxDBClient
from influxdb_client.client.write_api import SYNCHRONOUS
from influxdb_client.rest import ApiException
from urllib3.exceptions import HTTPError

from collector.config import InfluxDB
from collector.ledger.ledger import Ledger, LevelHour, StoredMessage
from collector.outputs.influx_buckets import bucket_name, create_bucket
from collector.outputs.influx_delete import Deletion, delete_points
from collector.outputs.measurements import HOURS, SECONDS_KEPT_DAYS, policy_of
from collector.outputs.output import OutputUnavailableError, RejectedLine, Stretch, WriteResult
from collector.outputs.periods import hour_lines
from collector.outputs.points import LinesByPolicy, lines_of
from collector.registry.registry import Registry

_log = logging.getLogger(__name__)

_LINES_AT_ONCE: Final = 5000
_REFUSED: Final = frozenset({400, 413, 422})
_EXPIRED: Final = "beyond retention policy"
_NO_POLICY: Final = "retention policy not found"
# So that a point does not grow too old between here and there.
_SECONDS_KEPT: Final = timedelta(days=SECONDS_KEPT_DAYS) - timedelta(hours=1)


class _RefusedError(Exception):
    """InfluxDB will not take at least one of the lines, however often it is asked."""


class _NoBucketError(Exception):
    """There is no such bucket, database or retention policy."""


class InfluxOutput:
    """Writes the ledger's content to the InfluxDB that `config` names."""

    name = "influxdb"
    takes_figures = True

    def __init__(self, config: InfluxDB) -> None:
        self._config = config
        self.messages_per_s = config.messages_per_s
        self._client: Any = InfluxDBClient(
            url=config.url,
            token=config.token,
            org=config.org,
            timeout=round(config.timeout_s * 1000),
            enable_gzip=True,
        )
        # Synchronous: batching mode drops what it could not deliver, and says nothing.
        self._write_api = self._client.write_api(write_options=SYNCHRONOUS)
        self._in_default_bucket: set[str | None] = set()
        self._can_delete = True

    def write(
        self, messages: Sequence[StoredMessage], ledger: Ledger, registry: Registry
    ) -> WriteResult:
        """Write the points that `messages` add or change.

        Lines that InfluxDB refuses are found by halving and returned; all others are written.

        Raises
        ------
        OutputUnavailableError
            InfluxDB cannot be reached or is not ready; write the same again later.
        """
        since = datetime.now(UTC) - _SECONDS_KEPT
        return self._write_all(
            lines_of(messages, ledger, registry.inventory(), seconds_since=since)
        )

    def write_hours(self, hours: Sequence[LevelHour], registry: Registry) -> WriteResult:
        """Write the levels of `hours`; errors as of :meth:`write`."""
        return self._write_all({HOURS: list(hour_lines(hours, registry.inventory()))})

    def replace(self, stretches: Sequence[Stretch]) -> WriteResult:
        """Remove what the stretches say, then write their lines; errors as of :meth:`write`."""
        for stretch in stretches:
            if stretch.clear and self._can_delete:
                self._delete(stretch)
        by_policy: LinesByPolicy = {}
        for stretch in stretches:
            policy = policy_of(stretch.measurement)
            by_policy.setdefault(policy, []).extend(stretch.lines)
        return self._write_all(by_policy)

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def _write_all(self, by_policy: LinesByPolicy) -> WriteResult:
        refused = list(
            chain.from_iterable(
                self._write_lines(policy, part)
                for policy, lines in by_policy.items()
                for part in _parts(lines)
            )
        )
        expired = sum(_EXPIRED in line.reason for line in refused)
        total = sum(map(len, by_policy.values()))
        return WriteResult(
            points=total - len(refused),
            rejected=tuple(line for line in refused if _EXPIRED not in line.reason),
            expired=expired,
        )

    def _write_lines(self, policy: str | None, lines: Sequence[str]) -> Iterator[RejectedLine]:
        try:
            self._send_to(policy, lines)
        except _RefusedError as error:
            if len(lines) == 1:
                yield RejectedLine(lines[0], str(error))
                return
            # What was stored of them before is overwritten by the same.
            middle = len(lines) // 2
            yield from self._write_lines(policy, lines[:middle])
            yield from self._write_lines(policy, lines[middle:])

    def _send_to(self, policy: str | None, lines: Sequence[str]) -> None:
        if policy in self._in_default_bucket:
            policy = None
        try:
            self._send(bucket_name(self._config.bucket, policy), lines)
        except _NoBucketError:
            self._send_to_new(policy, lines)

    def _send_to_new(self, policy: str | None, lines: Sequence[str]) -> None:
        name = bucket_name(self._config.bucket, policy)
        try:
            create_bucket(self._client, self._config.bucket, policy)
            self._send(name, lines)
        except (_NoBucketError, InfluxDBError, HTTPError) as error:
            if policy is None:
                raise OutputUnavailableError(
                    f"InfluxDB at {self._config.url} has no bucket or database {name} and lets "
                    "none be made: make it, or name another as influxdb.bucket"
                ) from error
            _log.warning(
                "InfluxDB at %s has no bucket %s and lets none be made: its points go to %s",
                self._config.url,
                name,
                self._config.bucket,
            )
            self._in_default_bucket.add(policy)
            self._send_to(None, lines)

    def _delete(self, stretch: Stretch) -> None:
        bucket = self._config.bucket
        policy = policy_of(stretch.measurement)
        held = None if policy in self._in_default_bucket else policy
        try:
            delete_points(
                self._client,
                Deletion(
                    bucket=bucket,
                    policy=held,
                    measurement=stretch.measurement.name,
                    tags=stretch.tags,
                    start=stretch.start,
                    end=stretch.end,
                ),
            )
        except ApiException as error:
            raise self._explained(error) from error
        except (HTTPError, OSError) as error:
            raise self._unreachable(error) from error
        except InfluxDBError as error:
            # InfluxDB 3 Core cannot; a token may not be allowed to.
            _log.warning(
                "InfluxDB at %s lets nothing be deleted (%s): episodes and plans that no longer "
                "hold stay in it beside the new ones",
                self._config.url,
                error,
            )
            self._can_delete = False

    def _send(self, bucket: str, lines: Sequence[str]) -> None:
        try:
            self._write_api.write(
                bucket=bucket,
                record="\n".join(lines).encode(),
            )
        except ApiException as error:
            raise self._explained(error) from error
        except (HTTPError, OSError) as error:
            raise self._unreachable(error) from error

    def _unreachable(self, error: Exception) -> OutputUnavailableError:
        return OutputUnavailableError(
            f"InfluxDB at {self._config.url} cannot be reached: is it running there? ({error})"
        )

    def _explained(self, error: ApiException) -> Exception:
        reason = " ".join(str(error.message or error.reason).split())
        if error.status == 404 or _NO_POLICY in reason:
            return _NoBucketError(reason)
        if error.status in _REFUSED:
            return _RefusedError(reason)
        if error.status in {401, 403}:
            return OutputUnavailableError(
                f"InfluxDB at {self._config.url} refuses the token ({reason}): "
                "check influxdb.token, org and bucket"
            )
        return OutputUnavailableError(
            f"InfluxDB at {self._config.url} answers {error.status}: {reason}",
            _retry_after_s(error),
        )


def _parts(lines: Sequence[str]) -> Iterator[Sequence[str]]:
    for start in range(0, len(lines), _LINES_AT_ONCE):
        yield lines[start : start + _LINES_AT_ONCE]


def _retry_after_s(error: ApiException) -> float | None:
    headers: Mapping[str, str] = error.headers or {}
    value = headers.get("Retry-After", "")
    return float(value) if value.isdecimal() else None
