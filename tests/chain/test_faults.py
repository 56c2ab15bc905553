"""The faults that an order can meet, one test for each, through the whole chain.

Each test posts over HTTP as the shop does, or starts at the hop that meets the fault, and says
what the caller was answered, where the order ended (one item, one dead letter, or refused) and
what was logged of it. The invariant behind them all: an order that got a 202 ends as exactly one
item or one dead letter.
"""

from __future__ import annotations

import json
import os
import signal
import socket
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import pytest
import urllib3
from botocore.exceptions import ClientError, EndpointConnectionError

from lab.aws.waiting import wait_until
from lab.course import COURSE
from lab.course.names import names
from lab.engine import catch_up
from lab.here.own_cloud import environment
from tests.support.chain import Chain
from tests.support.chapters import run_chapters
from tests.support.clouds import own_cloud
from tests.support.counts import counts
from tests.support.fault_proxy import NOTHING_SENT, fault_proxy
from tests.support.functions import make_function, make_role
from tests.support.roles import take_away
from tests.support.sessions import make_session

pytestmark = pytest.mark.slow

BROKEN = (502, {"message": "Internal server error"})
WELL = ["QUEUED", "PUBLISHED", "RECORDED"]
CLAIMS_NOT_TO_BE_JSON = "text/plain"  # passes API Gateway's validator, so that the function checks


def tea(order_id: str, **more: Any) -> dict[str, Any]:
    return {"product": "tea", "quantity": 2, "order_id": order_id, **more}


def queued(order_id: str, **more: Any) -> dict[str, Any]:
    """An order as it is on the queue."""
    return tea(order_id, received_epoch_ms=1, queued_epoch_ms=2, **more)


def check_refused(chain: Chain, body: Any, field: str, logged_as: str | None) -> None:
    """API Gateway refuses it, and the function, too; nothing is queued, and one line logged."""
    before = len(chain.items()), len(chain.dead_letters())
    status, answer = chain.post(body)
    assert status == 400
    assert answer["message"].startswith((f"[{field}: ", f"{field}: ", "[body: "))
    seen = len(chain.log(logged_as)) if logged_as else 0
    assert seen <= 1  # API Gateway's model cannot say everything; then the function refuses it
    status, answer = chain.post(body, CLAIMS_NOT_TO_BE_JSON)
    assert status == 400
    assert answer["message"].startswith(f"{field}: ")
    if logged_as:
        assert chain.log(logged_as) == ["REFUSED"] * (seen + 1)
    assert chain.waiting() == 0
    assert (len(chain.items()), len(chain.dead_letters())) == before


def check_well(chain: Chain, order: dict[str, Any], *logged: str) -> dict[str, Any]:
    """The order ends as one item, with what was logged, and as no dead letter."""
    order_id = order["order_id"]
    chain.wait_for_log(order_id, *(logged or WELL))
    item: dict[str, Any] = chain.item(order_id)
    assert (item["product"], item["quantity"]) == (order["product"], order["quantity"])
    assert not [1 for _, dead in chain.dead_letters() if order_id in dead["Body"]]
    return item


@contextmanager
def broken(chain: Chain) -> Iterator[None]:
    """What is broken in here is fixed afterwards, as a learner would do it: by the chapters."""
    yield
    chain.proxy.set()
    chain.run_chapters()


# -- What is no order ----------------------------------------------------------------------------


def test_fault_malformed_json(chain: Chain) -> None:
    check_refused(chain, b'{"product": "tea", "quantity": ', "body", None)


@pytest.mark.parametrize(
    ("field", "order"),
    [
        ("product", {"quantity": 2, "order_id": "missing"}),
        ("color", tea("unknown", color="green")),
        ("customer_email", tea("wrong", customer_email=["ana@example.com"])),
    ],
)
def test_fault_missing_unknown_or_wrong_fields(
    chain: Chain, field: str, order: dict[str, Any]
) -> None:
    check_refused(chain, order, field, order["order_id"])


