"""Whatever is changed is found, and named."""

from __future__ import annotations

import random
import shutil
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from collector.evidence.errors import EvidenceError
from collector.evidence.export import Exported, Exporter, export
from collector.evidence.lines import Line, encode_line
from collector.evidence.manifest import fingerprint
from collector.evidence.verify.findings import Verdict
from collector.evidence.verify.seals import Expected
from collector.evidence.verify.verification import verify
from tests.collector.evidence import forgery
from tests.collector.evidence.places import (
    ASKED,
    END,
    EXPORTER,
    HOUR,
    REQUEST,
    Place,
    fill,
    new_place,
)

KNOWN = Expected(fingerprint=fingerprint(EXPORTER.key.public_key()))


def faults(verdict: Verdict) -> set[str]:
    """What was found, as ``check:code``."""
    return {f"{c.name}:{r.key}" for c in verdict.checks for r in c.faults}


@pytest.fixture
def folder(summary: Exported, tmp_path: Path) -> Path:
    """A copy of the summary, to be changed."""
    return Path(shutil.copytree(summary.folder, tmp_path / "copy"))


def csv_changed(folder: Path) -> None:
    """Make the loudest event louder."""
    path = folder / "events.csv"
    path.write_bytes(path.read_bytes().replace(b";83,0;", b";93,0;", 1))


def csv_row_removed(folder: Path) -> None:
    """Take a row out."""
    path = folder / "episodes.csv"
    lines = path.read_bytes().split(b"\r\n")
    path.write_bytes(b"\r\n".join([*lines[:1], *lines[2:]]))


def schema_changed(folder: Path) -> None:
    """Say that decimals are written with a point."""
    path = folder / "levels.schema.json"
    path.write_bytes(path.read_bytes().replace(b'"decimalChar": ","', b'"decimalChar": "."', 1))


def report_changed(folder: Path) -> None:
    """One pass more."""

    def edit(report: Any) -> None:
        report["counts"]["passes"] += 1

    forgery.edit_json(folder, "report.json", edit)


def key_changed(folder: Path) -> None:
    """Another public key under the same name."""

    def edit(keys: Any) -> None:
        x = keys["keys"][0]["x"]
        keys["keys"][0]["x"] = x[:-2] + ("Q" if x[-2] != "Q" else "A") + x[-1]

    forgery.edit_json(folder, "keys.json", edit)


def key_without_announcement(folder: Path) -> None:
    """Another announcement than the node's."""

    def edit(keys: Any) -> None:
        for key in keys["keys"]:
            if key["announced_seq"]:
                key["announced_seq"] -= 1

    forgery.edit_json(folder, "keys.json", edit)


def calibration_changed(folder: Path) -> None:
    """A drift that never was so small."""

    def edit(registry: Any) -> None:
        registry["nodes"][0]["calibrations"][1]["deviation_db"] = 0.0

    forgery.edit_json(folder, "registry.json", edit)


def limit_changed(folder: Path) -> None:
    """A higher limit, so that fewer were over it."""

    def edit(registry: Any) -> None:
        registry["speed_limits"][0]["kmh"] = 50.0

    forgery.edit_json(folder, "registry.json", edit)


def place_changed(folder: Path) -> None:
    """A microphone farther from the road."""

    def edit(registry: Any) -> None:
        registry["nodes"][0]["placements"][0]["mounting"]["distance_m"] = 25.0

    forgery.edit_json(folder, "registry.json", edit)


def messages(edit: Callable[[forgery.Lines], forgery.Lines]) -> Callable[[Path], None]:
    """A change of the messages."""
    return lambda folder: forgery.edit_lines(folder, edit)


