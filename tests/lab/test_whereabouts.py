"""A wait that ends in vain says where the orders were last seen, and why."""

from __future__ import annotations

import io
import itertools
from typing import Any

import pytest
from botocore.exceptions import ClientError

import lab
from lab.aws import reads
from lab.aws.session import Session
from lab.aws.waiting import wait_until
from lab.course import COURSE, function_logs
from lab.course.names import names
from lab.course.whereabouts import in_short
from lab.engine import cells
from lab.errors import WaitTimeoutError
from tests.support.chapters import given, post
from tests.support.roles import take_away


def waited_in_vain(order: str) -> str:
    with pytest.raises(WaitTimeoutError) as raised:
        lab.wait_until(lambda: None, f"order {order} is in the table", timeout=0.1, order=order)
    return str(raised.value)


def once_logged(aws: Session, order: str, status: str) -> None:
    def look() -> bool:
        return any(line.says["status"] == status for line in function_logs.of_order(aws, order))

    wait_until(look, f"{status} is logged")


def test_an_order_that_may_not_be_written_is_followed_to_the_role(aws: Session) -> None:
    given(*COURSE.set_up)
    take_away(aws, "record_order", "dynamodb:PutItem")
    assert post(aws, product="tea", quantity=1, order_id="lost-1") == 202
    once_logged(aws, "lost-1", "NOT_RECORDED")
    said = waited_in_vain("lost-1")
    seen = (
        "Order lost-1 was last seen: take_order QUEUED, notify_fulfillment PUBLISHED, "
        "record_order NOT_RECORDED: AccessDenied dynamodb:PutItem"
    )
    assert f"\n{seen}" in said
    cell = cells.tagged(COURSE.find("04"), "role-policy")
    assert "it may do too little: it lacks dynamodb:PutItem on arn:aws:dynamodb:" in said
    assert f"Run code cell {cell.position} of 04_record_orders.ipynb" in said


def test_an_order_in_the_queue_of_a_trigger_that_is_off_is_followed_there(aws: Session) -> None:
    given(*COURSE.set_up)
    client = aws.client("lambda")
    (mapping,) = client.list_event_source_mappings()["EventSourceMappings"]
    client.update_event_source_mapping(UUID=mapping["UUID"], Enabled=False)
    off = {"UUID": mapping["UUID"]}
    wait_until(lambda: client.get_event_source_mapping(**off)["State"] == "Disabled", "it is off")
    assert post(aws, product="tea", quantity=1, order_id="lost-2") == 202
    once_logged(aws, "lost-2", "QUEUED")
    said = waited_in_vain("lost-2")
    assert "\nOrder lost-2 was last seen: take_order QUEUED.\n" in said
    assert "expected enabled true, found false" in said


def test_a_dead_letter_is_said_to_be_one(aws: Session) -> None:
    given(*COURSE.set_up)
    sqs = aws.client("sqs")
    url = sqs.get_queue_url(QueueName=names().queue_dead_letters)["QueueUrl"]
    sqs.send_message(QueueUrl=url, MessageBody='{"order_id": "lost-3"}')
    said = waited_in_vain("lost-3")
    assert "nowhere in the logs; it lies in CustomerOrders-dead-letters." in said


def test_an_order_of_which_nothing_is_known_is_said_to_be_unknown(aws: Session) -> None:
    given(*COURSE.set_up)
    assert "No function has logged anything of an order lost-4." in waited_in_vain("lost-4")


def test_what_was_seen_last_and_where_the_order_is_are_both_said(aws: Session) -> None:
    given(*COURSE.set_up)

    def look() -> bool:
        raise lab.NotYetError("3 of 5 are there.")

    with pytest.raises(WaitTimeoutError) as raised:
        lab.wait_until(look, "all are there", timeout=0.1, order="lost-5")
    assert "What was seen last: 3 of 5 are there." in str(raised.value)
    assert "lost-5" in str(raised.value)


DENIED = (
    "ClientError('An error occurred (AccessDeniedException) when calling the PutItem operation: "
    "User: arn:aws:sts::1:assumed-role/r/f is not authorized to perform: dynamodb:PutItem on "
    "resource: arn:aws:dynamodb:us-east-1:1:table/Orders')"
)


@pytest.mark.parametrize(
    ("error", "short"),
    [
        (DENIED, "AccessDenied dynamodb:PutItem"),
        ("ResourceNotFoundException('An error occurred (ResourceNotFoundException) when calling "
         "the PutItem operation: Requested resource not found')",
         "ResourceNotFound: Requested resource not found"),
        ("KeyError('quantity')", "KeyError('quantity')"),
    ],
)  # fmt: skip
def test_an_error_is_told_in_short(error: str, short: str) -> None:
    assert in_short(error) == short


def test_what_is_watched_is_asked_each_time(aws: Session, calls_made: set[str]) -> None:
    sqs: Any = aws.client("sqs")
    url = sqs.create_queue(QueueName="q")["QueueUrl"]
    count = "ApproximateNumberOfMessages"

    def waiting() -> str:
        found = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=[count])
        return str(found["Attributes"][count])

    with reads.once_each():
        assert waiting() == "0"
        sqs.send_message(QueueUrl=url, MessageBody="tea")
        assert waiting() == "0"  # what was answered first
        with reads.each_time():
            assert waiting() == "1"


@pytest.mark.parametrize(
    ("code", "status", "is_not_served"),
    [
        ("InternalFailure", 501, True),
        ("404", 404, True),
        ("405", 405, True),
        ("NotFoundException", 404, False),
        ("AccessDeniedException", 403, False),
        ("BadRequestException", 400, False),
    ],
)
def test_a_cloud_that_lacks_an_operation_is_told_from_one_that_refuses_it(
    code: str, status: int, is_not_served: bool
) -> None:
    reply: Any = {"Error": {"Code": code}, "ResponseMetadata": {"HTTPStatusCode": status}}
    assert lab.is_not_served(ClientError(reply, "TestInvokeMethod")) == is_not_served


class FakeLambda:
    """Answers tests of a function with these payloads; a text that begins with "!" is an error."""

    def __init__(self, *answers: str) -> None:
        self._answers = itertools.cycle(answers)

    def invoke(self, **_: object) -> dict[str, Any]:
        answer = next(self._answers)
        failed = {"FunctionError": "Unhandled"} if answer.startswith("!") else {}
        return {"Payload": io.BytesIO(answer.encode()), **failed}


@pytest.mark.parametrize(
    ("answers", "wanted", "said"),
    [
        (["fine"], 5, "0 of 5 tests failed, expected 5. This cloud does not enforce roles"),
        (["fine", "!denied"], 5, "2 of 5 tests failed, expected 5. !denied"),
        (["!denied"], 0, "5 of 5 tests failed, expected 0. !denied"),
    ],
)
def test_chapter_06_says_why_it_waits_for_a_role(
    answers: list[str], wanted: int, said: str
) -> None:
    (cell,) = (c for c in cells.cells(COURSE.find("08")) if "def tests_fail" in c.source)
    function, _, _ = cell.source.partition("\nlab.wait_until")
    scope: dict[str, Any] = {"lab": lab, "names": names(), "lambda_": FakeLambda(*answers)}
    exec(function, scope)
    with pytest.raises(lab.NotYetError) as raised:
        scope["tests_fail"](wanted)
    assert str(raised.value).startswith(said)
    scope["lambda_"] = FakeLambda("!denied" if wanted else "fine")
    assert scope["tests_fail"](wanted)
