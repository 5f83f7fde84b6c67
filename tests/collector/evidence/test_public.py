"""The public form tells of no single event, and says what it cannot prove."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import zipfile
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
import pikepdf
import pytest
from pypdf import PdfReader

from collector.evidence.errors import EvidenceError
from collector.evidence.export import Exported, export
from collector.evidence.export_log import exports
from collector.evidence.language import language
from collector.evidence.manifest import PUBLIC_DATA_FILES, PUBLIC_TABLES, fingerprint
from collector.evidence.request import Request
from collector.evidence.verify.findings import Verdict
from collector.evidence.verify.seals import Expected
from collector.evidence.verify.verification import verify
from collector.evidence.verify.words import described
from sensor.contract.messages import Event, Speed
from tests import peers
from tests.collector.evidence import forgery
from tests.collector.evidence.places import (
    ASKED,
    END,
    EXPORTER,
    HOUR,
    MINUTE,
    REQUEST,
    START,
    Place,
    fill,
    new_place,
)

KNOWN = Expected(fingerprint=fingerprint(EXPORTER.key.public_key()))
SMALL = 5
NODE = "ekskolan-1"
ZONE = ZoneInfo("Europe/Stockholm")


def odd_passes() -> list[Event]:
    """Passes after the two days, each with a time, a level and a speed like no other number."""
    return [
        peers.event(
            NODE,
            END + timedelta(hours=hour, minutes=7 + 3 * number, seconds=11 + number),
            91.37 + number,
            lae_db=93.83 + number,
            speed=Speed(
                speed_kmh=71.17 + number, low_kmh=68.29 + number, high_kmh=74.43 + number,
                direction=1, method="stereo",
            ),
        )
        for hour, count in ((2, 9), (3, 7), (5, 1))
        for number in range(count)
    ]  # fmt: skip


WIDER = msgspec.structs.replace(REQUEST, end=END + timedelta(days=1))


@pytest.fixture(scope="module")
def odd_place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    made = new_place(tmp_path_factory.mktemp("odd"))
    fill(made)
    made.send(NODE, *odd_passes(), peers.health(NODE, END + 23 * HOUR + 7 * MINUTE))
    yield made
    made.engine.dispose()


def public(place: Place, out: Path, request: Request = WIDER) -> Exported:
    inventory = place.registry.inventory()
    return export(place.engine, inventory, request, EXPORTER, out, ASKED, small_count=SMALL)


@pytest.fixture(scope="module")
def summary(odd_place: Place, tmp_path_factory: pytest.TempPathFactory) -> Exported:
    return public(odd_place, tmp_path_factory.mktemp("public"))


@pytest.fixture
def folder(summary: Exported, tmp_path: Path) -> Path:
    """A copy, to be changed."""
    return Path(shutil.copytree(summary.folder, tmp_path / "copy"))


def text_of(pdf: Path) -> str:
    """What a reader reads."""
    ended = subprocess.run(
        ["pdftotext", "-layout", pdf, "-"], capture_output=True, text=True, check=True
    )
    return re.sub(r"\s+", " ", ended.stdout)


def every_text(summary: Exported) -> dict[str, str]:
    """All that is readable: folder, ZIP, what the document carries, its pages and its facts."""
    texts = {
        one.name: one.read_bytes().decode("utf-8", "replace") for one in summary.folder.iterdir()
    }
    document = summary.folder / "summary.pdf"
    reader = PdfReader(document)
    texts["pages"] = text_of(document)
    texts["facts"] = f"{reader.metadata}{reader.xmp_metadata}"
    with pikepdf.open(document) as pdf:
        for name, file in pdf.attachments.items():
            texts[f"in the document: {name}"] = file.get_file().read_bytes().decode()
    with zipfile.ZipFile(summary.archive) as archive:
        for name in archive.namelist():
            texts[f"in the ZIP: {name}"] = archive.read(name).decode("utf-8", "replace")
    return texts


def secrets_of(event: Event) -> Iterator[str]:
    """How an event's own values could be written."""
    yield event.id
    for at in (event.start, event.start.astimezone(ZONE)):
        yield f"{at:%H:%M:%S}"
        yield f"{at:%Y-%m-%dT%H:%M}"
        yield f"{at:%H:%M} "
    assert event.speed is not None
    numbers = [event.lafmax_db, event.lae_db, event.speed.speed_kmh]
    numbers += [event.speed.low_kmh, event.speed.high_kmh]
    for number in numbers:
        for text in (f"{number:.2f}", f"{number:.1f}"):
            yield from (text, text.replace(".", ","))


