"""Errors of evidence summaries."""

from __future__ import annotations

from sensor.contract.errors import SkolroError


class EvidenceError(SkolroError):
    """A summary that cannot be made, or cannot be read."""
