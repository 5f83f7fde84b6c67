"""What the collector tells Prometheus; names and units follow its conventions.

Labels take few values: kinds, reasons and outputs are fixed, nodes are those of the registry.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from datetime import datetime
from importlib.metadata import version
from typing import Final

from prometheus_client import CollectorRegistry, Histogram, Info, Metric, ProcessCollector
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.exposition import choose_encoder
from prometheus_client.registry import Collector
from sqlalchemy import Engine

from collector.alerts.rules import RULES
from collector.alerts.task import AlertTask
from collector.database.database import reading
from collector.ledger import measures
from collector.ledger.ledger import Ledger, NodeState
from collector.operations.lag import MessageLag
from collector.operations.operations import Operations

MOST_NODES: Final = 1000
"""Nodes that get series of their own; the rest is counted only."""

_ACK_BOUNDS_S: Final = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 120.0)


class Metrics:
    """The metrics of one collector.

    Parameters
    ----------
    engine, ledger
        The open ledger.
    """

    def __init__(self, engine: Engine, ledger: Ledger) -> None:
        self._engine = engine
        self._registry = CollectorRegistry()
        self.lag = MessageLag(engine)
        self._ack_delay = Histogram(
            "skolro_ack_delay_seconds",
            "Time from a message's reception until it was durable and acknowledged; "
            "of each batch the longest.",
            buckets=_ACK_BOUNDS_S,
            registry=self._registry,
        )
        build = Info("skolro_build", "The version that runs.", registry=self._registry)
        build.info({"version": version("skolro")})
        ProcessCollector(registry=self._registry)
        self._registry.register(self.lag)
        self._registry.register(_LedgerMetrics(engine, ledger))

    def confirmed(self, seconds: float) -> None:
        """Take in how long a batch's oldest message waited for its acknowledgement."""
        self._ack_delay.observe(max(0.0, seconds))

    def watch(self, operations: Operations) -> None:
        """Tell of a running collector too."""
        self._registry.register(_ServiceMetrics(self._engine, operations))

    def exposition(self, accept: str) -> tuple[bytes, str]:
        """Return all metrics as text, and its media type, as a scraper's `accept` header wants it.

        Raises
        ------
        LedgerError
            The ledger cannot be read.
        """
        encode, media_type = choose_encoder(accept)
        return encode(self._registry), media_type


class _LedgerMetrics(Collector):
    """What the ledger says of itself and of its nodes."""

    def __init__(self, engine: Engine, ledger: Ledger) -> None:
        self._engine = engine
        self._ledger = ledger

    def describe(self) -> Iterable[Metric]:
        """Nothing is read before somebody asks."""
        return ()

    def collect(self) -> Iterable[Metric]:
        """Read the ledger."""
        messages = CounterMetricFamily(
            "skolro_messages", "Messages in the ledger, pruned ones too.", labels=["kind"]
        )
        for kind, count in self._ledger.counts().by_kind.items():
            messages.add_metric([kind], count)
        with reading(self._engine) as connection:
            refused = measures.quarantined(connection)
        yield messages
        yield _gauge(
            "skolro_quarantine_messages",
            "How often something was refused, but for what was dropped from quarantine.",
            "reason",
            refused,
        )
        yield from self._nodes()

    def _nodes(self) -> Iterable[Metric]:
        states = self._ledger.node_states()
        known = sorted(self._ledger.registry.inventory().nodes)
        of_ours = {node: states.get(node, NodeState(node=node)) for node in known[:MOST_NODES]}
        yield GaugeMetricFamily("skolro_nodes", "Registered nodes.", len(known))
        yield GaugeMetricFamily(
            "skolro_nodes_without_series",
            f"Registered nodes beyond the first {MOST_NODES}, of which nothing else is told here.",
            len(known) - len(of_ours),
        )
        for name, text, values in _of_nodes(of_ours):
            yield _gauge(name, text, "node", values)


def _of_nodes(
    states: Mapping[str, NodeState],
) -> Iterable[tuple[str, str, dict[str, float]]]:
    yield (
        "skolro_node_last_message_timestamp_seconds",
        "When the node's last message came in; its age is time() minus this.",
        {
            node: state.last_received_at.timestamp()
            for node, state in states.items()
            if state.last_received_at is not None
        },
    )
    yield (
        "skolro_node_online",
        "1 while the node is connected to the broker.",
        {node: float(state.online or False) for node, state in states.items()},
    )
    yield (
        "skolro_node_unacknowledged_messages",
        "Numbers between what the node was told to be durable and its newest message here.",
        {node: state.highest_seq - state.acked_seq for node, state in states.items()},
    )
    for name, text, key in _FROM_HEALTH:
        yield name, text, _from_health(states, key)


