"""The messages that wait for the collector, on the node's disk."""

from sensor.outbox.outbox import Outbox, Pending, Retention

__all__ = ["Outbox", "Pending", "Retention"]
