"""What can be known before a workshop: does this account carry a class of this size?

Each question is one function that only looks, and answers with what was found and what to do about
it.
"""

from __future__ import annotations

import datetime
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import boto3
from botocore.exceptions import ClientError

from lab.aws import rates
from lab.aws.guard import Caller, find_caller
from lab.aws.inventory import Resource, is_not_served, survey
from lab.aws.packaging import RUNTIME, RUNTIME_ENDS

# What a learner makes once, and deletes once, at the slowest rates.
_SET_UP = {"api-gateway.CreateDeployment": 1, "api-gateway.CreateRestApi": 1}
_TEARDOWN = {"api-gateway.DeleteRestApi": 1, "api-gateway.UpdateUsagePlan": 1}
# One for the first function, two for the second, which its trigger allows, and two for the third.
FUNCTIONS_AT_ONCE = 5
Policy = Callable[[str], dict[str, Any]]  # the policy document for an account
_HALF_A_YEAR = datetime.timedelta(days=182)


# By service, what a learner has one or some of, in words; how many, and AWS's quota for an account.
# https://docs.aws.amazon.com/apigateway/latest/developerguide/limits.html
_QUOTAS = (
    ("get_rest_apis", "REST APIs", 1, 600),
    ("get_usage_plans", "usage plans", 1, 300),
)
# What IAM says itself, by its word for it. A class has a user and a policy for each learner.
_OF_IAM = {"Roles": ("roles", 3), "Users": ("users", 1), "Policies": ("policies", 1)}
_CANNOT = ("InvalidInput", "NoSuchEntity")


@dataclass(frozen=True)
class Answer:
    """What was found, and what to do if that is `wrong`. Where it is not known, `found` says why
    not."""

    found: str
    fix: str = ""
    is_known: bool = True

    @property
    def wrong(self) -> bool:
        return bool(self.fix)


def answers(
    aws: boto3.Session,
    resources: Sequence[Resource],
    policy: Policy,
    learners: int,
    today: datetime.date,
) -> Iterator[Answer]:
    """Whether the account carries so many learners: one answer for each question. `policy` says
    what a learner must be allowed to do."""
    caller = find_caller(aws)
    yield of_caller(caller)
    questions: Iterable[Callable[[], Answer]] = (
        lambda: of_permissions(aws.client("iam"), caller, policy(caller.account)),
        lambda: of_names(resources),
        lambda: of_concurrency(aws.client("lambda"), learners),
        lambda: of_quotas(aws, learners),
        lambda: of_runtime(today),
        lambda: of_rates(learners),
    )
    yield from map(_asked, questions)


def _asked(question: Callable[[], Answer]) -> Answer:
    """The answer, or why there is none."""
    try:
        return question()
    except ClientError as error:
        code = error.response["Error"]["Code"]
        if code.startswith("AccessDenied") or code in _CANNOT or is_not_served(error):
            return Answer(f"Not known: {error}", is_known=False)
        raise


def of_caller(caller: Caller) -> Answer:
    looks = "This looks like production; hold a workshop in an account of its own."
    return Answer(f"You are {caller}.", looks if caller.looks_like_production else "")


def of_permissions(iam: Any, caller: Caller, policy: dict[str, Any]) -> Answer:
    """Whether the caller's policies allow what a policy does, as IAM simulates it.
    https://docs.aws.amazon.com/IAM/latest/APIReference/API_SimulatePrincipalPolicy.html
    """
    statements = policy["Statement"]
    source = _source(iam, caller)
    if not source:
        return Answer(
            "Not known what you may do: IAM simulates it for users and roles only.", is_known=False
        )
    count = len({action for each in statements for action in each["Action"]})
    denied = sorted({action for each in statements for action in _denied(iam, source, each)})
    if not denied:
        return Answer(f"Your policies allow all {count} actions that a learner needs (simulated).")
    return Answer(
        f"Expected your policies to allow the {count} actions that a learner needs, found "
        f"{len(denied)} denied (simulated): {', '.join(denied)}.",
        "Have your account's administrator add what `lab policy` prints, or look for what denies "
        "it.",
    )


