"""Checks with a calibrator, and the records of commissioning."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import UnsetType

from collector.evidence import excerpt
from collector.evidence.document.sections.record import record_section
from collector.evidence.document.writer import Section, Writer
from collector.evidence.figures import report as figures
from collector.writing import NO_BREAK


def equipment_section(writer: Writer) -> Section:
    """Checks with a calibrator, before, during and after."""
    words = writer.words
    rows, lines = [], []
    for one in writer.report.calibrations:
        checks = [("before", one.before), *(("within", check) for check in one.within)]
        checks.append(("after", one.after))
        rows += [_check_row(writer, one.node, place, check) for place, check in checks if check]
        drift = words.number(one.largest_drift_db)
        lines.append(words.text(f"equipment.state_{one.state}", node=one.node, drift=drift))
    versions = sorted({v for node in writer.report.coverage.nodes for v in node.versions})
    if versions:
        lines.append(words.text("equipment.software", versions=", ".join(versions)))
    names = ("when", "node", "place", "deviation", "result", "calibrator")
    return {
        "title": words.text("equipment.title"),
        "explain": words.text("equipment.explain"),
        "head": [words.text(f"equipment.{name}") for name in names],
        "rows": rows,
        "none": words.text("equipment.none"),
        "lines": lines,
        "records_none": words.text("commissioning.none"),
        "records": [record_section(writer, one) for one in _records(writer)],
    }


def _records(writer: Writer) -> Sequence[figures.CommissioningFigures]:
    found = writer.report.commissionings
    return () if isinstance(found, UnsetType) else found


def _check_row(writer: Writer, node: str, place: str, check: excerpt.Calibration) -> list[str]:
    words = writer.words
    deviation = words.number(check.deviation_db, 2)
    signed = deviation if check.deviation_db < 0 else f"+{deviation}"
    certificate = words.text(
        "equipment.certificate", certificate=check.calibrator_certificate or "–"
    )
    level = words.number(check.calibrator_level_db, 0)
    return [
        writer.moment(check.time),
        writer.node_name(node),
        words.text(f"equipment.{place}"),
        f"{signed}{NO_BREAK}dB",
        words.name("equipment", check.result),
        f"{check.calibrator_serial or '–'}, {level}{NO_BREAK}dB, {certificate}",
    ]