_FROM_HEALTH: Final = (
    ("skolro_node_outbox_messages", "Messages that wait in the node, by its health.",
     "outbox_depth"),
    ("skolro_node_disk_free_bytes", "Room left on the node's disk, by its health.",
     "disk_free_bytes"),
    ("skolro_node_clock_offset_seconds", "How far the node's clock is off, by its health.",
     "clock_offset_s"),
)  # fmt: skip


def _from_health(states: Mapping[str, NodeState], key: str) -> dict[str, float]:
    told = {node: (state.health or {}).get(key) for node, state in states.items()}
    return {node: float(value) for node, value in told.items() if value is not None}


class _ServiceMetrics(Collector):
    """How the collector's own parts do."""

    def __init__(self, engine: Engine, operations: Operations) -> None:
        self._engine = engine
        self._operations = operations

    def describe(self) -> Iterable[Metric]:
        """Nothing is read before somebody asks."""
        return ()

    def collect(self) -> Iterable[Metric]:
        """Look at the parts."""
        subscriber = self._operations.subscriber
        parts = {problem.part for problem in self._operations.problems()}
        yield GaugeMetricFamily("skolro_ready", "1 while nothing is wrong.", float(not parts))
        yield GaugeMetricFamily(
            "skolro_ledger_writable", "1 while the ledger can store.", float("ledger" not in parts)
        )
        yield GaugeMetricFamily(
            "skolro_broker_connected", "1 while the broker is heard.", float("broker" not in parts)
        )
        yield GaugeMetricFamily(
            "skolro_intake_messages", "Received and not durable yet.", subscriber.lag
        )
        yield CounterMetricFamily(
            "skolro_intake_dropped_messages",
            "Sent without a guarantee and dropped in a flood.",
            subscriber.dropped,
        )
        yield from self._forwarding()
        if self._operations.alerts is not None:
            yield from _of_alerts(self._operations.alerts)

    def _forwarding(self) -> Iterable[Metric]:
        forwarders = {one.name: one for one in self._operations.forwarders}
        states = {name: one.state for name, one in forwarders.items()}
        with reading(self._engine) as connection:
            waiting = {
                name: measures.backlog(connection, state.position) for name, state in states.items()
            }
        for name, text, values in (
            ("backlog_messages", "Not forwarded yet.", {n: w.messages for n, w in waiting.items()}),
            ("delay_seconds", "For how long the oldest of them has waited.",
             {n: _age_s(w.oldest_received_at) for n, w in waiting.items()}),
            ("up", "1 while the output takes what it is given.",
             {n: float(state.failing is None) for n, state in states.items()}),
        ):  # fmt: skip
            yield _gauge(f"skolro_forwarder_{name}", text, "output", values)
        for name, text, counts in (
            ("points", "Points written.", {n: s.points for n, s in states.items()}),
            ("rejected_points", "Points that the output refused for good.",
             {n: s.rejected for n, s in states.items()}),
            ("expired_points", "Points older than the output keeps.",
             {n: s.expired for n, s in states.items()}),
        ):  # fmt: skip
            family = CounterMetricFamily(f"skolro_forwarder_{name}", text, labels=["output"])
            for output, count in counts.items():
                family.add_metric([output], count)
            yield family


def _of_alerts(alerts: AlertTask) -> Iterable[Metric]:
    tally, state = alerts.journal.tally(), alerts.state
    yield _gauge("skolro_alerts_open", "Alerts that have not ended.", "kind",
                 {kind: float(tally.open.get(kind, 0)) for kind in RULES})  # fmt: skip
    yield GaugeMetricFamily(
        "skolro_alerts_up", "1 while the rules are asked and what they say is sent.",
        float(alerts.is_alive and state.failing is None),
    )  # fmt: skip
    yield GaugeMetricFamily(
        "skolro_alerts_waiting_messages", "Messages that are not sent yet.", tally.waiting
    )
    yield CounterMetricFamily(
        "skolro_alerts_sent_messages", "Messages that were sent, but for those pruned.", tally.sent
    )
    yield CounterMetricFamily(
        "skolro_alerts_given_up_messages", "Messages that were never sent.", tally.given_up
    )
    if state.judged_at is not None:
        yield GaugeMetricFamily(
            "skolro_alerts_judged_timestamp_seconds", "When the rules were last asked.",
            state.judged_at.timestamp(),
        )  # fmt: skip


def _age_s(received_at: datetime | None) -> float:
    return 0.0 if received_at is None else max(0.0, time.time() - received_at.timestamp())


def _gauge(name: str, text: str, label: str, values: Mapping[str, float]) -> Metric:
    family = GaugeMetricFamily(name, text, labels=[label])
    for value, number in values.items():
        family.add_metric([value], number)
    return family
