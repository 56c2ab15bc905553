"""What must be true after each chapter.

Written down here a second time, on purpose: an expectation that took what it wants from the
scripts would find a mistake in them right. Looking is all that happens here: get, list,
describe and scan.
"""

from __future__ import annotations

import base64
import hashlib
import itertools
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache, partial
from typing import Any

import boto3

from lab.aws.packaging import RUNTIME, package, schema
from lab.aws.session import account_id
from lab.course.chapters import CHAPTERS
from lab.course.movement import cloud_status, find_standstill
from lab.course.names import Names, names, tags
from lab.course.orders import recorded
from lab.course.resources import (
    TOPIC_STATEMENT,
    Resource,
    function_policy,
    inventory,
    is_ours,
    survey,
)

_WHY = {
    "log group": "Without it there is no log, or one that Lambda made and that is kept forever.",
    "IAM role": "A function may do what its execution role may, and nothing else.",
    "SQS queue": "Without it orders have nowhere to wait, or nowhere to go when they fail.",
    "Lambda function": "Without it orders stop one hop before.",
    "REST API": "It is the only way in for orders.",
    "usage plan": "It slows a stranger down, and ties the key to the stage.",
    "API key": "Without it every order is answered 403.",
    "SNS topic": "It tells both the fulfillment team and record_order of an order.",
    "DynamoDB table": "It is where the orders are kept.",
    "permission": "Without it SNS cannot call the function, and says so in a metric only.",
    "subscription": "Without it record_order does not hear of any order.",
    "event source mapping": "Without it orders wait in the queue, and nobody is told.",
    # These two by the tags of their cells, as they are not like the others of their kind.
    "stakeholders-topic": "It carries the news that take_order had to create the queue.",
    "stakeholders-email": "Without it, or before the link in its first mail was opened, nobody "
    "hears that take_order had to create the queue.",
}


_TWICE = (
    "The chapters work with the first one that they find; the others stay open, deliver twice, or "
    "are forgotten. Two set-ups at once make them, or a lost reply whose call was repeated."
)
_IS = "{name} is {found}, not {wanted}"
_COUNT = "expected {wanted} {name}, found {found}"
_EXPECTED = "expected {wanted}, found {found}"
_MOVES = "no order that waits for long while none is under way"
_AGAIN = "Undo it with `lab reset {0}`, then run chapter {0} again."
_MOVE_AGAIN = (
    "`lab logs --cloud` and `lab logs notify_fulfillment` may say why. On AWS look at the trigger "
    "and at the function's errors and throttles in the console. If nothing else helps: `lab stop`, "
    "then `lab up`; the local cloud forgets everything that it holds, these orders included."
)
_LOST = (
    "`lab logs --cloud` says more. Fix the cause and have the shop send these orders again with "
    "the same order_id, which records each once. The local cloud counts until it is stopped; `lab "
    "stop`, then `lab up` makes a new start, and forgets everything that it holds."
)
_LET_RUN = (
    'In a cell: `lab.session().client("lambda").delete_function_concurrency(FunctionName="{0}")`; '
    "in the console: the function, Configuration, Concurrency, Edit, Use unreserved account "
    "concurrency. `lab dead-letters` lists what failed meanwhile."
)
_SEND_BACK = (
    "`lab dead-letters` says why it is there. Mend that and send it back with `lab redrive`; "
    "delete what is no order, as chapter 06 does."
)


@dataclass(frozen=True)
class Expectation:
    """Something that must be true: `look` finds what there is, which must hold all of `wanted`.

    `look` returns {} where there is nothing. `cell` is the tag of the cell that mends it.
    `needs` names what must be there before this can be looked at. `if_there` is what mends
    it when it is there and wrong, where the cell would leave alone what it finds. `says` is how
    a difference is put into words.
    """

    what: str
    why: str
    cell: str
    look: Callable[[], dict[str, Any]]
    wanted: dict[str, Any]
    needs: str = ""
    if_there: str = ""
    says: str = _IS


