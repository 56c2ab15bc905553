"""The pages in a real browser: an order is sent in one and seen to arrive in the others."""

from __future__ import annotations

import json
from typing import Literal

import pytest
from axe_playwright_python.sync_playwright import Axe  # type: ignore[import-untyped]  # it has no types
from playwright.sync_api import Page, expect

from lab.aws.session import Session
from lab.aws.waiting import wait_until
from lab.course.names import names
from localcloud.console import ROOT
from tests.support.browser import PATIENCE_MS, enter
from tests.support.chapters import given, post
from tests.support.clouds import own_cloud
from tests.support.functions import make_function
from tests.support.sessions import make_session

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("browser")]


@pytest.fixture(autouse=True)
def _patience() -> None:
    expect.set_options(timeout=PATIENCE_MS)


def test_an_order_walks_from_the_form_to_mailbox_and_table(
    page: Page, cloud: str, aws: Session
) -> None:
    given("01", "02", "03", "04", "05")
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


def test_a_cloud_that_stops_is_said_and_the_page_goes_on_when_it_is_back(page: Page) -> None:
    with own_cloud() as (address, _):
        enter(page, address)
        expect(page.get_by_text("There is nothing yet")).to_be_visible()
        expect(page.get_by_text("does not answer")).to_be_hidden()
    expect(page.get_by_text("does not answer")).to_be_visible()
    with own_cloud("--port", address.rpartition(":")[2]) as (again, _):
        assert again == address
        expect(page.get_by_text("does not answer")).to_be_hidden()
        make_session(address).client("sqs").create_queue(QueueName="tea")
        expect(page.get_by_role("link", name="queue tea")).to_be_visible()


def test_a_broken_permission_is_seen_in_the_trail(page: Page, cloud: str, aws: Session) -> None:
    given("01", "02", "03", "04", "05")
    n = names()
    deny = {"Effect": "Deny", "Action": "sqs:SendMessage", "Resource": "*"}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [deny]})
    aws.client("iam").put_role_policy(
        RoleName=n.role(n.take_order, "us-east-1"), PolicyName="broken", PolicyDocument=policy
    )
    enter(page, cloud)
    page.get_by_role("link", name=f"api {n.api}").click()
    page.get_by_role("button", name="Send").click()
    expect(page.get_by_role("status").first).to_contain_text("50")
    page.get_by_role("link", name="Trail").click()
    row = page.get_by_role("row").filter(has_text="sqs:SendMessage").first
    expect(row).to_contain_text("with an explicit deny in an identity-based policy")
    expect(row).to_contain_text("✕ May never sqs:SendMessage on * (policy broken)")


def test_a_subscription_is_confirmed_and_a_function_tested_by_their_buttons(
    page: Page, cloud: str, aws: Session
) -> None:
    sns = aws.client("sns")
    topic = sns.create_topic(Name="tea")["TopicArn"]
    sns.subscribe(TopicArn=topic, Protocol="email", Endpoint="ana@example.com")
    make_function(aws, "f", "def handler(event, context): return event['tea'] * 2")
    enter(page, cloud)
    page.get_by_role("link", name="topic tea").click()
    expect(page.get_by_text("to be confirmed")).to_be_visible()
    page.get_by_role("link", name="mailbox", exact=True).click()
    page.get_by_role("button", name="Confirm the subscription").click()
    expect(page.get_by_role("status").first).to_contain_text("Subscription confirmed")
    page.goto(f"{cloud}{ROOT}topic/tea")
    expect(page.get_by_role("cell", name="confirmed", exact=True)).to_be_visible()
    page.goto(f"{cloud}{ROOT}function/f")
    page.get_by_label("Event (JSON)").fill('{"tea": "green"}')
    page.get_by_role("button", name="Test", exact=True).click()
    expect(page.get_by_role("status").first).to_contain_text("greengreen")
    aws.client("lambda").delete_function(FunctionName="f")  # under the page
    expect(page.get_by_text("There is no function f")).to_be_visible()


def test_a_dead_letter_goes_back_by_its_button(page: Page, cloud: str, aws: Session) -> None:
    sqs = aws.client("sqs")
    dead = sqs.create_queue(QueueName="dead")["QueueUrl"]
    arn = "arn:aws:sqs:us-east-1:123456789012:dead"
    redrive = json.dumps({"deadLetterTargetArn": arn, "maxReceiveCount": 1})
    attributes = {"RedrivePolicy": redrive, "VisibilityTimeout": "0"}
    tea = sqs.create_queue(QueueName="tea", Attributes=attributes)["QueueUrl"]
    sqs.send_message(QueueUrl=tea, MessageBody="green tea")
    for _ in range(2):
        sqs.receive_message(QueueUrl=tea)
    enter(page, cloud)
    expect(page.get_by_text("✕ 1 stuck")).to_be_visible()
    page.get_by_role("link", name="dead letters dead").click()
    page.get_by_role("button", name="Send all back").click()
    expect(page.get_by_text("No dead letters")).to_be_visible()
    sqs.delete_queue(QueueUrl=dead)
    expect(page.get_by_text("There is no queue dead")).to_be_visible()


