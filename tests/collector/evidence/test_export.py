"""The same ledger and request give the same summary, and it says what the ledger holds."""

from __future__ import annotations

import csv
import json
import re
import shutil
import subprocess
import zipfile
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
import pytest

from collector.errors import RegistryError
from collector.evidence.document.writer import period_text
from collector.evidence.errors import EvidenceError
from collector.evidence.export import Exported
from collector.evidence.language import language
from collector.evidence.lines import decode_line, held
from collector.evidence.manifest import DATA_FILES, fingerprint
from collector.evidence.request import Request, make_request
from collector.evidence.verify.seals import Expected
from collector.evidence.verify.verification import verify
from tests import peers
from tests.collector.evidence.places import (
    END,
    EXPORTER,
    HOUR,
    REQUEST,
    START,
    Place,
    check,
    hourly,
)


def rows(summary: Exported, name: str) -> list[dict[str, str]]:
    """A table, as text."""
    text = (summary.folder / f"{name}.csv").read_text(encoding="utf-8-sig")
    return list(csv.DictReader(text.splitlines(), delimiter=";"))


def report(summary: Exported) -> Any:
    """The report."""
    return json.loads((summary.folder / "report.json").read_text())


def test_the_same_ledger_and_request_give_the_same_bytes(
    place: Place, summary: Exported, tmp_path: Path
) -> None:
    again = place.export(tmp_path / "again")
    assert again.archive.read_bytes() == summary.archive.read_bytes()
    for one in sorted(summary.folder.iterdir()):
        assert (again.folder / one.name).read_bytes() == one.read_bytes(), one.name


def test_the_zip_holds_the_folder(summary: Exported) -> None:
    with zipfile.ZipFile(summary.archive) as archive:
        assert archive.testzip() is None
        names = [name.rpartition("/")[2] for name in archive.namelist()]
        assert names == sorted(one.name for one in summary.folder.iterdir())
        for name in names:
            inside = archive.read(f"{summary.folder.name}/{name}")
            assert inside == (summary.folder / name).read_bytes()
    assert {*DATA_FILES, "summary.pdf", "manifest.json", "manifest.json.jws"} == set(names)


def test_each_message_of_the_run_is_there_as_it_was_signed(place: Place, summary: Exported) -> None:
    lines = [
        held(decode_line(raw))
        for raw in (summary.folder / "messages.jsonl").read_bytes().splitlines()
    ]
    assert len(lines) == summary.messages
    assert {one.node for one in lines} == {"ekskolan-1", "ekskolan-2"}
    known = [one for one in place.ledger.after(0, 10_000) if one.node != "askolan-1"]
    assert sorted((one.node, one.seq) for one in lines) == [(one.node, one.seq) for one in lines]
    assert len(lines) == len(known)


def test_passes_heard_by_two_nodes_count_once_and_others_do_not(summary: Exported) -> None:
    counts = report(summary)["counts"]
    assert counts == {
        "events": 30,
        "passes": 24,
        "unconfirmed": 0,
        "others": 4,
        "excluded": {"rain_suspected": 1},
    }
    counted = [row["counted_as"] for row in rows(summary, "events")]
    assert (counted.count("pass"), counted.count("other")) == (25, 4)


def test_what_was_left_out_is_listed_with_its_reason(summary: Exported) -> None:
    left = rows(summary, "excluded")
    assert [(row["kind"], row["reason"], row["measured_s"]) for row in left] == [
        ("levels", "rain_suspected", "3600,000"),
        ("event", "rain_suspected", "4,000"),
    ]


def test_coverage_adds_up_to_what_was_asked(summary: Exported) -> None:
    sums = dict.fromkeys(("ekskolan-1", "ekskolan-2"), 0.0)
    for row in rows(summary, "coverage"):
        parts = [
            float(row[name].replace(",", ".")) for name in ("measured_s", "excluded_s", "missing_s")
        ]
        assert sum(parts) == pytest.approx(float(row["asked_s"].replace(",", ".")))
        sums[row["node"]] += parts[0]
    assert sums == {"ekskolan-1": 45 * 3600.0, "ekskolan-2": 24 * 3600.0}


