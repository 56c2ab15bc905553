"""Finds all who have anything of this tutorial in an account and region, with a roster or without.

AWS's tagging service leaves out roles and users, and lists what was deleted. So we list names, and
what stands before one of ours may be a learner's prefix. Whose the things are is then said by their
tags, as everywhere.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import boto3

from lab.aws.inventory import Found, survey
from lab.classroom.roster import Learner
from lab.classroom.user import PATH, User
from lab.course.names import Names
from lab.course.resources import inventory_of

_PREFIX = re.compile(r"([A-Za-z][A-Za-z0-9-]{0,20}-)?")
# Service, listing, its parameters, and where the names are; of a URL or ARN, the last part counts.
_LISTINGS: tuple[tuple[str, str, dict[str, Any], str], ...] = (
    ("sqs", "list_queues", {"PaginationConfig": {"PageSize": 1000}}, "QueueUrls[]"),
    ("sns", "list_topics", {}, "Topics[].TopicArn"),
    ("dynamodb", "list_tables", {}, "TableNames[]"),
    ("lambda", "list_functions", {}, "Functions[].FunctionName"),
    ("logs", "describe_log_groups", {}, "logGroups[].logGroupName"),
    ("iam", "list_roles", {}, "Roles[].RoleName"),
    ("iam", "list_users", {"PathPrefix": PATH}, "Users[].UserName"),
    ("iam", "list_policies", {"Scope": "Local", "PathPrefix": PATH}, "Policies[].PolicyName"),
    ("apigateway", "get_rest_apis", {}, "items[].name"),
    ("apigateway", "get_usage_plans", {}, "items[].name"),
    ("apigateway", "get_api_keys", {}, "items[].name"),
)


def learners(aws: boto3.Session, account: str) -> dict[Learner, list[Found]]:
    """Everyone of whom there is something in the account and region, with what it is."""
    found = {}
    for prefix in sorted(_prefixes(aws)):
        names = Names(prefix)
        everything = (*inventory_of(aws, names), *User(aws, names, account).resources)
        if ours := [each for each in survey(everything) if each.ours]:
            found[Learner(names.tags["learner"], "", prefix, 0)] = ours
    return found


def _prefixes(aws: boto3.Session) -> set[str]:
    """What may be a learner's prefix."""
    ours = set(_names(Names(), str(aws.region_name)))
    endings = tuple(ours)
    found = set()
    for name in _listed(aws):
        for ending in endings if name.endswith(endings) else ():
            prefix = name.removesuffix(ending)
            if prefix != name and _PREFIX.fullmatch(prefix):
                found.add(prefix)
    return found


def _names(names: Names, region: str) -> Iterator[str]:
    yield from names.functions
    yield from (names.role(function, region) for function in names.functions)
    yield from (names.queue, *names.dead_letters, names.topic, names.stakeholders, names.table)
    yield from (names.api, names.usage_plan, names.api_key, names.user)


def _listed(aws: boto3.Session) -> Iterator[str]:
    for service, listing, parameters, where in _LISTINGS:
        client: Any = aws.client(service)  # type: ignore[call-overload]  # one of several
        pages = client.get_paginator(listing).paginate(**parameters)
        yield from (re.split("[:/]", text)[-1] for text in pages.search(where) if text)
