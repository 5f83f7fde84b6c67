"""What a commissioning begins with, and the message that it ends with."""

from __future__ import annotations

from sensor.acoustics.calibration import CalibrationRecord, repeats
from sensor.commissioning.progress import Progress
from sensor.config import NodeConfig
from sensor.contract.commissioning import (
    STEPS,
    CalibratorFindings,
    ConfiguredMounting,
    Equipment,
    Findings,
    Step,
)
from sensor.contract.conclusions import open_points
from sensor.contract.messages import Commissioning, draft
from sensor.inputs import Input


def equipment(config: NodeConfig, source: Input) -> Equipment:
    """What the node has, as far as a commissioning is about it."""
    told = config.mounting
    mounting = None
    if told is not None:
        mounting = ConfiguredMounting(
            distance_m=told.distance_m,
            distance_back_m=told.distance_back_m,
            spacing_m=told.spacing_m,
            mic_height_m=told.mic_height_m,
        )
    radar = config.radar
    return Equipment(
        input=source.description[:200],
        channels=source.channels,
        measured_channel=config.meter.channel,
        radar=None if radar is None else str(radar.__struct_config__.tag),
        mounting=mounting,
    )


def quoted(
    record: CalibrationRecord, seq: int, before: CalibrationRecord | None
) -> CalibratorFindings:
    """What the record says of a check, whose whole is message `seq`."""
    return CalibratorFindings(
        at=record.time,
        seq=seq,
        calibrator_level_db=record.calibrator_level_db,
        calibrator_serial=record.calibrator_serial,
        measured_db=round(record.measured_db, 2),
        deviation_db=round(record.deviation_db, 2),
        standard_deviation_db=round(record.standard_deviation_db, 3),
        result=record.result,
        repeated=repeats(record, before),
    )


def unexplained(findings: Findings) -> list[Step]:
    """Steps that are neither done nor left out for a reason."""
    left_out = {one.step for one in findings.left_out}
    return [
        step
        for step in STEPS
        if findings.applies(step) and not findings.is_done(step) and step not in left_out
    ]


def record_of(node: str, progress: Progress, remarks: str, *, simulated: bool) -> Commissioning:
    """Return what is signed."""
    return Commissioning(
        **draft(node),
        begun_at=progress.begun_at,
        technician=progress.technician,
        organisation=progress.organisation,
        findings=progress.findings,
        open_points=open_points(progress.findings),
        remarks=remarks,
        flags=("simulated",) if simulated else (),
    )
