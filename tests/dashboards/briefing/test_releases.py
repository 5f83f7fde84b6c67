"""Nodes get the files of releases, and nobody gets anything else that way."""

from __future__ import annotations

from dataclasses import replace as renewed
from hashlib import sha256
from pathlib import Path

import httpx
import pytest
from fastapi import FastAPI
from msgspec.structs import replace

from collector.config import Fleet

CONTENT = b"the wheel" * 1000
SHA256 = sha256(CONTENT).hexdigest()


@pytest.fixture
def node(app: FastAPI, public: httpx.Client, tmp_path: Path) -> httpx.Client:
    """Asks where releases are."""
    folder = tmp_path / "fleet" / "releases"
    (folder / "files").mkdir(parents=True)
    (folder / "2.0").mkdir()
    (folder / "files" / SHA256).write_bytes(CONTENT)
    (folder / "2.0" / "manifest.json").write_bytes(b"{}")
    (folder.parent / "fleet.key").write_text("secret")
    (folder / "files" / "manifest.json").write_text("not a release")
    fleet = Fleet(authority="a", broker_host="mq.example", releases=str(folder))
    access = app.state.access
    app.state.access = renewed(access, config=replace(access.config, fleet=fleet))
    return public


def test_a_file_is_given_from_where_somebody_was(node: httpx.Client) -> None:
    whole = node.get(f"/releases/files/{SHA256}")
    assert (whole.status_code, whole.content) == (200, CONTENT)
    headers = {"Range": "bytes=5000-", "Accept-Encoding": "identity"}
    rest = node.get(f"/releases/files/{SHA256}", headers=headers)
    assert (rest.status_code, rest.content) == (206, CONTENT[5000:])
    assert rest.headers["Content-Range"] == f"bytes 5000-{len(CONTENT) - 1}/{len(CONTENT)}"
    assert node.get("/releases/2.0/manifest.json").content == b"{}"


@pytest.mark.parametrize(
    "path",
    [
        "/releases/2.0/manifest.jws", f"/releases/files/{'0' * 64}", "/releases/files/..%2F..",
        "/releases/../fleet.key", "/releases/%2e%2e/fleet.key", "/releases/2.0/fleet.key",
        "/releases/files/manifest.json", "/releases/", "/releases/2.0/",
    ],
)  # fmt: skip
def test_nothing_else_is_given(node: httpx.Client, path: str) -> None:
    answer = node.get(path)
    assert answer.status_code in {404, 422}
    assert "secret" not in answer.text


def test_a_server_without_a_fleet_has_none(public: httpx.Client) -> None:
    assert public.get(f"/releases/files/{SHA256}").status_code == 404