def test_quarters_have_the_levels_of_the_messages(summary: Exported) -> None:
    quarters = [row for row in rows(summary, "levels") if row["node"] == "ekskolan-1"]
    assert len(quarters) == 2 * 96
    assert quarters[4]["laeq_db"] == "51,00"
    assert quarters[4]["lafmax_db"] == "57,0"
    assert (quarters[20]["laeq_db"], quarters[20]["excluded_s"]) == ("", "900,000")
    assert (quarters[40]["laeq_db"], quarters[40]["measured_s"]) == ("", "0,000")
    assert quarters[0]["start"] == "2026-11-10T00:00:00.000+01:00"


def test_calibrations_stand_before_and_after(summary: Exported) -> None:
    first, second = report(summary)["calibrations"]
    assert first["state"] == "between_checks"
    assert first["largest_drift_db"] == 0.3
    assert second["state"] == "checked_before"
    registry = json.loads((summary.folder / "registry.json").read_text())
    assert [one["calibrator_serial"] for one in registry["nodes"][0]["calibrations"]] == [
        "KAL-7",
        "KAL-7",
    ]
    assert registry["nodes"][0]["placements"][0]["mounting"]["mic_height_m"] == 3.2


def test_what_was_measured_before_an_invalid_check_is_left_out(
    empty_place: Place, tmp_path: Path
) -> None:
    node = "ekskolan-1"
    empty_place.send(
        node,
        check(node, START - HOUR, 0.0, "initial"),
        hourly(node, START, 50.0),
        hourly(node, START + HOUR, 50.0),
        check(node, START + 2 * HOUR, 1.4, "invalid"),
        hourly(node, START + 2 * HOUR, 50.0),
    )
    found = report(empty_place.export(tmp_path / "out"))
    first = found["coverage"]["nodes"][0]
    assert first["excluded_s"] == {"calibration_invalid": 7200.0}
    assert first["measured_s"] == 3600.0
    assert found["calibrations"][0]["state"] == "invalid"


def test_a_pruned_period_says_what_is_gone(empty_place: Place, tmp_path: Path) -> None:
    node = "ekskolan-1"
    early = [hourly(node, START + hour * HOUR, 50.0) for hour in range(3)]
    empty_place.send(node, *early, peers.health(node, START + 4 * HOUR))
    empty_place.send(node, hourly(node, START + 5 * HOUR, 50.0))
    assert empty_place.ledger.prune("levels", START + 3 * HOUR) == 2
    made = empty_place.export(tmp_path / "out")
    found = report(made)
    assert found["chains"][0]["pruned"] == 2
    assert found["coverage"]["measured_s"] == 2 * 3600.0
    text = subprocess.run(
        ["pdftotext", made.folder / "summary.pdf", "-"], capture_output=True, text=True, check=True
    ).stdout
    assert "2 gallrade" in text


def test_a_gap_that_nobody_explains_and_one_that_was_accepted_are_told_apart(
    empty_place: Place, tmp_path: Path
) -> None:
    node = empty_place.nodes["ekskolan-1"]
    empty_place.send(node.name, hourly(node.name, START, 50.0))
    for hour in (1, 2, 4, 5):
        node.signed(hourly(node.name, START + hour * HOUR, 50.0))
        if hour in {2, 5}:
            empty_place.send(node.name, hourly(node.name, START + (hour + 1) * HOUR, 50.0))
    empty_place.ledger.accept_gap(node.name, 2, 3, "the disk was lost")
    chain = report(empty_place.export(tmp_path / "out"))["chains"][0]
    assert (chain["accepted"], chain["missing"]) == (2, 2)
    assert chain["missing_seqs"] == [[5, 6]]


