"""SQS's older protocol: a form or a query string comes in, and XML goes out.

Today's SDKs send JSON. Older ones, curl and signed links to a queue's URL still speak the query
protocol. It is translated at the edge, so that all the rest of SQS knows one protocol only. The
price: such a call costs two translations.

https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-making-api-requests.html
"""

from __future__ import annotations

import json
import re
import uuid
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any
from urllib.parse import parse_qs
from xml.sax.saxutils import escape

from botocore.model import OperationModel, Shape
from moto.core.parse import QueryParser
from moto.core.serialize import SqsQuerySerializer
from moto.core.utils import get_service_model

from localcloud.http import Request, Response, fit_for_xml

Answer = Callable[[Request], Awaitable[Response]]
_TARGET = "AmazonSQS"
_QUEUE_PATH = re.compile(r"/\d{12}/[\w-]+/?")
_NOT_OF_A_QUEUE = ("CreateQueue", "ListQueues")
_NAMESPACE = "http://queue.amazonaws.com/doc/2012-11-05/"
_TYPES = (("Content-Type", "text/xml"),)
_NO_QUEUE = "AWS.SimpleQueueService.NonExistentQueue"


def is_spoken(request: Request) -> bool:
    """Whether a request to SQS is in the query protocol."""
    return "x-amz-target" not in request.headers


async def answer(request: Request, in_json: Answer) -> Response:
    """Answer a call in XML. `in_json` answers the same call in JSON."""
    form = _form(request)
    action = form.get("Action")
    if action is None:
        return Response(404, b"<UnknownOperationException/>", _TYPES)
    if (model := _model(action, request.path)) is None:
        text = f"The action {action} is not valid for this endpoint."
        return _error(400, "InvalidAction", "Sender", text)
    try:
        given = _parameters(model, form, request)
    except ValueError as error:
        return _error(400, "MalformedInput", "Sender", str(error))
    response = await in_json(_in_json(request, action, given))
    if response.status == 200:
        return Response(200, _result(model, json.loads(response.body or b"{}")), _TYPES)
    return _error_of(response)


def _form(request: Request) -> dict[str, str]:
    """The parameters of a call, from the query string and from a form."""
    text = request.query
    if request.is_form:
        text += "&" + request.body.decode("utf-8", "replace")
    return {name: values[-1] for name, values in parse_qs(text, keep_blank_values=True).items()}


def _model(action: str, path: str) -> OperationModel | None:
    """The model of an action; None if there is none at this path."""
    service = get_service_model("sqs")
    is_out_of_place = action in _NOT_OF_A_QUEUE and _QUEUE_PATH.fullmatch(path)
    if action not in service.operation_names or is_out_of_place:
        return None
    return service.operation_model(action)


def _parameters(model: OperationModel, form: dict[str, str], request: Request) -> dict[str, Any]:
    """The members of a call's input. The URL of a queue may be the one that was called."""
    given: dict[str, Any] = QueryParser(model, blob_parser=str).parse({"values": form})
    shape = model.input_shape
    if shape is not None and "QueueUrl" in shape.members and _QUEUE_PATH.fullmatch(request.path):
        host = request.headers.get("host", "")
        given.setdefault("QueueUrl", f"http://{host}{request.path}")
    return given


def _in_json(request: Request, action: str, given: dict[str, Any]) -> Request:
    headers = {
        **request.headers,
        "content-type": "application/x-amz-json-1.0",
        "x-amz-target": f"{_TARGET}.{action}",
    }
    body = json.dumps(given).encode()
    return replace(request, method="POST", path="/", query="", headers=headers, body=body)


class _Serializer(SqsQuerySerializer):
    """moto's, for a result that comes from JSON: what is binary is in Base64 already."""

    def _serialize_type_blob(
        self, serialized: dict[str, Any], value: str, shape: Shape, key: str
    ) -> None:
        self._default_serialize(serialized, value, shape, key)


def _result(model: OperationModel, result: dict[str, Any]) -> bytes:
    return fit_for_xml(_Serializer(model).serialize(result)["body"].encode())


def _error_of(response: Response) -> Response:
    """An error in JSON as XML."""
    found = json.loads(response.body)
    headers = {name.lower(): value for name, value in response.headers}
    code, _, fault = headers["x-amzn-query-error"].partition(";")
    text = found.get("message") or found.get("Message") or ""
    if code == _NO_QUEUE:  # in words that only this protocol has
        text = "The specified queue does not exist for this wsdl version."
    return _error(response.status, code, fault or "Sender", text)


def _error(status: int, code: str, fault: str, text: str) -> Response:
    body = (
        f'<?xml version="1.0"?><ErrorResponse xmlns="{_NAMESPACE}"><Error><Type>{fault}</Type>'
        f"<Code>{code}</Code><Message>{escape(text)}</Message><Detail/></Error>"
        f"<RequestId>{uuid.uuid4()}</RequestId></ErrorResponse>"
    )
    return Response(status, fit_for_xml(body.encode(errors="surrogatepass")), _TYPES)
