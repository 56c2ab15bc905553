"""HTTP requests and responses, and errors in AWS's protocols."""

from __future__ import annotations

import json
import re
from collections.abc import AsyncGenerator
from dataclasses import dataclass
from typing import Any
from xml.sax.saxutils import escape

# Services whose clients read XML, whatever the request looks like.
_XML = ("iam", "s3", "ses", "sns", "sts")
# What no XML document may contain, in UTF-8: control characters, surrogates, U+FFFE and U+FFFF.
_NOT_IN_XML = re.compile(
    rb"[\x00-\x08\x0b\x0c\x0e-\x1f]|\xed[\xa0-\xbf][\x80-\xbf]|\xef\xbf[\xbe\xbf]"
)

# SQS's errors have other names in JSON than in its older query protocol.
_SQS_PREFIX = "AWS.SimpleQueueService."
_SQS_NAMES = {
    "InvalidParameterValue": "InvalidParameterValueException",
    "KMS.NotFoundException": "KmsNotFound",
    "MissingParameter": "MissingRequiredParameterException",
    f"{_SQS_PREFIX}NonExistentQueue": "QueueDoesNotExist",
    "QueueAlreadyExists": "QueueNameExists",
}

Headers = tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Request:
    """An HTTP request: `path` undecoded, header names in lower case, `query` without '?'. Where the
    server knows them, `sent_headers` are the headers as they were sent, repeated ones as well."""

    method: str
    path: str
    query: str
    headers: dict[str, str]
    body: bytes
    sent_headers: Headers = ()

    @property
    def is_form(self) -> bool:
        """Whether the body is a form, as in the query protocol."""
        content_type = self.headers.get("content-type", "")
        return content_type.startswith("application/x-www-form-urlencoded")


@dataclass(frozen=True)
class Response:
    """An HTTP response; `headers` as (name, value) pairs. One with a `stream` sends that instead of
    the body, part by part."""

    status: int
    body: bytes = b""
    headers: Headers = ()
    stream: AsyncGenerator[bytes, None] | None = None


def json_response(status: int, body: Any, **headers: str) -> Response:
    """A JSON response; underscores in header names become dashes."""
    pairs = [("Content-Type", "application/json")]
    pairs += [(name.replace("_", "-"), value) for name, value in headers.items()]
    return Response(status, json.dumps(body).encode(), tuple(pairs))


def text_response(status: int, text: str) -> Response:
    """A page of plain text, for people."""
    return Response(status, f"{text}\n".encode(), (("Content-Type", "text/plain; charset=utf-8"),))


def fit_for_xml(body: bytes) -> bytes:
    """The text with U+FFFD in place of each character that no XML document may contain.

    https://www.w3.org/TR/xml/#charsets
    """
    return _NOT_IN_XML.sub("\ufffd".encode(), body)


def error_response(
    request: Request, status: int, code: str, message: str, service: str | None = None
) -> Response:
    """An error in the protocol of the request: XML for the query protocol, else JSON. For SQS's
    JSON, an extra header gives the code of its older query protocol.
    https://smithy.io/2.0/aws/protocols/aws-query-protocol.html
    """
    if request.is_form or (service in _XML and "x-amz-target" not in request.headers):
        text = escape(message)
        body = (
            f"<ErrorResponse><Error><Type>Sender</Type><Code>{code}</Code>"
            f"<Message>{text}</Message></Error></ErrorResponse>"
        )
        sent = fit_for_xml(body.encode(errors="surrogatepass"))
        return Response(status, sent, (("Content-Type", "text/xml"),))
    more = {}
    if service == "sqs":
        more = {"x_amzn_query_error": f"{code};Sender"}
        code = sqs_name(code)
    body_of_it = {"__type": code, "message": message}
    return json_response(status, body_of_it, x_amzn_errortype=code, **more)


def sqs_name(code: str) -> str:
    """The name that an error of SQS has in JSON."""
    return _SQS_NAMES.get(code, code.removeprefix(_SQS_PREFIX))
