"""A signed request to AWS's API, parsed once: service, region, operation and parameters.

The operation is in a header (JSON), in a form (the query protocol), or follows from the method and
path (REST). For REST, botocore's models of the services tell which operation it is.
https://smithy.io/2.0/aws/protocols/index.html
"""

from __future__ import annotations

import json
import re
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import cache, lru_cache
from typing import Any
from urllib.parse import parse_qs, unquote

from botocore.exceptions import UnknownServiceError
from moto.core.utils import get_service_model

from localcloud.http import Request, Response, error_response

_SUCCESS = range(200, 300)


class UnreadableCallError(Exception):
    """The body of a call does not follow its protocol."""


@dataclass(frozen=True)
class Call:
    """A request to the API of `service`, signed with the key `access_key_id`.

    `parameters` come from the body in the JSON and query protocols, and from the path in REST,
    where the service reads the body itself. `operation` is "" if the service has no such one.
    """

    request: Request
    service: str
    region: str
    access_key_id: str
    operation: str
    parameters: dict[str, Any]

    @property
    def members(self) -> dict[str, Any]:
        """The parameters with those in a REST call's JSON body; without them where it has none."""
        if self.request.headers.get("x-amz-target") or self.request.is_form:
            return self.parameters
        with suppress(UnreadableCallError):
            return {**_object_in(self.request.body), **self.parameters}
        return self.parameters

    def error(self, status: int, code: str, message: str) -> Response:
        """An error in the protocol of this call."""
        return error_response(self.request, status, code, message, self.service)


def read(request: Request, service: str, region: str, access_key_id: str) -> Call:
    """The call that a request makes. Raises UnreadableCallError."""
    operation, parameters = _parsed(request, service)
    if None in parameters.values():  # in JSON, a member that is null is one that is not there
        parameters = {name: each for name, each in parameters.items() if each is not None}
        request = replace(request, body=json.dumps(parameters).encode())
    return Call(request, service, region, access_key_id, operation, parameters)


def _parsed(request: Request, service: str) -> tuple[str, dict[str, Any]]:
    if target := request.headers.get("x-amz-target"):
        return target.rpartition(".")[2], _object_in(request.body)
    body = request.body.decode("utf-8", "replace") if request.is_form else ""
    form = parse_qs(body or request.query, keep_blank_values=True)
    if "Action" in form:
        return form["Action"][0], {name: values[0] for name, values in form.items()}
    return _rest_operation(service, request.method, request.path, request.query)


def _object_in(body: bytes) -> dict[str, Any]:
    try:
        found = json.loads(body or b"{}")
    except (ValueError, RecursionError) as error:
        raise UnreadableCallError(f"Could not parse the request body into JSON: {error}") from None
    if not isinstance(found, dict):
        raise UnreadableCallError("The request body must be a JSON object.")
    return found


@lru_cache(maxsize=1024)
def _rest_operation(service: str, method: str, path: str, query: str) -> tuple[str, dict[str, Any]]:
    for operation, its_method, pattern, its_query in _rest_paths(service):
        if its_method != method or (its_query and its_query not in query.split("&")):
            continue
        if found := pattern.fullmatch(path):
            return operation, {name: unquote(value) for name, value in found.groupdict().items()}
    return "", {}


@cache
def _rest_paths(service: str) -> list[tuple[str, str, re.Pattern[str], str]]:
    """Each operation of a service, with its method, the pattern of its path, and the parameter that
    tells it from another one, if it has such a one. Those that have one come first."""
    try:
        model = get_service_model(service)
    except UnknownServiceError:
        return []
    found = []
    for name in model.operation_names:
        http = model.operation_model(name).http
        path, _, query = http["requestUri"].partition("?")
        uri = re.escape(path.rstrip("/"))
        pattern = re.sub(r"\\\{(\w+)(\\\+)?\\\}", _group, uri)
        found.append((name, http["method"], re.compile(f"{pattern}/?"), query))
    return sorted(found, key=lambda each: not each[3])


def _group(found: re.Match[str]) -> str:
    return f"(?P<{found[1]}>{'.+' if found[2] else '[^/]+'})"