def test_a_page_of_another_port_can_press_nothing(page: Page, cloud: str, aws: Session) -> None:
    """A page of another port is of the same site: the browser sends it the cookie."""
    aws.client("sqs").create_queue(QueueName="dead")
    enter(page, cloud)
    form = (
        f'<form method="post" action="{cloud}{ROOT}queue/dead">'
        '<input name="action" value="redrive"><button>Go</button></form>'
    )
    other = "http://127.0.0.1:9/"
    page.route(other, lambda route: route.fulfill(body=form, content_type="text/html"))
    page.goto(other)
    page.get_by_role("button").click()
    expect(page.get_by_text("This form is not from this page.")).to_be_visible()
    page.goto(other)
    read = "address => fetch(address, {credentials: 'include'}).then(() => 'read', () => 'refused')"
    assert page.evaluate(read, f"{cloud}{ROOT}") == "refused"


@pytest.mark.parametrize("motion", ["no-preference", "reduce"])
def test_an_order_walks_but_not_for_those_who_want_no_motion(
    page: Page, cloud: str, aws: Session, motion: Literal["no-preference", "reduce"]
) -> None:
    given("01", "02", "03", "04", "05")
    page.emulate_media(reduced_motion=motion)
    enter(page, cloud)
    expect(page.get_by_role("link", name=f"table {names().table}")).to_be_visible()
    page.evaluate(WATCH)
    assert post(aws, product="tea", quantity=1) == 202
    wait_until(lambda: len(page.evaluate("[...seen.moved]")) >= 8, "all eight parts were marked")
    expect(page.locator(".moved")).to_have_count(0)
    assert page.evaluate("seen.ways.size") == (7 if motion == "no-preference" else 0)
    assert not any("stakeholders" in key for key in page.evaluate("[...seen.moved]"))


# Notes the parts that are marked, and the arrows with a dot on them.
WATCH = """
() => {
  window.seen = { moved: new Set(), ways: new Set() };
  new MutationObserver((changes) => {
    const marked = document.querySelectorAll("[data-part].moved");
    for (const part of marked) seen.moved.add(part.dataset.part);
    for (const node of changes.flatMap((change) => [...change.addedNodes])) {
      if (node.matches?.(".order") && !node.known) {
        node.known = true;
        seen.ways.add(node.style.offsetPath);
      }
    }
  }).observe(document.getElementById("live"), { subtree: true, childList: true, attributes: true });
}
"""


SCREENS = (
    *("", "mailbox", "trail", "no-such-page"),
    *("api/{n.api}", "function/{n.take_order}", "queue/{n.queue}", "topic/{n.topic}"),
    *("table/{n.table}", "order/axe", "queue/{n.function_dead_letters}"),
)


def test_the_trail_scrolls_its_table_and_not_the_page(page: Page, cloud: str, aws: Session) -> None:
    given("01", "02", "03", "04", "05")
    assert post(aws, product="tea", quantity=1, order_id="wide") == 202
    page.set_viewport_size({"width": 853, "height": 480})  # 1280 by 720, at 150 %
    enter(page, cloud)
    page.goto(f"{cloud}{ROOT}trail?only=functions")
    expect(page.locator("tbody")).to_contain_text("sqs:SendMessage")
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_no_screen_is_wider_than_a_phone(page: Page, cloud: str, aws: Session) -> None:
    given("01", "02", "03", "04", "05")
    assert post(aws, product="tea", quantity=1, order_id="a-phone-" + "x" * 40) == 202
    page.set_viewport_size({"width": 390, "height": 844})
    enter(page, cloud)
    for screen in SCREENS:
        page.goto(f"{cloud}{ROOT}{screen.format(n=names())}")
        assert page.evaluate("document.documentElement.scrollWidth") <= 390, screen
    page.goto(f"{cloud}{ROOT}order/a-phone-{'x' * 40}")
    expect(page.locator("tbody")).to_contain_text("RECORDED")
    assert page.evaluate("document.documentElement.scrollWidth") <= 390


def test_the_picture_can_be_read_on_a_phone_and_stays_where_it_was_scrolled_to(
    page: Page, cloud: str, aws: Session
) -> None:
    given("01", "02", "03", "04", "05")
    page.set_viewport_size({"width": 390, "height": 844})
    enter(page, cloud)
    word = page.locator(".chain .figure").first
    assert word.evaluate("text => text.getBoundingClientRect().height") >= 12
    page.evaluate("document.querySelector('.scroll').scrollLeft = 300")
    stored = page.locator(f'[data-part$="table/{names().table}"] .figure').first
    before = str(stored.text_content())
    assert post(aws, product="tea", quantity=1, order_id="scrolled") == 202
    expect(stored).not_to_have_text(before)
    assert page.evaluate("document.querySelector('.scroll').scrollLeft") == 300


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_screen_is_accessible(
    page: Page, cloud: str, aws: Session, scheme: Literal["light", "dark"]
) -> None:
    given("01", "02", "03", "04", "05")
    assert post(aws, product="tea", quantity=1, order_id="axe") == 202
    page.emulate_media(color_scheme=scheme)
    enter(page, cloud)
    found = {}
    for screen in SCREENS:
        page.goto(f"{cloud}{ROOT}{screen.format(n=names())}")
        violations = Axe().run(page).response["violations"]
        if violations:
            found[screen] = [(v["id"], [node["html"] for node in v["nodes"]]) for v in violations]
    assert found == {}


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
