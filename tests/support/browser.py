"""A real browser: Chromium, which Playwright drives.

Debian has it as a package; elsewhere `playwright install chromium` fetches one.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager

from playwright.sync_api import Browser, Error, Page, sync_playwright

from lab.here import local
from localcloud.console import ROOT

PATIENCE_MS = 90_000  # for what a page is expected to show, on a busy machine
_NAMES = ("chromium", "chromium-browser", "google-chrome", "chrome")
# As root it has no sandbox; and nothing here may reach for the network.
_OPTIONS = ["--no-sandbox", "--disable-background-networking", "--disable-component-update"]


class NoBrowserError(Exception):
    """There is no Chromium. Says how to get one."""


@contextmanager
def chromium() -> Iterator[Browser]:
    """A headless Chromium. Raises NoBrowserError."""
    found = next(filter(None, map(shutil.which, _NAMES)), None)
    with sync_playwright() as playwright:
        try:
            made = playwright.chromium.launch(executable_path=found, args=_OPTIONS)
        except Error:
            text = "no Chromium: `apt-get install chromium`, or `playwright install chromium`"
            raise NoBrowserError(text) from None
        with made:
            yield made


def enter(page: Page, address: str) -> None:
    """Open the page of the local cloud at this address, by a link of its user's."""
    page.goto(address + local.console_link(address))
    page.wait_for_url(f"{address}{ROOT}")
