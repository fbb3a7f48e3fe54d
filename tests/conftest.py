"""What holds for all tests, and a browser for those that open a page."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import settings
from xdist.scheduler import LoadScopeScheduling

from book.build_watch import end_with_make
from tests.book.browser import chromium


def pytest_configure() -> None:
    end_with_make()
    settings.register_profile("busy machine", deadline=None)  # a slow example is no failure
    settings.load_profile("busy machine")


class Halves(LoadScopeScheduling):
    """What builds in the repository's folder runs in one process, other files beside it."""

    def _split_scope(self, nodeid: str) -> str:
        file = nodeid.partition("::")[0]
        return "build" if file.startswith("tests/book/") or "wheel" in nodeid else file


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Halves:
    return Halves(config, log)


@pytest.fixture(scope="session")
def browser() -> Iterator[Any]:
    """A headless browser for all pages."""
    path = chromium()
    if path is None:
        pytest.skip("no Chromium found: install one or name it in CHROMIUM")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as play:
        browser = play.chromium.launch(executable_path=path, args=["--no-sandbox"])
        yield browser
        browser.close()
