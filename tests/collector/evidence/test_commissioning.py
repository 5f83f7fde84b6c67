"""A summary quotes who commissioned a node, what was checked, and where the measures differ."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from collector.evidence.export import Exported, export
from collector.evidence.manifest import fingerprint
from collector.evidence.request import Request
from collector.evidence.verify.seals import Expected
from collector.evidence.verify.verification import verify
from sensor.contract.conclusions import open_points
from sensor.contract.messages import Commissioning, draft
from tests import peers
from tests.collector.evidence import forgery
from tests.collector.evidence.places import (
    ASKED,
    END,
    EXPORTER,
    HOUR,
    START,
    Place,
    check,
    hourly,
    new_place,
)
from tests.sensor.contract.samples import findings

NODE = "ekskolan-1"
KNOWN = Expected(fingerprint=fingerprint(EXPORTER.key.public_key()))


def record(days_before: float, technician: str, **changes: Any) -> Commissioning:
    """A record with what was found in the samples."""
    at = START - timedelta(days=days_before)
    found = findings()
    values: dict[str, Any] = {
        "begun_at": at - timedelta(minutes=40), "technician": technician,
        "organisation": "Havsbro kommun", "findings": found,
        "open_points": open_points(found), "remarks": "Provkörning i regn.", **changes,
    }  # fmt: skip
    return Commissioning(**draft(NODE, at), **values)


@pytest.fixture(scope="module")
def commissioned(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    made = new_place(tmp_path_factory.mktemp("place"))
    made.send(NODE, record(20, "Bo Al"), check(NODE, START - timedelta(days=9), 0.0, "initial"))
    made.send(NODE, record(9, "Anna Ek"), record(8, "Ingen", flags=("simulated",)))
    at_work = ("commissioning",)
    made.send(NODE, hourly(NODE, START, 50.0), hourly(NODE, START + HOUR, 80.0, flags=at_work))
    made.send(NODE, peers.event(NODE, START + HOUR, 99.0, flags=at_work))
    made.send(NODE, peers.event(NODE, START + 2 * HOUR, 80.0))
    made.send(NODE, record(-1, "Cecilia Ö", organisation="", remarks=""))
    yield made
    made.engine.dispose()


@pytest.fixture(scope="module")
def quoted(commissioned: Place, tmp_path_factory: pytest.TempPathFactory) -> Exported:
    return commissioned.export(tmp_path_factory.mktemp("summary") / "out")


def report(summary: Exported) -> Any:
    return json.loads((summary.folder / "report.json").read_text())


def test_the_last_record_before_and_those_within_are_quoted(quoted: Exported) -> None:
    # The first is superseded, and what was simulated tells nothing of what was measured.
    told = report(quoted)["commissionings"]
    assert [one["technician"] for one in told] == ["Anna Ek", "Cecilia Ö"]


def test_what_was_done_left_out_and_open_is_told(quoted: Exported) -> None:
    one = report(quoted)["commissionings"][0]
    assert one["here"] is True
    assert {"levels", "order", "calibrator", "place", "drives"} <= set(one["checked"])
    assert one["left_out"] == [{"step": "clock", "reason": "Ingen tidsserver på platsen"}]
    assert one["open_points"] == list(open_points(findings()))
    assert one["drives"] == {
        "count": 1, "error_percent": {"value": 1.5, "low": None, "high": None},
    }  # fmt: skip
    assert one["position"]["latitude"] == 57.48712


def test_registry_record_and_node_are_set_beside_each_other(quoted: Exported) -> None:
    # Registered 3.2 m high, 6.5 and 10 m away; measured 2.5, 7.05 and 10.05; the node has 2.5,
    # 7 and 10. The last differ by no more than a tape does.
    assert report(quoted)["commissionings"][0]["differences"] == [
        {"field": "mic_height_m", "registry": 3.2, "record": 2.5, "node": 2.5},
        {"field": "distance_m", "registry": 6.5, "record": 7.05, "node": 7.0},
    ]


def test_measured_while_somebody_worked_is_left_out(quoted: Exported) -> None:
    counts = report(quoted)["counts"]
    assert counts["excluded"] == {"commissioning": 1}
    (node,) = [n for n in report(quoted)["coverage"]["nodes"] if n["node"] == NODE]
    assert node["excluded_s"] == {"commissioning": 3600.0}


def test_the_document_quotes_it(quoted: Exported) -> None:
    ended = subprocess.run(
        ["pdftotext", "-layout", quoted.folder / "summary.pdf", "-"],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    text = re.sub(r"\s+", " ", ended.stdout.replace("\N{NON-BREAKING HYPHEN}", "-"))
    assert "Driftsättning av ekskolan-1" in text
    assert "av Anna Ek, Havsbro kommun (meddelande 3)" in text
    assert "klocka (Ingen tidsserver på platsen)" in text
    assert "Färre än tio provkörningar." in text
    assert "1 i känd hastighet, medelfel +1,5 %" in text
    assert "avstånd till körfältet, m 6,50 7,05 7,00" in text
    assert "Det uppmätta gäller för platsen" in text


def test_it_is_computed_anew_by_whoever_checks(quoted: Exported, tmp_path: Path) -> None:
    assert verify(quoted.folder, KNOWN).holds
    folder = Path(shutil.copytree(quoted.folder, tmp_path / "copy"))

    def better(told: Any) -> None:
        told["commissionings"][0]["open_points"] = []

    forgery.edit_json(folder, "report.json", better)
    found = {r.key for c in verify(folder, KNOWN).checks for r in c.faults}
    assert "report_differs" in found


def test_a_record_of_another_place_does_not_hold_here(tmp_path: Path) -> None:
    made = new_place(tmp_path)
    made.send(NODE, record(40, "Anna Ek"), hourly(NODE, START, 50.0))
    told = report(made.export(tmp_path / "out"))["commissionings"]
    assert [one["here"] for one in told] == [False]
    made.engine.dispose()


def test_where_there_is_none_the_document_says_so(summary: Exported) -> None:
    assert "commissionings" not in report(summary)
    ended = subprocess.run(
        ["pdftotext", summary.folder / "summary.pdf", "-"],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert "Inget driftsättningsprotokoll" in re.sub(r"\s+", " ", ended.stdout)


def test_a_public_summary_names_no_technician(commissioned: Place, tmp_path: Path) -> None:
    wider = Request(site="ekskolan", start=START, end=END + timedelta(days=1))
    inventory = commissioned.registry.inventory()
    made = export(
        commissioned.engine, inventory, wider, EXPORTER, tmp_path / "out", ASKED, small_count=5
    )
    for one in made.folder.iterdir():
        assert b"Anna Ek" not in one.read_bytes(), one.name
