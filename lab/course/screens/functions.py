"""A function: how it is set, what it may do, and what it logged last."""

from __future__ import annotations

from typing import Any

import boto3

from lab.aws.arn import name_in
from lab.aws.movement import cloud_status
from lab.course.function_logs import last_lines
from lab.course.looking import look_at
from lab.course.names import names
from lab.course.screens.found import MOST_ROWS, found, screen_of
from lab.course.screens.queues import clock
from lab.engine.screen import Screen, Table
from lab.errors import LabError


def function(aws: boto3.Session, name: str) -> Screen:
    """One of the three functions, by its name or by that of its file in lambdas/."""
    full = {names().stem(each): each for each in names().functions}.get(name, name)
    if full not in names().functions:
        known = ", ".join(names().functions)
        raise LabError(f"There is no function {name!r} to look at. There are: {known}.")
    resource, _ = found(aws, "Lambda function", full)
    lambda_ = look_at(aws).lambda_
    configuration = lambda_.get_function_configuration(FunctionName=full)
    facts = _settings(configuration) | _at_work(aws, configuration["FunctionArn"])
    lines = [(clock(line.epoch_ms), line.text) for line in last_lines(aws, [full], MOST_ROWS)]
    says = "" if lines else "It has logged nothing yet."
    may = Table(("may", "on"), _may(aws, name_in(configuration["Role"])), "Its role")
    logged = Table(("time (UTC)", "line"), lines, "What it logged last")
    return screen_of(resource, facts, may, logged, says=says)


def _settings(found: dict[str, Any]) -> dict[str, object]:
    variables = found.get("Environment", {}).get("Variables", {})
    return {
        "runtime": found["Runtime"],
        "handler": found["Handler"],
        "timeout": f"{found['Timeout']} s",
        "memory": f"{found['MemorySize']} MB",
        "role": name_in(found["Role"]).rpartition("/")[2],
        "environment": ", ".join(sorted(variables)),
    }


def _at_work(aws: boto3.Session, arn: str) -> dict[str, object]:
    """What the local cloud tells of its workers; nothing on AWS."""
    services = (cloud_status(aws) or {}).get("services") or {}
    for each in services.get("lambda", {}).get("functions", ()):
        if each["arn"] == arn:
            under_way = len(each.get("under_way", ()))
            return {"workers": len(each.get("workers", ())), "under way": under_way}
    return {}


def _may(aws: boto3.Session, role: str) -> list[tuple[object, ...]]:
    """What the inline policies of its role allow or deny: actions, and on what."""
    iam = look_at(aws).iam
    name = role.rpartition("/")[2]
    rows: list[tuple[object, ...]] = []
    for policy in iam.list_role_policies(RoleName=name)["PolicyNames"]:
        found = iam.get_role_policy(RoleName=name, PolicyName=policy)["PolicyDocument"]
        for statement in _list(found["Statement"]):
            never = "never " if statement["Effect"] == "Deny" else ""
            actions = ", ".join(_list(statement.get("Action", "all but some")))
            things = ", ".join(_thing(each) for each in _list(statement.get("Resource", "*")))
            rows.append((f"{never}{actions}", things))
    return rows


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _thing(arn: str) -> str:
    """An ARN without partition, region and account, which say nothing here."""
    return arn.split(":", 5)[-1] if arn.startswith("arn:") else arn