def test_no_single_event_is_in_any_file(
    summary: Exported, odd_place: Place, tmp_path: Path
) -> None:
    texts = every_text(summary)
    secrets = {secret for event in odd_passes() for secret in secrets_of(event)}
    for name, text in texts.items():
        # A PDF is packed; what it says is read above.
        if not name.endswith(".pdf"):
            number = re.compile(r"(?<![\d.,])(" + "|".join(map(re.escape, secrets)) + r")(?!\d)")
            assert not number.findall(text), name
    # The same search finds them in the full form.
    full = odd_place.export(tmp_path / "full", WIDER)
    told = (full.folder / "events.csv").read_text() + (full.folder / "messages.jsonl").read_text()
    assert sum(secret in told for secret in secrets) > len(odd_passes()) * 5


def test_every_time_is_a_whole_quarter(summary: Exported) -> None:
    times = [
        (name, at)
        for name, text in every_text(summary).items()
        if not name.endswith(".pdf")
        for at in re.findall(r"\d{4}-\d\d-\d\dT\d\d:(\d\d:\d\d(?:\.\d+)?)", text)
    ]
    assert len(times) > 500
    for name, at in times:
        assert re.fullmatch(r"(00|15|30|45):00(\.0+)?", at), (name, at)


def test_only_the_files_of_the_public_form_are_there(summary: Exported) -> None:
    names = {one.name for one in summary.folder.iterdir()}
    seals = {"manifest.json", "manifest.json.jws"}
    assert names == {*PUBLIC_DATA_FILES, *seals, "summary.pdf"}
    with pikepdf.open(summary.folder / "summary.pdf") as pdf:
        assert set(pdf.attachments) == {*PUBLIC_DATA_FILES, "seal.json"}
        assert pdf.check_pdf_syntax() == []
        assert len(pdf.pages) <= 4
    manifest = json.loads((summary.folder / "manifest.json").read_text())
    assert (manifest["form"], manifest["messages"], manifest["ledger"]) == ("public", 0, [])
    header = (summary.folder / "levels.csv").read_text("utf-8-sig").splitlines()[0]
    assert header == "start;end;node;laeq_db;measured_s;excluded_s"


def test_counts_are_hidden_in_json_tables_and_words_alike(summary: Exported) -> None:
    report: Any = json.loads((summary.folder / "report.json").read_text())
    hours = {one["hour"]: one["passes"] for one in report["by_hour"]}
    # Only one passed at five: told alone it could be counted, so the nine at two are hidden, too.
    assert hours[3] == {"count": 7, "hidden": False}
    assert hours[5] == hours[2] == {"count": None, "hidden": True}
    rows = (summary.folder / "hours.csv").read_text("utf-8-sig").splitlines()
    assert rows[1 + 5].split(";")[2:4] == ["", "true"]
    assert rows[1 + 3].split(";")[2:4] == ["7", "false"]
    assert report["passes"]["count"]["count"] == 24 + 17
    # Half of them were faster and enough of those; of the fastest 15 of 100 there are too few.
    assert isinstance(report["speeds"]["v50_kmh"], int)