@pytest.mark.parametrize(
    ("name", "quantity"),
    [("huge", 10**400), ("negative", -1), ("boolean", True), ("fractional", 1.5)],
    ids=["huge", "negative", "boolean", "fractional"],
)
def test_fault_huge_negative_boolean_or_fractional_quantity(
    chain: Chain, name: str, quantity: Any
) -> None:
    check_refused(chain, tea(name, quantity=quantity), "quantity", name)


@pytest.mark.parametrize(
    ("name", "text"), [("emoji", "tea 🍵👩‍👩‍👧"), ("right-to-left", "شاي أخضر ‏(2)")]
)
def test_fault_emoji_and_right_to_left_text(chain: Chain, name: str, text: str) -> None:
    order = tea(name, product=text)
    assert chain.post(order)[0] == 202
    check_well(chain, order)


@pytest.mark.parametrize(
    ("name", "text"), [("control", "a\x00b"), ("bell", "\x07"), ("surrogate", "a\ud83cb")]
)
def test_fault_control_characters_and_lone_surrogates(chain: Chain, name: str, text: str) -> None:
    check_refused(chain, tea(name, product=text), "product", name)


def test_fault_a_line_break_for_the_subject(chain: Chain) -> None:
    order = queued("subject", product="tea\r\nBcc: everybody@example.com")
    check_refused(chain, tea("line-break", product=order["product"]), "product", "line-break")
    chain.send(order)  # SNS would refuse such a Subject; ours is the same for every order
    check_well(chain, order, "PUBLISHED", "RECORDED")


# -- What SNS does not take ----------------------------------------------------------------------


def test_fault_an_order_of_256_kib_to_1_mib(chain: Chain) -> None:
    check_refused(chain, tea("large", product="x" * 300_000), "product", "large")
    chain.send(queued("too-large", product="x" * 300_000))
    name, _ = chain.dead_letter('"too-large"')
    assert name == names().queue_dead_letters
    assert chain.log("too-large") == ["NOT_PUBLISHED"] * 3  # once for each time it was received
    assert "too-large" not in chain.items()


def test_fault_a_poison_message_among_nine_good_ones(chain: Chain) -> None:
    (mapping,) = chain.lambda_.list_event_source_mappings()["EventSourceMappings"]
    chain.lambda_.update_event_source_mapping(UUID=mapping["UUID"], Enabled=False)
    good = [queued(f"good-{i}") for i in range(9)]
    chain.send(*good[:4], '{"poison": true', *good[4:])
    chain.lambda_.update_event_source_mapping(UUID=mapping["UUID"], Enabled=True)
    for order in good:
        check_well(chain, order, "PUBLISHED", "RECORDED")  # none of them twice
    name, _ = chain.dead_letter("poison")
    assert name == names().queue_dead_letters
    for order in good:
        assert sorted(chain.log(order["order_id"])) == ["PUBLISHED", "RECORDED"]


def test_fault_the_message_to_sns_has_no_default(chain: Chain) -> None:
    order_id = "no-default"
    with chain.edited("notify_fulfillment", '"default"', '"lambda"'):
        assert chain.post(tea(order_id))[0] == 202
        name, _ = chain.dead_letter(order_id)
    assert name == names().queue_dead_letters
    assert order_id not in chain.items()
    chain.wait_for_log(order_id, "QUEUED", *["NOT_PUBLISHED"] * 3)


def test_fault_the_message_to_sns_has_one_text_only(chain: Chain) -> None:
    order = tea("e-mail-only")
    with chain.edited(
        "notify_fulfillment", '{"default": json.dumps(order), "email": text}', '{"email": text}'
    ):
        assert chain.post(order)[0] == 202
        chain.dead_letter("e-mail-only")
    chain.wait_for_log("e-mail-only", "QUEUED", *["NOT_PUBLISHED"] * 3)


REFUSE_ONE = """
        entries = context["params"]["PublishBatchRequestEntries"]
        context["params"]["PublishBatchRequestEntries"] = entries[1:]
        failed = {"Id": entries[0]["Id"], "Code": "InternalError", "SenderFault": False}
        real.sns.meta.events.register(
            "after-call.sns.PublishBatch", lambda parsed, **_: parsed.update(Failed=[failed])
        )
"""


