"""The four functions of awslambdaric's native module, in plain Python.

awslambdaric has that module only as a binary for Linux. On other systems the worker uses this one
instead. One connection stays open, so that an invocation needs no handshake.

https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html
"""

from __future__ import annotations

import http.client
import os
from email.message import Message

_VERSION = "2018-06-01"
_ABOUT = (
    "Content-Type",
    "Lambda-Runtime-Aws-Request-Id",
    "Lambda-Runtime-Client-Context",
    "Lambda-Runtime-Cognito-Identity",
    "Lambda-Runtime-Invocation-Id",
    "Lambda-Runtime-Invoked-Function-Arn",
    "Lambda-Runtime-Trace-Id",
)
_connection: http.client.HTTPConnection
_prefix: str
_user_agent: str


def initialize_client(user_agent: str) -> None:
    """Point the client at the host, port and optional path in AWS_LAMBDA_RUNTIME_API."""
    global _connection, _prefix, _user_agent
    host, _, path = os.environ["AWS_LAMBDA_RUNTIME_API"].partition("/")
    _connection = http.client.HTTPConnection(host)
    _prefix = f"/{path}/{_VERSION}/runtime" if path else f"/{_VERSION}/runtime"
    _user_agent = user_agent


def next() -> tuple[bytes, dict[str, str | int | None]]:
    """Wait for the next invocation. Returns the event's bytes and what comes with it."""
    event, headers = _call("GET", "/invocation/next", None, {})
    about: dict[str, str | int | None] = {name: headers.get(name) for name in _ABOUT}
    about["Lambda-Runtime-Deadline-Ms"] = int(headers["Lambda-Runtime-Deadline-Ms"])
    return event, about


def post_invocation_result(
    invoke_id: str, result: bytes, content_type: str, invocation_id: str | None = None
) -> None:
    """Report what the handler returned."""
    headers = {"Content-Type": content_type}
    if invocation_id:
        headers["Lambda-Runtime-Invocation-Id"] = invocation_id
    _call("POST", f"/invocation/{invoke_id}/response", result, headers)


def post_error(
    invoke_id: str, error: str, xray_fault: str, invocation_id: str | None = None
) -> None:
    """Report the exception that the handler raised, as a JSON document."""
    headers = {
        "Content-Type": "application/json",
        "Lambda-Runtime-Function-Error-Type": "Unhandled",
        "Lambda-Runtime-Function-XRay-Error-Cause": xray_fault,
    }
    if invocation_id:
        headers["Lambda-Runtime-Invocation-Id"] = invocation_id
    _call("POST", f"/invocation/{invoke_id}/error", error.encode(), headers)


def _call(
    method: str, path: str, body: bytes | None, headers: dict[str, str]
) -> tuple[bytes, Message]:
    headers = {"User-Agent": _user_agent, **headers}
    _connection.request(method, _prefix + path, body, headers)
    response = _connection.getresponse()
    payload = response.read()
    if response.status not in (200, 202):
        raise RuntimeError(f"{method} {path} answered {response.status}: {payload[:200]!r}")
    return payload, response.headers
