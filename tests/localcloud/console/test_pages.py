"""The pages over HTTP: who may look, what they show, and what their buttons do."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import urllib3
from botocore.exceptions import ClientError

from lab.aws.session import Session, account_id
from lab.aws.waiting import wait_until
from lab.course.names import Names, names
from lab.errors import LabError
from lab.here import local
from localcloud.console import ROOT
from tests.support import http
from tests.support.chapters import given, post, status
from tests.support.functions import make_function, make_role
from tests.support.visitor import Visitor, send_form


def make_queue(aws: Session, name: str, **attributes: str) -> str:
    return str(aws.client("sqs").create_queue(QueueName=name, Attributes=attributes)["QueueUrl"])


# -- Who may look ----------------------------------------------------------------------------------


@pytest.mark.parametrize("page", ["", "mailbox", "trail", "events", "queue/x", "function/x"])
def test_without_a_cookie_nobody_sees_anything(cloud: str, page: str) -> None:
    for cookie in ("", "localcloud-1=x", f"localcloud-{cloud.rpartition(':')[2]}=x", "é", "a=b;;="):
        answer = http.request("GET", f"{cloud}{ROOT}{page}", headers={"cookie": cookie})
        assert answer.status == 401
        assert b"lab console" in answer.data


def test_a_link_works_once_and_its_cookie_is_for_this_browser_only(cloud: str) -> None:
    link = cloud + local.console_link(cloud)
    answer = http.request("GET", link)
    assert answer.status == 200
    assert answer.headers["set-cookie"].endswith("; Path=/; HttpOnly; SameSite=Strict")
    again = http.request("GET", link)
    assert again.status == 401 and b"used already" in again.data
    assert "set-cookie" not in again.headers
    assert http.request("GET", f"{cloud}{ROOT}enter?token=").status == 401


def test_only_the_user_of_the_start_gets_a_link(cloud: str) -> None:
    assert http.request("POST", f"{cloud}/_localcloud/console-link").status == 403


def test_a_form_needs_the_page_s_token_and_origin(visitor: Visitor) -> None:
    address = f"{visitor.address}{ROOT}mailbox"
    for form in ({"action": "confirm"}, {"action": "confirm", "form_token": "x"}):
        assert send_form(address, visitor.headers, form).status == 403
        assert send_form(address, {}, form).status == 401


@pytest.mark.parametrize("page", ["", "mailbox", "static/console.js", "static/console.css"])
def test_nothing_comes_from_elsewhere_and_nothing_is_kept(visitor: Visitor, page: str) -> None:
    answer = http.request("GET", f"{visitor.address}{ROOT}{page}", headers=visitor.headers)
    assert answer.status == 200
    assert "default-src 'none'" in answer.headers["content-security-policy"]
    assert answer.headers["cache-control"] == "no-store"
    assert not re.search(rb'(src|href|action)="(https?:)?//', answer.data)
    assert not re.search(rb'(src|href|action)="/', answer.data)  # a prefix may stand in front


@pytest.mark.parametrize("path", ["static/../site.py", "static/%2e%2e/site.py", "static/nope.css"])
def test_only_the_page_s_own_files_are_given_out(visitor: Visitor, path: str) -> None:
    assert visitor.get(path)[0] == 404


# -- What the pages show ---------------------------------------------------------------------------


def test_an_empty_cloud_says_what_to_do(visitor: Visitor) -> None:
    assert "lab up" in visitor.get()[1]
    assert "No mail yet" in visitor.get("mailbox")[1]


@pytest.mark.parametrize(
    "page", ["queue/x", "function/x", "topic/x", "table/x", "api/x", "order/x", "x", "queue"]
)
def test_what_is_not_there_is_said(visitor: Visitor, page: str) -> None:
    code, text = visitor.get(page)
    assert code == 404
    assert "Not there" in text


def test_the_picture_has_every_part_and_every_way(visitor: Visitor, aws: Session) -> None:
    given("01", "02", "03", "04", "05")
    text = visitor.get()[1]
    parts = re.findall('data-part="([^"]+)"', text)
    assert len(parts) == len(set(parts)) == 12
    ways = set(re.findall('data-from="([^"]+)"\\s+data-to="([^"]+)"', text))
    short = {tuple(each.split(":")[-1] for each in way) for way in ways}
    n = names()
    api = aws.client("apigateway").get_rest_apis()["items"][0]["id"]
    assert short == {
        (api, n.take_order),
        (n.take_order, n.queue),
        (n.take_order, n.stakeholders),
        (n.queue, n.notify_fulfillment),
        (n.notify_fulfillment, n.topic),
        (n.topic, n.record_order),
        (n.topic, "mailbox"),
        (n.stakeholders, "mailbox"),
        (n.record_order, f"table/{n.table}"),
        (n.queue, n.queue_dead_letters),
        (n.topic, n.topic_dead_letters),
        (n.record_order, n.function_dead_letters),
    }
    assert "The trigger is off" not in text
    lambda_ = aws.client("lambda")
    (mapping,) = lambda_.list_event_source_mappings()["EventSourceMappings"]
    lambda_.update_event_source_mapping(UUID=mapping["UUID"], Enabled=False)
    off = f"✕ {n.queue} to {n.notify_fulfillment}: The trigger is off."
    assert off in visitor.get()[1]
    assert "the function that it triggers" not in visitor.get(f"queue/{n.queue}")[1]


BREAKS: dict[str, tuple[Callable[[Session, Names], object], str]] = {
    "the role may not publish": (
        lambda aws, n: aws.client("iam").put_role_policy(
            RoleName=n.role(n.notify_fulfillment, "us-east-1"),
            PolicyName="notify-fulfillment",
            PolicyDocument=json.dumps(
                {
                    "Version": "2012-10-17",
                    "Statement": [{"Effect": "Allow", "Action": "sqs:*", "Resource": "*"}],
                }
            ),
        ),
        "notify_fulfillment to Orders: The role notify_fulfillment-role-us-east-1 does not allow "
        "sns:Publish.",
    ),
    "SNS may not call": (
        lambda aws, n: aws.client("lambda").remove_permission(
            FunctionName=n.record_order,
            StatementId=permission_of(aws, n.record_order),
        ),
        "Orders to record_order: SNS may not deliver: ",
    ),
    "API Gateway may not call": (
        lambda aws, n: aws.client("lambda").remove_permission(
            FunctionName=n.take_order, StatementId=permission_of(aws, n.take_order)
        ),
        "Orders to take_order: API Gateway may not call the function.",
    ),
}


def permission_of(aws: Session, function: str) -> str:
    policy = json.loads(aws.client("lambda").get_policy(FunctionName=function)["Policy"])
    return str(policy["Statement"][0]["Sid"])


def places(text: str) -> list[str]:
    """Where each part stands in the picture."""
    return re.findall(r'<rect class="box [^"]*" x="\d+" y="\d+"', text)


@pytest.mark.parametrize("which", BREAKS)
def test_a_way_that_is_cut_stays_in_the_picture_and_says_why(
    visitor: Visitor, aws: Session, which: str
) -> None:
    given("01", "02", "03", "04", "05")
    before = visitor.get()[1]
    assert "✕" not in before
    break_it, said = BREAKS[which]
    break_it(aws, names())
    text = visitor.get()[1]
    assert f"✕ {said}" in text
    assert text.count('class="cut"') == 1
    assert places(text) == places(before)


def test_an_order_is_on_every_screen_that_it_passes(visitor: Visitor, aws: Session) -> None:
    given("01", "02", "03", "04", "05")
    n = names()
    assert post(aws, product="<script>alert(1)</script>", quantity=2, order_id="page-1") == 202
    table = aws.resource("dynamodb").Table(n.table)
    wait_until(lambda: table.get_item(Key={"order_id": "page-1"}).get("Item"), "it is recorded")
    wait_until(lambda: status(visitor.address)["is_idle"], "its mail is there")
    for page in (f"table/{n.table}", "mailbox", "order/page-1"):
        raw = http.request("GET", f"{visitor.address}{ROOT}{page}", headers=visitor.headers).data
        assert b"&lt;script&gt;alert(1)" in raw and b"<script>alert" not in raw, page
    story = visitor.get("order/page-1")[1]
    hops = [story.index(word) for word in ("QUEUED", "PUBLISHED", "RECORDED")]
    assert hops == sorted(hops)
    rows = visitor.rows("order/page-1", " ms ")
    assert f"api {n.api} answered POST /orders with 202, after" in rows[0]  # it began there
    assert f"function {n.take_order} ran" in rows[1]
    log = visitor.get(f"function/{n.record_order}")[1].partition("<pre")[2].partition("</pre>")[0]
    assert '"page-1"' in log
    last = log.rindex("START RequestId")
    assert last < log.index('"page-1"') < log.rindex("END RequestId") < log.rindex("REPORT")


def test_messages_are_seen_without_being_received(visitor: Visitor, aws: Session) -> None:
    url = make_queue(aws, "tea")
    sqs = aws.client("sqs")
    for number in range(60):
        sqs.send_message(
            QueueUrl=url, MessageBody=f"number {number}: \x1b[31m".replace("\x1b", "\t")
        )
    sqs.send_message(QueueUrl=url, MessageBody="x" * 5000)
    pages = (visitor.get(f"queue/tea?page={number}")[1] for number in range(2))
    first, second = (page.partition("Lately")[0] for page in pages)
    assert "number 0:" in first and "number 55:" not in first
    assert "1 to 50 of 61" in first and "number 55:" in second
    assert "5000 bytes in all" in second
    (message,) = sqs.receive_message(QueueUrl=url, AttributeNames=["All"])["Messages"]
    assert message["Attributes"]["ApproximateReceiveCount"] == "1"
    assert "1 in flight" in visitor.get("queue/tea")[1]


def test_the_trail_says_who_called_what_and_what_was_refused(
    visitor: Visitor, aws: Session
) -> None:
    make_queue(aws, "tea")
    source = (
        "import boto3\n"
        "def handler(event, context):\n"
        "    return boto3.client('sqs').get_queue_url(QueueName='tea')['QueueUrl']\n"
    )
    allowed = {"Effect": "Allow", "Action": "sns:Publish", "Resource": "*"}
    role = make_role(aws, "weak", {"Version": "2012-10-17", "Statement": [allowed]})
    make_function(aws, "f", source, Role=role)
    answer = aws.client("lambda").invoke(FunctionName="f")
    assert "FunctionError" in answer
    text = visitor.get("trail")[1]
    row = next(r for r in text.split("<tr>") if "GetQueueUrl" in r)
    assert "weak" in row and "✕ 403" in row and "no identity-based policy allows" in row
    made = next(r for r in text.split("<tr>") if "CreateQueue" in r)
    assert "you" in made and "ok" in made
    assert "secret" not in text.lower()


def test_the_course_has_its_say(visitor: Visitor, aws: Session) -> None:
    make_queue(aws, "tea")
    make_function(aws, "f", "def handler(event, context): return event['of']")
    local.send_words(
        visitor.address,
        {"words": {"queue:tea": "Where <tea> waits."}, "events": {"one": {"of": 7}}},
    )
    assert "Where <tea> waits." in visitor.get("queue/tea")[1]
    assert "Where <tea> waits." in visitor.get()[1]
    assert "Test with one" in visitor.get("function/f")[1]
    with pytest.raises(LabError, match="expected at most 262,144 bytes of words, found"):
        local.send_words(visitor.address, {"words": {"x": "x" * 300_000}})
    with pytest.raises(LabError, match=r"expected .+words"):
        local.send_words(visitor.address, {"words": ["x"]})


@pytest.mark.parametrize(
    ("to", "where"),
    [
        ("queue%2FCustomerOrders", "./queue/CustomerOrders"),
        ("//example.com", "./"),
        ("x%22y", "./"),
    ],
)
def test_a_link_can_lead_to_a_screen_of_ours_only(cloud: str, to: str, where: str) -> None:
    answer = http.request("GET", f"{cloud}{local.console_link(cloud)}&to={to}")
    assert f'content="0; url={where}"'.encode() in answer.data


# -- What the buttons do ---------------------------------------------------------------------------


def test_an_order_is_sent_from_the_form(visitor: Visitor, aws: Session) -> None:
    given("01", "02", "03", "04", "05")
    order = json.dumps({"product": "tea", "quantity": 1, "order_id": "form-1"})
    code, text = visitor.press(f"api/{names().api}", "post", path="/orders", body=order)
    assert code == 200 and "202" in text and 'href="../order/form-1"' in text
    table = aws.resource("dynamodb").Table(names().table)
    wait_until(lambda: table.get_item(Key={"order_id": "form-1"}).get("Item"), "it is recorded")
    text = visitor.press(f"api/{names().api}", "post", path="/orders", body="{")[1]
    assert "400" in text
    mine = '{"product": "<b>", "quantity": "many"}'
    raw = visitor.press(f"api/{names().api}", "post", path="/orders", body=mine)[1]
    assert f'spellcheck="false">{mine}</textarea>' in raw  # to be put right, not typed again
    key = aws.client("apigateway").get_api_keys(includeValues=True)["items"][0]["value"]
    assert key not in visitor.get(f"api/{names().api}")[1]
    assert key in visitor.press(f"api/{names().api}", "show_key")[1]


def test_a_subscription_is_confirmed_from_its_mail(visitor: Visitor, aws: Session) -> None:
    sns = aws.client("sns")
    topic = sns.create_topic(Name="tea")["TopicArn"]
    sns.subscribe(TopicArn=topic, Protocol="email", Endpoint="ana@example.com")
    wait_until(lambda: "ConfirmSubscription" in visitor.get("mailbox")[1], "the mail is there")
    assert "to be confirmed" in visitor.get("topic/tea")[1]
    link = re.search('name="link" value="([^"]+)"', visitor.get("mailbox")[1])
    assert link is not None
    assert "Subscription confirmed" in visitor.press("mailbox", "confirm", link=link[1])[1]
    assert "to be confirmed" not in visitor.get("topic/tea")[1]
    text = visitor.get("mailbox")[1]
    assert "Confirm the subscription" not in text and "Nothing waits for this link" in text
    assert "did not work" in visitor.press("mailbox", "confirm", link="http://x/?Token=x")[1]


def test_a_function_is_tested(visitor: Visitor, aws: Session) -> None:
    make_function(aws, "f", "def handler(event, context): return event['tea'] * 2")
    assert '"greengreen"' in visitor.press("function/f", "test", event='{"tea": "green"}')[1]
    assert "KeyError" in visitor.press("function/f", "test", event="{}")[1]
    assert "not JSON" in visitor.press("function/f", "test", event="{")[1]
    assert "Runs: 2, of them errors: 1." in visitor.get("function/f")[1]


def test_dead_letters_go_back(visitor: Visitor, aws: Session) -> None:
    dead = make_queue(aws, "dead")
    sqs = aws.client("sqs")
    arn = sqs.get_queue_attributes(QueueUrl=dead, AttributeNames=["QueueArn"])["Attributes"][
        "QueueArn"
    ]
    policy = json.dumps({"deadLetterTargetArn": arn, "maxReceiveCount": 1})
    url = make_queue(aws, "tea", RedrivePolicy=policy, VisibilityTimeout="0")
    sqs.send_message(QueueUrl=url, MessageBody="tea")
    sqs.receive_message(QueueUrl=url)
    wait_until(lambda: not sqs.receive_message(QueueUrl=url).get("Messages"), "it is a dead letter")
    assert "✕ 1 stuck" in visitor.get()[1]
    assert "Send all back" in visitor.get("queue/dead")[1]
    assert "on their way back" in visitor.press("queue/dead", "redrive")[1]
    wait_until(lambda: "1 visible" in visitor.get("queue/tea")[1], "it is back")
    assert "did not work" in visitor.press("queue/dead", "nonsense")[1]


def test_dead_letters_that_sqs_cannot_send_back_have_no_button(
    visitor: Visitor, aws: Session
) -> None:
    dead = make_queue(aws, "dead")
    arn = f"arn:aws:sqs:us-east-1:{account_id(aws)}:dead"
    make_function(aws, "f", "def handler(event, context): 1 / 0")
    aws.client("lambda").update_function_configuration(
        FunctionName="f", DeadLetterConfig={"TargetArn": arn}
    )
    assert "No dead letters" in visitor.get("queue/dead")[1]
    aws.client("sqs").send_message(QueueUrl=dead, MessageBody="tea")
    text = visitor.get("queue/dead")[1]
    assert "Send all back" not in text and "lab redrive" in text


def test_a_reload_sends_nothing_again(visitor: Visitor, aws: Session) -> None:
    make_function(aws, "f", "def handler(event, context): return 7")
    visitor.press("function/f", "test", event="{}")
    form = {"form_token": visitor.token, "action": "test", "event": "{}"}
    answer = send_form(f"{visitor.address}{ROOT}function/f", visitor.headers, form, redirect=False)
    assert answer.status == 303
    outcome = f"function/f{answer.headers['location']}"
    for _ in range(2):
        assert "f answered: 7" in visitor.get(outcome)[1]
    assert "f answered" not in visitor.get("function/f")[1]
    assert "Runs: 2," in visitor.get("function/f")[1]


def test_a_page_that_there_is_not_is_said(visitor: Visitor, aws: Session) -> None:
    make_queue(aws, "tea")
    code, text = visitor.get("trail?page=999")
    assert code == 404 and "There is no page 999 of that" in text


def test_the_trail_can_show_what_was_refused_or_what_functions_called(
    visitor: Visitor, aws: Session
) -> None:
    make_queue(aws, "tea")
    with pytest.raises(ClientError):
        aws.client("sqs").get_queue_url(QueueName="none")
    source = "import boto3\ndef handler(event, context): boto3.client('sqs').list_queues()"
    make_function(aws, "f", source)
    aws.client("lambda").invoke(FunctionName="f")
    refused = visitor.get("trail?only=refused")[1]
    assert "GetQueueUrl" in refused and "CreateQueue" not in refused
    called = visitor.get("trail?only=functions")[1]
    assert "ListQueues" in called and "CreateFunction" not in called


# -- What moves ------------------------------------------------------------------------------------


@pytest.fixture
def stream(visitor: Visitor) -> Iterator[Any]:
    address = f"{visitor.address}{ROOT}events?path="
    answer = http.request("GET", address, headers=visitor.headers, preload_content=False)
    yield answer
    answer.close()


def test_a_stream_tells_what_changed(stream: Any, aws: Session) -> None:
    def next_picture() -> str:
        while not (line := stream.readline()).startswith(b"data: "):
            pass
        return str(json.loads(line[6:]))

    assert "There is nothing yet" in next_picture()
    make_queue(aws, "tea")
    assert "queue/tea" in next_picture()


def test_streams_are_bounded_and_end_with_their_pages(visitor: Visitor) -> None:
    address = f"{visitor.address}{ROOT}events?path="
    pool = urllib3.PoolManager(maxsize=50)

    def follow() -> urllib3.BaseHTTPResponse:
        return pool.request("GET", address, headers=visitor.headers, preload_content=False)

    def open_all() -> list[int]:
        answers = [follow() for _ in range(41)]
        for answer in answers:
            answer.close()
        return [answer.status for answer in answers]

    once_closed = [200] * 40 + [503]
    wait_until(lambda: open_all() == once_closed, "the streams of closed pages have ended")
    wait_until(lambda: open_all() == once_closed, "these have ended, too")
