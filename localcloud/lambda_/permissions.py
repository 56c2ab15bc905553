"""Who may call a function: the statements of its resource-based policy.

A statement is for the function as a whole or for one of its versions or aliases, and each of these
has a policy of its own, with its own revision. The statements are kept in one list, as each names
its resource. moto would take any statement, and show those of one qualifier for another.

https://docs.aws.amazon.com/lambda/latest/api/API_AddPermission.html
"""

from __future__ import annotations

import json
import re
import uuid
from functools import cache
from typing import Any
from urllib.parse import parse_qs

from botocore.loaders import Loader

from localcloud.call import Call
from localcloud.http import Response, json_response
from localcloud.iam.policies import find_role
from localcloud.lambda_ import errors, functions
from localcloud.lambda_.errors import LambdaError
from localcloud.lambda_.functions import LambdaFunction
from localcloud.lambda_.names import LATEST, Name, qualifier_of
from localcloud.upstream import ACCOUNT_ID

OPERATIONS = ("AddPermission", "GetPolicy", "RemovePermission")
_SERVICE = re.compile(r"([\w.-]+)\.amazonaws\.com(\.cn)?")
# Principals of services besides those that botocore knows by the same name.
_MORE_SERVICES = {"edgelambda", "iotevents", "lex", "lexv2", "mobiletargeting"}
_OF_ALEXA = ("alexa-appkit.amazon.com", "alexa-connectedhome.amazon.com")
_ROLE = re.compile(r"arn:[\w-]+:iam::(\d{12}):role/.+")
_ALIAS = re.compile(r"[\w-]*[a-zA-Z_-][\w-]*", re.ASCII)
_ACCOUNT = re.compile(r"\d{12}")
_ARN = re.compile(r"arn:aws[\w-]*:(iam|sts)::(\d{12}|cloudfront):.+")
# The members that are conditions, each with its operator and key.
_CONDITIONS = {
    "EventSourceToken": ("StringEquals", "lambda:EventSourceToken"),
    "FunctionUrlAuthType": ("StringEquals", "lambda:FunctionUrlAuthType"),
    "PrincipalOrgID": ("StringEquals", "aws:PrincipalOrgID"),
    "SourceAccount": ("StringEquals", "AWS:SourceAccount"),
    "SourceArn": ("ArnLike", "AWS:SourceArn"),
}


def handle(call: Call) -> Response:
    """Answer a call of one of OPERATIONS, with the function's name in one form. Raises
    LambdaError."""
    named = Name(call.parameters["FunctionName"], qualifier_of(call))
    function, arn = functions.find(named.text, call.region), named.arn(call.region)
    if call.operation == "GetPolicy":
        return _get(function, arn)
    if function is None:
        raise _not_found(call.operation, named, arn)
    if call.operation == "AddPermission":
        return _add(function, arn, json.loads(call.request.body))
    asked = parse_qs(call.request.query).get("RevisionId", [None])[0]
    return _remove(function, arn, call.parameters["StatementId"], asked)


def _not_found(operation: str, named: Name, arn: str) -> LambdaError:
    """The error for a function, version or alias that is not there."""
    if _ALIAS.fullmatch(named.qualifier or ""):
        return errors.not_found(f"Cannot find alias arn: {arn}")
    if operation == "RemovePermission" and not named.qualifier:
        return errors.not_found(f"No policy found for: {arn}")
    return errors.no_function(arn)


def _get(function: LambdaFunction | None, arn: str) -> Response:
    statements = _statements(function, arn) if function else []
    if function is None or not statements:
        raise errors.not_found("The resource you requested does not exist.")
    policy = {"Version": "2012-10-17", "Id": "default", "Statement": statements}
    body = {"Policy": json.dumps(policy), "RevisionId": _revision(function, arn)}
    return json_response(200, body)


