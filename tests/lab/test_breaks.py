"""What learners break by hand: `lab check` names it with its own why, and `lab goto` fixes it or
fails, with a cure that works."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import pytest
from click.testing import CliRunner, Result

import lab
from lab.aws.session import Session
from lab.commands import main
from lab.course import COURSE
from lab.course.facade import examine
from lab.engine.checks import is_right, report
from tests.support.chapters import TOPIC, given, second_trigger
from tests.support.queues import set_policy

pytestmark = pytest.mark.slow

ROLE = "notify_fulfillment-role-us-east-1"


class Break(NamedTuple):
    """A thing to break: how, what `lab check` says of it, a part of its why, and whether
    `lab goto` fixes it."""

    do: Callable[[Session], object]
    said: str
    why: str
    is_fixed: bool = True


def run_lab(*arguments: str) -> Result:
    return CliRunner().invoke(main, arguments)


def document(*actions: str) -> str:
    statement = {"Effect": "Allow", "Action": list(actions), "Resource": "*"}
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


def put_policy(name: str, *actions: str) -> Callable[[Session], object]:
    return lambda aws: aws.client("iam").put_role_policy(
        RoleName=ROLE, PolicyName=name, PolicyDocument=document(*actions)
    )


def attach_full_access(aws: Session) -> None:
    iam = aws.client("iam")
    policy = iam.create_policy(PolicyName="FullAccess", PolicyDocument=document("*"))["Policy"]
    iam.attach_role_policy(RoleName=ROLE, PolicyArn=policy["Arn"])


def set_boundary(aws: Session, action: str = "sns:*") -> None:
    iam = aws.client("iam")
    policy = iam.create_policy(PolicyName="Boundary", PolicyDocument=document(action))["Policy"]
    iam.put_role_permissions_boundary(RoleName=ROLE, PermissionsBoundary=policy["Arn"])


def deny(aws: Session) -> None:
    found = json.loads(document("sns:Publish"))
    found["Statement"][0]["Effect"] = "Deny"
    aws.client("iam").put_role_policy(
        RoleName=ROLE, PolicyName="deny", PolicyDocument=json.dumps(found)
    )


def other_code(aws: Session) -> None:
    aws.client("lambda").update_function_code(
        FunctionName="notify_fulfillment", ZipFile=lab.package("record_order")
    )


def configure(**configuration: Any) -> Callable[[Session], object]:
    return lambda aws: aws.client("lambda").update_function_configuration(
        FunctionName="notify_fulfillment", **configuration
    )


def trigger_off(aws: Session) -> None:
    client = aws.client("lambda")
    (mapping,) = client.list_event_source_mappings()["EventSourceMappings"]
    client.update_event_source_mapping(UUID=mapping["UUID"], Enabled=False)


def unsubscribe(aws: Session) -> None:
    sns = aws.client("sns")
    for found in sns.list_subscriptions_by_topic(TopicArn=TOPIC)["Subscriptions"]:
        if found["Protocol"] == "lambda":
            sns.unsubscribe(SubscriptionArn=found["SubscriptionArn"])


def delete_stage(aws: Session) -> None:
    api = aws.client("apigateway")
    api.delete_stage(restApiId=api.get_rest_apis()["items"][0]["id"], stageName="prod")


def delete_queue(aws: Session) -> None:
    sqs = aws.client("sqs")
    sqs.delete_queue(QueueUrl=sqs.get_queue_url(QueueName="CustomerOrders")["QueueUrl"])


def deny_queue(aws: Session, **statement: Any) -> None:
    """Let the queue's policy deny everybody everything, or what the statement says."""
    url = aws.client("sqs").get_queue_url(QueueName="CustomerOrders")["QueueUrl"]
    everything = {"Effect": "Deny", "Principal": "*", "Action": "sqs:*", "Resource": "*"}
    set_policy(aws, url, **everything | statement)


def throttle(function: str) -> Callable[[Session], object]:
    return lambda aws: aws.client("lambda").put_function_concurrency(
        FunctionName=function, ReservedConcurrentExecutions=0
    )