def expectations(aws: boto3.Session, number: str) -> Iterator[Expectation]:
    """All that must be true after the chapter with this number, in the order of its cells."""
    resources = [r for r in inventory(aws) if r.chapter == number]
    there: dict[str, list[bool]] = {}
    for found in survey(resources):
        there.setdefault(str(found.resource), []).append(found.ours)
    for resource in resources:
        yield _exists(resource, there.get(str(resource), []))
    yield from getattr(_details(aws, names()), f"chapter_{number}")()


@lru_cache(maxsize=4)  # clients take longer to make than all the questions that they ask
def _details(aws: boto3.Session, n: Names) -> _Details:
    return _Details(aws, n)


def _exists(resource: Resource, ours: list[bool]) -> Expectation:
    """That it is there, once. `ours` says of each that bears its name whether it is ours."""
    if sum(ours) > 1:
        return Expectation(
            str(resource),
            _TWICE,
            resource.cell,
            lambda: {str(resource): sum(ours)},
            {str(resource): 1},
            if_there=_AGAIN.format(resource.chapter),
            says=_COUNT,
        )
    right = any(ours) if resource.shares_name else all(ours)
    look = {"our tags": "there" if right else "missing"} if ours else {}
    why = _WHY.get(resource.cell) or _WHY[resource.kind]
    return Expectation(
        str(resource),
        why,
        resource.cell,
        lambda: look,
        {"our tags": "there"},
        if_there="It is not ours: rename or delete it yourself, or set LAB_PREFIX.",
    )


