"""The pages in a real browser: an order is sent in one and seen to arrive in the others."""

from __future__ import annotations

from typing import Literal

import pytest
from playwright.sync_api import Page, expect

from lab.aws.session import Session
from lab.course.names import names
from lab.here import local
from tests.support.chapters import given
from tests.support.clouds import own_cloud

pytestmark = pytest.mark.xdist_group("browser")

ROOT = "/_localcloud/console/"
PATIENCE_MS = 90_000


@pytest.fixture(autouse=True)
def _patience() -> None:
    expect.set_options(timeout=PATIENCE_MS)


def enter(page: Page, address: str) -> None:
    page.goto(address + local.console_link(address))
    page.wait_for_url(f"{address}{ROOT}")


def test_an_order_walks_from_the_form_to_mailbox_and_table(
    page: Page, cloud: str, aws: Session
) -> None:
    given("00", "01", "02", "03")
    said: list[str] = []
    page.on("console", lambda message: said.append(message.text))
    page.on("pageerror", lambda error: said.append(str(error)))
    enter(page, cloud)
    watched = page.context.new_page()
    watched.goto(f"{cloud}{ROOT}")
    stored = watched.locator(f'[data-part$="table/{names().table}"]')
    before = stored.text_content() or ""
    page.get_by_role("link", name=f"api {names().api}").click()
    product = "<script>document.title='taken'</script>"
    page.get_by_label("Body").fill(f'{{"product": "{product}", "quantity": 3}}')
    page.get_by_role("button", name="Send").click()
    expect(page.get_by_role("status").first).to_contain_text("202")
    expect(stored).not_to_have_text(before)  # in the other window, with nothing pressed there
    watched.get_by_role("link", name="Mailbox").first.click()
    expect(watched.locator("#live")).to_contain_text(product)
    watched.goto(f"{cloud}{ROOT}table/{names().table}")
    watched.get_by_role("row").filter(has_text=product).get_by_role("link").click()
    expect(watched.get_by_role("heading")).to_contain_text("Order")
    for word in ("QUEUED", "PUBLISHED", "RECORDED"):
        expect(watched.locator("#live")).to_contain_text(word)
    assert "taken" not in (page.title(), watched.title())
    assert said == []


def test_the_keyboard_is_enough(page: Page, cloud: str, aws: Session) -> None:
    aws.client("sqs").create_queue(QueueName="tea")
    enter(page, cloud)
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip"
    link = page.get_by_role("link", name="queue tea")
    for _ in range(10):
        if link.evaluate("link => link === document.activeElement"):
            break
        page.keyboard.press("Tab")
    aws.client("sqs").create_queue(QueueName="coffee")  # the picture is drawn again under the hand
    expect(page.get_by_role("link", name="queue coffee")).to_be_visible()
    page.keyboard.press("Enter")
    page.wait_for_url("**/queue/tea")
    expect(page.get_by_role("heading", name="Queue tea")).to_be_visible()


def test_a_cloud_that_stops_is_said(page: Page) -> None:
    with own_cloud() as (address, _):
        enter(page, address)
        expect(page.get_by_text("There is nothing yet")).to_be_visible()
        expect(page.get_by_text("does not answer")).to_be_hidden()
    expect(page.get_by_text("does not answer")).to_be_visible()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_can_be_read_against_what_is_behind_it(
    page: Page, cloud: str, scheme: Literal["light", "dark"]
) -> None:
    page.emulate_media(color_scheme=scheme)
    enter(page, cloud)
    found = page.evaluate(CONTRASTS)
    assert len(found) == 4 and min(found) >= 4.5, found


# The contrast of text, links, what is bad and what is soft with the page behind them.
# https://www.w3.org/TR/WCAG22/#dfn-contrast-ratio
CONTRASTS = """
() => {
  const style = getComputedStyle(document.documentElement);
  const light = (name) => {
    const canvas = document.createElement("canvas").getContext("2d");
    canvas.fillStyle = style.getPropertyValue(name);
    canvas.fillRect(0, 0, 1, 1);
    const parts = [...canvas.getImageData(0, 0, 1, 1).data].slice(0, 3).map((part) => part / 255)
      .map((part) => part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4);
    return 0.2126 * parts[0] + 0.7152 * parts[1] + 0.0722 * parts[2];
  };
  const contrast = (one, other) => {
    const [high, low] = [light(one), light(other)].sort((a, b) => b - a);
    return (high + 0.05) / (low + 0.05);
  };
  return ["--fore", "--link", "--bad", "--line"].map((name) =>
    Math.min(contrast(name, "--back"), contrast(name, "--soft")));
}
"""
