"""What tests of dashboards share."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser

from tests.dashboards.browser import launched


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    """Debian's Chromium; the module's tests are marked with ``needs_chromium``."""
    with launched() as browser:
        yield browser
