"""Whatever is handed out stands in the log of exports: who, when, what, why."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from pathlib import Path

import pytest
import typer
from sqlalchemy import text
from typer.testing import CliRunner

from collector.commands.evidence_export import evidence_export
from collector.commands.evidence_key import evidence_key
from collector.commands.evidence_log import evidence_log
from collector.database.database import writing
from collector.errors import LedgerError
from collector.evidence.errors import EvidenceError
from collector.evidence.export import export
from collector.evidence.export_log import Asked, exports
from tests.collector.evidence.places import EXPORTER, REQUEST, Place, fill


def run(command: Callable[..., None], *arguments: str | Path) -> str:
    """Run a command as the command line does, and return what it printed."""
    app = typer.Typer()
    app.command()(command)
    result = CliRunner().invoke(app, [str(one) for one in arguments])
    if result.exception is not None:
        raise result.exception
    return result.stdout


@pytest.fixture
def filled(empty_place: Place) -> Place:
    """A ledger with two days at Ekskolan, of which nothing was exported yet."""
    fill(empty_place)
    return empty_place


def made(place: Place, out: Path, asked: Asked) -> Path:
    """Export a summary for somebody."""
    inventory = place.registry.inventory()
    return export(place.engine, inventory, REQUEST, EXPORTER, out, asked).folder


def test_each_summary_is_noted_with_who_and_why_and_which(filled: Place, tmp_path: Path) -> None:
    assert exports(filled.engine) == []
    first = made(filled, tmp_path / "one", Asked("anna", "the school board asks"))
    second = made(filled, tmp_path / "two", Asked("bo"))
    newest, oldest = exports(filled.engine)
    assert (oldest.who, oldest.reason, newest.who) == ("anna", "the school board asks", "bo")
    assert (oldest.site, oldest.start, oldest.end) == ("ekskolan", REQUEST.start, REQUEST.end)
    for note, folder in ((oldest, first), (newest, second)):
        manifest = (folder / "manifest.json").read_bytes()
        assert note.manifest_sha256 == hashlib.sha256(manifest).hexdigest()
    assert oldest.messages > oldest.events > 0
    # Who asked stands in no file: the same question gives the same bytes.
    assert newest.manifest_sha256 == oldest.manifest_sha256


def test_nothing_is_handed_out_that_cannot_be_noted(filled: Place, tmp_path: Path) -> None:
    with writing(filled.engine) as connection:
        connection.execute(text("DROP TABLE export_log"))
    with pytest.raises(LedgerError):
        made(filled, tmp_path / "out", Asked("anna"))
    assert list((tmp_path / "out").iterdir()) == []


def test_a_reason_has_its_bounds() -> None:
    with pytest.raises(EvidenceError, match="501 characters"):
        Asked("anna", "x" * 501)


def test_the_commands_keep_and_show_it(filled: Place, tmp_path: Path) -> None:
    config = tmp_path / "collector.toml"
    config.write_text(
        f'ledger = "{filled.engine.url}"\n'
        '[evidence]\nauthority = "Havsbro kommun"\nkey_file = "evidence.key"\n'
    )
    run(evidence_key, "--out", tmp_path / "evidence.key")
    assert "No summary was made yet" in run(evidence_log, "--config", config)
    run(
        evidence_export, "--config", config, "--site", "ekskolan", "--from", "2026-11-10",
        "--to", "2026-11-12", "--out", tmp_path / "out", "--reason", "Ärende 2026-117",
    )  # fmt: skip
    (note,) = json.loads(run(evidence_log, "--config", config, "--json"))
    assert note["reason"] == "Ärende 2026-117"
    assert note["who"].endswith("at the server")
    assert "Ärende 2026-117" in run(evidence_log, "--config", config)
    told = run(
        evidence_export, "--config", config, "--site", "ekskolan", "--from", "2026-11-10",
        "--to", "2026-11-12", "--out", tmp_path / "out", "--public",
    )  # fmt: skip
    assert "2026-11-12-sv-public: the public form, made of " in told
    newest, oldest = json.loads(run(evidence_log, "--config", config, "--json"))
    assert (newest["public"], oldest["public"]) == (True, False)