def test_fault_a_partial_publish_failure_on_http_200(chain: Chain) -> None:
    (mapping,) = chain.lambda_.list_event_source_mappings()["EventSourceMappings"]
    with chain.misbehaving("notify_fulfillment", "before-parameter-build", REFUSE_ONE):
        chain.lambda_.update_event_source_mapping(UUID=mapping["UUID"], Enabled=False)
        orders = [queued(f"partial-{i}") for i in range(3)]
        chain.send(*orders)
        chain.lambda_.update_event_source_mapping(UUID=mapping["UUID"], Enabled=True)
        check_well(chain, orders[0], "NOT_PUBLISHED", "PUBLISHED", "RECORDED")
        for order in orders[1:]:
            check_well(chain, order, "PUBLISHED", "RECORDED")


# -- What comes twice ----------------------------------------------------------------------------


def test_fault_a_duplicate_from_sqs(chain: Chain) -> None:
    order = queued("twice-from-sqs")
    chain.send(order, order)
    check_well(chain, order, "PUBLISHED", "PUBLISHED", "RECORDED", "ALREADY_RECORDED")


def test_fault_a_duplicate_from_sns_with_a_new_message_id(chain: Chain) -> None:
    order = queued("twice-from-sns", notified_epoch_ms=3)
    sns = chain.aws.client("sns")
    topic = sns.create_topic(Name=names().topic, Tags=[])["TopicArn"]
    ids = {sns.publish(TopicArn=topic, Message=json.dumps(order))["MessageId"] for _ in range(2)}
    assert len(ids) == 2
    check_well(chain, order, "RECORDED", "ALREADY_RECORDED")


def test_fault_the_write_is_done_and_the_reply_lost(chain: Chain) -> None:
    order = tea("reply-lost")
    chain.proxy.set({"operation": "PutItem", "times": 1, "response": NOTHING_SENT})
    assert chain.post(order)[0] == 202
    check_well(chain, order, "QUEUED", "PUBLISHED", "ALREADY_RECORDED")
    assert chain.proxy.fired()["response:abort"] == 1


def test_fault_the_same_id_with_other_content(chain: Chain) -> None:
    first, second = tea("conflict"), tea("conflict", quantity=3)
    assert chain.post(first)[0] == 202
    chain.item("conflict")
    assert chain.post(second)[0] == 202
    name, dead = chain.dead_letter('\\"conflict\\"')
    assert name == names().function_dead_letters
    assert "conflict exists already" in dead["MessageAttributes"]["ErrorMessage"]["StringValue"]
    assert chain.item("conflict")["quantity"] == 2
    chain.wait_for_log("conflict", *WELL, "QUEUED", "PUBLISHED", *["CONFLICT"] * 3)


# -- What AWS refuses ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("operation", "code", "logged"),
    [
        ("PutItem", "ThrottlingException", "NOT_RECORDED"),
        ("PutItem", "ProvisionedThroughputExceededException", "NOT_RECORDED"),
        ("PublishBatch", "Throttled", "NOT_PUBLISHED"),
    ],
)
def test_fault_throttled_dynamodb_or_sns(
    chain: Chain, operation: str, code: str, logged: str
) -> None:
    order = tea(f"throttled-{code}")
    set_visibility(chain, 6)  # longer than boto3's pauses, or SQS delivers it meanwhile
    # As often as boto3 tries within one invocation.
    chain.proxy.set({"operation": operation, "times": 3, "error": {"code": code}})
    assert chain.post(order)[0] == 202
    check_well(chain, order, *WELL, logged)


def test_fault_denied_sqs_at_post(chain: Chain) -> None:
    order = tea("denied")
    with broken(chain):
        take_away(chain.aws, "take_order", "sqs:SendMessage")
        assert chain.post(order) == BROKEN
        assert chain.log("denied") == ["NOT_QUEUED"]
    assert "denied" not in chain.items()
    assert chain.post(order)[0] == 202  # as the shop does
    check_well(chain, order, "NOT_QUEUED", *WELL)


