"""Does every number follow from the messages?"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from typing import Any, Final
from zoneinfo import ZoneInfo

import msgspec

from collector.evidence import excerpt
from collector.evidence.errors import EvidenceError
from collector.evidence.figures.calibrations import calibration
from collector.evidence.figures.csv_files import BOM, csv_bytes, schema_bytes
from collector.evidence.figures.evaluation import Evaluated, Evaluation
from collector.evidence.figures.tables import Column, Table, tables
from collector.evidence.language import language
from collector.evidence.manifest import KEYS, MESSAGES, REGISTRY, REPORT, Manifest
from collector.evidence.public import report as public
from collector.evidence.request import Request
from collector.evidence.verify.findings import Check
from collector.evidence.verify.messages import MessageChecks
from collector.evidence.verify.seals import decoded
from collector.evidence.verify.sources import DamagedError, Source, lines_of, read

_TOLERANCE: Final = 2e-6
"""Two machines may differ in the last digit of a report."""


def check_contents(source: Source, manifest: Manifest) -> list[Check]:
    """Return what was found of keys, messages, chains, calibrations, numbers and tables."""
    try:
        registry = read_registry(source)
        keys = decoded(KEYS, _read(source, KEYS), excerpt.Keys)
    except EvidenceError as error:
        unread = Check("messages")
        unread.fault("unreadable", why=str(error))
        return [unread]
    evaluation = Evaluation(manifest.arguments, registry)
    messages = MessageChecks(keys, registry, evaluation)
    try:
        _require_there(source, MESSAGES)
        for number, raw in enumerate(lines_of(source, MESSAGES), start=1):
            messages.add(number, raw)
    except DamagedError as error:
        messages.signatures.fault("unreadable", why=str(error))
    messages.finish()
    if messages.messages != manifest.messages:
        messages.order.fault(
            "messages_count_other", found=messages.messages, said=manifest.messages
        )
    evaluated = evaluation.finish()
    return [
        messages.keys,
        messages.signatures,
        _check_chains(messages.order, evaluated),
        _check_calibrations(evaluation, evaluated, registry),
        _check_report(source, evaluated, manifest.arguments),
        _check_tables(source, evaluated, registry, manifest.arguments),
    ]


def check_public(source: Source, manifest: Manifest) -> list[Check]:
    """Return what can be said of the public form: that nothing of it can be computed anew."""
    check = Check("public")
    try:
        report = decoded(REPORT, _read(source, REPORT), public.Report)
        decoded(REGISTRY, _read(source, REGISTRY), public.Registry)
    except EvidenceError as error:
        check.fault("unreadable", why=str(error))
        return [check]
    if report.request != manifest.arguments:
        check.fault("report_other_request")
    check.note("public_not_recomputed", small=report.small_count)
    return [check]


def read_registry(source: Source) -> excerpt.Excerpt:
    """Return ``registry.json``; :class:`EvidenceError` where it cannot be."""
    registry = decoded(REGISTRY, _read(source, REGISTRY), excerpt.Excerpt)
    if len({node.id for node in registry.nodes}) != len(registry.nodes):
        raise EvidenceError(f"{REGISTRY} names a node twice")
    try:
        ZoneInfo(registry.site.time_zone)
    except (KeyError, ValueError, OSError) as error:
        raise EvidenceError(
            f"{REGISTRY} names a time zone that is not known here: {registry.site.time_zone!r}"
        ) from error
    return registry


def _require_there(source: Source, name: str) -> None:
    if name not in source.names:
        raise DamagedError(f"{name} is missing")


def _read(source: Source, name: str) -> bytes:
    _require_there(source, name)
    return read(source, name)


def _check_chains(order: Check, evaluated: Evaluated) -> Check:
    """Order, breaks and gaps; what is missing is stated against the coverage that is claimed."""
    check = order
    for chain in evaluated.report.chains:
        for seq in chain.breaks:
            check.fault("chain_break", node=chain.node, seq=seq)
        for first, last in chain.missing_seqs:
            check.fault("chain_gap", node=chain.node, first=first, last=last)
        check.note(
            "chain_figures",
            node=chain.node,
            first=chain.first_seq,
            last=chain.last_seq,
            messages=chain.messages,
        )
        for key in ("pruned", "thinned", "lost", "accepted"):
            if count := getattr(chain, key):
                check.note(f"chain_{key}", node=chain.node, count=count)
    coverage = evaluated.report.coverage
    check.note(
        "coverage_figures",
        measured_h=coverage.measured_s / 3600,
        asked_h=coverage.asked_s / 3600,
    )
    return check


def _check_calibrations(
    evaluation: Evaluation, evaluated: Evaluated, registry: excerpt.Excerpt
) -> Check:
    check = Check("calibrations")
    for node in registry.nodes:
        found = tuple(calibration(one) for one in evaluation.checks_of(node.id))
        if found != node.calibrations:
            check.fault("calibration_other", node=node.id)
    for one in evaluated.report.calibrations:
        check.note(f"calibration_{one.state}", node=one.node, drift=one.largest_drift_db)
    return check


def _check_report(source: Source, evaluated: Evaluated, request: Request) -> Check:
    check = Check("report")
    ours = msgspec.json.decode(msgspec.json.encode(evaluated.report))
    try:
        theirs = decoded(REPORT, _read(source, REPORT), dict[str, Any])
    except EvidenceError as error:
        check.fault("unreadable", why=str(error))
        return check
    if theirs.get("request") != msgspec.json.decode(msgspec.json.encode(request)):
        check.fault("report_other_request")
    for path, found, said in differences(ours, theirs):
        check.fault("report_differs", path=path, found=_short(found), said=_short(said))
    if check.holds:
        check.note("report_holds", count=sum(1 for _ in _leaves(ours)))
    return check


def differences(ours: Any, theirs: Any, path: str = "") -> Iterator[tuple[str, Any, Any]]:
    """Yield where two JSON values differ by more than rounding can: path, ours, theirs."""
    if isinstance(ours, dict) and isinstance(theirs, dict):
        for key in sorted({*ours, *theirs}):
            within = f"{path}.{key}" if path else key
            yield from differences(ours.get(key, _ABSENT), theirs.get(key, _ABSENT), within)
    elif isinstance(ours, list) and isinstance(theirs, list) and len(ours) == len(theirs):
        for index, (one, other) in enumerate(zip(ours, theirs, strict=True)):
            yield from differences(one, other, f"{path}[{index}]")
    elif not _equal(ours, theirs):
        yield path, ours, theirs


class _Absent:
    def __repr__(self) -> str:
        return "–"


_ABSENT: Final = _Absent()


def _equal(one: Any, other: Any) -> bool:
    numbers = isinstance(one, int | float) and isinstance(other, int | float)
    if numbers and not isinstance(one, bool) and not isinstance(other, bool):
        return bool(abs(one - other) <= _TOLERANCE)
    return type(one) is type(other) and bool(one == other)


def _leaves(value: Any) -> Iterator[Any]:
    if isinstance(value, dict):
        for one in value.values():
            yield from _leaves(one)
    elif isinstance(value, list):
        for one in value:
            yield from _leaves(one)
    elif isinstance(value, int | float) and not isinstance(value, bool):
        yield value


def _short(value: Any) -> str:
    text = str(value)
    return text if len(text) <= 60 else text[:57] + "..."


def _check_tables(
    source: Source, evaluated: Evaluated, registry: excerpt.Excerpt, request: Request
) -> Check:
    check = Check("tables")
    words = language(request.language)
    rows = 0
    for table in tables(evaluated, registry):
        expected = {
            f"{table.name}.csv": csv_bytes(table),
            f"{table.name}.schema.json": schema_bytes(table, words),
        }
        rows += len(table.rows)
        for name, content in expected.items():
            try:
                raw = _read(source, name)
            except EvidenceError as error:
                check.fault("unreadable", why=str(error))
                continue
            if raw == content:
                continue
            if name.endswith(".csv"):
                _compare(check, table, content, raw)
            else:
                check.fault("table_schema", name=name)
    if check.holds:
        check.note("tables_hold", count=rows)
    return check


def _compare(check: Check, table: Table, content: bytes, raw: bytes) -> None:
    """Name the first cells that differ."""
    name = f"{table.name}.csv"
    try:
        ours, theirs = _rows(content), _rows(raw)
    except (UnicodeDecodeError, csv.Error):
        check.fault("table_unreadable", name=name)
        return
    if len(ours) != len(theirs):
        check.fault("table_rows", name=name, found=len(ours) - 1, said=len(theirs) - 1)
    same_shape = True
    for row, (one, other) in enumerate(zip(ours, theirs, strict=False), start=1):
        if one == other:
            continue
        same_shape = same_shape and len(one) == len(other)
        for column, mine, yours in zip(table.columns, one, other, strict=False):
            if not _cells_equal(column, mine, yours):
                values = {"column": column.name, "found": _short(mine), "said": _short(yours)}
                check.fault("table_cell", name=name, row=row, **values)
                break
    if check.holds and not same_shape:
        check.fault("table_unreadable", name=name)


def _rows(raw: bytes) -> list[list[str]]:
    text = raw.decode("utf-8").removeprefix(BOM)
    return list(csv.reader(io.StringIO(text, newline=""), delimiter=";", strict=True))


def _cells_equal(column: Column, one: str, other: str) -> bool:
    if one == other:
        return True
    if column.kind != "number" or not one or not other:
        return False
    try:
        apart = abs(float(one.replace(",", ".")) - float(other.replace(",", ".")))
    except ValueError:
        return False
    # One unit of the last digit, which another machine may round to the other side.
    return bool(apart <= 1.01 * 10.0**-column.decimals) and column.decimals > 1