def _source(iam: Any, caller: Caller) -> str:
    """The ARN of the user or role whose policies decide for the caller; "" if there is none."""
    found = re.fullmatch(r"arn:([\w-]+):(iam|sts)::(\d+):(user|assumed-role)/(.+)", caller.arn)
    if found is None:
        return ""
    partition, _, account, kind, name = found.groups()
    if kind == "user":
        return caller.arn
    role = name.partition("/")[0]
    try:
        return str(iam.get_role(RoleName=role)["Role"]["Arn"])  # which has the path
    except iam.exceptions.ClientError:
        return f"arn:{partition}:iam::{account}:role/{role}"


def _denied(iam: Any, source: str, statement: dict[str, Any]) -> Iterator[str]:
    """The actions of a statement that are not allowed on all of its resources."""
    simulate = iam.get_paginator("simulate_principal_policy").paginate
    for context in _contexts(statement.get("Condition", {})):
        for page in simulate(
            PolicySourceArn=source,
            ActionNames=statement["Action"],
            ResourceArns=statement["Resource"],
            ContextEntries=context,
        ):
            for result in page["EvaluationResults"]:
                if result["EvalDecision"] != "allowed":
                    yield result["EvalActionName"]


def _contexts(condition: dict[str, dict[str, Any]]) -> list[list[dict[str, Any]]]:
    """The circumstances in which a condition holds: one for each of its values."""
    return [
        [{"ContextKeyName": key, "ContextKeyValues": [value], "ContextKeyType": "string"}]
        for parts in condition.values()
        for key, values in parts.items()
        for value in ([values] if isinstance(values, str) else values)
    ] or [[]]


def of_names(resources: Sequence[Resource]) -> Answer:
    """Whether any name is somebody else's."""
    found = survey(resources)
    taken = [str(each.resource) for each in found if not each.ours]
    if taken:
        return Answer(
            f"Expected no name to be taken by others, found {', '.join(taken)}.",
            "Set LAB_PREFIX to get other names.",
        )
    return Answer(
        f"No name is taken by others; {len(found)} of {len(resources)} things stand already."
    )


def of_concurrency(lambda_: Any, learners: int) -> Answer:
    """https://docs.aws.amazon.com/lambda/latest/dg/lambda-concurrency.html"""
    limit = lambda_.get_account_settings()["AccountLimit"]["UnreservedConcurrentExecutions"]
    wanted = learners * FUNCTIONS_AT_ONCE
    if limit >= wanted:
        return Answer(f"Lambda runs up to {limit} functions at once, enough for {wanted}.")
    return Answer(
        f"Expected Lambda to run {wanted} functions at once for {learners} learners, found "
        f"{limit}: some orders would be answered 500.",
        "Ask for more days before: console, Service Quotas, Lambda, Concurrent executions.",
    )


def of_quotas(aws: boto3.Session, learners: int) -> Answer:
    """Whether there is room for what learners make one of, or some."""
    summary = aws.client("iam").get_account_summary()["SummaryMap"]
    api: Any = aws.client("apigateway")
    counts = [
        (what, summary[name] + each * learners, summary[f"{name}Quota"])
        for name, (what, each) in _OF_IAM.items()
    ]
    for operation, what, each, quota in _QUOTAS:
        there = sum(1 for _ in api.get_paginator(operation).paginate().search("items[]"))
        counts.append((what, there + each * learners, quota))
    short = [f"{count} {what} of {quota}" for what, count, quota in counts if count > quota]
    if not short:
        names = ", ".join(what for what, _, _ in counts)
        return Answer(f"Your quotas have room for {learners} learners: {names}.")
    return Answer(
        f"Expected room for {learners} learners, found that they would need {', '.join(short)}.",
        "Ask for more days before (console, Service Quotas), or take two accounts or regions.",
    )


def of_runtime(today: datetime.date) -> Answer:
    found = f"AWS supports {RUNTIME} until {RUNTIME_ENDS}."
    if RUNTIME_ENDS - today > _HALF_A_YEAR:
        return Answer(found)
    return Answer(found, "Look for a newer edition of this tutorial.")


def of_rates(learners: int) -> Answer:
    """How long it takes at least: the slowest rate decides, as a learner makes each call once."""
    (_, up), (_, down) = (
        rates.slowest({call: learners * count for call, count in calls.items()})
        for calls in (_SET_UP, _TEARDOWN)
    )
    return Answer(
        f"API Gateway's rates let {learners} set up in {rates.minutes(up)} at least, and tear down "
        f"in {rates.minutes(down)}."
    )
