"""Errors of the sensor; all are :class:`~sensor.contract.errors.SkolroError`."""

from __future__ import annotations

from sensor.contract.errors import SkolroError


class SensorError(SkolroError):
    """Root of the sensor's errors."""


class InputError(SensorError):
    """A source of sound or speed that cannot be opened, or has failed for good."""


class MeterError(SensorError, ValueError):
    """Something the sound level meter cannot measure."""


class IdentityError(SensorError):
    """The node's key cannot be read or kept."""


class OutboxError(SensorError):
    """The outbox cannot be opened or cannot store."""


class BrokerError(SensorError):
    """The broker cannot be reached."""


class ModelError(SensorError):
    """The model of sound sources is missing or is not what it should be."""


class LightError(SensorError):
    """The light cannot be used."""


class CommissioningError(SensorError):
    """A commissioning that cannot be opened or kept."""


class UpdateError(SensorError):
    """Something that was wished of the node and cannot be done; it stays as it is."""


class UpdateLaterError(UpdateError):
    """What cannot be done now, and may be later: the line, the disk, the clock."""
