"""Errors of the collector; all are :class:`~sensor.contract.errors.SkolroError`."""

from __future__ import annotations

from sensor.contract.errors import SkolroError


class CollectorError(SkolroError):
    """Root of the collector's errors."""


class LedgerError(CollectorError):
    """The ledger cannot be opened, read or written."""


class UnstorableError(LedgerError):
    """What is to be stored has a value that the database cannot hold; trying again is no use."""


class RegistryError(CollectorError, ValueError):
    """A site or node that is unknown, known already, or described wrongly."""


class BrokerError(CollectorError, ConnectionError):
    """The broker cannot be reached."""


class OutputError(CollectorError):
    """An output such as InfluxDB refuses or cannot be reached."""


class AnalysisError(CollectorError, ValueError):
    """A question that cannot be answered: an empty period, a site without data."""


class AlertError(CollectorError, ValueError):
    """An alert that cannot be told as it was asked: no such recipient, nobody reached."""
