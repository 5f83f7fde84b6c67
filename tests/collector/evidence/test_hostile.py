"""Whoever hands over a summary may want to harm who checks it."""

from __future__ import annotations

import json
import shutil
import struct
import subprocess
import sys
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeAlias

import pytest

from collector.evidence import pdf_file
from collector.evidence.errors import EvidenceError
from collector.evidence.export import Exported
from collector.evidence.verify.seals import Expected
from collector.evidence.verify.verification import verify
from skolro import main
from tests.collector.evidence import forgery
from tests.collector.evidence.places import EXPORTER

ROOT = Path(__file__).parents[3]
Run: TypeAlias = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def skolro(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Run:
    """Runs the command in this process, since starting one takes its time."""

    def run(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
        command = ["skolro", "evidence", "verify", *map(str, arguments)]
        monkeypatch.setattr(sys, "argv", command)
        with pytest.raises(SystemExit) as ended:
            main()
        told = capsys.readouterr()
        status = ended.value.code
        assert isinstance(status, int)
        return subprocess.CompletedProcess(command, status, told.out, told.err)

    return run


def zipped(path: Path, members: dict[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> Path:
    with zipfile.ZipFile(path, "w", method) as archive:
        for name, raw in members.items():
            archive.writestr(name, raw)
    return path


def no_archive(path: Path) -> Path:
    path.write_bytes(b"PK\x03\x04 and nothing that follows")
    return path


def bomb(path: Path) -> Path:
    return zipped(path, {"s/manifest.json": b"0" * (64 << 20), "s/manifest.json.jws": b"x"})


def many(path: Path) -> Path:
    return zipped(path, {f"s/file{n}.json": b"{}" for n in range(500)})


def traversal(path: Path) -> Path:
    return zipped(path, {"../../etc/passwd": b"x"})


def absolute(path: Path) -> Path:
    return zipped(path, {"/etc/passwd": b"x"})


def two_folders(path: Path) -> Path:
    return zipped(path, {"a/manifest.json": b"{}", "b/manifest.json.jws": b"x"})


def packed_otherwise(path: Path) -> Path:
    return zipped(path, {"s/manifest.json": b"{}" * 100}, zipfile.ZIP_LZMA)


def same_name(path: Path) -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("s/manifest.json", b"{}")
        with pytest.warns(UserWarning, match="Duplicate"):
            archive.writestr("s/manifest.json", b"[]")
    return path


def lying_size(path: Path) -> Path:
    zipped(path, {"s/manifest.json": b"{}", "s/manifest.json.jws": b"x"})
    raw = bytearray(path.read_bytes())
    at = raw.index(b"PK\x01\x02")
    raw[at + 24 : at + 28] = struct.pack("<I", 0xFFFF_FFF0)
    path.write_bytes(raw)
    return path


def a_text(path: Path) -> Path:
    path.write_text("not a summary")
    return path


def half_a_document(path: Path) -> Path:
    path.write_bytes(b"%PDF-1.7\nxref\n0 99999999\ntrailer\nstartxref\n9\n%%EOF")
    return path


def another_document(path: Path) -> Path:
    objects = b"1 0 obj\n<</Type/Catalog>>\nendobj\n"
    head = b"%PDF-1.7\n"
    table = len(head) + len(objects)
    rows = b"xref\n0 2\n0000000000 65535 f\r\n%010d 00000 n\r\n" % len(head)
    end = b"trailer\n<</Size 2/Root 1 0 R>>\nstartxref\n%d\n%%%%EOF" % table
    path.write_bytes(head + objects + rows + end)
    return path


def nothing(path: Path) -> Path:
    return path / "nothing"


@pytest.mark.parametrize(
    "make",
    [
        no_archive, bomb, many, traversal, absolute, two_folders, packed_otherwise, same_name,
        lying_size, a_text, half_a_document, another_document, nothing,
    ],
)  # fmt: skip
def test_what_is_no_summary_is_one_sentence_and_status_2(
    make: Callable[[Path], Path], skolro: Run, tmp_path: Path
) -> None:
    ended = skolro(make(tmp_path / "handed-over"))
    assert ended.returncode == 2
    assert ended.stdout == ""
    assert len(ended.stderr.splitlines()) == 1
    assert ended.stderr.startswith("skolro: ")


@pytest.fixture
def folder(summary: Exported, tmp_path: Path) -> Path:
    """A copy of the summary, to be changed."""
    return Path(shutil.copytree(summary.folder, tmp_path / "copy"))


def test_a_link_is_not_followed(folder: Path) -> None:
    (folder / "events.csv").unlink()
    (folder / "events.csv").symlink_to("/etc/passwd")
    with pytest.raises(EvidenceError, match="no links and no folders"):
        verify(folder, Expected())


def test_a_folder_within_is_refused(folder: Path) -> None:
    (folder / "more").mkdir()
    with pytest.raises(EvidenceError, match="no links and no folders"):
        verify(folder, Expected())


@pytest.mark.parametrize(
    ("name", "path", "value"),
    [
        ("manifest.json", ("arguments", "to"), "9999-12-31T23:59:59Z"),
        ("manifest.json", ("arguments", "to"), "2199-12-31T00:00:00Z"),
        ("manifest.json", ("arguments", "site"), "../../x"),
        ("manifest.json", ("messages",), 10**400),
        ("manifest.json", ("files",), [{"name": "../x", "size": 1, "sha256": "0" * 64}] * 3),
        ("registry.json", ("site", "time_zone"), "../../../etc/passwd"),
        ("registry.json", ("site", "time_zone"), "Europe/Nowhere"),
        ("registry.json", ("nodes",), []),
        ("registry.json", ("nodes", 0, "last_seq"), 2**52),
        ("registry.json", ("nodes", 0, "last_seq"), 1e308),
        ("registry.json", ("speed_limits", 0, "kmh"), 1e300),
        ("registry.json", ("speed_limits", 0, "from_time"), "99:99"),
        ("registry.json", ("guidelines", 0, "value_db"), float("nan")),
        ("keys.json", ("keys",), []),
        ("keys.json", ("keys", 0, "x"), "A" * 43),
        ("keys.json", ("keys", 0, "since"), "0001-01-01T00:00:00Z"),
        ("report.json", ("counts",), "x" * 10_000),
        ("report.json", ("worst", 0, "lafmax_db"), float("inf")),
    ],
)
def test_values_beyond_reason_are_told_without_a_traceback(
    name: str, path: tuple[str | int, ...], value: object, skolro: Run, folder: Path
) -> None:
    def edit(content: Any) -> None:
        for key in path[:-1]:
            content = content[key]
        content[path[-1]] = value

    forgery.edit_json(folder, name, edit)
    if name != "manifest.json":
        forgery.reseal(folder, EXPORTER.key)
    ended = skolro(folder, "--language", "en")
    assert ended.returncode in {1, 2}
    assert "Traceback" not in ended.stderr
    assert len(ended.stderr.splitlines()) == (ended.returncode == 2)


@pytest.mark.parametrize("name", ["report.json", "registry.json", "keys.json", "messages.jsonl"])
@pytest.mark.parametrize(
    "raw", [b"", b"\xff\xfe\x00", b"[" * 100_000, b'{"a":"\\ud800"}\n', b"null"]
)
def test_files_that_are_no_json_are_told_without_a_traceback(
    name: str, raw: bytes, folder: Path
) -> None:
    (folder / name).write_bytes(raw)
    forgery.reseal(folder, EXPORTER.key)
    assert not verify(folder, Expected()).holds


def test_a_line_longer_than_any_message_does_not_fill_the_memory(folder: Path) -> None:
    (folder / "messages.jsonl").write_bytes(b"x" * (4 << 20))
    assert not verify(folder, Expected()).holds


def test_terminal_codes_in_a_name_are_written_out(skolro: Run, folder: Path) -> None:
    def edit(manifest: Any) -> None:
        manifest["authority"]["name"] = "\x1b[2J Polisen"

    forgery.edit_json(folder, "manifest.json", edit)
    forgery.reseal(folder, EXPORTER.key)
    ended = skolro(folder)
    assert "\x1b" not in ended.stdout
    assert "\\x1b[2J Polisen" in ended.stdout


def test_a_file_within_a_document_that_unpacks_to_more_than_it_says_is_stopped(
    summary: Exported, tmp_path: Path
) -> None:
    pdf = (summary.folder / "summary.pdf").read_bytes()
    place = pdf_file.embedded(pdf)["registry.json"]
    small = zlib.compress(b"0" * (32 << 20))[: place.length].ljust(place.length, b"\0")
    path = tmp_path / "summary.pdf"
    path.write_bytes(pdf[: place.offset] + small + pdf[place.offset + place.length :])
    assert not verify(path, Expected()).holds


def test_it_needs_no_database_and_no_broker(summary: Exported) -> None:
    """In an interpreter where whatever the system needs elsewhere cannot be imported."""
    code = """
import sys
blocked = {"sqlalchemy", "alembic", "paho", "influxdb_client", "psycopg", "sqlite3", "fastapi",
           "altair", "vl_convert", "typst", "prometheus_client", "nacl", "dashboards", "deploy"}
class Block:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in blocked:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)
sys.meta_path.insert(0, Block())
import skolro
skolro.main()
"""
    for path in (summary.folder, summary.archive, summary.folder / "summary.pdf"):
        ended = subprocess.run(
            [sys.executable, "-c", code, "evidence", "verify", str(path), "--json"],
            capture_output=True, text=True, check=False, cwd=ROOT,
        )  # fmt: skip
        assert ended.returncode == 0, ended.stdout + ended.stderr
        found = json.loads(ended.stdout)
        assert found["holds"]
        assert not found["exporter_established"]
        assert {check["name"] for check in found["checks"]} == {
            "seal", "exporter", "files", "document", "keys", "signatures", "order",
            "calibrations", "report", "tables",
        }  # fmt: skip
