"""A signed request to AWS's API, parsed once: which service, region and operation, with what.

The operation stands in a header (JSON), in a form (the query protocol), or behind the method and
path (REST), where botocore's models of the services tell which it is.
https://smithy.io/2.0/aws/protocols/index.html
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import Any
from urllib.parse import parse_qs, unquote

from botocore.exceptions import UnknownServiceError
from botocore.session import get_session

from localcloud.http import Request, Response, error_response

_SUCCESS = range(200, 300)


class UnreadableCallError(Exception):
    """The body of a call is not what its protocol says."""


@dataclass(frozen=True)
class Call:
    """A request to the API of `service`, which the key `access_key_id` was used to sign.

    `parameters` are those of the body in the JSON and the query protocol, and those of the path in
    REST, where the body is the service's own business. `operation` is "" if no operation fits.
    """

    request: Request
    service: str
    region: str
    access_key_id: str
    operation: str
    parameters: dict[str, Any]

    def error(self, status: int, code: str, message: str) -> Response:
        """An error in the protocol of this call."""
        return error_response(self.request, status, code, message, self.service)


def read(request: Request, service: str, region: str, access_key_id: str) -> Call:
    """The call that a request makes. Raises UnreadableCallError."""
    operation, parameters = _parsed(request, service)
    return Call(request, service, region, access_key_id, operation, parameters)


def _parsed(request: Request, service: str) -> tuple[str, dict[str, Any]]:
    if target := request.headers.get("x-amz-target"):
        return target.rpartition(".")[2], _object_in(request.body)
    form = parse_qs(request.body.decode("utf-8", "replace")) if request.is_form else {}
    form = form or parse_qs(request.query)
    if "Action" in form:
        return form["Action"][0], {name: values[0] for name, values in form.items()}
    return _rest_operation(service, request.method, request.path)


def _object_in(body: bytes) -> dict[str, Any]:
    try:
        found = json.loads(body or b"{}")
    except (ValueError, RecursionError) as error:
        raise UnreadableCallError(f"Could not parse the request body into JSON: {error}") from None
    if not isinstance(found, dict):
        raise UnreadableCallError("The request body must be a JSON object.")
    return found


@lru_cache(maxsize=1024)
def _rest_operation(service: str, method: str, path: str) -> tuple[str, dict[str, Any]]:
    for operation, its_method, pattern in _rest_paths(service):
        if its_method == method and (found := pattern.fullmatch(path)):
            return operation, {name: unquote(value) for name, value in found.groupdict().items()}
    return "", {}


@cache
def _rest_paths(service: str) -> list[tuple[str, str, re.Pattern[str]]]:
    """Each operation of a service with its method and the pattern of its path."""
    try:
        model = get_session().get_service_model(service)
    except UnknownServiceError:
        return []
    found = []
    for name in model.operation_names:
        http = model.operation_model(name).http
        uri = re.escape(http["requestUri"].partition("?")[0].rstrip("/"))
        pattern = re.sub(r"\\\{(\w+)(\\\+)?\\\}", _group, uri)
        found.append((name, http["method"], re.compile(f"{pattern}/?")))
    return found


def _group(found: re.Match[str]) -> str:
    return f"(?P<{found[1]}>{'.+' if found[2] else '[^/]+'})"