def test_without_anything_measured_the_question_has_no_answer(
    empty_place: Place, tmp_path: Path
) -> None:
    made = empty_place.export(tmp_path / "out")
    assert report(made)["counts"]["events"] == 0
    assert (
        subprocess.run(
            ["pdftotext", made.folder / "summary.pdf", "-"],
            capture_output=True,
            text=True,
            check=True,
        ).stdout.count("kan inte besvaras")
        == 1
    )


def test_what_is_there_is_not_overwritten_and_nothing_is_left_behind(
    place: Place, summary: Exported, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    out.mkdir()
    shutil.copytree(summary.folder, out / summary.folder.name)
    with pytest.raises(EvidenceError, match="exists already"):
        place.export(out)
    assert [one.name for one in out.iterdir()] == [summary.folder.name]


def test_an_unknown_site_and_an_empty_one_are_told(place: Place, tmp_path: Path) -> None:
    with pytest.raises(RegistryError, match="known are"):
        place.export(tmp_path, msgspec.structs.replace(REQUEST, site="nowhere"))
    before = Request(
        site="ekskolan", start=START - timedelta(days=300), end=START - timedelta(days=299)
    )
    with pytest.raises(EvidenceError, match="no node hung at ekskolan"):
        place.export(tmp_path, before)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"end": START}, "empty"),
        ({"end": START + timedelta(days=401)}, "longer than 400 days"),
        ({"question": "x" * 301}, "301 characters"),
        ({"question": "\x1b[31m"}, "cannot be printed"),
    ],
)
def test_a_request_that_cannot_be_is_told(changes: dict[str, object], told: str) -> None:
    values: dict[str, object] = {"start": START, "end": END, **changes}
    with pytest.raises(EvidenceError, match=told):
        make_request("ekskolan", **values)  # type: ignore[arg-type]  # as named


@pytest.mark.parametrize(
    ("start", "days", "text"),
    [
        ("2026-11-01", 30, "1–30 november 2026"),
        ("2026-10-19", 28, "19 oktober–15 november 2026"),
        ("2026-12-31", 1, "31 december 2026"),
        ("2026-12-31", 2, "31 december 2026–1 januari 2027"),
    ],
)
def test_a_period_is_written_as_people_do(start: str, days: int, text: str) -> None:
    zone = ZoneInfo("Europe/Stockholm")
    first = datetime.fromisoformat(start)
    begin = first.replace(tzinfo=zone)
    end = (first + timedelta(days=days)).replace(tzinfo=zone)
    request = make_request("ekskolan", begin.astimezone(UTC), end.astimezone(UTC))
    assert period_text(request, zone, language("sv")) == text


def test_both_languages_have_the_same_texts_with_the_same_places() -> None:
    sv, en = language("sv"), language("en")
    assert sv.keys() == en.keys()
    for key in sorted(sv.keys()):
        group, _, name = key.partition(".")
        one, other = (str(words._texts[group][name]) for words in (sv, en))
        assert set(re.findall(r"{\w+}", one)) == set(re.findall(r"{\w+}", other)), key


def test_an_earlier_summary_is_computed_anew_by_the_rules_of_its_time(
    empty_place: Place, tmp_path: Path
) -> None:
    node, at = "ekskolan-1", START + 3 * HOUR
    empty_place.send(node, *(hourly(node, START + hour * HOUR, 50.0) for hour in range(48)))
    for begins in (at, at + timedelta(minutes=9)):
        laps = (begins + timedelta(minutes=lap) for lap in range(6))
        empty_place.send(node, *(peers.event(node, lap, 80.0, duration_s=6.0) for lap in laps))
    expected = Expected(fingerprint=fingerprint(EXPORTER.key.public_key()))
    for edition, passes in ((1, ["12"]), (2, ["6", "6"])):
        request = msgspec.structs.replace(REQUEST, episode_rules=edition)
        summary = empty_place.export(tmp_path / str(edition), request)
        assert [row["passes"] for row in rows(summary, "episodes")] == passes
        assert verify(summary.folder, expected).holds
    assert REQUEST.episode_rules == 2
    earlier = {"site": "ekskolan", "from": START, "to": END}
    assert msgspec.convert(earlier, Request).episode_rules == 1
