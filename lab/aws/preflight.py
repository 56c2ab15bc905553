"""What can be known before a workshop: does this account carry a class of this size?

Each question is one function that only looks, and answers with what was found and what to do about
it.
"""

from __future__ import annotations

import datetime
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import boto3

from lab.aws import rates
from lab.aws.guard import Caller, find_caller
from lab.aws.inventory import Resource, survey
from lab.aws.packaging import RUNTIME, RUNTIME_ENDS

# What a learner makes once, and deletes once, at the slowest rates.
_SET_UP = {"api-gateway.CreateDeployment": 1, "api-gateway.CreateRestApi": 1}
_TEARDOWN = {"api-gateway.DeleteRestApi": 1, "api-gateway.UpdateUsagePlan": 1}
# One for the first function, two for the second, which its trigger allows, and two for the third.
FUNCTIONS_AT_ONCE = 5
_HALF_A_YEAR = datetime.timedelta(days=182)


@dataclass(frozen=True)
class Answer:
    """What was found, and what to do if that is `wrong`."""

    found: str
    fix: str = ""

    @property
    def wrong(self) -> bool:
        return bool(self.fix)


def answers(
    aws: boto3.Session, resources: Sequence[Resource], learners: int, today: datetime.date
) -> Iterator[Answer]:
    """What there is to know for so many learners, one thing after the other."""
    yield of_caller(find_caller(aws))
    yield of_names(resources)
    yield of_concurrency(aws.client("lambda"), learners)
    yield of_runtime(today)
    yield of_rates(learners)


def of_caller(caller: Caller) -> Answer:
    looks = "This looks like production; hold a workshop in an account of its own."
    return Answer(f"You are {caller}.", looks if caller.looks_like_production else "")


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
