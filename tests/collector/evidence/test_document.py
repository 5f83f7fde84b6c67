"""The document: tagged PDF/A-3b with the data within, that a person can read in two minutes.

veraPDF cannot be had here: what PDF/A-3b asks beyond the typesetter's own checks and those below
was not validated.
"""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pikepdf
import pytest

from collector.evidence.document.sketch import sketch, trace
from collector.evidence.excerpt import Mounting
from collector.evidence.export import Exported
from collector.evidence.language import language
from collector.evidence.manifest import DATA_FILES
from tests.collector.evidence.places import REQUEST, Place


@pytest.fixture(scope="module")
def pdf(summary: Exported) -> Iterator[pikepdf.Pdf]:
    with pikepdf.open(summary.folder / "summary.pdf") as opened:
        yield opened


def text_of(path: Path) -> str:
    """What a reader reads, line ends and hyphens undone."""
    ended = subprocess.run(
        ["pdftotext", "-layout", path, "-"], capture_output=True, text=True, check=True
    )
    return re.sub(r"\s+", " ", ended.stdout)


def test_qpdf_finds_nothing_wrong(pdf: pikepdf.Pdf) -> None:
    assert pdf.check_pdf_syntax() == []
    assert not pdf.is_encrypted


def test_it_says_that_it_is_pdf_a_3b_and_what_it_is(pdf: pikepdf.Pdf) -> None:
    with pdf.open_metadata() as metadata:
        assert metadata["pdfaid:part"] == "3"
        assert metadata["pdfaid:conformance"] == "B"
        assert metadata["dc:title"] == "Mätunderlag: Ekskolan, 10–11 november 2026"
    intents = pdf.Root.OutputIntents
    assert str(intents[0].S) == "/GTS_PDFA1"


def test_it_is_tagged_and_has_a_language(pdf: pikepdf.Pdf) -> None:
    assert bool(pdf.Root.MarkInfo.Marked)
    assert str(pdf.Root.Lang) == "sv"
    assert "/StructTreeRoot" in pdf.Root
    kinds = set(_kinds(pdf.Root.StructTreeRoot))
    assert {"/H1", "/H2", "/P", "/Table", "/TH", "/Figure", "/L"} <= kinds


def _kinds(node: Any) -> Iterator[str]:
    waiting = [node]
    while waiting:
        one = waiting.pop()
        if isinstance(one, pikepdf.Array):
            waiting += list(one)
        elif isinstance(one, pikepdf.Dictionary):
            if "/S" in one:
                yield str(one.S)
            if "/K" in one:
                waiting.append(one.K)


def test_every_figure_says_what_it_shows(pdf: pikepdf.Pdf) -> None:
    waiting: list[Any] = [pdf.Root.StructTreeRoot]
    figures = []
    while waiting:
        one = waiting.pop()
        if isinstance(one, pikepdf.Array):
            waiting += list(one)
        elif isinstance(one, pikepdf.Dictionary):
            if str(one.get("/S", "")) == "/Figure":
                figures.append(str(one.get("/Alt", "")))
            if "/K" in one:
                waiting.append(one.K)
    assert len(figures) >= 10
    assert all(figures)


def test_the_data_are_within_with_their_relationship(pdf: pikepdf.Pdf, summary: Exported) -> None:
    assert set(pdf.attachments) == {*DATA_FILES, "seal.json"}
    associated = {str(one.UF): str(one.AFRelationship) for one in pdf.Root.AF}
    assert associated["messages.jsonl"] == "/Source"
    assert associated["events.csv"] == "/Data"
    assert associated["seal.json"] == "/Supplement"
    for name in DATA_FILES:
        file = pdf.attachments[name].get_file()
        assert file.read_bytes() == (summary.folder / name).read_bytes(), name
        assert file.size == (summary.folder / name).stat().st_size
        assert "/" in file.mime_type


def test_every_font_is_embedded(summary: Exported) -> None:
    listed = subprocess.run(
        ["pdffonts", summary.folder / "summary.pdf"], capture_output=True, text=True, check=True
    ).stdout.splitlines()[2:]
    assert listed
    assert all(line.split()[-5] == "yes" for line in listed), listed


def test_nothing_in_it_can_act(pdf: pikepdf.Pdf) -> None:
    for forbidden in ("/OpenAction", "/AA", "/AcroForm"):
        assert forbidden not in pdf.Root
    assert b"/JavaScript" not in b"".join(bytes(str(page.obj), "utf-8") for page in pdf.pages)


def test_it_tells_what_somebody_must_know(summary: Exported, pdf: pikepdf.Pdf) -> None:
    text = text_of(summary.folder / "summary.pdf")
    for words in (
        "Mätunderlag", "Hur ofta, hur högt och hur fort körs det vid Ekskolan?",
        "passerade 24 fordon", "4 episoder", "83,0 ± 2,1 dB(A)",
        "Källa: Lokal trafikföreskrift 7", "Källa: Naturvårdsverket", "ICS-43434 nr 12",
        "kalibrerad före och efter; största avdrift 0,3 dB", "Utelämnat: 1,0 h (regn misstänks)",
        "V50", "V85", "osäkerhetsintervall", "De tio passagerna med högst ljudnivå",
        "Så har det mätts", "Vad underlaget får och inte får användas till",
        "Så kontrollerar du underlaget", "Nyckelns fingeravtryck",
    ):  # fmt: skip
        assert words in text, words
    assert "simulerad" not in text.lower()
    assert "{" not in text
    assert len(pdf.pages) <= 6


def test_it_speaks_english_too(place: Place, tmp_path: Path) -> None:
    request = msgspec.structs.replace(
        REQUEST, language="en", question="Is it <b>safe</b> to #walk to school?"
    )
    made = place.export(tmp_path / "out", request)
    text = text_of(made.folder / "summary.pdf")
    assert "Is it <b>safe</b> to #walk to school?" in text
    assert "24 vehicles passed" in text
    assert "83.0 ± 2.1 dB(A)" in text
    swedish = ("hastighet", "mätnod", "passager", "dygn", "klockslag", "gräns")
    assert not [word for word in swedish if word in text.lower()]


@pytest.mark.parametrize("code", ["sv", "en"])
@pytest.mark.parametrize(
    "mounting",
    [
        Mounting(),
        Mounting(distance_m=0.1),
        Mounting(distance_m=6.5, distance_back_m=10.0, mic_height_m=3.0),
        Mounting(distance_m=100.0, distance_back_m=90.0, facade_m=100.0, bearing_deg=359.0),
    ],
)
def test_a_sketch_can_be_drawn_of_whatever_is_known(mounting: Mounting, code: Any) -> None:
    svg = sketch(mounting, language(code))
    numbers = [float(value) for value in re.findall(r' [xy][12]?="(-?[\d.]+)"', svg)]
    assert all(-200 <= number <= 600 for number in numbers)
    assert svg.startswith("<svg ")


def test_a_trace_shows_its_gaps() -> None:
    assert trace([60.0, 70.0, None, 80.0, None, 75.0, 70.0]).count("<polyline") == 2
    assert trace([60.0, 70.0, None, 80.0, None, 75.0, 70.0]).count("<circle") == 1
    assert "<polyline" not in trace([])