# What is done; what finds it by itself, whoever sealed it; the file that is named.
CLASSES: dict[str, tuple[Callable[[Path], None], set[str], str]] = {
    "a cell of a table": (csv_changed, {"tables:table_cell"}, "events.csv"),
    "a row of a table": (csv_row_removed, {"tables:table_rows"}, "episodes.csv"),
    "a schema": (schema_changed, {"tables:table_schema"}, "levels.schema.json"),
    "a number of the report": (report_changed, {"report:report_differs"}, "report.json"),
    "a level in a message": (
        messages(forgery.in_message("event", '\\"lafmax_db\\":79.0', '\\"lafmax_db\\":90.0')),
        {"signatures:signature_broken", "order:chain_break", "report:report_differs"},
        "messages.jsonl",
    ),
    "a time in a message": (
        messages(forgery.in_message("levels", 'start\\":\\"2026-11-10', 'start\\":\\"2026-11-11')),
        {"signatures:signature_broken", "order:chain_break", "report:report_differs"},
        "messages.jsonl",
    ),
    "a calibration message": (
        messages(forgery.in_message("calibration", 'deviation_db\\":0.0', 'deviation_db\\":0.1')),
        {"signatures:signature_broken", "calibrations:calibration_other"},
        "messages.jsonl",
    ),
    "a message made unreadable": (
        messages(forgery.in_message("event", '\\"lafmax_db\\":79.0', '\\"lafmax_db\\":79.00')),
        {"signatures:message_unreadable", "order:chain_gap"},
        "messages.jsonl",
    ),
    "a signature": (
        messages(forgery.signature_changed),
        {"signatures:signature_broken"},
        "messages.jsonl",
    ),
    "an event removed": (
        messages(forgery.removed),
        {"order:chain_gap", "report:report_differs", "tables:table_rows"},
        "messages.jsonl",
    ),
    "an event added": (
        messages(forgery.added),
        {"signatures:signature_other_key", "report:report_differs"},
        "messages.jsonl",
    ),
    "two events swapped": (
        messages(forgery.swapped),
        {"order:message_order", "order:chain_gap"},
        "messages.jsonl",
    ),
    "an event twice": (messages(forgery.doubled), {"order:message_twice"}, "messages.jsonl"),
    "a key": (key_changed, {"keys:key_changed", "signatures:signature_broken"}, "keys.json"),
    "a change of keys": (key_without_announcement, {"keys:key_unannounced"}, "keys.json"),
    "a calibration": (calibration_changed, {"calibrations:calibration_other"}, "registry.json"),
    "a speed limit": (limit_changed, {"report:report_differs"}, "registry.json"),
    "where the microphone hung": (place_changed, set(), "registry.json"),
    "a node replaced by another key": (forgery.node_replaced, set(), "keys.json"),
}  # fmt: skip


@pytest.mark.parametrize("name", CLASSES)
def test_a_change_is_found_and_named(name: str, folder: Path) -> None:
    change, wanted, file = CLASSES[name]
    change(folder)
    verdict = verify(folder, KNOWN)
    assert not verdict.holds
    assert faults(verdict) >= {*wanted, "files:file_changed"}
    check = verdict.check("files")
    assert check is not None
    assert file in {remark.values["name"] for remark in check.faults}


@pytest.mark.parametrize("name", CLASSES)
def test_a_change_under_a_strangers_seal_is_found_and_named(name: str, folder: Path) -> None:
    change, wanted, _ = CLASSES[name]
    change(folder)
    forgery.reseal(folder, forgery.STRANGER)
    found = faults(verify(folder, KNOWN))
    assert found >= {*wanted, "exporter:exporter_other", "document:document_other_authority"}
    assert "files:file_changed" not in found


@pytest.mark.parametrize("name", [name for name in CLASSES if CLASSES[name][1]])
def test_a_change_that_the_authority_itself_sealed_is_found(name: str, folder: Path) -> None:
    change, wanted, _ = CLASSES[name]
    change(folder)
    forgery.reseal(folder, EXPORTER.key)
    found = faults(verify(folder, KNOWN))
    assert found >= wanted
    assert not {one for one in found if one.startswith(("seal:", "exporter:"))}


