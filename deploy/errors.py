"""Errors of putting things together; all are :class:`~sensor.contract.errors.SkolroError`."""

from __future__ import annotations

from sensor.contract.errors import SkolroError


class DeployError(SkolroError):
    """Something that was to be started, made or found is not there."""


class ServiceFailedError(DeployError):
    """A service that was at work could not go on."""
