"""The documentation, built once."""

from __future__ import annotations

from pathlib import Path

import pytest

from docs.site.build import build


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the built site."""
    folder = tmp_path_factory.mktemp("documentation") / "site"
    build(folder)
    return folder