def test_fault_the_table_is_gone(chain: Chain) -> None:
    chain.dynamodb.meta.client.delete_table(TableName=names().table)
    assert chain.post(tea("no-table"))[0] == 202
    name, _ = chain.dead_letter('\\"no-table\\"')
    assert name == names().function_dead_letters
    chain.wait_for_log("no-table", "QUEUED", "PUBLISHED", *["NOT_RECORDED"] * 3)


def test_fault_the_topic_is_gone(chain: Chain) -> None:
    sns = chain.aws.client("sns")
    topic = sns.create_topic(Name=names().topic, Tags=[])["TopicArn"]
    sns.delete_topic(TopicArn=topic)
    assert chain.post(tea("no-topic"))[0] == 202
    name, _ = chain.dead_letter('"no-topic"')
    assert name == names().queue_dead_letters
    chain.wait_for_log("no-topic", "QUEUED", *["NOT_PUBLISHED"] * 3)
    assert "no-topic" not in chain.items()


def test_fault_the_topic_is_made_again_before_anybody_is_subscribed(chain: Chain) -> None:
    sns, order = chain.aws.client("sns"), tea("topic-made-again")
    chain.come_back(receives=20)
    topic = sns.create_topic(Name=names().topic, Tags=[])["TopicArn"]
    sns.delete_topic(TopicArn=topic)
    assert chain.post(order)[0] == 202
    wait_until(lambda: "NOT_PUBLISHED" in chain.log(order["order_id"]), "it was tried")
    run_chapters("03")
    wait_until(lambda: counts(chain.sqs, chain.queue).visible == 1, "it is back in the queue")
    assert "PUBLISHED" not in chain.log(order["order_id"])
    set_visibility(chain, 90)
    run_chapters("04", "05")
    chain.item(order["order_id"])
    wait_until(
        lambda: chain.log(order["order_id"])[-2:] == ["PUBLISHED", "RECORDED"],
        "it is published and recorded",
    )


def test_fault_chapter_03_is_reset_with_orders_under_way(chain: Chain) -> None:
    order = tea("reset-under-way")
    nap = chain.misbehaving("notify_fulfillment", "before-call", "time.sleep(1.5)")
    with broken(chain), nap as marker:
        set_visibility(chain, 90)
        assert chain.post(order)[0] == 202
        wait_until(marker.exists, "it is under way", timeout=90)
        assert catch_up.undo(COURSE, chain.aws, ("05",)).left == []
    check_well(chain, order)


def test_fault_the_queue_is_gone(chain: Chain) -> None:
    order = tea("no-queue")
    chain.sqs.delete_queue(QueueUrl=chain.queue)
    assert chain.post(order)[0] == 202  # take_order makes a new one
    check_well(chain, order)


# -- What takes too long -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("stem", "answer"),
    [("take_order", BROKEN[0]), ("notify_fulfillment", 202), ("record_order", 202)],
)
def test_fault_a_function_timeout(chain: Chain, stem: str, answer: int) -> None:
    order = tea(f"{stem}-timeout")
    with chain.misbehaving(stem, "before-call", "time.sleep(60)") as marker:
        function = getattr(names(), stem)
        chain.lambda_.update_function_configuration(FunctionName=function, Timeout=2)
        try:
            assert chain.post(order)[0] == answer
            if answer != 202:
                assert chain.post(order)[0] == 202
            check_well(chain, order)
            assert marker.exists()
        finally:
            chain.lambda_.update_function_configuration(FunctionName=function, Timeout=15)


def test_fault_a_visibility_timeout_below_the_function_s(chain: Chain) -> None:
    (mapping,) = chain.lambda_.list_event_source_mappings()["EventSourceMappings"]
    order = tea("visible-too-soon")
    with chain.misbehaving("notify_fulfillment", "before-call", "time.sleep(3)"):
        assert chain.post(order)[0] == 202  # is delivered a second time after two seconds
        check_well(chain, order, *WELL, "PUBLISHED", "ALREADY_RECORDED")
    chain.lambda_.delete_event_source_mapping(UUID=mapping["UUID"])
    with pytest.raises(ClientError, match="visibility timeout: 2 seconds is less than"):
        chain.lambda_.create_event_source_mapping(
            EventSourceArn=mapping["EventSourceArn"], FunctionName=names().notify_fulfillment
        )
    set_visibility(chain, 90)


