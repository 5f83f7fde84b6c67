"""The mounting drawing: one page, to scale, in both languages, of what the registry knows."""

from __future__ import annotations

import io
import math
import tomllib
from datetime import UTC, datetime
from importlib.resources import files
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import typer
from pypdf import PdfReader
from pypdf.generic import ContentStream
from typer.testing import CliRunner

from collector.ledger.ledger import Ledger
from collector.writing import CODES, Code
from deploy.commands.node_drawing import node_drawing
from deploy.errors import DeployError
from deploy.nodes.drawing import mounting_drawing

FULL = {
    "distance_m": 6.5, "distance_back_m": 9.5, "spacing_m": 0.3, "mic_height_m": 2.8,
    "facade_m": 4.5, "bearing_deg": 135.0, "microphone": "2 × ICS-43434, nr 7",
}  # fmt: skip
POINTS_A_MM = 72 / 25.4


def drawn(geometry: dict[str, Any], code: Code = "sv") -> PdfReader:
    """The drawing, read back."""
    now = datetime(2026, 11, 28, 8, tzinfo=ZoneInfo("Europe/Stockholm"))
    return PdfReader(io.BytesIO(mounting_drawing("ekskolan-1", "Ekskolan", geometry, code, now)))


def lengths_mm(reader: PdfReader) -> list[float]:
    """How long each straight line is on paper."""
    found, start = [], (0.0, 0.0)
    stream = ContentStream(reader.pages[0].get_contents(), reader)
    for operands, operator in stream.operations:
        if operator in {b"m", b"l"}:
            end = (float(operands[0]), float(operands[1]))
            if operator == b"l":
                found.append(math.dist(start, end) / POINTS_A_MM)
            start = end
    return found


@pytest.mark.parametrize("code", CODES)
def test_it_fits_one_page_and_leaves_no_word_out(code: Code) -> None:
    reader = drawn(FULL, code)
    (page,) = reader.pages
    assert [round(float(side) / POINTS_A_MM) for side in page.mediabox[2:]] == [210, 297]
    text = page.extract_text()
    for name in ("height", "spacing", "bearing", "checks", "signed"):
        words = tomllib.loads((files("deploy.nodes.drawing") / f"{code}.toml").read_text("utf-8"))
        assert words["drawing"][name].split()[0] in text
    assert ("6,50 m" if code == "sv" else "6.50 m") in text
    assert "300 mm" in text
    assert "ICS-43434" in text


def test_both_languages_have_the_same_words() -> None:
    folder = files("deploy.nodes.drawing")
    swedish, english = (tomllib.loads((folder / f"{c}.toml").read_text("utf-8")) for c in CODES)
    assert {group: set(swedish[group]) for group in swedish} == {
        group: set(english[group]) for group in english
    }


@pytest.mark.parametrize(
    ("geometry", "scale"),
    [({**FULL}, 100), ({"distance_m": 3.0, "mic_height_m": 2.5}, 50), ({"distance_m": 30.0}, 200)],
)
def test_it_is_to_scale(geometry: dict[str, float], scale: int) -> None:
    reader = drawn(geometry)
    assert f"skala 1:{scale}" in reader.pages[0].extract_text()
    lines = lengths_mm(reader)

    def has(mm: float) -> bool:
        return any(math.isclose(line, mm, abs_tol=0.05) for line in lines)

    assert has(100)  # the ruler
    for name in ("distance_m", "distance_back_m", "mic_height_m", "facade_m"):
        if name in geometry:
            assert has(1000 * geometry[name] / scale), name
    if "spacing_m" in geometry:
        assert has(300 / 5)


def test_what_is_not_known_is_left_to_be_measured() -> None:
    text = drawn({"distance_m": 12.0}).pages[0].extract_text()
    assert text.count("mät på plats") >= 4
    assert "kanal 0" not in text


@pytest.mark.parametrize(
    ("geometry", "text"),
    [(FULL, "från vänster till höger"), ({**FULL, "distance_m": 11.0}, "från höger till vänster")],
)
def test_channel_0_is_where_the_traffic_of_direction_1_comes_from(
    geometry: dict[str, Any], text: str
) -> None:
    assert text in drawn(geometry).pages[0].extract_text()


def test_the_command_draws_where_the_node_hangs_now(
    tmp_path: Path, database_url: str, ledger: Ledger
) -> None:
    config = tmp_path / "collector.toml"
    config.write_text(f'ledger = "{database_url}"\n')
    app = typer.Typer()
    app.command()(node_drawing)

    def run() -> Any:
        out = str(tmp_path / "out.pdf")
        arguments = ["ekskolan-1", "--out", out, "--config", str(config), "--language", "en"]
        return CliRunner().invoke(app, arguments)

    ledger.registry.add_node("ekskolan-1", "ekskolan", None)
    ended = run()
    assert isinstance(ended.exception, DeployError)
    assert "how far the road is" in str(ended.exception)
    ledger.registry.place_node("ekskolan-1", "askolan", datetime.now(UTC), {"distance_m": 4.0})
    ended = run()
    assert ended.exit_code == 0, ended.output
    assert "its ruler" in ended.output
    text = PdfReader(tmp_path / "out.pdf").pages[0].extract_text()
    assert "Mounting drawing: ekskolan-1, Åskolan" in text
    assert "4.00 m" in text
