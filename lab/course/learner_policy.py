"""The smallest policy that a learner needs: for the actions of all chapters, on what has a
learner's names.

The actions are recorded: `lab dev permissions` runs all chapters and writes down what their calls
need. So this says only on what each is allowed.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any

from lab.course.names import Names

ACTIONS_FILE = Path(__file__).with_name("learner_actions.json")

# AWS lets nobody say on what these are allowed.
_ON_ALL = {
    "lambda:ListEventSourceMappings",
    "lambda:ListFunctions",
    "logs:DescribeLogGroups",
    "sns:GetSubscriptionAttributes",
    "sns:ListSubscriptions",
    "sns:ListTopics",
    "sns:SetSubscriptionAttributes",
    "sns:Unsubscribe",
    "sqs:ListQueues",
    "dynamodb:ListTables",
    "iam:ListRoles",
}
_MAPPING = "EventSourceMapping"
_TAGS_OF_MAPPINGS = {"lambda:ListTags", "lambda:TagResource"}


def recorded_actions() -> list[str]:
    found: list[str] = json.loads(ACTIONS_FILE.read_text("utf-8"))
    return found


def write_actions(actions: Collection[str]) -> None:
    ACTIONS_FILE.write_text(json.dumps(sorted(actions), indent=1) + "\n", "utf-8")


def policy(names: Names, account: str, region: str, actions: Collection[str]) -> dict[str, Any]:
    """The policy document that allows these actions to the learner with these names."""
    statements = _statements(names, account, region, set(actions))
    return {"Version": "2012-10-17", "Statement": [each for each in statements if each["Action"]]}


def _statements(
    names: Names, account: str, region: str, actions: set[str]
) -> Iterator[dict[str, Any]]:
    functions = [f"arn:aws:lambda:{region}:{account}:function:{name}" for name in names.functions]
    of_mappings = {action for action in actions - _ON_ALL if action.endswith(_MAPPING)}
    apart = _ON_ALL | of_mappings | {"iam:PassRole"}
    for service, resources in _resources(names, account, region).items():
        of_service = {action for action in actions - apart if action.startswith(f"{service}:")}
        yield _allow(of_service, resources)
    yield _allow(actions & _ON_ALL, ["*"])
    # A trigger's own ARN is not known before it is there; its function's is.
    yield _allow(of_mappings, ["*"], ArnLike={"lambda:FunctionArn": functions})
    any_mapping = f"arn:aws:lambda:{region}:{account}:event-source-mapping:*"
    yield _allow(actions & _TAGS_OF_MAPPINGS, [any_mapping])
    roles = _resources(names, account, region)["iam"]
    to_lambda = {"iam:PassedToService": "lambda.amazonaws.com"}
    yield _allow(actions & {"iam:PassRole"}, roles, StringEquals=to_lambda)


def _resources(names: Names, account: str, region: str) -> dict[str, list[str]]:
    """By service, the ARNs of what has a learner's names. API Gateway's have ids, which nobody
    knows before."""
    here = f"{region}:{account}"
    queues = (names.queue, *names.dead_letters)
    table = f"arn:aws:dynamodb:{here}:table/{names.table}"
    log_groups = [f"arn:aws:logs:{here}:log-group:{names.log_group(f)}" for f in names.functions]
    gateway = f"arn:aws:apigateway:{region}::"
    kinds = ("restapis", "usageplans", "apikeys")
    return {
        "apigateway": [f"{gateway}/{kind}{rest}" for kind in kinds for rest in ("", "/*")]
        + [f"{gateway}/tags/*"],
        "dynamodb": [table, f"{table}/index/*"],
        "iam": [f"arn:aws:iam::{account}:role/{names.role(f, region)}" for f in names.functions],
        "lambda": [f"arn:aws:lambda:{here}:function:{name}" for name in names.functions],
        "logs": [f"{group}{rest}" for group in log_groups for rest in ("", ":*")],
        "sns": [f"arn:aws:sns:{here}:{name}" for name in (names.topic, names.stakeholders)],
        "sqs": [f"arn:aws:sqs:{here}:{name}" for name in queues],
    }


def _allow(actions: set[str], resources: list[str], **condition: Any) -> dict[str, Any]:
    allowed = {"Effect": "Allow", "Action": sorted(actions), "Resource": resources}
    return {**allowed, "Condition": condition} if condition else allowed