def set_visibility(chain: Chain, seconds: int) -> None:
    attributes = {"VisibilityTimeout": str(seconds)}
    chain.sqs.set_queue_attributes(QueueUrl=chain.queue, Attributes=attributes)


@pytest.mark.parity(
    "A new role takes some seconds until Lambda can assume it",
    kept="if asked for: `--role-delay SECONDS`",
    module="lambda_.validation",
    service="IAM",
    aws="https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot_general.html",
)
def test_fault_a_role_is_not_yet_assumable(capsys: pytest.CaptureFixture[str]) -> None:
    with (
        own_cloud("--role-delay", "3") as (address, _),
        environment(AWS_ENDPOINT_URL=address),
    ):
        aws = make_session(address)
        role = make_role(aws, "new")
        with pytest.raises(ClientError, match="cannot be assumed by Lambda"):
            make_function(aws, "f", "def handler(event, context): return 1", Role=role)
        run_chapters("01", "02")
        assert "Created the function take_order." in capsys.readouterr().out


def test_fault_the_permission_of_the_api_is_removed(chain: Chain) -> None:
    order = tea("not-permitted")
    with broken(chain):
        remove_permissions(chain, names().take_order)
        assert chain.post(order) == (500, {"message": "Internal server error"})
        assert chain.log("not-permitted") == []  # no function ran
    assert chain.post(order)[0] == 202
    check_well(chain, order)


def test_fault_the_permission_of_the_topic_is_removed(chain: Chain) -> None:
    remove_permissions(chain, names().record_order)
    assert chain.post(tea("not-permitted-by-topic"))[0] == 202
    name, _ = chain.dead_letter("not-permitted-by-topic")
    assert name == names().topic_dead_letters
    chain.wait_for_log("not-permitted-by-topic", "QUEUED", "PUBLISHED")


def test_the_chapters_fix_all_of_that_at_once(chain: Chain) -> None:
    n, order = names(), tea("fixed")
    with broken(chain):
        sns = chain.aws.client("sns")
        sns.delete_topic(TopicArn=sns.create_topic(Name=n.topic, Tags=[])["TopicArn"])
        chain.dynamodb.meta.client.delete_table(TableName=n.table)
        remove_permissions(chain, n.take_order)
        remove_permissions(chain, n.record_order)
        take_away(chain.aws, "take_order", "sqs:SendMessage")
        (mapping,) = chain.lambda_.list_event_source_mappings()["EventSourceMappings"]
        chain.lambda_.delete_event_source_mapping(UUID=mapping["UUID"])
        chain.sqs.delete_queue(QueueUrl=chain.queue)
    assert chain.post(order)[0] == 202
    check_well(chain, order)


def remove_permissions(chain: Chain, function: str) -> None:
    policy = json.loads(chain.lambda_.get_policy(FunctionName=function)["Policy"])
    for statement in policy["Statement"]:
        chain.lambda_.remove_permission(FunctionName=function, StatementId=statement["Sid"])


@pytest.mark.soak
def test_fault_the_local_cloud_is_killed_with_work_in_flight() -> None:
    with (
        own_cloud("--auth", "off") as (address, pid),
        environment(AWS_ENDPOINT_URL=address),
        fault_proxy(address) as proxy,
    ):
        chain = Chain(make_session(address), proxy)
        with pytest.raises(EndpointConnectionError):  # when the function is to behave again
            kill_in_flight(chain, pid)
    with socket.create_server(("127.0.0.1", int(address.rpartition(":")[2]))):
        pass  # the port is free again


def kill_in_flight(chain: Chain, pid: int) -> None:
    """Kill the local cloud when an order is on the queue, and the shop has no answer yet."""
    with (
        chain.misbehaving("take_order", "after-call", "time.sleep(60)") as marker,
        ThreadPoolExecutor(1) as thread,
    ):
        posting = thread.submit(chain.post, tea("in-flight"))
        wait_until(marker.exists, "the order is in flight", timeout=90)
        os.kill(pid, signal.SIGKILL)
        with pytest.raises(urllib3.exceptions.ProtocolError):  # and not a 202
            posting.result(timeout=10)
