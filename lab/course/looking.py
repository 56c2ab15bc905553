"""What several chapters expect of the same kind, and the looking that it takes.

What must be true is written down a second time, on purpose: an expectation that took what it
wants from the scripts would find a mistake in them right. Looking is all that happens here and in
the chapters' files: get, list, describe and scan.
"""

from __future__ import annotations

import base64
import hashlib
import itertools
import json
from collections.abc import Iterator
from functools import lru_cache, partial
from typing import Any

import boto3

from lab.aws.kinds import function_policy
from lab.aws.packaging import RUNTIME, package
from lab.aws.session import account_id
from lab.course.names import Names, names
from lab.course.orders import recorded
from lab.engine.checks import COUNT
from lab.engine.course import Expectation

_LET_RUN = (
    'In a cell: `lab.session().client("lambda").delete_function_concurrency(FunctionName="{0}")`; '
    "in the console: the function, Configuration, Concurrency, Edit, Use unreserved account "
    "concurrency. `lab dead-letters` lists what failed meanwhile."
)
_SEND_BACK = (
    "`lab dead-letters` says why it is there. Fix that and send it back with `lab redrive`; "
    "delete what is no order, as chapter 06 does."
)


class Look:
    """The clients of one session, the names of one learner, and what is asked of them often."""

    def __init__(self, aws: boto3.Session, n: Names) -> None:
        self.aws = aws
        self.names = n
        self.region = aws.region_name
        self.account = account_id(aws)
        self.apigateway: Any = aws.client("apigateway")
        self.dynamodb: Any = aws.client("dynamodb")
        self.iam: Any = aws.client("iam")
        self.lambda_: Any = aws.client("lambda")
        self.logs: Any = aws.client("logs")
        self.sns: Any = aws.client("sns")
        self.sqs: Any = aws.client("sqs")

    def queue_arn(self, name: str) -> str:
        return f"arn:aws:sqs:{self.region}:{self.account}:{name}"

    def topic_arn(self, name: str) -> str:
        return f"arn:aws:sns:{self.region}:{self.account}:{name}"

    def function_arn(self, name: str) -> str:
        return f"arn:aws:lambda:{self.region}:{self.account}:function:{name}"

    def queue(self, name: str) -> dict[str, Any]:
        """A queue's attributes, those that are JSON read; {} if there is no such queue."""
        try:
            url = self.sqs.get_queue_url(QueueName=name)["QueueUrl"]
        except self.sqs.exceptions.QueueDoesNotExist:
            return {}
        found = self.sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
        documents = ("RedrivePolicy", "Policy")
        return {**found, **{d: json.loads(found[d]) for d in documents if d in found}}

    def subscriptions(self, topic: str) -> list[dict[str, Any]]:
        pages = self.sns.get_paginator("list_subscriptions_by_topic")
        found = pages.paginate(TopicArn=self.topic_arn(topic))
        return [subscription for page in found for subscription in page["Subscriptions"]]

    def statement(self, function: str, statement_id: str) -> dict[str, Any]:
        """A statement of a function's resource policy, with its conditions; {} if it has none."""
        for statement in function_policy(self.lambda_, function):
            if statement.get("Sid") == statement_id:
                return {**statement, **sources(statement)}
        return {}

    def trigger(self) -> dict[str, Any]:
        """The event source mapping of notify_fulfillment; {} if it has none."""
        found = self.lambda_.list_event_source_mappings(
            EventSourceArn=self.queue_arn(self.names.queue),
            FunctionName=self.names.notify_fulfillment,
        )
        return next(iter(found["EventSourceMappings"]), {})


def look_at(aws: boto3.Session) -> Look:
    return _look_at(aws, names())


@lru_cache(maxsize=4)  # clients take longer to make than all the questions that they ask
def _look_at(aws: boto3.Session, n: Names) -> Look:
    return Look(aws, n)


def sources(statement: dict[str, Any]) -> dict[str, str]:
    """The conditions of a statement, whatever their operators: {"SourceArn": ..., ...}."""
    conditions = statement.get("Condition", {}).values()
    return {key.rpartition(":")[2]: value for pairs in conditions for key, value in pairs.items()}


# -- A function, with its log group and its execution role -----------------------------------------


def function_is_right(
    look: Look, name: str, allowed: list[str], variables: dict[str, Any], **configuration: Any
) -> Iterator[Expectation]:
    """`allowed` is what its role may do: "sqs:SendMessage on arn:aws:sqs:..."."""
    yield from _log_group_is_right(look, name)
    yield from _role_is_right(look, name, allowed)
    yield _configuration_is_right(look, name, {**variables, **configuration})
    yield _has_room(look, name)


def _configuration_is_right(look: Look, name: str, more: dict[str, Any]) -> Expectation:
    stem, role = look.names.stem(name), look.names.role(name, look.region)
    return Expectation(
        f"The configuration of {name}",
        "The chain relies on it: timeout, role, environment, and the code itself.",
        "function",
        lambda: _configuration(look, name),
        {
            "Runtime": RUNTIME,
            "Handler": f"{stem}.lambda_handler",
            "Timeout": 15,
            "MemorySize": 256,
            "State": "Active",
            "Role": f"arn:aws:iam::{look.account}:role/{role}",
            "CodeSha256": _code(stem),
            **more,
        },
        needs=f"Lambda function {name}",
    )