def test_a_message_of_another_node_is_found(place: Place, folder: Path) -> None:
    (stored,) = place.ledger.messages("askolan-1", "event", REQUEST.start, REQUEST.end)
    line = Line(
        received_at=stored.received_at,
        signature=stored.signature,
        payload=stored.payload.decode(),
    )
    foreign = encode_line(line).strip()
    forgery.edit_lines(folder, forgery.from_another_node(foreign))
    assert faults(verify(folder, KNOWN)) >= {
        "order:node_unknown",
        "signatures:signature_other_key",
    }


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("Havsbro kommun", "Havsbro Kommun"),
        ('"to": "2026-11-11T23:00:00Z"', '"to": "2026-11-12T23:00:00Z"'),
        ('"highest_seq": 1', '"highest_seq": 2'),
        ('"size": ', '"size": 1'),
    ],
)
def test_a_manifest_that_was_changed_is_found(old: str, new: str, folder: Path) -> None:
    path = folder / "manifest.json"
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))
    assert "seal:seal_broken" in faults(verify(folder, KNOWN))


def test_a_period_widened_afterwards_is_found_whoever_seals_it(folder: Path) -> None:
    def widen(manifest: Any) -> None:
        manifest["arguments"]["to"] = "2026-11-12T23:00:00Z"

    forgery.edit_json(folder, "manifest.json", widen)
    forgery.reseal(folder, EXPORTER.key)
    assert faults(verify(folder, KNOWN)) >= {
        "document:document_other_arguments",
        "report:report_other_request",
        "report:report_differs",
        "tables:table_rows",
    }


def test_a_seal_that_is_missing_something_is_found(folder: Path) -> None:
    (folder / "excluded.csv").unlink()
    (folder / "notes.txt").write_text("x")
    found = faults(verify(folder, KNOWN))
    assert found >= {"files:file_missing", "files:file_extra", "tables:unreadable"}
    (folder / "manifest.json.jws").unlink()
    with pytest.raises(EvidenceError, match=r"there is no manifest\.json\.jws"):
        verify(folder, KNOWN)


def test_another_document_beside_the_files_is_found(
    place: Place, folder: Path, tmp_path: Path
) -> None:
    other = place.export(tmp_path / "other", type(REQUEST)(
        site="ekskolan", start=REQUEST.start, end=END - 24 * HOUR
    ))  # fmt: skip
    shutil.copy(other.folder / "summary.pdf", folder / "summary.pdf")
    forgery.reseal(folder, EXPORTER.key)
    assert faults(verify(folder, KNOWN)) >= {
        "document:document_other_arguments",
        "document:document_other_file",
    }


def test_any_byte_of_the_document_alone_is_found(summary: Exported, tmp_path: Path) -> None:
    pdf = (summary.folder / "summary.pdf").read_bytes()
    path = tmp_path / "summary.pdf"
    rng = random.Random(8)  # noqa: S311 - any places will do
    for at in (0, len(pdf) - 2, *(rng.randrange(len(pdf)) for _ in range(25))):
        changed = bytearray(pdf)
        changed[at] ^= 1 << rng.randrange(8)
        path.write_bytes(changed)
        # What cannot be read any more is told as such.
        with suppress(EvidenceError):
            assert not verify(path, KNOWN).holds, at


def test_the_drawing_on_a_page_cannot_be_changed(summary: Exported, tmp_path: Path) -> None:
    pdf = bytearray((summary.folder / "summary.pdf").read_bytes())
    at = pdf.index(b"/Type/Page/") + 20
    pdf[at] ^= 1
    path = tmp_path / "summary.pdf"
    path.write_bytes(pdf)
    found = faults(verify(path, KNOWN))
    assert found == {"document:document_changed"}


def test_a_whole_system_of_ones_own_holds_but_is_not_the_authoritys(tmp_path: Path) -> None:
    place = new_place(tmp_path)
    for node in place.nodes.values():
        node.key = Ed25519PrivateKey.from_private_bytes(node.name.ljust(32).encode())
        place.registry.add_key(node.name, node.public_key_text, REQUEST.start - 999 * HOUR)
    fill(place)
    exporter = Exporter(EXPORTER.name, forgery.STRANGER)
    made = export(
        place.engine, place.registry.inventory(), REQUEST, exporter, tmp_path / "out", ASKED
    )
    place.engine.dispose()
    assert faults(verify(made.folder, KNOWN)) == {"exporter:exporter_other"}
    unasked = verify(made.archive, Expected())
    assert unasked.holds
    assert not unasked.identity
