"""What is known of the microphone before it hears anything: sensitivity, response, trust."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from sensor.acoustics.calibration import CALIBRATION_FILE, CalibrationStore
from sensor.acoustics.response import ResponseFilter, load_response_filter
from sensor.config import NodeConfig
from sensor.contract.messages import Flag
from sensor.inputs import MicrophoneConfig

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Calibrated:
    """How the meter is adjusted to its microphone.

    Attributes
    ----------
    sensitivity : float
        Factor from the input's nominal to true pressure.
    correction : ResponseFilter, optional
        Undoes the microphone's frequency response.
    flags : frozenset of str
        What must be said of everything that is measured so.
    checked_at : datetime, optional
        When a calibrator was last on the microphone.
    """

    sensitivity: float = 1.0
    correction: ResponseFilter | None = None
    flags: frozenset[Flag] = frozenset()
    checked_at: datetime | None = None


def calibrated(config: NodeConfig, sample_rate: int, now: datetime) -> Calibrated:
    """Read the node's calibrations and its microphone's response file.

    Raises
    ------
    SensorError
        One of the files is not what it should be.
    """
    store = CalibrationStore(Path(config.data_dir) / CALIBRATION_FILE)
    return Calibrated(
        store.sensitivity,
        _correction(config.meter.response_file, sample_rate),
        _flags(config, store, now),
        store.newest.time if store.newest else None,
    )


def _correction(response_file: str | None, sample_rate: int) -> ResponseFilter | None:
    if response_file is None:
        return None
    correction = load_response_filter(Path(response_file), sample_rate)
    log.info("%s is undone within %.2f dB", response_file, correction.error_db)
    return correction


def _flags(config: NodeConfig, store: CalibrationStore, now: datetime) -> frozenset[Flag]:
    # What is played or made has no microphone that could drift.
    if not isinstance(config.input, MicrophoneConfig):
        return frozenset()
    newest = store.newest
    if newest is None or now - newest.time > timedelta(days=config.meter.calibration_days):
        return frozenset({"calibration_due"})
    # After a jump of over 1 dB the next check must confirm the adjustment.
    return frozenset({"calibration_invalid"} if newest.result == "invalid" else set())
