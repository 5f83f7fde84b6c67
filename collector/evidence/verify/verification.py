"""All checks of a summary, in the order in which they are told."""

from __future__ import annotations

from pathlib import Path

from collector.evidence.verify.contents import check_contents, check_public
from collector.evidence.verify.findings import Check, Verdict
from collector.evidence.verify.seals import (
    Expected,
    check_certificate,
    check_document,
    check_exporter,
    check_files,
    check_seal,
    check_stamp,
    sealed,
)
from collector.evidence.verify.sources import Document, open_source


def verify(path: Path, expected: Expected) -> Verdict:
    """Return what holds of the summary at `path`, a folder, ZIP or document, and what does not.

    Raises
    ------
    EvidenceError
        It cannot be read as a summary at all.
    """
    source = open_source(path)
    one = sealed(source)
    alone = isinstance(source, Document)
    exporter = check_exporter(one, expected)
    checks: list[Check | None] = [
        check_seal(one),
        exporter,
        check_certificate(source, one),
        check_stamp(source, one, expected),
        check_files(source, one.manifest),
        check_document(source, one),
        *(check_public if one.manifest.is_public else check_contents)(source, one.manifest),
    ]
    if one.manifest.is_inner != alone:
        exporter.fault("seal_other_form")
    found = tuple(check for check in checks if check is not None)
    return Verdict(found, identity=not expected.anybody and exporter.holds)
