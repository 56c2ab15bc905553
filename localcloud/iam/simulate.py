"""SimulatePrincipalPolicy: what a user or a role may do, without doing it. moto lacks it.

https://docs.aws.amazon.com/IAM/latest/APIReference/API_SimulatePrincipalPolicy.html
"""

from __future__ import annotations

from typing import Any

from moto.core.serialize import QuerySerializer
from moto.core.utils import get_service_model
from moto.iam.models import iam_backends

from localcloud import arn as arns
from localcloud import models
from localcloud.call import Call
from localcloud.http import Response, fit_for_xml
from localcloud.iam.federation import OWNER
from localcloud.iam.policies import Access, Caller, Context, Decision, context_of, decide, find_role
from localcloud.upstream import ACCOUNT_ID

OPERATION = "SimulatePrincipalPolicy"
_PAGE = 100  # results, unless MaxItems says otherwise
_DECISIONS = ("explicitDeny", "implicitDeny", "allowed")  # the most restrictive first


def answer(call: Call) -> Response:
    """The decision for each action, on all of the resources and on each of them."""
    given = models.input_of(call)
    source = given["PolicySourceArn"]
    kind, name = _kind_and_name(source)
    if not kind:
        text = f"Invalid Entity Arn: {source} does not clearly define entity type and name."
        return call.error(400, "InvalidInput", text)
    if kind == "group":
        text = "The local cloud simulates the policies of users and roles, and not of groups."
        return call.error(501, "NotImplemented", text)
    caller = _caller(source, kind, name)
    if caller is None and source != OWNER:
        return call.error(404, "NoSuchEntity", f"The {kind} with name {name} cannot be found.")
    context = tuple(
        (each["ContextKeyName"].lower(), value)
        for each in given.get("ContextEntries", [])
        for value in each["ContextKeyValues"][:1]
    )
    resources = given.get("ResourceArns") or ["*"]
    results = [_result(caller, action, resources, context) for action in given["ActionNames"]]
    return _page(call, given, results)


def _kind_and_name(source: str) -> tuple[str, str]:
    arn = arns.parse(source)
    kind, _, name = arn.resource.partition("/")
    is_one = arn.service == "iam" and kind in ("user", "role", "group") and name
    return (kind, name.rpartition("/")[2]) if is_one else ("", "")


def _caller(source: str, kind: str, name: str) -> Caller | None:
    """Who that is; None if nobody is."""
    if kind == "role":
        return Caller(source, source) if find_role(source) else None
    user = iam_backends[ACCOUNT_ID]["aws"].users.get(name)
    return Caller(source, user_name=name) if user and user.arn == source else None


def _result(
    caller: Caller | None, action: str, resources: list[str], context: Context
) -> dict[str, Any]:
    of_each = [_of_resource(caller, action, resource, context) for resource in resources]
    strictest = min((each["EvalResourceDecision"] for each in of_each), key=_DECISIONS.index)
    deciding = [each for each in of_each if each["EvalResourceDecision"] == strictest]
    return {
        "EvalActionName": action,
        "EvalDecision": strictest,
        "MatchedStatements": [each for found in deciding for each in found["MatchedStatements"]],
        "MissingContextValues": [],
        "ResourceSpecificResults": of_each,
    }


def _of_resource(
    caller: Caller | None, action: str, resource: str, context: Context
) -> dict[str, Any]:
    """For the owner of the local cloud, who is no `caller`, everything is allowed."""
    access = Access(action, resource)
    decision = Decision(access, "")
    if caller is not None:
        region = arns.parse(resource).region
        access = Access(action, resource, context_of(caller.arn, region) + context)
        decision = decide(caller, access)
    statement = decision.statement
    denied = "explicitDeny" if statement else "implicitDeny"
    return {
        "EvalResourceName": resource,
        "EvalResourceDecision": denied if decision.reason else "allowed",
        "MatchedStatements": [{"SourcePolicyId": statement.policy}] if statement else [],
        "MissingContextValues": [],
    }


def _page(call: Call, given: dict[str, Any], results: list[dict[str, Any]]) -> Response:
    start = int(given.get("Marker", 0))
    end = start + int(given.get("MaxItems", _PAGE))
    is_more = end < len(results)
    page = {"EvaluationResults": results[start:end], "IsTruncated": is_more}
    model = get_service_model(call.service).operation_model(OPERATION)
    body = QuerySerializer(model).serialize({**page, **({"Marker": str(end)} if is_more else {})})
    return Response(200, fit_for_xml(body["body"].encode()), (("Content-Type", "text/xml"),))
