"""The drawing of the chain: who runs as what, and where the cloud in use is cut."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest

import lab
from lab.aws.session import Session
from lab.course import COURSE
from lab.course.cuts import _stops, cuts
from lab.course.names import Names
from lab.engine.course import Cut
from tests.lab import test_breaks as breaks
from tests.support.chapters import TOPIC, given
from tests.support.roles import take_away

DENIED = json.dumps(
    {
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Deny", "Action": "dynamodb:*", "Resource": "*"}],
    }
)


def delete_table(aws: Session) -> None:
    aws.client("dynamodb").delete_table(TableName="Orders")


def revoke_topic(aws: Session) -> None:
    aws.client("lambda").remove_permission(FunctionName="record_order", StatementId="orders-topic")


def delete_topic(aws: Session) -> None:
    aws.client("sns").delete_topic(TopicArn=TOPIC)


def deny_table(aws: Session) -> None:
    aws.client("iam").put_role_policy(
        RoleName="record_order-role-us-east-1", PolicyName="deny", PolicyDocument=DENIED
    )


NOTIFIES = "arn:aws:iam::123456789012:role/notify_fulfillment-role-us-east-1"


# What is broken, and by arrow what the picture says of it.
HOLES: list[tuple[Callable[[Session], object], dict[str, str]]] = [
    (lambda aws: None, {}),
    (delete_table, {"record_order to Orders": "DynamoDB table Orders is missing"}),
    (
        lambda aws: take_away(aws, "record_order", "dynamodb:PutItem"),
        {
            "record_order to Orders": "What record_order-role-us-east-1 may do: it may do too "
            "little: it lacks dynamodb:PutItem"
        },
    ),
    (deny_table, {"record_order to Orders": r".*it is denied dynamodb:\* on \*, by .* deny.*"}),
    (
        breaks.trigger_off,
        {"CustomerOrders to notify_fulfillment": ".*: expected enabled true, found false"},
    ),
    (
        revoke_topic,
        {"Orders to record_order": "permission of Orders to invoke record_order is missing"},
    ),
    (
        breaks.unsubscribe,
        {"Orders to record_order": "subscription Orders to record_order is missing"},
    ),
    (breaks.delete_stage, {"Orders to take_order": "The stage prod is missing"}),
    (
        breaks.delete_queue,
        {
            "take_order to CustomerOrders": "SQS queue CustomerOrders is missing",
            "CustomerOrders to notify_fulfillment": "SQS queue CustomerOrders is missing",
        },
    ),
    (
        delete_topic,
        {
            "notify_fulfillment to Orders": "SNS topic Orders is missing",
            "Orders to record_order": "subscription Orders to record_order is missing",
        },
    ),
    (
        breaks.throttle("notify_fulfillment"),
        {"CustomerOrders to notify_fulfillment": "Room for notify_fulfillment to run: .*found 0"},
    ),
    (
        partial(breaks.set_boundary, action="sns:*"),
        {
            "CustomerOrders to notify_fulfillment": r".* boundary arn\S+ \(which does not allow "
            r".*, sqs:ReceiveMessage\), expected none"
        },
    ),
    (
        partial(breaks.deny_queue, Action=["sqs:GetQueueUrl", "sqs:SendMessage"]),
        {"take_order to CustomerOrders": r".* denies sqs:SendMessage on \*"},
    ),
    (
        partial(breaks.deny_queue, Principal={"AWS": NOTIFIES}),
        {"CustomerOrders to notify_fulfillment": rf".* denies sqs:\* on \* to {NOTIFIES}"},
    ),
    # What is not as the chapters made it, and lets orders pass.
    (partial(breaks.set_boundary, action="*"), {}),
    (partial(breaks.deny_queue, Principal={"AWS": "arn:aws:iam::123456789012:role/another"}), {}),
    (partial(breaks.deny_queue, Action="sqs:PurgeQueue"), {}),
    (breaks.attach_full_access, {}),
    (breaks.configure(Timeout=20), {}),
    (
        breaks.put_policy("notify-fulfillment", "sns:Publish"),
        {"CustomerOrders to notify_fulfillment": ".* it lacks sqs:ReceiveMessage"},
    ),
]


def in_short(cut: Cut) -> str:
    return " to ".join(text.rpartition("\n")[2] for text in (cut.start, cut.end))


@pytest.mark.slow
@pytest.mark.parametrize(("broken", "wanted"), HOLES)
def test_an_arrow_is_cut_where_no_order_passes(
    aws: Session, broken: Callable[[Session], object], wanted: dict[str, str]
) -> None:
    given("01", "02", "03", "04", "05")
    broken(aws)
    found = {in_short(cut): cut.why for cut in cuts(COURSE, aws)}
    found.pop("Orders to fulfillment", None)  # an address goes with its topic
    assert found.keys() == wanted.keys(), found
    for arrow, why in wanted.items():
        assert re.fullmatch(why, found[arrow]), found[arrow]


def test_the_picture_shows_a_cut_and_the_roles_in_words_too(
    aws: Session, capsys: pytest.CaptureFixture[str]
) -> None:
    given("01", "02", "03", "04", "05")
    delete_table(aws)
    lab.draw_chain("09", aws)
    said = capsys.readouterr().out
    assert said.startswith("Drew build/pictures/chain-09-cut.png: The chain: ")
    assert "Lambda record_order as record_order-role-<region>" in said
    assert "Lambda record_order to DynamoDB Orders: DynamoDB table Orders is missing." in said


def test_every_arrow_that_can_be_cut_is_drawn() -> None:
    drawn = {arrow for chapter in COURSE.chapters for arrow in chapter.arrows}
    assert _stops(Names(), "us-east-1").keys() <= drawn


def test_a_role_stands_at_each_function_and_is_the_one_that_the_chapters_make() -> None:
    boxes: list[Any] = [box for chapter in COURSE.chapters for box in chapter.boxes]
    roles = {box.text.partition("\n")[2]: box.role for box in boxes if box.role}
    n = Names()
    assert roles == {stem: n.role(stem, "<region>") for stem in n.functions}