BREAKS = {
    "policy too small": Break(
        put_policy("notify-fulfillment", "sns:Publish"),
        f"What {ROLE} may do: it may do too little: it lacks sqs:DeleteMessage on arn:aws:sqs:",
        "Without it the function's call ends in AccessDenied",
    ),
    "policy too large": Break(
        put_policy("notify-fulfillment", "dynamodb:GetItem"),
        f"What {ROLE} may do: it may do too much: dynamodb:GetItem on *.",
        "What a role may do, somebody who gets into the function may do, too",
    ),
    "full access attached": Break(
        attach_full_access,
        f"What {ROLE} may do: it may do too much: * on *, by the attached policy FullAccess.",
        "What a role may do, somebody who gets into the function may do, too",
        is_fixed=False,
    ),
    "extra inline policy": Break(
        put_policy("debug", "dynamodb:GetItem"),
        f"What {ROLE} may do: it may do too much: dynamodb:GetItem on *, by the inline policy "
        "debug, which no chapter makes.",
        "What a role may do, somebody who gets into the function may do, too",
        is_fixed=False,
    ),
    "inline policy that denies": Break(
        deny,
        f"What {ROLE} may do: it is denied sns:Publish on *, by the inline policy deny",
        "What a role may do, somebody who gets into the function may do, too",
        is_fixed=False,
    ),
    "permissions boundary": Break(
        set_boundary,
        f"What {ROLE} may do: it has the permissions boundary "
        "arn:aws:iam::123456789012:policy/Boundary (which does not allow logs:CreateLogStream, "
        "logs:PutLogEvents, sqs:DeleteMessage, sqs:GetQueueAttributes, "
        "sqs:ReceiveMessage), expected none.",
        "What the boundary does not allow, the role may not do",
        is_fixed=False,
    ),
    "code": Break(
        other_code,
        "The configuration of notify_fulfillment: its code is not lambdas/notify_fulfillment.py.",
        "Only with that code is it known",
    ),
    "environment": Break(
        configure(Environment={"Variables": {}}),
        f"The configuration of notify_fulfillment: expected TOPIC_ARN {TOPIC}, found null.",
        "It is an environment variable, TOPIC_ARN",
    ),
    "timeout": Break(
        configure(Timeout=1),
        "The configuration of notify_fulfillment: expected Timeout 15, found 1.",
        "A shorter one ends calls that were only slow",
    ),
    "runtime": Break(
        configure(Runtime="python3.12"),
        "The configuration of notify_fulfillment: expected Runtime python3.13, found python3.12.",
        "AWS takes old runtimes away",
    ),
    "trigger off": Break(
        trigger_off,
        "The settings of the trigger of notify_fulfillment: expected enabled true, found false.",
        "While it is switched off, orders wait in the queue",
    ),
    "second trigger": Break(
        second_trigger,
        "The only trigger of CustomerOrders, and of our functions: found another one, from "
        "CustomerOrders to experiment.",
        "Each message goes to one of a queue's triggers only",
        is_fixed=False,
    ),
    "unsubscribed": Break(
        unsubscribe,
        "subscription Orders to record_order: missing.",
        "Without it record_order does not hear of any order",
    ),
    "stage gone": Break(
        delete_stage,
        "The stage prod: missing.",
        "Before it is deployed, nothing of an API is served",
    ),
    "queue that denies": Break(
        partial(deny_queue, Action="sqs:ReceiveMessage"),
        "The settings of CustomerOrders: its own policy denies sqs:ReceiveMessage on *.",
        "What the queue denies, no role's policy can allow",
        is_fixed=False,
    ),
    "queue gone": Break(
        delete_queue,
        "SQS queue CustomerOrders: missing.",
        "Without it orders have nowhere to wait",
    ),
    "topic gone": Break(
        lambda aws: aws.client("sns").delete_topic(TopicArn=TOPIC),
        "SNS topic Orders: missing.",
        "It tells both the fulfillment team and record_order of an order",
    ),
    "table gone": Break(
        lambda aws: aws.client("dynamodb").delete_table(TableName="Orders"),
        "DynamoDB table Orders: missing.",
        "It is where the orders are kept",
    ),
    "function gone": Break(
        lambda aws: aws.client("lambda").delete_function(FunctionName="notify_fulfillment"),
        "Lambda function notify_fulfillment: missing.",
        "Without it orders stop one hop before",
    ),
    **{
        f"reserved concurrency 0 of {function}": Break(
            throttle(function),
            f"Room for {function} to run: expected a reserved concurrency of none, or more than 0, "
            "found 0.",
            "With a reserved concurrency of 0, the console's Throttle button, it never runs",
            is_fixed=False,
        )
        for function in ("take_order", "notify_fulfillment", "record_order")
    },
}


