"""Refuses what the caller may not do, with the error of each service.

A function signs with credentials of its execution role, so every request tells who sends it.
The key of the start, which the user of the local cloud has, may do everything. That of an IAM
user may do what the user's policies allow; that of a role that was assumed, by Lambda or by
`sts:AssumeRole`, what the role's policies allow; and that of `sts:GetFederationToken` what the
policy allows that came with the call: so anybody can try out a policy. SQS, SNS, DynamoDB and
Lambda's functions are told apart by their ARNs and, as far as they have one, by their own policy;
elsewhere only the action counts, on any resource.

Batches and transactions are no actions of their own: `sqs:SendMessage` covers
SendMessageBatch, and `dynamodb:PutItem` a Put in TransactWriteItems.
https://docs.aws.amazon.com/service-authorization/latest/reference/reference.html
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Callable, Iterator
from functools import cache
from typing import Any
from urllib.parse import parse_qs, unquote

from botocore.session import get_session
from moto.core.responses import ActionResult
from moto.sns.models import sns_backends
from moto.sqs.models import sqs_backends
from moto.sts.models import sts_backends
from moto.sts.responses import TokenResponse

from localcloud.iam.credentials import KnownCredentials
from localcloud.iam.policies import Access, Caller, Policy, context_of, policy_of, why_not
from localcloud.iam.signatures import Signed
from localcloud.upstream import ACCOUNT_ID, Request, Response, State, error_response

# The error of each service: its status, its code, and how it writes the action.
_Error = tuple[int, str, Callable[[str], str]]
_ERRORS: dict[str, _Error] = {
    "sqs": (403, "AccessDenied", str.lower),
    "sns": (403, "AuthorizationError", lambda action: action.replace("sns:", "SNS:")),
    "dynamodb": (400, "AccessDeniedException", str),
    "lambda": (403, "AccessDeniedException", str),
    "logs": (400, "AccessDeniedException", str),
    "apigateway": (403, "AccessDeniedException", str),
}
_OTHER_ERROR: _Error = (403, "AccessDenied", str)
_ALWAYS = ("sts:GetCallerIdentity",)
_FEDERATED = f"arn:aws:iam::{ACCOUNT_ID}:federated-user"  # in place of a role's ARN
_ROOT = f"arn:aws:iam::{ACCOUNT_ID}:root"  # likewise, for sessions of the start's own key
_NOTHING = '{"Version": "2012-10-17", "Statement": []}'
_get_federation_token = TokenResponse.get_federation_token
_get_session_token = TokenResponse.get_session_token
# InvokeAsync asks for the same permission as Invoke.
INVOKE = re.compile(
    r"/2015-03-31/functions/(?P<name>[^/]+)/invocations"
    r"|/2014-11-13/functions/(?P<old>[^/]+)/(?P<async>invoke-async)/?"
)


def refusal(
    signed: Signed, request: Request, state: State, known: KnownCredentials
) -> Response | None:
    """The answer to a request that its sender may not make; None if it may."""
    caller = _caller(signed.access_key_id, known)
    if caller is None:
        return None
    service, region = signed.service, signed.region
    status, code, written = _ERRORS.get(service, _OTHER_ERROR)
    if service == "sts" and _call(request)[0] == "GetSessionToken":
        text = "Cannot call GetSessionToken with session credentials"
        return error_response(request, status, code, text)
    for action, resource in _needed(service, request, region):
        access = Access(action, resource, context_of(caller.role_arn or caller.arn, region))
        if reason := why_not(caller, access, _resource_policy(state, resource)):
            shown = written(action)
            message = (
                f"User: {caller.arn} is not authorized to perform: {shown} on resource: "
                f"{resource or '*'} {reason.format(action=shown)}"
            )
            return error_response(request, status, code, message)
    return None


def _caller(access_key_id: str, known: KnownCredentials) -> Caller | None:
    """Who signed the request, unless it was somebody who may do everything."""
    session = known.session(access_key_id)
    if session is None:
        user = known.user(access_key_id)
        return None if user is None else Caller(user.arn, user_name=user.name)
    if session.role_arn == _ROOT:
        return None
    if session.role_arn == _FEDERATED:
        arn = f"arn:aws:sts::{ACCOUNT_ID}:federated-user/{session.session_name}"
        return Caller(arn, session_policy=session.policy)
    return Caller(session.arn, session.role_arn, session.policy)


def _resource_policy(state: State, resource: str) -> Policy:
    """The policy of the queue, topic or function itself."""
    _, _, service, region, account, name, *_ = (resource + ":::::").split(":", 6)
    if account != ACCOUNT_ID or region not in sqs_backends[ACCOUNT_ID]:  # there is no such region
        return None
    if service == "sqs" and (queue := sqs_backends[account][region].queues.get(name)):
        return queue.policy
    if service == "sns" and (topic := sns_backends[account][region].topics.get(resource)):
        return topic.policy
    if service == "lambda" and (function := state.function(resource, region)):
        return policy_of(function)
    return None


_Needed = Iterator[tuple[str, str]]  # actions, each with the ARN of its resource ("" for any)


def _needed(service: str, request: Request, region: str) -> _Needed:
    """What the sender must be allowed."""
    operation, call = _call(request)
    arn = f"arn:aws:{service}:{region}:{ACCOUNT_ID}:"
    if service in _NEEDED:
        yield from _NEEDED[service](operation, call, arn)
    elif service == "lambda" and (found := INVOKE.fullmatch(unquote(request.path))):
        name = re.sub(r"^(\d{12}:)?function:", "", found["name"] or found["old"])  # a partial ARN
        yield "lambda:InvokeFunction", name if name.startswith("arn:") else f"{arn}function:{name}"
    elif operation == "AssumeRole":
        yield "sts:AssumeRole", call.get("RoleArn", "")
    else:
        action = f"{service}:{operation or _rest_operation(service, request)}"
        if action not in _ALWAYS:
            yield action, ""


def _needed_of_sqs(operation: str, call: dict[str, Any], arn: str) -> _Needed:
    url_or_arn = call.get("QueueUrl") or call.get("SourceArn") or _source_of(call) or "*"
    queue = arn + (call.get("QueueName") or re.split("[/:]", url_or_arn)[-1])
    yield f"sqs:{operation.removesuffix('Batch')}", queue
    if "DestinationArn" in call:
        yield "sqs:SendMessage", call["DestinationArn"]
    if operation == "CreateQueue" and call.get("tags"):
        yield "sqs:TagQueue", queue


def _needed_of_sns(operation: str, call: dict[str, Any], arn: str) -> _Needed:
    named = (call.get(name) for name in ("TopicArn", "TargetArn", "ResourceArn"))
    subscription = call.get("SubscriptionArn", "").rpartition(":")[0]
    topic = next(filter(None, named), subscription) or arn + call.get("Name", "*")
    yield f"sns:{operation.removesuffix('Batch')}", topic


def _needed_of_dynamodb(operation: str, call: dict[str, Any], arn: str) -> _Needed:
    index = f"/index/{call['IndexName']}" if "IndexName" in call else ""
    for action, table in _on_tables(operation, call):
        table_arn = table if table.startswith("arn:") else f"{arn}table/{table}"
        yield f"dynamodb:{action}", table_arn + index


_NEEDED = {"sqs": _needed_of_sqs, "sns": _needed_of_sns, "dynamodb": _needed_of_dynamodb}


def _source_of(call: dict[str, Any]) -> str:
    """The queue of a message move task, which stands in the task's handle."""
    try:
        return str(json.loads(base64.b64decode(call.get("TaskHandle", "")))["sourceArn"])
    except (ValueError, KeyError, TypeError):
        return ""


