"""Each request, checked against AWS's own model of its operation, before anything else looks at it.

botocore comes with a model of every service. AWS checks requests against the same models, and says
in one message all that is wrong. So does this module, for the services whose models are complete;
what the models do not say stands in each service's folder.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any
from urllib.parse import parse_qs

from botocore.model import OperationModel, Shape
from moto.core.parse import QueryParser
from moto.core.utils import get_service_model

from localcloud import members
from localcloud.call import Call
from localcloud.constraints import REQUIRED, Check, Checks, Problem, WrongTypeError
from localcloud.http import Response

# The code of each service's error.
_CODES = {
    "apigateway": "ValidationException",
    "dynamodb": "ValidationException",
    "iam": "ValidationError",
    "lambda": "ValidationException",
    "logs": "InvalidParameterException",
    "sns": "ValidationError",
    "sqs": "MissingParameter",
    "sts": "ValidationError",
}
# SNS checks these in its own words; a second reading of what is published would cost too much.
_LEFT_TO_THE_SERVICE = {("sns", "Publish"), ("sns", "PublishBatch"), ("sns", "Unsubscribe")}
_OTHER_APIS = "/v2/"  # HTTP and WebSocket APIs, whose calls are signed for the same service
_UNREADABLE = ("SerializationException", "MalformedInput")  # the latter in the query protocol


def refusal(call: Call) -> Response | None:
    """The answer to a call that does not fit the model of its operation, or has a member that is
    refused here; None for any other, and for services and operations without a check."""
    if call.service not in _CODES:
        return None
    if call.operation not in _operations(call.service):
        return _unknown(call)
    if (call.service, call.operation) in _LEFT_TO_THE_SERVICE:
        return members.refusal(call, call.parameters)
    try:
        given = input_of(call)
        problems = _check_of(call.service, call.operation)(given)
    except (WrongTypeError, ValueError, RecursionError) as error:
        is_query = "Action" in call.parameters
        return call.error(400, _UNREADABLE[is_query], str(error))
    if call.service == "sqs":  # it checks the rest of the model in its own words
        problems = [problem for problem in problems if problem[2] == REQUIRED]
    if not problems:
        return members.refusal(call, given)
    return _refuse(call, problems)


def _unknown(call: Call) -> Response | None:
    """The answer to an operation that the service does not have."""
    if "Action" in call.parameters:
        text = f"The action {call.operation} is not valid for this web service."
        return call.error(400, "InvalidAction", text)
    if call.service == "lambda":
        return call.error(404, "UnknownOperationException", "")
    if call.service == "apigateway" and not call.request.path.startswith(_OTHER_APIS):
        code = "MissingAuthenticationTokenException"
        return call.error(403, code, "Missing Authentication Token")
    return None


def _refuse(call: Call, problems: list[Problem]) -> Response:
    if call.service == "sqs":
        name = problems[0][0].split(".")[-1]
        text = f"The request must contain the parameter {name[0].upper()}{name[1:]}."
        return call.error(400, _CODES[call.service], text)
    said = "; ".join(
        f"Value {value}at '{_shown(call, path)}' failed to satisfy constraint: {rule}"
        for path, value, rule in problems
    )
    count = f"{len(problems)} validation error{'s' if len(problems) > 1 else ''}"
    return call.error(400, _CODES[call.service], f"{count} detected: {said}")


def _shown(call: Call, path: str) -> str:
    """The path to a member as the service names it: API Gateway says so if it is in the body."""
    if call.service != "apigateway":
        return path
    first = path.partition(".")[0]
    member = input_members(call.service, call.operation).get(first)
    if member is None or "location" in member.serialization:
        return path
    return f"{call.operation[0].lower()}{call.operation[1:]}Input.{path}"


def known(service: str, operation: str, body: Any) -> Any:
    """The body of a call in JSON without the members that AWS does not know, which it ignores."""
    if operation not in _operations(service):
        return body
    return _known(_model(service, operation).input_shape, body)


def _known(shape: Any, value: Any) -> Any:
    if shape is not None and isinstance(value, dict) and shape.type_name == "structure":
        shapes = {
            str(each.serialization.get("name", name)): each for name, each in shape.members.items()
        }
        return {name: _known(shapes[name], each) for name, each in value.items() if name in shapes}
    if isinstance(value, list) and shape.type_name == "list":
        return [_known(shape.member, each) for each in value]
    return value


def input_members(service: str, operation: str) -> Mapping[str, Shape]:
    """The members of an operation's input, by name; none if there is no such operation."""
    if operation not in _operations(service):
        return {}
    shape = _model(service, operation).input_shape
    return shape.members if shape else {}


@cache
def _operations(service: str) -> frozenset[str]:
    return frozenset(get_service_model(service).operation_names)


def status(service: str, operation: str) -> int:
    """The HTTP status of an operation that succeeds."""
    return int(_model(service, operation).http.get("responseCode", 200))


@cache
def _model(service: str, operation: str) -> OperationModel:
    return get_service_model(service).operation_model(operation)


@cache
def _check_of(service: str, operation: str) -> Check:
    shape = _model(service, operation).input_shape
    is_query = get_service_model(service).metadata["protocol"] == "query"
    return (lambda _: []) if shape is None else Checks(service, by_name=is_query).of(shape)


def input_of(call: Call) -> dict[str, Any]:
    """The members of a call's input."""
    model = _model(call.service, call.operation)
    protocol = model.metadata["protocol"]
    if model.input_shape is None or protocol == "json":
        return call.parameters
    if protocol == "query":
        parsed: dict[str, Any] = QueryParser(model).parse({"values": call.parameters})
        return parsed
    return {**_in_the_body(call, model), **dict(_outside_the_body(call, model.input_shape))}


def _in_the_body(call: Call, model: Any) -> dict[str, Any]:
    if payload := model.input_shape.serialization.get("payload"):
        return {payload: call.request.body}  # of bytes, in all that is checked here
    if not call.request.body:
        return {}
    found = json.loads(call.request.body)
    if not isinstance(found, dict):
        raise WrongTypeError("Unexpected token at the start of the request body")
    return found


def _outside_the_body(call: Call, shape: Any) -> Iterator[tuple[str, Any]]:
    """The members in the path, the query and the headers of a REST call."""
    query = parse_qs(call.request.query, keep_blank_values=True) if call.request.query else {}
    for name, member in shape.members.items():
        place = member.serialization.get("location")
        sent_as = str(member.serialization.get("name", name))
        if place == "uri" and sent_as in call.parameters:
            yield name, _read(member, call.parameters[sent_as])
        elif place == "querystring" and sent_as in query:
            values = query[sent_as]
            yield name, values if member.type_name == "list" else _read(member, values[0])
        elif place == "header" and (value := call.request.headers.get(sent_as.lower())):
            yield name, _read(member, value)


def _read(member: Shape, text: str) -> Any:
    if member.type_name in ("integer", "long"):
        return int(text)
    return text == "true" if member.type_name == "boolean" else text