def _add(function: LambdaFunction, arn: str, given: dict[str, Any]) -> Response:
    if arn.endswith(LATEST):
        raise errors.invalid("We currently do not support adding policies for $LATEST.")
    errors.refuse_another_revision(given.get("RevisionId"), _revision(function, arn), "GetPolicy")
    name, principal = given["StatementId"], _principal(given["Principal"])
    if any(each["Sid"] == name for each in _statements(function, arn)):
        raise errors.conflict(
            f"The statement id ({name}) provided already exists. Please provide a new statement "
            "id, or remove the existing statement."
        )
    statement = _statement(given, principal, arn)
    function.policy.statements.append(statement)
    functions.note_new_statement(function, name)
    _revisions(function)[arn] = str(uuid.uuid4())
    return json_response(201, {"Statement": json.dumps(statement)})


def _remove(function: LambdaFunction, arn: str, name: str, revision: str | None) -> Response:
    statements = _statements(function, arn)
    if not statements:
        raise errors.not_found("No policy is associated with the given resource.")
    errors.refuse_another_revision(revision, _revision(function, arn), "GetPolicy")
    found = next((each for each in statements if each["Sid"] == name), None)
    if found is None:
        raise errors.not_found(f"Statement {name} is not found in resource policy.")
    function.policy.statements.remove(found)
    _revisions(function)[arn] = str(uuid.uuid4())
    return Response(204)


def _revisions(function: LambdaFunction) -> dict[str, str]:
    """The revisions of the policies that were changed, by the ARN of whose they are."""
    policy: Any = function.policy
    found: dict[str, str] = vars(policy).setdefault("revisions", {})
    return found


def _revision(function: LambdaFunction, arn: str) -> str:
    """The revision of a policy; before the first statement, that of the function or alias."""
    alias = functions.alias(arn, function.region)
    whose = alias.revision_id if alias else function.revision_id
    return _revisions(function).get(arn.removesuffix(f":{LATEST}"), str(whose))


def _statements(function: LambdaFunction, arn: str) -> list[dict[str, Any]]:
    """The statements for exactly this function, version or alias."""
    wanted = arn.removesuffix(f":{LATEST}")
    return [each for each in function.policy.statements if each["Resource"] == wanted]


def _principal(text: str) -> str | dict[str, str]:
    """The principal as a policy writes it. Raises LambdaError if there can be no such one."""
    if text == "*":
        return text
    if _is_service(text):
        return {"Service": text}
    if _ACCOUNT.fullmatch(text):
        return {"AWS": f"arn:aws:iam::{text}:root"}
    if _ARN.fullmatch(text) and not _is_missing_role(text):
        return {"AWS": text}
    raise errors.invalid(
        "The provided principal was invalid. Please check the principal and try again."
    )


def _is_service(text: str) -> bool:
    """Whether AWS has such a service: `sns.amazonaws.com`, `logs.us-east-1.amazonaws.com`."""
    found = _SERVICE.fullmatch(text)
    return text in _OF_ALEXA or bool(found and _services().intersection(found[1].split(".")))


@cache
def _services() -> frozenset[str]:
    """The names of AWS's services, and of their endpoints, which differ here and there."""
    loader = Loader()
    names = loader.list_available_services("service-2")
    ends = (each["services"] for each in loader.load_data("endpoints")["partitions"])
    return frozenset(_MORE_SERVICES.union(names, *ends))


def _is_missing_role(arn: str) -> bool:
    """Whether it is a role of this account that is not there. Nothing is known of others' roles."""
    found = _ROLE.fullmatch(arn)
    return found is not None and found[1] == ACCOUNT_ID and find_role(arn) is None


def _statement(given: dict[str, Any], principal: str | dict[str, str], arn: str) -> dict[str, Any]:
    conditions: dict[str, dict[str, str]] = {}
    for member, (operator, key) in _CONDITIONS.items():
        if given.get(member):
            conditions.setdefault(operator, {})[key] = given[member]
    return {
        "Sid": given["StatementId"],
        "Effect": "Allow",
        "Principal": principal,
        "Action": given["Action"],
        "Resource": arn,
        **({"Condition": conditions} if conditions else {}),
    }
