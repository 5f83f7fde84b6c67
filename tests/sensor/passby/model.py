"""The model of sound sources, fetched once for all tests that need it."""

from __future__ import annotations

import atexit
import os
import shutil
import tempfile
from functools import cache
from pathlib import Path

import pytest

from sensor.errors import ModelError
from sensor.passby.model_store import fetch


def model_dir() -> Path:
    """Folder with the model; the test is left out where it cannot be had, but not in CI."""
    found = _fetched()
    if isinstance(found, ModelError):
        reason = f"the model of sound sources cannot be fetched: {found}"
        if os.environ.get("CI") == "true":
            pytest.fail(reason)
        pytest.skip(reason)
    return found


@cache
def _fetched() -> Path | ModelError:
    folder = Path(tempfile.mkdtemp(prefix="skolro-test-model-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    try:
        fetch(folder)
    except ModelError as error:
        return error
    return folder
