"""The conformance tables as a document."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from importlib import import_module
from importlib.metadata import version
from math import isinf
from pathlib import Path

from sensor.acoustics.checks import Check, CheckTable
from sensor.acoustics.conformance import NOT_TESTED
from sensor.acoustics.weighting import CLASS1_TOP_HZ, carried_to_hz
from sensor.errors import MeterError

_HEAD = """\
#set document(title: "Conformance of the sound level meter")
#set page(paper: "a4", margin: (x: 22mm, y: 20mm), numbering: "1 / 1")
#set text(size: 9.5pt, lang: "en")
#set table(stroke: none, inset: (x: 5pt, y: 2.6pt))
#show heading.where(level: 1): set text(size: 16pt)
#show heading.where(level: 2): it => block(above: 1.4em, below: 0.6em, text(size: 11.5pt, it.body))
#show table.cell.where(y: 0): strong
"""


def write_report(tables: Sequence[CheckTable], sample_rate: int, now: datetime, path: Path) -> None:
    """Write the tables as a PDF.

    Raises
    ------
    MeterError
        If typst is not installed, or the file cannot be written.
    """
    try:
        typst = import_module("typst")
    except ModuleNotFoundError as error:
        raise MeterError(
            "the PDF needs typst, which is not installed here: pip install typst"
        ) from error
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        pdf = typst.compile(report_source(tables, sample_rate, now).encode())
        path.write_bytes(pdf)
    except OSError as error:
        raise MeterError(f"cannot write {path}: {error.strerror}") from error


def report_source(tables: Sequence[CheckTable], sample_rate: int, now: datetime) -> str:
    """The document in typst's markup."""
    parts = [_HEAD, _introduction(tables, sample_rate, now), _summary(tables)]
    parts += [_details(table) for table in tables]
    return "\n".join(parts)


def _introduction(tables: Sequence[CheckTable], sample_rate: int, now: datetime) -> str:
    failed = [table for table in tables if not table.passed]
    verdict = (
        f"{len(failed)} of {len(tables)} tables have values outside their limits."
        if failed
        else f"All values of all {len(tables)} tables lie within the limits of class 1."
    )
    carried = carried_to_hz(sample_rate)
    reach = (
        "which carries Table 3 in full"
        if carried >= CLASS1_TOP_HZ
        else f"which carries frequencies up to {carried:.0f} Hz only: class 1 asks for more"
    )
    missing = "\n".join(f"- {_escaped(item)}" for item in NOT_TESTED)
    return f"""
= Conformance of the sound level meter
Skolro {_escaped(version("skolro"))}, sample rate {sample_rate} Hz, {now:%Y-%m-%d %H:%M} UTC.

*{verdict}*

What was tested is the signal processing from sampled sound pressure to level, against the
acceptance limits of class 1 in IEC 61672-1:2013 (sound level meters) and IEC 61260-1:2014
(third-octave filters). Each figure was read by the meter itself from a synthesised signal, fed in
blocks of 100 ms at {sample_rate} Hz, {reach}. The computation is deterministic; its uncertainty is
below the last digit shown, and no margin was deducted for it.

The limits were gathered from several public sources, not from the standards' own text; how sure
they are is said with each table.

*What was not tested, and is therefore not claimed:*
{missing}

A sound level meter of class 1 is the whole instrument. This document says nothing about the class
of a node with its microphone.
"""


def _summary(tables: Sequence[CheckTable]) -> str:
    rows = []
    for table in tables:
        worst = min(table.checks, key=lambda check: check.margin)
        largest = table.largest
        rows.append(
            f"[{_escaped(table.clause)}], [{_escaped(table.title)}], "
            f"[{_signed(largest.deviation)}], [{_escaped(largest.what)}], "
            f"[{worst.margin:.2f}], [{'yes' if table.passed else 'NO'}],"
        )
    body = "\n  ".join(rows)
    return f"""
== Summary
#table(columns: (2.3fr, 2.9fr, 1.1fr, 1.9fr, 1fr, 0.9fr),
  align: (left, left, right, left, right, center),
  table.header([Clause], [What], [Largest deviation], [at], [Least margin], [Within]),
  table.hline(stroke: 0.5pt),
  {body}
)
Deviations and margins in the unit of each table (dB; decay: dB/s). The largest deviation of the
attenuation is the value nearest to a limit of the mask.
#pagebreak()
"""


def _details(table: CheckTable) -> str:
    rows = "\n  ".join(_row(check) for check in table.checks)
    note = f"{_escaped(table.note)} " if table.note else ""
    return f"""
== {_escaped(table.title)}
{_escaped(table.clause)}, in {table.unit}. {note}Confidence in the limits: {table.confidence}.
#table(columns: (1fr, auto, auto, auto, auto, auto, auto),
  align: (left, right, right, right, right, right, right),
  table.header([], [Measured], [Goal], [Deviation], [Lower limit], [Upper limit], [Margin]),
  table.hline(stroke: 0.5pt),
  {rows}
)
"""


def _row(check: Check) -> str:
    cells = (
        f"{round(check.measured, 2) + 0.0:.2f}",
        f"{round(check.goal, 2) + 0.0:.2f}",
        _signed(check.deviation),
        _limit(check.lower),
        _limit(check.upper),
        f"{check.margin:.2f}" if check.passed else f"*{check.margin:.2f}*",
    )
    return f"[{_escaped(check.what)}], " + ", ".join(f"[{_minus(cell)}]" for cell in cells) + ","


def _signed(value: float) -> str:
    # Adding zero turns a rounded -0.0 into 0.0.
    return _minus(f"{round(value, 3) + 0.0:+.3f}")


def _limit(value: float) -> str:
    return "none" if isinf(value) else f"{value:+.1f}"


def _minus(text: str) -> str:
    return text.replace("-", "−")


def _escaped(text: str) -> str:
    for special in "\\#$*_`<>@[]":
        text = text.replace(special, "\\" + special)
    return text
