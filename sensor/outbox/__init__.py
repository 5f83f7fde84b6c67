"""The messages that wait for the collector, on the node's disk."""

from sensor.outbox.outbox import Outbox, Retention
from sensor.outbox.waiting import Pending

__all__ = ["Outbox", "Pending", "Retention"]
