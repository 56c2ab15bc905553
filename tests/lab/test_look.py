"""`lab.look` shows each hop as it stands, says so where there is nothing, and only looks."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import boto3
import pytest

import lab
from lab.aws.session import Session
from lab.aws.waiting import wait_until
from lab.course import COURSE
from lab.course.names import names
from lab.course.screens import screen
from lab.course.words import words
from lab.engine.screen import Screen, as_html, as_text
from lab.errors import LabError, NotOursError
from lab.here import local
from tests.support.chapters import READS, given, post, resources
from tests.support.counts import counts
from tests.support.functions import invoke

NASTY = "<script>alert('x')</script> \x1b[2J"
PLAIN = "<script>alert('x')</script> ?[2J"
HOPS = [("queue",), ("topic",), ("table",), ("api",), ("function", "take_order")]


def rows(found: Screen, number: int = 0) -> list[tuple[Any, ...]]:
    return list(found.tables[number].rows)


def url(aws: Session, name: str) -> str:
    return str(aws.client("sqs").get_queue_url(QueueName=name)["QueueUrl"])


def send(aws: Session, body: Any, queue: str = "") -> None:
    text = body if isinstance(body, str) else json.dumps(body)
    aws.client("sqs").send_message(QueueUrl=url(aws, queue or names().queue), MessageBody=text)


def stored(aws: Session, *order_ids: str) -> None:
    """Wait until these orders are in the table."""
    table = aws.resource("dynamodb").Table(names().table)

    def all_there() -> bool:
        found = [table.get_item(Key={"order_id": order_id}) for order_id in order_ids]
        return all("Item" in answer for answer in found)

    wait_until(all_there, f"{', '.join(order_ids)} are stored", timeout=90)


def on_aws(monkeypatch: pytest.MonkeyPatch) -> None:
    """From now on nothing tells more than AWS does."""
    monkeypatch.setattr(local, "status", lambda _: None)


# -- Nothing there, and nothing of that name ---------------------------------------------------


@pytest.mark.parametrize("what", HOPS, ids=" ".join)
def test_what_is_not_there_yet_says_which_chapter_makes_it(aws: Session, what: Any) -> None:
    found = screen(aws, *what)
    says = re.fullmatch(r"There is no (.+) yet\. Chapter (\d\d) makes it\.", found.says)
    assert says is not None
    assert (says[1], says[2] in COURSE.set_up) == (found.title, True)
    assert found.words in words(names()).values()
    assert resources(aws) == {}


@pytest.mark.parametrize(
    ("what", "said"),
    [
        (("mailbox",), "No mail yet."),
        (("dead-letters",), "No dead letters."),
        (("order", "nobody's"), "Nothing is known of an order with this id"),
    ],
)
def test_where_there_is_nothing_it_says_so(aws: Session, what: Any, said: str) -> None:
    assert screen(aws, *what).says.startswith(said)


@pytest.mark.parametrize(
    ("what", "said"),
    [
        (("tea",), "There is nothing called 'tea' to look at. You can look at: "),
        (("order",), "Expected an id after 'order', found nothing. You can look at: "),
        (("function",), "Expected the name of a function after 'function', found nothing. You "),
        (("order", "a", "b"), "Expected an id after 'order', found 'a', 'b'. You can look at: "),
        (("queue", "mine"), "Expected nothing after 'queue', found 'mine'. You can look at: "),
    ],
)
def test_what_cannot_be_looked_at_is_one_error_that_lists_the_rest(
    aws: Session, what: Any, said: str
) -> None:
    with pytest.raises(LabError) as raised:
        lab.look(*what)
    assert str(raised.value).startswith(said)
    for known in ('lab.look("queue")', 'lab.look("function", "take_order")'):
        assert known in str(raised.value)


def test_an_unknown_function_is_an_error_that_lists_the_three(aws: Session) -> None:
    with pytest.raises(LabError, match="There are: take_order, notify_fulfillment, record_order"):
        lab.look("function", "tea")


def test_what_belongs_to_somebody_else_is_not_shown(aws: Session) -> None:
    aws.client("sqs").create_queue(QueueName=names().queue, tags={"team": "shop"})
    with pytest.raises(NotOursError, match=f"SQS queue {names().queue}"):
        lab.look("queue")


# -- Each hop ----------------------------------------------------------------------------------


def test_the_queue_shows_its_messages_and_does_not_receive_them(aws: Session) -> None:
    given("01")
    for number in range(12):
        send(aws, {"product": NASTY, "quantity": number + 1, "order_id": f"o-{number}"})
    send(aws, "no order")
    aws.client("sqs").receive_message(QueueUrl=url(aws, names().queue), VisibilityTimeout=60)
    for _ in range(2):
        found = screen(aws, "queue")
    assert [found.facts[name] for name in ("waiting", "in flight", "delayed")] == ["14", "1", "0"]
    assert found.facts["dead-letter queue"] == "CustomerOrders-dead-letters, after 5 receives"
    (first, second, third), state = rows(found)[:3], rows(found)[0][-1]
    assert (first[0], first[4], state[:20]) == (
        "Ceylon tea, 250 g",
        "1 time",
        "in flight, visible i",
    )
    assert second[:3] == ("Assam tea", 2, "chapter-01")
    assert third[:3] == (NASTY, 1, "o-0")
    assert third[4:] == ("0 times", "visible")
    assert len(rows(found)) == 10
    assert found.tables[0].more == "and 5 more"
    assert PLAIN in as_text(found, 200)
    assert "<script>" not in as_html(found)
    assert counts(aws.client("sqs"), url(aws, names().queue)) == (14, 1, 0)


@pytest.mark.parametrize(
    ("body", "shown"),
    [
        ("tea", "not an order: tea"),
        ('{"order_id": "mine"}', 'not an order: {"order_id": "mine"}'),
        ("é" * 4000, f"not an order: {'é' * 100}… (8,000 bytes)"),
    ],
)
def test_the_queue_shows_the_beginning_of_what_is_no_order(
    aws: Session, body: str, shown: str
) -> None:
    given("01", "02")
    aws.client("sqs").purge_queue(QueueUrl=url(aws, names().queue))
    send(aws, body)
    (row,) = rows(screen(aws, "queue"))
    assert row[0] == shown


def test_on_aws_the_queue_shows_counts_only_and_says_why(
    aws: Session, monkeypatch: pytest.MonkeyPatch, calls_made: set[str]
) -> None:
    given("01")
    on_aws(monkeypatch)
    calls_made.clear()
    found = screen(aws, "queue")
    assert found.facts["waiting"] == "2"
    assert found.tables == ()
    assert "AWS shows messages only to those who receive them" in found.says
    assert not {name for name in calls_made if name.startswith("Receive")}


def test_dead_letters_come_with_the_reason(aws: Session) -> None:
    given("04")
    for number in range(11):
        order = {"product": NASTY, "quantity": 3, "order_id": f"o-{number}"}
        send(aws, order, names().function_dead_letters)
    found = screen(aws, "dead-letters")
    assert rows(found)[0][:4] == (NASTY, 3, "o-0", names().function_dead_letters)
    assert "No error was logged" in rows(found)[0][-1]
    assert (len(rows(found)), found.tables[0].more) == (10, "and 1 more")
    assert "lab redrive" in found.says


def test_the_mailbox_shows_the_newest_mail_without_what_opens_the_cloud(
    aws: Session, cloud: str
) -> None:
    given("01", "02")
    sns = aws.client("sns")
    topic = sns.create_topic(Name="tea")["TopicArn"]
    sns.subscribe(TopicArn=topic, Protocol="email", Endpoint="new@example.com")
    wait_until(lambda: screen(aws, "mailbox").text, "the mail is here")
    found = screen(aws, "mailbox")
    assert "Subject: AWS Notification - Subscription Confirmation" in found.text
    assert "[a link: `lab mail` shows it]" in found.text
    assert cloud not in as_html(found) + as_text(found, 200)


def test_the_mailbox_lists_the_newest_ten(aws: Session) -> None:
    def is_newest(subject: str) -> bool:
        return rows(screen(aws, "mailbox"))[0][0] == subject

    given("01", "02", "03")
    topic = f"arn:aws:sns:us-east-1:{lab.account_id(aws)}:{names().topic}"
    for number in range(12):
        aws.client("sns").publish(TopicArn=topic, Subject=f"mail {number}", Message=NASTY)
        wait_until(partial(is_newest, f"mail {number}"), "the mail is here")
    found = screen(aws, "mailbox")
    assert [row[0] for row in rows(found)] == [f"mail {number}" for number in range(11, 1, -1)]
    assert found.text.startswith("From: AWS Notifications <no-reply@sns.amazonaws.com>\nTo: ")
    assert PLAIN in as_text(found, 200)
    assert "<script>" not in as_html(found)


def test_on_aws_the_mailbox_is_the_recipients(
    aws: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    on_aws(monkeypatch)
    assert screen(aws, "mailbox").says.startswith("The mail went out")


def test_the_topic_shows_who_gets_its_messages(aws: Session) -> None:
    given(*COURSE.set_up)
    aws.client("sns").subscribe(
        TopicArn=f"arn:aws:sns:us-east-1:{lab.account_id(aws)}:{names().topic}",
        Protocol="email",
        Endpoint="new@example.com",
    )
    pending = "pending: the link in its first mail is not opened yet"
    assert sorted(rows(screen(aws, "topic"))) == [
        ("email", "fulfillment@example.com", "confirmed", "every message", ""),
        ("email", "new@example.com", pending, "", ""),
        ("lambda", "record_order", "confirmed", "every message", names().topic_dead_letters),
    ]


def test_the_table_shows_the_newest_orders_first(aws: Session) -> None:
    given("04")
    table = aws.resource("dynamodb").Table(names().table)
    for number in range(12):
        item = {"order_id": f"o-{number}", "product": NASTY, "quantity": number + 1}
        table.put_item(Item={**item, "posted_epoch": 4_000_000_000 + (number * 5) % 12})
    found = screen(aws, "table")
    wanted = sorted(range(12), key=lambda n: (n * 5) % 12, reverse=True)[:10]
    assert [row[2] for row in rows(found)] == [f"o-{number}" for number in wanted]
    assert rows(found)[0][:2] == (NASTY, wanted[0] + 1)
    assert (found.facts, found.tables[0].more) == ({"items": 13}, "and 3 more")
    assert PLAIN in as_text(found, 200)


def test_of_a_large_table_only_the_newest_are_read(
    aws: Session, monkeypatch: pytest.MonkeyPatch, calls_made: set[str]
) -> None:
    given("04")
    monkeypatch.setattr("lab.course.screens.items._SMALL", 3)
    today = datetime.now(UTC)
    table = aws.resource("dynamodb").Table(names().table)
    for number in range(12):
        posted = today - timedelta(number // 6)  # six orders a day
        item = {"order_id": f"o-{number}", "order_date": f"{posted:%Y-%m-%d}"}
        table.put_item(Item={**item, "posted_epoch": int(posted.timestamp()) - number})
    calls_made.clear()
    found = screen(aws, "table")
    assert [row[2] for row in rows(found)] == [f"o-{number}" for number in range(10)]
    assert (found.facts, found.tables[0].more) == ({"items": 13}, "and 3 more")
    assert "Scan" not in calls_made


def test_the_api_shows_its_route_and_hides_its_key(aws: Session) -> None:
    given("01", "02")
    (key,) = aws.client("apigateway").get_api_keys(includeValues=True)["items"]
    assert post(aws, product="tea", quantity=1) == 202
    found = screen(aws, "api")
    assert rows(found) == [("POST", "/orders", "needed", "Order", "take_order")]
    assert (found.facts["stages"], found.facts["requests today"]) == ("prod", 2)
    assert key["value"] not in as_html(found) + as_text(found, 200)


def test_a_function_shows_its_settings_its_role_and_its_log(aws: Session) -> None:
    given("04")
    found = screen(aws, "function", "record_order")
    assert found.facts["handler"] == "record_order.lambda_handler"
    assert ("dynamodb:PutItem", "table/Orders") in rows(found, 0)
    wait_until(lambda: screen(aws, "function", "record_order").tables[1].rows, "it has logged")
    lines = rows(screen(aws, "function", "record_order"), 1)
    assert len(lines) <= 10
    assert any('"status": "RECORDED"' in text for _, text in lines)


def test_on_aws_api_and_function_show_what_aws_tells(
    aws: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    given("01", "02")
    on_aws(monkeypatch)
    assert "requests today" not in screen(aws, "api").facts
    assert "workers" not in screen(aws, "function", "take_order").facts
    assert screen(aws, "function", "take_order").facts["runtime"] == lab.RUNTIME


# -- The story of one order --------------------------------------------------------------------


def hops(found: Screen) -> list[str]:
    return [row[0] for row in rows(found)]


def test_an_order_shows_every_hop_from_the_api_to_the_table(aws: Session) -> None:
    given(*COURSE.set_up)
    for order_id in ("mine", "mine-2"):
        assert post(aws, product=NASTY.replace("\x1b", ""), quantity=3, order_id=order_id) == 202
    stored(aws, "mine", "mine-2")

    def told() -> Screen | None:
        found = screen(aws, "order", "mine")
        whole = {"notify_fulfillment", "mailbox", "record_order"} <= set(hops(found))
        return found if whole else None

    found = wait_until(told, "all hops are told", timeout=60)
    assert {(row[0], row[2]) for row in rows(found)} == {
        ("API Orders", "received"),
        ("queue CustomerOrders", "sent"),
        ("take_order", "QUEUED"),
        ("notify_fulfillment", "PUBLISHED"),
        ("mailbox", "mailed"),
        ("table Orders", "stored"),
        ("record_order", "RECORDED"),
    }
    times = [row[1] for row in rows(found)]
    assert times == sorted(times, key=lambda at: at if "." in at else f"{at}.999")
    assert (found.facts["quantity"], found.facts["now"]) == (3, "in the table Orders")
    assert "<script>" not in as_html(found)


def test_an_order_that_waits_is_in_the_queue(aws: Session) -> None:
    given("01", "02")
    found = screen(aws, "order", "chapter-01")
    assert hops(found) == ["API Orders", "queue CustomerOrders", "take_order"]
    assert rows(found)[1][2] == "visible, received 0 times"
    assert found.facts == {
        **{"product": "Assam tea", "quantity": 2},
        "now": "in the queue CustomerOrders",
    }


def test_an_order_that_is_put_aside_shows_its_error(aws: Session) -> None:
    given("04")
    event = json.loads(lab.event("record_order.other_content"))
    order_id = json.loads(event["Records"][0]["Sns"]["Message"])["order_id"]
    assert invoke(aws, names().record_order, event, InvocationType="Event")["StatusCode"] == 202
    dead = url(aws, names().function_dead_letters)
    wait_until(lambda: counts(aws.client("sqs"), dead) == (1, 0, 0), "it is put aside", timeout=90)
    found = screen(aws, "order", order_id)
    tries = [row for row in rows(found) if row[2] == "CONFLICT"]
    assert len(tries) == 3
    assert all("exists already, with another" in row[3] for row in tries)
    assert rows(found)[-1][0] == f"queue {names().function_dead_letters}"
    assert names().function_dead_letters in str(found.facts["now"])
    assert counts(aws.client("sqs"), dead) == (1, 0, 0)


def test_an_id_that_others_begin_with_is_another_order(aws: Session) -> None:
    given("01", "02")
    assert screen(aws, "order", "chapter-0").says.startswith("Nothing is known")


# -- All of them -------------------------------------------------------------------------------


@contextmanager
def calls_shown(aws: boto3.Session) -> Iterator[None]:
    """`lab.session()` is one for the whole process, so no test may leave it showing its calls."""
    lab.show_calls(aws)
    try:
        yield
    finally:
        aws.events.unregister("before-call", unique_id="lab-before")


def test_looking_changes_nothing_and_shows_no_calls_of_its_own(
    aws: Session, calls_made: set[str], capsys: pytest.CaptureFixture[str]
) -> None:
    given(*COURSE.set_up)
    stored(aws, "chapter-01")
    before = resources(aws)
    with calls_shown(lab.session()):
        capsys.readouterr()
        calls_made.clear()
        for what in [*HOPS, ("mailbox",), ("order", "chapter-01")]:
            lab.look(*what)
    assert {name for name in calls_made if not READS.match(name)} == set()
    assert resources(aws) == before
    shown = capsys.readouterr()
    assert shown.err == ""
    for title in ("SQS queue CustomerOrders", "DynamoDB table Orders", "Order chapter-01"):
        assert title in shown.out.splitlines()


def test_every_hop_has_words_of_its_own() -> None:
    for prefix in ("", "ana-"):
        n = names(prefix)
        said = words(n)
        queues = {f"queue:{name}" for name in (n.queue, *n.dead_letters)}
        topics = {f"topic:{n.topic}", f"topic:{n.stakeholders}"}
        functions = {f"function:{name}" for name in n.functions}
        assert said.keys() == {
            *(queues | topics | functions),
            *(f"api:{n.api}", f"table:{n.table}", "mailbox"),
        }
        assert len(set(said.values())) == len(said)
        assert all(text.endswith(".") and len(text) < 200 for text in said.values())
