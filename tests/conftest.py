"""What holds for all tests, and a browser for those that open a page."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from book.build_watch import end_with_make
from tests.book.browser import chromium


def pytest_configure() -> None:
    end_with_make()


@pytest.hookimpl(tryfirst=True)  # before the names of groups are read
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What builds in the repository's folder runs in one process, the rest beside it."""
    for item in items:
        if "tests/book/" in item.path.as_posix() or "wheel" in item.name:
            item.add_marker(pytest.mark.xdist_group("build"))


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