class _Details:
    """What must be true of the resources of each chapter, beyond that they are there."""

    def __init__(self, aws: boto3.Session, n: Names) -> None:
        self._aws = aws
        self._names = n
        self._region = aws.region_name
        self._account = account_id(aws)
        self._apigateway: Any = aws.client("apigateway")
        self._iam: Any = aws.client("iam")
        self._lambda: Any = aws.client("lambda")
        self._logs: Any = aws.client("logs")
        self._sns: Any = aws.client("sns")
        self._sqs: Any = aws.client("sqs")

    def chapter_00(self) -> Iterator[Expectation]:
        n = self._names
        redrive = {
            "deadLetterTargetArn": self._queue_arn(n.queue_dead_letters),
            "maxReceiveCount": 5,
        }
        settings = {"MessageRetentionPeriod": "1209600", "VisibilityTimeout": "90"}
        yield Expectation(
            f"The settings of {n.queue}",
            "A short visibility timeout delivers orders twice; without redrive a bad order "
            "comes back forever.",
            "queue",
            lambda: self._queue(n.queue),
            {**settings, "RedrivePolicy": redrive},
            needs=f"SQS queue {n.queue}",
        )
        queue_arn = self._queue_arn(n.queue)
        actions = ("CreateQueue", "TagQueue", "GetQueueUrl", "SendMessage")
        allowed = [f"sqs:{action} on {queue_arn}" for action in actions]
        stakeholders_arn = self._topic_arn(n.stakeholders)
        allowed.append(f"sns:Publish on {stakeholders_arn}")
        variables = {
            "QUEUE_NAME": n.queue,
            "QUEUE_ATTRIBUTES": {**settings, "RedrivePolicy": json.dumps(redrive)},
            "QUEUE_TAGS": tags(),
            "STAKEHOLDERS_TOPIC_ARN": stakeholders_arn,
        }
        yield from self._function(n.take_order, allowed, variables)
        yield from self._api()
        yield from self._usage_plan()

    def chapter_01(self) -> Iterator[Expectation]:
        n = self._names
        yield Expectation(
            f"The subscription of an e-mail address to {n.topic}",
            "SNS mails no orders before the link in its first mail was opened.",
            "email",
            self._email,
            {"state": "confirmed"},
            needs=f"SNS topic {n.topic}",
        )
        actions = ("ReceiveMessage", "DeleteMessage", "GetQueueAttributes")
        allowed = [f"sqs:{action} on {self._queue_arn(n.queue)}" for action in actions]
        topic_arn = self._topic_arn(n.topic)
        allowed.append(f"sns:Publish on {topic_arn}")
        yield from self._function(n.notify_fulfillment, allowed, {"TOPIC_ARN": topic_arn})

    def chapter_02(self) -> Iterator[Expectation]:
        n = self._names
        dead_letters_arn = self._queue_arn(n.function_dead_letters)
        table_arn = f"arn:aws:dynamodb:{self._region}:{self._account}:table/{n.table}"
        allowed = [f"dynamodb:PutItem on {table_arn}", f"sqs:SendMessage on {dead_letters_arn}"]
        yield from self._function(
            n.record_order,
            allowed,
            {"TABLE_NAME": n.table},
            DeadLetterConfig={"TargetArn": dead_letters_arn},
        )

    def chapter_03(self) -> Iterator[Expectation]:
        n = self._names
        yield Expectation(
            f"The settings of the permission of {n.topic}",
            "SourceArn and SourceAccount keep other people's topics out.",
            "permission",
            lambda: self._statement(n.record_order, TOPIC_STATEMENT),
            {
                "Principal": {"Service": "sns.amazonaws.com"},
                "SourceArn": self._topic_arn(n.topic),
                "SourceAccount": self._account,
            },
            needs=f"permission of {n.topic} to invoke {n.record_order}",
            if_there=_AGAIN.format("03"),
        )
        yield Expectation(
            f"The policy of {n.topic_dead_letters}",
            "Without it SNS may not put there what it cannot deliver, and the order is lost.",
            "topic-dead-letters",
            self._dead_letter_policy,
            {
                "Principal": {"Service": "sns.amazonaws.com"},
                "SourceArn": self._topic_arn(n.topic),
            },
            needs=f"SQS queue {n.topic_dead_letters}",
        )
        yield Expectation(
            f"The dead-letter queue of the subscription of {n.record_order}",
            "What SNS cannot deliver is dropped unless the subscription says where to put it.",
            "subscription",
            self._subscription,
            {"deadLetterTargetArn": self._queue_arn(n.topic_dead_letters)},
            needs=f"subscription {n.topic} to {n.record_order}",
        )
        yield Expectation(
            f"The settings of the trigger of {n.notify_fulfillment}",
            "ReportBatchItemFailures keeps one bad order from bringing nine good ones back; the "
            "concurrency leaves room for the account's other functions.",
            "trigger",
            self._trigger,
            {
                "enabled": True,
                "BatchSize": 10,
                "FunctionResponseTypes": ["ReportBatchItemFailures"],
                "ScalingConfig": {"MaximumConcurrency": 2},
            },
            needs=f"event source mapping {n.queue} to {n.notify_fulfillment}",
        )
        yield Expectation(
            f"The function of the trigger, {n.notify_fulfillment}",
            "A trigger stays when its function goes, and has nobody to call.",
            "trigger",
            lambda: {"": self._state(n.notify_fulfillment)},
            {"": "an active function"},
            needs=f"event source mapping {n.queue} to {n.notify_fulfillment}",
            if_there="Run chapter 01 again.",
            says=_EXPECTED,
        )
        yield Expectation(
            f"Orders move from {n.queue}",
            "A trigger that stands still looks right in all its settings, while orders wait that "
            "were answered 202.",
            "trigger",
            self._movement,
            {"": _MOVES},
            needs=f"The function of the trigger, {n.notify_fulfillment}",
            if_there=_MOVE_AGAIN,
            says=_EXPECTED,
        )
        yield from self._nothing_lost()

    def chapter_04(self) -> Iterator[Expectation]:
        arrived = "An order of this chapter in the table"
        yield self._orders("04", arrived, 1)
        yield from self._no_dead_letters("left-behind", arrived)

    def chapter_05(self) -> Iterator[Expectation]:
        wanted = CHAPTERS["05"].orders
        yield self._orders("05", f"{wanted} orders of this chapter in the table", wanted)

    def chapter_06(self) -> Iterator[Expectation]:
        wanted = CHAPTERS["06"].orders
        arrived = f"{wanted} orders of this chapter in the table"
        yield self._orders("06", arrived, wanted, cell="permission")
        yield from self._no_dead_letters("count", arrived)

    def chapter_07(self) -> Iterator[Expectation]:
        left = [str(f.resource) for f in survey(inventory(self._aws)) if f.ours]
        yield Expectation(
            "Everything deleted",
            "What is left standing can cost, and a stranger can use it.",
            "tear-down",
            lambda: {"left": left},
            {"left": []},
        )

    # -- What several chapters make ---------------------------------------------------------------

    def _function(
        self, name: str, allowed: list[str], variables: dict[str, Any], **configuration: Any
    ) -> Iterator[Expectation]:
        """A function with its log group and its execution role."""
        role = self._names.role(name, self._region)
        group = self._names.log_group(name)
        log_arn = f"arn:aws:logs:{self._region}:{self._account}:log-group:{group}:*"
        allowed = [
            *allowed,
            f"logs:CreateLogStream on {log_arn}",
            f"logs:PutLogEvents on {log_arn}",
        ]
        yield Expectation(
            f"The retention of {group}",
            "Without one, lines are kept, and paid for, forever.",
            "log-group",
            lambda: {"days": self._retention(group)},
            {"days": 14},
            needs=f"log group {group}",
        )
        yield Expectation(
            f"Who may assume {role}",
            "Lambda can only use a role that trusts it; nobody else should be able to.",
            "role",
            lambda: self._trust(role),
            {"Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"},
            needs=f"IAM role {role}",
        )
        yield Expectation(
            f"What {role} may do",
            "Too little ends in AccessDenied; too much is what a stolen function could do.",
            "role-policy",
            lambda: self._allowed(role, set(allowed)),
            {"too much": [], "too little": []},
            needs=f"IAM role {role}",
        )
        yield Expectation(
            f"The configuration of {name}",
            "The chain relies on it: timeout, role, environment, and the code itself.",
            "function",
            lambda: self._configuration(name),
            {
                "Runtime": RUNTIME,
                "Handler": f"{self._stem(name)}.lambda_handler",
                "Timeout": 15,
                "MemorySize": 256,
                "State": "Active",
                "Role": f"arn:aws:iam::{self._account}:role/{role}",
                "CodeSha256": self._code(name),
                **variables,
                **configuration,
            },
            needs=f"Lambda function {name}",
        )

        yield Expectation(
            f"Room for {name} to run",
            "With a reserved concurrency of 0, the console's Throttle button, it never runs: "
            "orders are answered 500, wait, or become dead letters, and its logs say nothing.",
            "function",
            lambda: self._room(name),
            {"": "none, or more than 0"},
            needs=f"Lambda function {name}",
            if_there=_LET_RUN.format(name),
            says="expected a reserved concurrency of {wanted}, found {found}",
        )

    def _nothing_lost(self) -> Iterator[Expectation]:
        """What the local cloud took and could not keep. AWS has no such list."""
        lost = (cloud_status(self._aws) or {}).get("lost")
        if lost is None:
            return
        newest = "".join(
            f"; the newest: {last['what']}, {last['why']}" for last in lost["last"][:1]
        )
        yield Expectation(
            "Nothing was lost",
            "Each order that was answered 202 has to end as an item or as a dead letter.",
            "trigger",
            lambda: {"": f"{lost['total']}{newest}" if lost["total"] else "0"},
            {"": "0"},
            needs=f"event source mapping {self._names.queue} to {self._names.notify_fulfillment}",
            if_there=_LOST,
            says="expected {wanted} lost, found {found}",
        )

    def _no_dead_letters(self, cell: str, arrived: str) -> Iterator[Expectation]:
        for queue in self._names.dead_letters:
            yield Expectation(
                f"Dead-letter queue {queue}",
                "A dead letter is an order that somebody has to look after.",
                cell,
                partial(self._messages, queue),
                {"messages": 0},
                needs=arrived,
                if_there=_SEND_BACK,
                says=_COUNT,
            )

    def _orders(self, number: str, what: str, wanted: int, cell: str = "post") -> Expectation:
        beginning = CHAPTERS[number].order_prefix
        return Expectation(
            what,
            "Only an order that was posted and has arrived shows that the chain holds.",
            cell,
            lambda: self._recorded(beginning, wanted),
            {"orders": wanted},
            says=_COUNT,
        )

    def _api(self) -> Iterator[Expectation]:
        n = self._names
        api_id = next((api["id"] for api in self._items("rest_apis") if is_ours(api, n.api)), "")
        source = f"arn:aws:execute-api:{self._region}:{self._account}:{api_id}/*/POST/orders"
        function = f":function:{n.take_order}/invocations"
        api = f"REST API {n.api}"
        yield Expectation(
            "The resource /orders",
            "It is the path that the shop posts to.",
            "api-resource",
            lambda: self._orders_resource(api_id),
            {"path": "/orders"},
            needs=api,
        )
        yield Expectation(
            "The model Order",
            "Where it is not what the function asks for, orders are refused that are none, or "
            "malformed ones reach the function, and are paid for.",
            "model",
            lambda: self._model(api_id),
            {"schema": schema("take_order")},
            needs=api,
            if_there=_AGAIN.format("00"),
        )
        yield Expectation(
            "The request validator",
            "Without it malformed orders reach the function, and are paid for.",
            "validator",
            lambda: self._part(api_id, "request_validators", "name", "body"),
            {"name": "body"},
            needs=api,
        )
        yield Expectation(
            "The answer to a malformed order",
            "Without it a shop is told that its order is wrong, and not what is wrong.",
            "gateway-response",
            lambda: self._part(api_id, "gateway_responses", "responseType", "BAD_REQUEST_BODY"),
            {"defaultResponse": False},
            needs=api,
        )
        yield Expectation(
            "The method POST /orders",
            "Without a key, anybody who knows the address can send orders.",
            "method",
            lambda: self._method(api_id),
            {"apiKeyRequired": True, "requestModels": {"application/json": "Order"}},
            needs="The resource /orders",
            if_there=_AGAIN.format("00"),
        )
        yield Expectation(
            f"The integration of POST /orders with {n.take_order}",
            "Without it the API does not know whom to call.",
            "integration",
            lambda: self._integration(api_id, function),
            {"type": "AWS_PROXY", "uri ends with": function},
            needs="The method POST /orders",
        )
        yield Expectation(
            f"The permission of {n.api} to invoke {n.take_order}",
            "Without it the API answers a bare 500.",
            "permission",
            lambda: self._statement(n.take_order, f"orders-api-{api_id}"),
            {"Principal": {"Service": "apigateway.amazonaws.com"}, "SourceArn": source},
            needs=api,
        )
        yield Expectation(
            "The stage prod",
            "Before it is deployed, nothing of an API is served.",
            "stage",
            lambda: self._part(api_id, "stages", "stageName", "prod"),
            {"stageName": "prod"},
            needs=api,
        )

    def _usage_plan(self) -> Iterator[Expectation]:
        n = self._names
        yield Expectation(
            f"The stage in {n.usage_plan}",
            "A key opens the stages of its usage plan and no others.",
            "usage-plan",
            self._plan,
            {"stage": f"{n.api}:prod"},
            needs=f"usage plan {n.usage_plan}",
        )
        yield Expectation(
            f"The key in {n.usage_plan}",
            "A key without a usage plan opens nothing.",
            "api-key",
            self._plan,
            {"key": n.api_key},
            needs=f"API key {n.api_key}",
        )

    # -- Looking --------------------------------------------------------------------------------

    def _queue_arn(self, name: str) -> str:
        return f"arn:aws:sqs:{self._region}:{self._account}:{name}"

    def _topic_arn(self, name: str) -> str:
        return f"arn:aws:sns:{self._region}:{self._account}:{name}"

    def _queue(self, name: str) -> dict[str, Any]:
        try:
            url = self._sqs.get_queue_url(QueueName=name)["QueueUrl"]
        except self._sqs.exceptions.QueueDoesNotExist:
            return {}
        found = self._sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
        documents = ("RedrivePolicy", "Policy")
        return {**found, **{d: json.loads(found[d]) for d in documents if d in found}}

    def _messages(self, name: str) -> dict[str, Any]:
        found = self._queue(name)
        return {"messages": int(found["ApproximateNumberOfMessages"])} if found else {}

    def _recorded(self, beginning: str, enough: int) -> dict[str, Any]:
        count = sum(1 for _ in itertools.islice(recorded(self._aws, beginning), enough))
        return {"orders": count} if count else {}

    def _retention(self, group: str) -> int | str:
        found = self._logs.describe_log_groups(logGroupNamePrefix=group)["logGroups"]
        return next((g.get("retentionInDays", "forever") for g in found), "forever")

    def _trust(self, role: str) -> dict[str, Any]:
        policy = self._iam.get_role(RoleName=role)["Role"]["AssumeRolePolicyDocument"]
        return dict(policy["Statement"][0]) if len(policy.get("Statement", [])) == 1 else {}

    def _allowed(self, role: str, wanted: set[str]) -> dict[str, Any]:
        found: set[str] = set()
        for name in self._iam.list_role_policies(RoleName=role)["PolicyNames"]:
            policy = self._iam.get_role_policy(RoleName=role, PolicyName=name)["PolicyDocument"]
            for statement in policy["Statement"]:
                actions, resources = _list(statement["Action"]), _list(statement["Resource"])
                found |= {f"{a} on {r}" for a in actions for r in resources}
        return {"too much": sorted(found - wanted), "too little": sorted(wanted - found)}

    def _configuration(self, name: str) -> dict[str, Any]:
        found = self._lambda.get_function_configuration(FunctionName=name)
        variables = found.get("Environment", {}).get("Variables", {})
        documents = {name: json.loads(v) for name, v in variables.items() if v.startswith("{")}
        return {**found, **variables, **documents}

    def _code(self, name: str) -> str:
        """What Lambda reports of our package, so that it can be compared without a download."""
        return base64.b64encode(hashlib.sha256(package(self._stem(name))).digest()).decode()

    def _stem(self, function: str) -> str:
        """The name of a function's file, which has no prefix."""
        return function.removeprefix(self._names.take_order.removesuffix("take_order"))

    def _statement(self, function: str, statement_id: str) -> dict[str, Any]:
        for statement in function_policy(self._lambda, function):
            if statement.get("Sid") == statement_id:
                return {**statement, **_sources(statement)}
        return {}

    def _dead_letter_policy(self) -> dict[str, Any]:
        policy = self._queue(self._names.topic_dead_letters).get("Policy", {})
        statements = [s for s in policy.get("Statement", []) if s["Effect"] == "Allow"]
        return {**statements[0], **_sources(statements[0])} if len(statements) == 1 else {}

    def _subscriptions(self) -> list[dict[str, Any]]:
        pages = self._sns.get_paginator("list_subscriptions_by_topic")
        found = pages.paginate(TopicArn=self._topic_arn(self._names.topic))
        return [subscription for page in found for subscription in page["Subscriptions"]]

    def _email(self) -> dict[str, Any]:
        found = [s for s in self._subscriptions() if s["Protocol"] == "email"]
        if not found:
            return {}
        confirmed = any(s["SubscriptionArn"].startswith("arn:") for s in found)
        return {"state": "confirmed" if confirmed else "pending"}

    def _subscription(self) -> dict[str, Any]:
        function = f":function:{self._names.record_order}"
        arns = [
            s["SubscriptionArn"] for s in self._subscriptions() if s["Endpoint"].endswith(function)
        ]
        found = self._sns.get_subscription_attributes(SubscriptionArn=arns[0])["Attributes"]
        return dict(json.loads(found.get("RedrivePolicy", "{}")))

    def _trigger(self) -> dict[str, Any]:
        found = self._lambda.list_event_source_mappings(
            EventSourceArn=self._queue_arn(self._names.queue),
            FunctionName=self._names.notify_fulfillment,
        )["EventSourceMappings"][0]
        return {**found, "enabled": found["State"] not in ("Disabled", "Disabling", "Deleting")}

    def _movement(self) -> dict[str, Any]:
        try:
            url = self._sqs.get_queue_url(QueueName=self._names.queue)["QueueUrl"]
        except self._sqs.exceptions.QueueDoesNotExist:  # so nothing waits; chapter 00 says so
            return {"": _MOVES}
        found = find_standstill(self._aws, url, self._trigger())
        return {"": str(found or _MOVES)}

    def _state(self, function: str) -> str:
        try:
            found = self._lambda.get_function_configuration(FunctionName=function)
        except self._lambda.exceptions.ResourceNotFoundException:
            return "none"
        return "an active function" if found["State"] == "Active" else str(found["State"])

    def _room(self, function: str) -> dict[str, Any]:
        found = self._lambda.get_function_concurrency(FunctionName=function)
        none = found.get("ReservedConcurrentExecutions") == 0
        return {"": "0" if none else "none, or more than 0"}

    def _items(self, listing: str) -> list[dict[str, Any]]:
        return list(self._apigateway.get_paginator(f"get_{listing}").paginate().search("items[]"))

    def _part(self, api_id: str, listing: str, key: str, value: str) -> dict[str, Any]:
        """A part of the API from one of its listings."""
        found = getattr(self._apigateway, f"get_{listing}")(restApiId=api_id)
        parts = found.get("items") or found.get("item") or []
        return next((dict(part) for part in parts if part.get(key) == value), {})

    def _model(self, api_id: str) -> dict[str, Any]:
        found = self._part(api_id, "models", "name", "Order")
        return {**found, "schema": json.loads(found["schema"])} if found else {}

    def _orders_resource(self, api_id: str) -> dict[str, Any]:
        found = self._apigateway.get_resources(restApiId=api_id, limit=500, embed=["methods"])
        return next((dict(r) for r in found["items"] if r["path"] == "/orders"), {})

    def _method(self, api_id: str) -> dict[str, Any]:
        return dict(self._orders_resource(api_id).get("resourceMethods", {}).get("POST", {}))

    def _integration(self, api_id: str, function: str) -> dict[str, Any]:
        found = self._method(api_id).get("methodIntegration", {})
        same = found.get("uri", "").endswith(function)
        return {**found, "uri ends with": function if same else found["uri"]} if found else {}

    def _plan(self) -> dict[str, Any]:
        n = self._names
        plans = [plan for plan in self._items("usage_plans") if is_ours(plan, n.usage_plan)]
        if not plans:
            return {}
        apis = {api["id"] for api in self._items("rest_apis") if is_ours(api, n.api)}
        stages = {s["apiId"] for s in plans[0].get("apiStages", []) if s["stage"] == "prod"}
        keys = {key["id"] for key in self._items("api_keys") if is_ours(key, n.api_key)}
        in_plan = self._apigateway.get_usage_plan_keys(usagePlanId=plans[0]["id"])["items"]
        return {
            "stage": f"{n.api}:prod" if apis & stages else "none",
            "key": n.api_key if keys & {key["id"] for key in in_plan} else "none",
        }


def _list(value: str | list[str]) -> list[str]:
    return [value] if isinstance(value, str) else value


def _sources(statement: dict[str, Any]) -> dict[str, str]:
    """The conditions of a statement, whatever their operators: {"SourceArn": ..., ...}."""
    conditions = statement.get("Condition", {}).values()
    return {k.split(":")[-1]: v for pairs in conditions for k, v in pairs.items()}
