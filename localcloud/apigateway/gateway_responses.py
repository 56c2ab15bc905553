"""Gateway responses: what API Gateway answers by itself, and what an API puts in its place.

moto knows only those that were put; AWS shows a default for each of the others.

https://docs.aws.amazon.com/apigateway/latest/developerguide/supported-gateway-response-types.html
"""

from __future__ import annotations

from typing import Any

from localcloud import models
from localcloud.apigateway.errors import not_found
from localcloud.apigateway.rules import Asked
from localcloud.http import Response, json_response

MESSAGE = '{"message":$context.error.messageString}'
_TEMPLATES = {"application/json": MESSAGE}
# The status codes of the defaults; the two DEFAULT_ ones keep that of the error.
_STATUS_CODES = {
    "ACCESS_DENIED": "403",
    "API_CONFIGURATION_ERROR": "500",
    "AUTHORIZER_CONFIGURATION_ERROR": "500",
    "AUTHORIZER_FAILURE": "500",
    "BAD_REQUEST_BODY": "400",
    "BAD_REQUEST_PARAMETERS": "400",
    "EXPIRED_TOKEN": "403",
    "INTEGRATION_FAILURE": "504",
    "INTEGRATION_TIMEOUT": "504",
    "INVALID_API_KEY": "403",
    "INVALID_SIGNATURE": "403",
    "MISSING_AUTHENTICATION_TOKEN": "403",
    "QUOTA_EXCEEDED": "429",
    "REQUEST_TOO_LARGE": "413",
    "RESOURCE_NOT_FOUND": "404",
    "THROTTLED": "429",
    "UNAUTHORIZED": "401",
    "UNSUPPORTED_MEDIA_TYPE": "415",
    "WAF_FILTERED": "403",
}


def answer(operation: str, asked: Asked) -> Response | None:
    """The answer to a call about gateway responses; None for any other, and for the rest of
    them, which moto answers. Raises APIGatewayError."""
    kind = asked.given.get("response_type", "")
    if operation == "GetGatewayResponse":
        return json_response(200, _shown(asked, kind))
    if operation == "GetGatewayResponses":
        return json_response(200, {"item": [_shown(asked, each) for each in _kinds()]})
    if operation == "PutGatewayResponse":
        return _put(asked, kind)
    if operation == "DeleteGatewayResponse" and kind not in asked.of_api.gateway_responses:
        raise not_found("Gateway response type not defined on api")
    return None


def _kinds() -> list[str]:
    member: Any = models.input_members("apigateway", "GetGatewayResponse")["responseType"]
    return sorted(member.enum)


def _put(asked: Asked, kind: str) -> Response:
    """What is not given is as in the default."""
    default = _default(kind)
    made = asked.of_api.put_gateway_response(
        kind,
        asked.body.get("statusCode") or default.get("statusCode"),
        asked.body.get("responseParameters") or {},
        asked.body.get("responseTemplates") or default["responseTemplates"],
    )
    return json_response(201, made.to_json())


def _shown(asked: Asked, kind: str) -> dict[str, Any]:
    if made := asked.of_api.gateway_responses.get(kind):
        found: dict[str, Any] = made.to_json()
        return found
    return _default(kind)


def _default(kind: str) -> dict[str, Any]:
    status = {"statusCode": _STATUS_CODES[kind]} if kind in _STATUS_CODES else {}
    templates = {"responseParameters": {}, "responseTemplates": _TEMPLATES}
    return {"responseType": kind, **status, **templates, "defaultResponse": True}