def follow(cure: str) -> None:
    """Do what a line about a cure says."""
    code = re.search(r"How to fix it: In a cell: `(.+?)`", cure)
    assert code is not None, cure
    exec(code[1], {"lab": lab})


@pytest.mark.parametrize("name", BREAKS)
def test_a_break_is_named_with_its_own_why_and_fixed_or_its_cure_works(
    aws: Session, name: str
) -> None:
    given(*COURSE.set_up)
    broken = BREAKS[name]
    broken.do(aws)
    check = run_lab("check")
    assert check.exit_code == 1
    lines = check.stdout.splitlines()
    (at,) = (i for i, line in enumerate(lines) if line.startswith(f"  WRONG  {broken.said}"))
    assert lines[at + 1].startswith(f"         Why it matters: {broken.why}")
    goto = run_lab("goto", "06")
    if not broken.is_fixed:
        assert goto.exit_code == 1
        assert f"  WRONG  {broken.said}" in goto.stderr
        follow(next(line for line in lines[at:] if "How to fix it" in line))
        goto = run_lab("goto", "06")
    assert goto.exit_code == 0, goto.output
    for number in COURSE.set_up:
        found = examine(aws, number)
        assert is_right(found), report(COURSE.find(number), found)


def test_each_of_several_differences_has_a_line_and_a_why_of_its_own(aws: Session) -> None:
    given(*COURSE.set_up)
    other_code(aws)
    configure(Timeout=1, Environment={"Variables": {}})(aws)
    put_policy("debug", "dynamodb:GetItem")(aws)
    put_policy("notify-fulfillment", "sqs:*", "iam:PassRole")(aws)
    lines = run_lab("check", "03").stdout.splitlines()
    wrong = [line for line in lines if line.startswith("  WRONG  ")]
    assert len(wrong) == len(set(wrong)) == 3 + 2 + 6 + 1  # code, too much, too little, inline
    whys = [line for line in lines if "Why it matters:" in line]
    assert len(whys) == len(wrong)
    about = "  WRONG  The configuration of notify_fulfillment: "
    of_configuration = [whys[i] for i, line in enumerate(wrong) if line.startswith(about)]
    assert len(set(of_configuration)) == 3
    cell = "code cell"
    assert [cell in line for line in lines if "How to fix it" in line].count(False) == 1


def test_check_begins_with_what_it_looks_at(aws: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LAB_PREFIX", "ann")
    monkeypatch.setenv("AWS_REGION", "eu-west-1")
    first, *_ = run_lab("check", "01").stdout.splitlines()
    where = f"the local cloud at {aws.endpoint_url}, account 123456789012, region eu-west-1"
    assert first == f"Looking at {where}, prefix ann-."
    monkeypatch.delenv("LAB_PREFIX")
    assert run_lab("check").stdout.splitlines()[0] == f"Looking at {where}, no prefix."


def test_check_says_where_dead_letters_lie(aws: Session) -> None:
    given(*COURSE.set_up)
    assert "Dead letters" not in run_lab("check").stdout
    sqs = aws.client("sqs")
    for queue, count in (("record_order-dead-letters", 2), ("CustomerOrders-dead-letters", 1)):
        url = sqs.get_queue_url(QueueName=queue)["QueueUrl"]
        for number in range(count):
            sqs.send_message(QueueUrl=url, MessageBody=f"order {number}")
    for arguments in ((), ("05",)):
        *_, last = run_lab("check", *arguments).stdout.splitlines()
        assert last == (
            "Dead letters: 1 in CustomerOrders-dead-letters, 2 in record_order-dead-letters. "
            "`lab dead-letters` says which, and why."
        )
