"""What docs/verify-by-hand.md says to do, done."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from collector.evidence.export import Exported
from collector.evidence.manifest import fingerprint
from tests.collector.evidence import forgery
from tests.collector.evidence.places import EXPORTER

PAGE = (Path(__file__).parents[3] / "docs" / "verify-by-hand.md").read_text(encoding="utf-8")
SHELL = re.findall(r"```sh\n(.*?)```", PAGE, re.DOTALL)
PYTHON = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)


@pytest.fixture
def folder(summary: Exported, tmp_path: Path) -> Path:
    return Path(shutil.copytree(summary.folder, tmp_path / "copy"))


def shell(text: str, folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["/bin/sh", "-eu", "-c", text], cwd=folder, capture_output=True, text=True, check=False
    )


def python(text: str, folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", text], cwd=folder, capture_output=True, text=True, check=False
    )


def test_the_page_has_what_is_tried_here() -> None:
    assert (len(SHELL), len(PYTHON)) == (3, 2)


def test_the_commands_of_the_page_hold(folder: Path) -> None:
    hashes, key, seal = (shell(text, folder) for text in SHELL)
    assert hashes.returncode == 0, hashes.stderr
    assert hashes.stdout.count(": OK") == 16
    assert key.stdout.split()[0] == fingerprint(EXPORTER.key.public_key())
    assert "Signature Verified Successfully" in seal.stdout
    messages, document = (python(text, folder) for text in PYTHON)
    assert messages.stdout == "all signatures hold\n", messages.stderr
    assert document.stdout == "the document is unchanged\n", document.stderr


def test_the_commands_of_the_page_find_what_was_changed(folder: Path) -> None:
    forgery.edit_lines(folder, forgery.signature_changed)
    (folder / "manifest.json").write_text(
        (folder / "manifest.json").read_text().replace("Havsbro", "Havsby")
    )
    pdf = folder / "summary.pdf"
    pdf.write_bytes(pdf.read_bytes().replace(b"/Type/Page/", b"/Type/Pagf/", 1))
    hashes, _, seal = (shell(text, folder) for text in SHELL)
    assert hashes.stdout.count(": FAILED") == 2
    assert seal.returncode != 0
    assert all(python(text, folder).returncode for text in PYTHON)