def _has_room(look: Look, name: str) -> Expectation:
    return Expectation(
        f"Room for {name} to run",
        "With a reserved concurrency of 0, the console's Throttle button, it never runs: "
        "orders are answered 500, wait, or become dead letters, and its logs say nothing.",
        "function",
        lambda: _room(look, name),
        {"": "none, or more than 0"},
        needs=f"Lambda function {name}",
        if_there=_LET_RUN.format(name),
        says="expected a reserved concurrency of {wanted}, found {found}",
    )


def _log_group_is_right(look: Look, function: str) -> Iterator[Expectation]:
    group = look.names.log_group(function)
    yield Expectation(
        f"The retention of {group}",
        "Without one, lines are kept, and paid for, forever.",
        "log-group",
        lambda: {"days": _retention(look, group)},
        {"days": 14},
        needs=f"log group {group}",
        says=COUNT,
    )


def _role_is_right(look: Look, function: str, allowed: list[str]) -> Iterator[Expectation]:
    role = look.names.role(function, look.region)
    group = look.names.log_group(function)
    log_arn = f"arn:aws:logs:{look.region}:{look.account}:log-group:{group}:*"
    logging = (f"logs:{action} on {log_arn}" for action in ("CreateLogStream", "PutLogEvents"))
    yield Expectation(
        f"Who may assume {role}",
        "Lambda can only use a role that trusts it; nobody else should be able to.",
        "role",
        lambda: _trust(look, role),
        {"Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"},
        needs=f"IAM role {role}",
    )
    yield Expectation(
        f"What {role} may do",
        "Too little ends in AccessDenied; too much is what a stolen function could do.",
        "role-policy",
        lambda: _allowed(look, role, {*allowed, *logging}),
        {"too much": [], "too little": []},
        needs=f"IAM role {role}",
        says="expected nothing {name}, found {found}",
    )


def _retention(look: Look, group: str) -> int | str:
    found = look.logs.describe_log_groups(logGroupNamePrefix=group)["logGroups"]
    return next((g.get("retentionInDays", "forever") for g in found), "forever")


def _trust(look: Look, role: str) -> dict[str, Any]:
    policy = look.iam.get_role(RoleName=role)["Role"]["AssumeRolePolicyDocument"]
    return dict(policy["Statement"][0]) if len(policy.get("Statement", [])) == 1 else {}


def _allowed(look: Look, role: str, wanted: set[str]) -> dict[str, Any]:
    found: set[str] = set()
    for name in look.iam.list_role_policies(RoleName=role)["PolicyNames"]:
        policy = look.iam.get_role_policy(RoleName=role, PolicyName=name)["PolicyDocument"]
        for statement in policy["Statement"]:
            actions, resources = _list(statement["Action"]), _list(statement["Resource"])
            found |= {f"{a} on {r}" for a in actions for r in resources}
    return {"too much": sorted(found - wanted), "too little": sorted(wanted - found)}


def _list(value: str | list[str]) -> list[str]:
    return [value] if isinstance(value, str) else value


def _configuration(look: Look, name: str) -> dict[str, Any]:
    found = look.lambda_.get_function_configuration(FunctionName=name)
    variables = found.get("Environment", {}).get("Variables", {})
    documents = {name: json.loads(v) for name, v in variables.items() if v.startswith("{")}
    return {**found, **variables, **documents}


def _code(stem: str) -> str:
    """What Lambda reports of our package, so that it can be compared without a download."""
    return base64.b64encode(hashlib.sha256(package(stem)).digest()).decode()


def _room(look: Look, function: str) -> dict[str, Any]:
    found = look.lambda_.get_function_concurrency(FunctionName=function)
    none = found.get("ReservedConcurrentExecutions") == 0
    return {"": "0" if none else "none, or more than 0"}


# -- Orders that have arrived, or did not ----------------------------------------------------------


def orders_arrived(
    look: Look, prefix: str, what: str, wanted: int, cell: str = "post"
) -> Expectation:
    """That so many orders whose ids begin with this prefix are in the table."""
    return Expectation(
        what,
        "Only an order that was posted and has arrived shows that the chain holds.",
        cell,
        lambda: _recorded(look, prefix, wanted),
        {"orders": wanted},
        says=COUNT,
    )


def no_dead_letters(look: Look, cell: str, arrived: str) -> Iterator[Expectation]:
    for queue in look.names.dead_letters:
        yield Expectation(
            f"Dead-letter queue {queue}",
            "A dead letter is an order that somebody has to look after.",
            cell,
            partial(_messages, look, queue),
            {"messages": 0},
            needs=arrived,
            if_there=_SEND_BACK,
            says=COUNT,
        )


def _recorded(look: Look, prefix: str, enough: int) -> dict[str, Any]:
    count = sum(1 for _ in itertools.islice(recorded(look.aws, prefix), enough))
    return {"orders": count} if count else {}


def _messages(look: Look, name: str) -> dict[str, Any]:
    found = look.queue(name)
    return {"messages": int(found["ApproximateNumberOfMessages"])} if found else {}
