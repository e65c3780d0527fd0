"""Chromium without a window, for tests of pages: extra ``browser``, and the browser, installed or of playwright."""

import shutil
from contextlib import contextmanager

import pytest

NAMES = ("chromium", "chromium-browser", "google-chrome")


@contextmanager
def chromium():
    """A browser; without one, tests are skipped."""
    sync_api = pytest.importorskip("playwright.sync_api", reason="pip install 'minidl[browser]'")
    found = next(filter(None, map(shutil.which, NAMES)), None)
    with sync_api.sync_playwright() as running:
        try:
            browser = running.chromium.launch(executable_path=found, args=["--no-sandbox"])
        except sync_api.Error as error:
            pytest.skip(f"no Chromium: {str(error).splitlines()[0]}")
        yield browser
        browser.close()
