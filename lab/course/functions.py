"""What must be true of each of the three functions: its log group, its execution role, its
configuration, and that it may run at all."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Iterator
from typing import Any

from lab.aws.packaging import RUNTIME, package
from lab.course.looking import Look
from lab.course.roles import role_is_right
from lab.engine.checks import COUNT
from lab.engine.course import Detail, Expectation

_LET_RUN = (
    'In a cell: `lab.session().client("lambda").delete_function_concurrency(FunctionName="{0}")`; '
    "in the console: the function, Configuration, Concurrency, Edit, Use unreserved account "
    "concurrency. `lab dead-letters` lists what failed meanwhile."
)
_WHY = {
    "Runtime": "AWS takes old runtimes away; the code was tested with this one.",
    "Handler": "It names the file and the function in it that Lambda calls. Where that is not "
    "in the package, every call fails.",
    "Timeout": "A shorter one ends calls that were only slow. A longer one holds an order for "
    "longer than the queue hides it, and it is delivered twice.",
    "MemorySize": "It decides how fast the function runs, and what each call costs.",
    "State": "Lambda calls only a function that is active.",
    "Role": "The role is what the function may do; with another one it may do too little, or more "
    "than it needs.",
    "DeadLetterConfig": "Without it Lambda drops an order that failed three times.",
}


def function_is_right(
    look: Look, name: str, allowed: list[str], variables: dict[str, Any], **configuration: Any
) -> Iterator[Expectation]:
    """`allowed` is what its role may do: "sqs:SendMessage on arn:aws:sqs:..."."""
    yield _log_group_is_right(look, name)
    yield from role_is_right(look, name, allowed)
    yield _configuration_is_right(look, name, variables, configuration)
    yield _has_room(look, name)


def _configuration_is_right(
    look: Look, name: str, variables: dict[str, Any], more: dict[str, Any]
) -> Expectation:
    stem = look.names.stem(name)
    return Expectation(
        f"The configuration of {name}",
        "The chain relies on it.",
        "function",
        lambda: _configuration(look, name),
        {**_usual(look, name), **variables, **more},
        needs=f"Lambda function {name}",
        details={
            **{part: Detail(why) for part, why in _WHY.items()},
            **{part: Detail(_of_variable(part)) for part in variables},
            "CodeSha256": Detail(_of_code(name), f"its code is not lambdas/{stem}.py"),
        },
    )


def _usual(look: Look, name: str) -> dict[str, Any]:
    """What is the same in all three."""
    stem, role = look.names.stem(name), look.names.role(name, look.region)
    return {
        "Runtime": RUNTIME,
        "Handler": f"{stem}.lambda_handler",
        "Timeout": 15,
        "MemorySize": 256,
        "State": "Active",
        "Role": f"arn:aws:iam::{look.account}:role/{role}",
        "CodeSha256": _code(stem),
    }


def _of_variable(name: str) -> str:
    return (
        f"It is an environment variable, {name}, that tells the function where an order goes on. "
        "Without it, or with another one, the order stops there or goes elsewhere."
    )


def _of_code(name: str) -> str:
    return (
        f"Only with that code is it known what {name} does with an order. An edit of yours is "
        "fine while you try it; the cell puts the chapter's code back."
    )


def _configuration(look: Look, name: str) -> dict[str, Any]:
    found = look.lambda_.get_function_configuration(FunctionName=name)
    variables = found.get("Environment", {}).get("Variables", {})
    return {**found, **{part: _read(value) for part, value in variables.items()}}


def _read(value: str) -> Any:
    """A variable's value: an object if it is one in JSON, else the text."""
    try:
        found = json.loads(value)
    except ValueError:
        return value
    return found if isinstance(found, dict) else value


def _code(stem: str) -> str:
    """What Lambda reports of our package, so that it can be compared without a download."""
    return base64.b64encode(hashlib.sha256(package(stem)).digest()).decode()


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


def _room(look: Look, function: str) -> dict[str, Any]:
    found = look.lambda_.get_function_concurrency(FunctionName=function)
    none = found.get("ReservedConcurrentExecutions") == 0
    return {"": "0" if none else "none, or more than 0"}


def _log_group_is_right(look: Look, function: str) -> Expectation:
    group = look.names.log_group(function)
    return Expectation(
        f"The retention of {group}",
        "Without one, lines are kept, and paid for, forever.",
        "log-group",
        lambda: {"days": _retention(look, group)},
        {"days": 14},
        needs=f"log group {group}",
        says=COUNT,
    )


def _retention(look: Look, group: str) -> int | str:
    found = look.logs.describe_log_groups(logGroupNamePrefix=group)["logGroups"]
    return next((g.get("retentionInDays", "forever") for g in found), "forever")