def _call(request: Request) -> tuple[str, dict[str, Any]]:
    """A request's operation and parameters, in the JSON or the query protocol."""
    if target := request.headers.get("x-amz-target"):
        return target.rsplit(".", 1)[-1], json.loads(request.body or b"{}")
    form = parse_qs(request.body.decode("utf-8", "replace")) or parse_qs(request.query)
    return form.get("Action", [""])[0], {name: values[0] for name, values in form.items()}


def _on_tables(operation: str, call: dict[str, Any]) -> list[tuple[str, str]]:
    """The actions of a call of DynamoDB's, each with its table; all tables if it names none.
    https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/transaction-apis-iam.html
    """
    if "RequestItems" in call:
        return [(operation, table) for table in call["RequestItems"]]
    if "TransactItems" in call:
        items = [part for item in call["TransactItems"] for part in item.items()]
        return [(f"{kind}Item", details["TableName"]) for kind, details in items]
    return [(operation, call.get("TableName", "*"))]


def _rest_operation(service: str, request: Request) -> str:
    """The operation behind a method and a path. API Gateway's actions are the methods.
    https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonapigatewaymanagement.html
    """
    if service == "apigateway":
        return request.method
    for operation, method, path in _rest_paths(service):
        if method == request.method and path.fullmatch(unquote(request.path)):
            return operation
    return ""


@cache
def _rest_paths(service: str) -> list[tuple[str, str, re.Pattern[str]]]:
    model = get_session().get_service_model(service)
    found = []
    for name in model.operation_names:
        http = model.operation_model(name).http
        uri = re.escape(http["requestUri"].partition("?")[0].rstrip("/"))
        path = re.sub(r"\\\{\w+(\\\+)?\\\}", lambda m: ".+" if m[1] else "[^/]+", uri)
        found.append((name, http["method"], re.compile(path + "/?")))
    return found


def _federate(response: TokenResponse) -> ActionResult:
    """GetFederationToken, with credentials that can be told from anybody else's; moto gives
    everybody the same. https://docs.aws.amazon.com/STS/latest/APIReference/API_GetFederationToken.html
    """
    result: dict[str, Any] = _get_federation_token(response).result
    name, policy = response._get_param("Name"), response._get_param("Policy") or _NOTHING
    result["Credentials"] |= _new_session(response, name, _FEDERATED, policy)
    return ActionResult(result)


def _get_session(response: TokenResponse) -> ActionResult:
    """GetSessionToken, of somebody who may do everything: moto gives everybody the same.
    https://docs.aws.amazon.com/STS/latest/APIReference/API_GetSessionToken.html
    """
    result: dict[str, Any] = _get_session_token(response).result
    result["Credentials"] |= _new_session(response, "root", _ROOT, "")
    return ActionResult(result)


def _new_session(response: TokenResponse, name: str, principal: str, policy: str) -> dict[str, str]:
    made = sts_backends[ACCOUNT_ID]["aws"].assume_role(
        region_name=response.region,
        role_session_name=name,
        role_arn=principal,
        policy=policy,
        duration=response._get_int_param("DurationSeconds", 43200),
        external_id="",
    )
    return {
        "AccessKeyId": made.access_key_id,
        "SecretAccessKey": made.secret_access_key,
        "SessionToken": made.session_token,
    }


def install() -> None:
    """Make moto hand out tokens that are each their own, and carry their policy."""
    TokenResponse.get_federation_token = _federate
    TokenResponse.get_session_token = _get_session
