"""Every action that the three roles have is needed: without it the chain fails at that hop with
AccessDenied, and once it is back the chain works.

Two kinds of action show nothing to the one who posts an order. A role that may not write its log
leaves no lines. A role that may not send its dead letters loses one that has nowhere else to go.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable, Iterator
from typing import Any

import pytest

import lab
from lab.aws.session import Session
from lab.aws.waiting import wait_until
from lab.course import function_logs
from lab.course.names import names
from lab.here.own_cloud import environment
from tests.support.chain import Chain
from tests.support.chapters import status as status_of
from tests.support.clouds import own_cloud
from tests.support.events import event
from tests.support.fault_proxy import FaultProxy, fault_proxy
from tests.support.roles import take_away
from tests.support.sessions import make_session

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("least_privilege")]

REGION = "us-east-1"


class Standing(Chain):
    """The chain, and one order at a time."""

    def __init__(self, aws: Session, proxy: FaultProxy) -> None:
        super().__init__(aws, proxy)
        self.order_id = ""

    def start_workers_anew(self, function: str) -> None:
        """Those that run know their queue already, and have their log stream."""
        found = self.lambda_.get_function_configuration(FunctionName=function)
        self.lambda_.update_function_configuration(
            FunctionName=function, MemorySize=512 if found["MemorySize"] == 256 else 256
        )

    def post_one(self, expected: int) -> None:
        self.order_id = f"order-{uuid.uuid4()}"
        order = {"product": "tea", "quantity": 1, "order_id": self.order_id}
        status, body = self.post(order)
        assert status == expected, body

    def is_recorded(self) -> bool:
        table = self.dynamodb.Table(names().table)
        return "Item" in table.get_item(Key={"order_id": self.order_id})

    def said(self, status: str) -> str:
        """What the functions logged of the order with this status, once they have."""

        def look() -> str:
            lines = [line.says for line in function_logs.of_order(self.aws, self.order_id)]
            return next((line["error"] for line in lines if line["status"] == status), "")

        return wait_until(look, f"{self.order_id} is {status}", timeout=90)

    def last_result(self) -> str:
        (trigger,) = status_of(str(self.aws.endpoint_url))["services"]["lambda"][
            "event_source_mappings"
        ]
        return str(trigger["last_result"])

    def lines_of(self, function: str) -> list[str]:
        found = function_logs.of_order(self.aws, self.order_id)
        return [line.text for line in found if line.function == function]


@pytest.fixture(scope="module")
def chain() -> Iterator[Standing]:
    with (
        own_cloud("--retry-delay", "0.1", "--auth", "off") as (address, _),
        environment(AWS_ENDPOINT_URL=address),
        fault_proxy(address) as proxy,
    ):
        yield Standing(make_session(address), proxy)


# -- What each hop says without an action --------------------------------------------------------


def refused_at_post(chain: Standing) -> str:
    chain.start_workers_anew("take_order")
    chain.post_one(502)
    return chain.said("NOT_QUEUED")


def refused_at_post_without_a_queue(chain: Standing) -> str:
    chain.sqs.delete_queue(QueueUrl=chain.queue)
    return refused_at_post(chain)


def stakeholders_not_told(chain: Standing) -> str:
    chain.sqs.delete_queue(QueueUrl=chain.queue)
    chain.start_workers_anew("take_order")
    chain.post_one(202)
    return chain.said("STAKEHOLDERS_NOT_TOLD")


def not_polled(chain: Standing) -> str:
    chain.post_one(202)
    problem = wait_until(
        lambda: found if "PROBLEM" in (found := chain.last_result()) else None, "it is not polled"
    )
    assert not chain.is_recorded()
    return problem


def not_deleted(chain: Standing) -> str:
    """It is recorded, and comes back again and again."""
    chain.post_one(202)
    return wait_until(
        lambda: found if "PROBLEM" in (found := chain.last_result()) else None, "it is not deleted"
    )


def not_published(chain: Standing) -> str:
    chain.post_one(202)
    return chain.said("NOT_PUBLISHED")


def not_recorded(chain: Standing) -> str:
    chain.post_one(202)
    return chain.said("NOT_RECORDED")


HOPS: dict[tuple[str, str], Callable[[Standing], str]] = {
    ("take_order", "sqs:GetQueueUrl"): refused_at_post,
    ("take_order", "sqs:SendMessage"): refused_at_post,
    ("take_order", "sqs:CreateQueue"): refused_at_post_without_a_queue,
    ("take_order", "sqs:TagQueue"): refused_at_post_without_a_queue,
    ("take_order", "sns:Publish"): stakeholders_not_told,
    ("notify_fulfillment", "sqs:ReceiveMessage"): not_polled,
    ("notify_fulfillment", "sqs:GetQueueAttributes"): not_polled,
    ("notify_fulfillment", "sqs:DeleteMessage"): not_deleted,
    ("notify_fulfillment", "sns:Publish"): not_published,
    ("record_order", "dynamodb:PutItem"): not_recorded,
}
LOGS = [
    (function, action)
    for function in names("").functions
    for action in ("logs:CreateLogStream", "logs:PutLogEvents")
]
DEAD_LETTERS = ("record_order", "sqs:SendMessage")


def role_policies(chain: Standing, function: str) -> dict[str, Any]:
    iam: Any = chain.aws.client("iam")
    role = names().role(function, REGION)
    (name,) = iam.list_role_policies(RoleName=role)["PolicyNames"]
    found = iam.get_role_policy(RoleName=role, PolicyName=name)
    return {key: found[key] for key in ("RoleName", "PolicyName", "PolicyDocument")}


def put_back(chain: Standing, policy: dict[str, Any]) -> None:
    document = json.dumps(policy["PolicyDocument"])
    chain.aws.client("iam").put_role_policy(**{**policy, "PolicyDocument": document})


def works(chain: Standing) -> None:
    """What was broken is fixed, so an order arrives."""
    if chain.dead_letters():
        lab.redrive(chain.aws)
    chain.post_one(202)
    wait_until(chain.is_recorded, "an order is recorded", timeout=90)


@pytest.mark.long
def test_every_action_of_the_roles_is_tried(chain: Standing) -> None:
    held = set()
    for function in names().functions:
        for statement in role_policies(chain, function)["PolicyDocument"]["Statement"]:
            actions = statement["Action"]
            held |= {(function, a) for a in ([actions] if isinstance(actions, str) else actions)}
    assert held == {*HOPS, *LOGS, DEAD_LETTERS}


@pytest.mark.long
@pytest.mark.parametrize(("function", "action"), HOPS, ids=str)
def test_without_an_action_the_chain_fails_at_that_hop(
    chain: Standing, function: str, action: str
) -> None:
    works(chain)
    whole = role_policies(chain, function)
    take_away(chain.aws, function, action)
    problem = HOPS[function, action](chain)
    assert "AccessDenied" in problem or "AuthorizationError" in problem
    assert action.partition(":")[2].lower() in problem.lower()
    put_back(chain, whole)
    works(chain)


@pytest.mark.parity(
    "A role that may not write to its log leaves no lines",
    kept="yes",
    module="logs.writer",
    aws="https://docs.aws.amazon.com/lambda/latest/dg/monitoring-cloudwatchlogs.html",
)
@pytest.mark.parametrize(("function", "action"), LOGS, ids=str)
def test_without_a_log_action_there_are_no_lines(
    chain: Standing, function: str, action: str
) -> None:
    whole = role_policies(chain, function)
    take_away(chain.aws, function, action)
    chain.start_workers_anew(function)
    works(chain)
    assert chain.lines_of(function) == []
    put_back(chain, whole)
    works(chain)
    assert wait_until(lambda: chain.lines_of(function), "there are lines", timeout=90)


def test_without_the_permission_to_send_them_dead_letters_are_lost(chain: Standing) -> None:
    def conflict() -> None:
        other = json.dumps(event("record_order.other_content"))
        chain.lambda_.invoke(
            FunctionName="record_order", InvocationType="Event", Payload=other.encode()
        )

    def conflicts() -> int:
        found = function_logs.lines(chain.aws, ["record_order"])
        return sum(line.says.get("status") == "CONFLICT" for line in found)

    works(chain)
    whole = role_policies(chain, "record_order")
    take_away(chain.aws, *DEAD_LETTERS)
    before = conflicts()
    conflict()
    wait_until(lambda: conflicts() == before + 3, "Lambda has given it up", timeout=90)
    assert chain.dead_letters() == []
    put_back(chain, whole)
    conflict()
    wait_until(chain.dead_letters, "it is a dead letter", timeout=90)
