"""Errors of the collector; all are :class:`~sensor.contract.errors.SkolroError`."""

from __future__ import annotations

from sensor.contract.errors import SkolroError


class CollectorError(SkolroError):
    """Root of the collector's errors."""


class LedgerError(CollectorError):
    """The ledger cannot be opened, read or written."""


class RegistryError(CollectorError, ValueError):
    """A site or node that is unknown, known already, or described wrongly."""


class BrokerError(CollectorError, ConnectionError):
    """The broker cannot be reached."""


class OutputError(CollectorError):
    """An output such as InfluxDB refuses or cannot be reached."""
