"""The pictures of the page in docs/: each screen in two sizes, light and dark, and a walking order.

`python -m tests.support.pictures` takes them, from a cloud of its own with the whole chain.
"""

from __future__ import annotations

import io
import time
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Literal

from PIL import Image
from playwright.sync_api import Browser, Page

import lab
from lab.aws.session import Session
from lab.aws.waiting import wait_until
from lab.course.console import for_page
from lab.course.names import names
from lab.here import local
from lab.here.own_cloud import environment, own_cloud
from localcloud.console import ROOT
from tests.support.browser import chromium, enter
from tests.support.chapters import post, run_chapters, status

DOCS = Path(__file__).parents[2] / "docs"
_SIZES = {1280: 720, 1920: 1080}
_SCHEMES: tuple[Literal["light", "dark"], ...] = ("light", "dark")
_FILM = (1280, 500)  # pixels of the animation, which is shown at half of that
_FILM_SECONDS = 6.0


def main() -> None:
    """Take all pictures."""
    with (
        environment(),
        own_cloud("--speed", "60") as (address, _),
        environment(AWS_ENDPOINT_URL=address),
        chromium() as browser,
    ):
        aws = lab.session()
        run_chapters("01", "02", "03", "04", "05")
        _orders(aws, address)
        local.send_words(address, for_page())
        _take_screens(browser, aws, address)
        _take_film(browser, aws, address)


def _orders(aws: Session, address: str) -> None:
    """Some orders, one of which fails: its id comes twice, with another product."""
    for number, product in enumerate(("green tea", "a teapot", "two cups", "a kettle")):
        assert post(aws, product=product, quantity=number + 1, order_id=f"order-{number}") == 202
    wait_until(lambda: status(address)["is_idle"], "the orders are through")
    assert post(aws, product="coffee", quantity=1, order_id="order-1") == 202
    wait_until(lambda: status(address)["is_idle"], "the last one is a dead letter")


def _take_screens(browser: Browser, aws: Session, address: str) -> None:
    for width, height in _SIZES.items():
        for scheme in _SCHEMES:
            viewport = {"width": width, "height": height}
            with browser.new_context(viewport=viewport, color_scheme=scheme) as context:  # type: ignore[arg-type]  # a size
                page = context.new_page()
                enter(page, address)
                for name, path in _screens(aws):
                    page.goto(f"{address}{ROOT}{path}")
                    page.wait_for_selector("h1")
                    _keep(page, DOCS / "console" / f"{name}-{width}-{scheme}.webp")


def _screens(aws: Session) -> Iterator[tuple[str, str]]:
    n = names()
    yield "chain", ""
    yield "api", f"api/{n.api}"
    yield "function", f"function/{n.record_order}"
    yield "queue", f"queue/{n.queue}"
    yield "dead-letters", f"queue/{n.function_dead_letters}"
    yield "topic", f"topic/{n.topic}"
    yield "mailbox", "mailbox"
    yield "table", f"table/{n.table}"
    yield "order", "order/order-1"
    yield "trail", "trail"


def _keep(page: Page, file: Path) -> None:
    file.parent.mkdir(exist_ok=True)
    Image.open(io.BytesIO(page.screenshot())).save(file, quality=60, method=6)


def _take_film(browser: Browser, aws: Session, address: str) -> None:
    """An order walks, seen on the picture of the chain."""
    width, height = _FILM
    viewport = {"width": width, "height": height}
    with browser.new_context(viewport=viewport) as context:  # type: ignore[arg-type]  # a size
        page = context.new_page()
        enter(page, address)
        page.wait_for_selector(".chain")
        assert post(aws, product="green tea", quantity=2, order_id="film") == 202
        frames, end = [], time.monotonic() + _FILM_SECONDS
        while time.monotonic() < end:
            frames.append((time.monotonic(), page.screenshot(type="jpeg", quality=90)))
    images = [Image.open(io.BytesIO(shot)) for _, shot in frames]
    waits = [int((b - a) * 1000) for (a, _), (b, _) in pairwise(frames)]
    images[0].save(
        DOCS / "order.webp", save_all=True, append_images=images[1:], loop=0, quality=55, method=6,
        duration=[*waits, 2000],
    )  # fmt: skip


if __name__ == "__main__":
    main()
