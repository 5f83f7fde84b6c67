"""How long messages are on their way from the node to the ledger."""

from __future__ import annotations

import threading
from collections.abc import Iterable
from typing import Final

from prometheus_client import Metric
from prometheus_client.core import HistogramMetricFamily
from prometheus_client.registry import Collector
from sqlalchemy import Engine

from collector.database.database import reading
from collector.ledger import measures

BOUNDS_S: Final = (1.0, 2.0, 5.0, 10.0, 30.0, 60.0, 300.0, 1800.0, 3600.0, 21_600.0, 86_400.0)


class MessageLag(Collector):
    """Histogram by kind of the time from a message's making to its reception.

    It is read from the ledger, from its making on, so that nothing is spent on it where messages
    come in, and what another collector stored counts too.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._lock = threading.Lock()
        self._sums: dict[str, measures.Lags] = {}
        with reading(engine) as connection:
            self._position = measures.head(connection)

    def advance(self) -> None:
        """Count what has come since the last time; :class:`LedgerError` if it cannot be read."""
        with self._lock, reading(self._engine) as connection:
            head = measures.head(connection)
            for lags in measures.lags(connection, self._position, head, BOUNDS_S):
                self._sums[lags.kind] = _sum(self._sums.get(lags.kind), lags)
            # A ledger restored from a backup goes on from there.
            self._position = head

    def collect(self) -> Iterable[Metric]:
        """Return the histogram."""
        family = HistogramMetricFamily(
            "skolro_message_lag_seconds",
            "Time from the making of a message to its reception, by the node's clock and ours.",
            labels=["kind"],
        )
        with self._lock:
            sums = list(self._sums.values())
        for lags in sums:
            buckets = [(str(bound), n) for bound, n in zip(BOUNDS_S, lags.at_most, strict=True)]
            family.add_metric([lags.kind], [*buckets, ("+Inf", lags.messages)], lags.total_s)
        yield family


def _sum(one: measures.Lags | None, other: measures.Lags) -> measures.Lags:
    if one is None:
        return other
    at_most = tuple(a + b for a, b in zip(one.at_most, other.at_most, strict=True))
    return measures.Lags(
        one.kind, at_most, one.messages + other.messages, one.total_s + other.total_s
    )