@pytest.mark.parametrize("code", ["sv", "en"])
def test_the_first_page_says_what_is_left_out(odd_place: Place, tmp_path: Path, code: Any) -> None:
    made = public(odd_place, tmp_path, msgspec.structs.replace(WIDER, language=code))
    first = PdfReader(made.folder / "summary.pdf").pages[0].extract_text()
    words = language(code)
    assert words.text("public.notice_title") in first
    text = text_of(made.folder / "summary.pdf")
    assert words.text("public.notice", small=SMALL)[:60] in text
    assert words.text("public.hidden") in text
    assert "{" not in text
    other = language("en" if code == "sv" else "sv")
    for key in ("notice_title", "hidden_note", "speeds", "not_over"):
        assert other.text(f"public.{key}")[:20] not in text
    schema = json.loads((made.folder / "hours.schema.json").read_text())
    assert schema["title"] == words.text("tables.hours")


def test_it_is_of_whole_days(odd_place: Place, tmp_path: Path) -> None:
    longer = msgspec.structs.replace(WIDER, end=WIDER.end + MINUTE)
    with pytest.raises(EvidenceError, match=r"whole days.*2026-11-13 00:01"):
        public(odd_place, tmp_path, longer)
    assert list(tmp_path.iterdir()) == []


def test_few_episodes_are_told_as_few(empty_place: Place, tmp_path: Path) -> None:
    empty_place.send(NODE, peers.health(NODE, START + HOUR), peers.levels(NODE, START, 50.0))
    made = public(empty_place, tmp_path / "out", REQUEST)
    assert "färre än 5 passager" in text_of(made.folder / "summary.pdf")
    assert "hidden" in (made.folder / "report.json").read_text()


def test_the_same_ledger_and_request_give_the_same_bytes(
    odd_place: Place, summary: Exported, tmp_path: Path
) -> None:
    again = public(odd_place, tmp_path)
    assert again.archive.read_bytes() == summary.archive.read_bytes()
    newest = exports(odd_place.engine)[0]
    assert newest.public
    assert newest.manifest_sha256 == again.manifest_sha256


def faults(verdict: Verdict) -> set[str]:
    """What was found, as ``check:code``."""
    return {f"{c.name}:{r.key}" for c in verdict.checks for r in c.faults}


@pytest.mark.parametrize("what", ["folder", "ZIP", "document"])
def test_it_holds_and_says_that_numbers_are_not_computed_anew(summary: Exported, what: str) -> None:
    paths = {"folder": summary.folder, "ZIP": summary.archive}
    verdict = verify(paths.get(what, summary.folder / "summary.pdf"), KNOWN)
    assert verdict.holds, faults(verdict)
    assert verdict.identity
    told = "\n".join(described(verdict, what, language("sv")))
    assert "Talen kan inte räknas om: meddelandena ingår inte" in told
    assert verdict.check("report") is None


@pytest.mark.parametrize(
    "name", [*(f"{name}.csv" for name in PUBLIC_TABLES), "report.json", "registry.json"]
)
def test_a_changed_file_is_found(folder: Path, name: str) -> None:
    path = folder / name
    raw = path.read_bytes()
    at = max(raw.rfind(digit) for digit in (b"3", b"4", b"9", b"1"))
    path.write_bytes(raw[:at] + b"7" + raw[at + 1 :])
    found = verify(folder, KNOWN)
    assert "files:file_changed" in faults(found)


def test_a_changed_document_is_found(folder: Path) -> None:
    path = folder / "summary.pdf"
    raw = bytearray(path.read_bytes())
    raw[len(raw) // 3] ^= 1
    path.write_bytes(bytes(raw))
    assert not verify(path, KNOWN).holds
    assert "files:file_changed" in faults(verify(folder, KNOWN))


def test_a_full_one_cannot_pass_for_a_public_one(odd_place: Place, tmp_path: Path) -> None:
    full = odd_place.export(tmp_path / "full")

    def edit(manifest: Any) -> None:
        manifest["form"] = "public"

    forgery.edit_json(full.folder, "manifest.json", edit)
    found = faults(verify(full.folder, KNOWN))
    assert {"seal:seal_broken", "document:seal_other_form"} <= found
