"""A real browser, for the tests of what a page can do.

It needs Chromium, which Playwright drives. Debian: `apt-get install chromium`; elsewhere
`playwright install chromium`.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Error, Page, sync_playwright

from lab.aws.session import Session

CHROMIUM = ("chromium", "chromium-browser", "google-chrome", "chrome")
# As root it has no sandbox; and nothing here may reach for the network.
OPTIONS = ["--no-sandbox", "--disable-background-networking", "--disable-component-update"]


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    found = next(filter(None, map(shutil.which, CHROMIUM)), None)
    with sync_playwright() as playwright:
        try:
            made = playwright.chromium.launch(executable_path=found, args=OPTIONS)
        except Error:
            pytest.skip("no Chromium: `apt-get install chromium`, or `playwright install chromium`")
        with made:
            yield made


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    with browser.new_context() as context:
        yield context.new_page()


@pytest.fixture
def topic(aws: Session) -> str:
    """The ARN of a topic."""
    return str(aws.client("sns").create_topic(Name="Orders")["TopicArn"])
