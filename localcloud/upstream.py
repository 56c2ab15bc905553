"""The state of the cloud: moto, called in-process as the WSGI application that it ships.

Everything that AWS remembers (roles, queues, topics, tables, functions, log groups) is
moto's. This module answers an AWS request from that state and looks objects up by ARN for
the other parts. It runs on the event loop and never waits, so no two requests see a
half-made change and nothing here needs a lock; the price is that one slow call holds up
the rest, which is why queues and logs have modules of their own.
"""

from __future__ import annotations

import io
import json
import logging
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any
from urllib.parse import unquote
from xml.sax.saxutils import escape

import moto.awslambda.models as moto_lambda
from moto.apigateway.models import APIGatewayBackend, apigateway_backends
from moto.awslambda.models import EventSourceMapping, LambdaFunction, lambda_backends
from moto.core import DEFAULT_ACCOUNT_ID
from moto.core.common_models import BaseModel
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
from moto.sns.exceptions import SNSException
from moto.sns.models import sns_backends
from moto.sqs.exceptions import SQSException
from moto.sqs.models import sqs_backends
from moto.sts.models import sts_backends

from localcloud.lambda_ import validation as rules
from localcloud.sqs import limits
from localcloud.sqs import names as queue_names
from localcloud.sqs import queue as queues
from localcloud.sqs.queue import IndexedQueue

logger = logging.getLogger(__name__)
ACCOUNT_ID = DEFAULT_ACCOUNT_ID
# Seconds. On AWS an environment is replaced before its credentials expire; here a busy one stays.
_A_WORKERS_LIFE = 365 * 24 * 60 * 60
# What moto serves besides AWS's API: its controls, a recorder, an instance's metadata, ... Nothing
# here needs them, and some write files or call moto's own server.
_NOT_OF_AWS = ("/moto-api", "/latest/", "/service_region/", "/favicon.ico", "/static/")
# https://docs.aws.amazon.com/lambda/latest/api/API_Invoke.html
_FUNCTION = re.compile(
    r"(arn:aws[\w-]*:lambda:)?((?P<region>[a-z]{2}(-[a-z]+)+-\d):)?(\d{12}:)?(function:)?"
    r"(?P<name>[\w-]+)(:(\$LATEST|[\w-]+))?",
    re.ASCII,
)


@dataclass(frozen=True)
class Request:
    """An HTTP request: `path` undecoded, header names in lower case, `query` without '?'."""

    method: str
    path: str
    query: str
    headers: dict[str, str]
    body: bytes


@dataclass(frozen=True)
class Response:
    """An HTTP response; `headers` as (name, value) pairs."""

    status: int
    body: bytes = b""
    headers: tuple[tuple[str, str], ...] = ()


def json_response(status: int, body: Any, **headers: str) -> Response:
    """A JSON response; underscores in header names become dashes."""
    pairs = [("Content-Type", "application/json")]
    pairs += [(name.replace("_", "-"), value) for name, value in headers.items()]
    return Response(status, json.dumps(body).encode(), tuple(pairs))


def error_response(
    request: Request, status: int, code: str, message: str, service: str | None = None
) -> Response:
    """An error in the protocol of the request: XML for the query protocol, else JSON. SQS's JSON
    names the code that its query protocol had in a header of its own.
    https://smithy.io/2.0/aws/protocols/aws-query-protocol.html
    """
    is_form = request.headers.get("content-type", "").startswith(
        "application/x-www-form-urlencoded"
    )
    if is_form or (service in ("sns", "iam", "sts") and "x-amz-target" not in request.headers):
        body = (
            f"<ErrorResponse><Error><Type>Sender</Type><Code>{code}</Code>"
            f"<Message>{escape(message)}</Message></Error></ErrorResponse>"
        )
        return Response(status, body.encode(), (("Content-Type", "text/xml"),))
    more = {"x_amzn_query_error": f"{code};Sender"} if service == "sqs" else {}
    body_of_it = {"__type": code, "message": message}
    return json_response(status, body_of_it, x_amzn_errortype=code, **more)


class _Dispatcher(DomainDispatcherApplication):
    """moto's dispatcher, which lists a directory of 190 services twice at each request."""

    def __init__(self) -> None:
        super().__init__(create_backend_app)
        self.get_backend_for_host = cache(super().get_backend_for_host)


class _LambdaFunction(LambdaFunction):
    """moto's function plus its dead-letter queue, which moto accepts and forgets."""

    def __init__(
        self, account_id: str, spec: dict[str, Any], region: str, version: str | int = 1
    ) -> None:
        self.dead_letter_config = spec.get("DeadLetterConfig")
        super().__init__(account_id, spec, region, version)

    def get_configuration(self, on_create: bool = False) -> dict[str, Any]:
        configuration = super().get_configuration(on_create)
        if self.dead_letter_config:
            configuration["DeadLetterConfig"] = self.dead_letter_config
        return configuration

    def update_configuration(self, config_updates: dict[str, Any]) -> dict[str, Any]:
        if "DeadLetterConfig" in config_updates:
            self.dead_letter_config = config_updates["DeadLetterConfig"]
        return super().update_configuration(config_updates)


class State:
    """What the cloud remembers, and the AWS API in front of it."""

    def __init__(self, *, role_delay: float = 0.0, queue_name_delay: float = 0.0) -> None:
        queues.install()
        queue_names.install(queue_name_delay)
        limits.install()
        rules.install(role_delay)
        # moto remembers every message that there ever was, for a dashboard not served here.
        BaseModel.__new__ = lambda cls, *_, **__: object.__new__(cls)
        moto_lambda.LambdaFunction = _LambdaFunction
        self._application = _Dispatcher()

    def call(self, request: Request) -> Response:
        """Answer an AWS API request. Errors come back as responses, as from AWS."""
        if unquote(request.path).startswith(_NOT_OF_AWS):
            text = f"The local cloud has no {request.method} {request.path}"
            return error_response(request, 501, "NotImplemented", text)
        return self._ask_moto(request)

    def _ask_moto(self, request: Request) -> Response:
        started: dict[str, Any] = {}

        def start_response(
            status: str, headers: list[tuple[str, str]], _: Any = None
        ) -> Callable[[bytes], object]:
            started["status"] = int(status.split(" ", 1)[0])
            started["headers"] = tuple(headers)
            return lambda _: None

        try:
            chunks: Iterable[bytes] = self._application(_environ(request), start_response)
            body = b"".join(chunks)
            if started["status"] == 404 and body.startswith(b"<!doctype html>"):  # Flask's own
                raise NotImplementedError(f"The local cloud has no {request.method} {request.path}")
            return Response(started["status"], body, started["headers"])
        except NotImplementedError as error:
            return error_response(request, 501, "NotImplemented", str(error))
        except Exception as error:  # a fault of the cloud's own must reach the caller as a 500
            logger.exception("moto failed on %s %s", request.method, request.path)
            text = f"{type(error).__name__}: {error}"
            return error_response(request, 500, "InternalFailure", text)

    def reset(self) -> None:
        """Forget everything. Whoever waits for a message is let go."""
        for backend in _backends(sqs_backends):
            for queue in backend.queues.values():
                queue.close()
        response = self._ask_moto(Request("POST", "/moto-api/reset", "", {}, b""))
        assert response.status == 200, response.body

    def functions(self) -> Iterator[LambdaFunction]:
        for backend in _backends(lambda_backends):
            yield from backend.list_functions()

    def function(self, name_or_arn: str, region: str) -> LambdaFunction | None:
        """The function of that name, ARN or partial ARN (a qualifier is ignored), if any."""
        found = _FUNCTION.fullmatch(name_or_arn)
        if found is None:
            return None
        try:
            backend = lambda_backends[ACCOUNT_ID][found["region"] or region]
        except KeyError:  # no such region
            return None
        named = (f for f in backend.list_functions() if f.function_name == found["name"])
        return next(named, None)

    def event_source_mappings(self) -> Iterator[EventSourceMapping]:
        for backend in _backends(lambda_backends):
            yield from backend._event_source_mappings.values()

    def queue(self, arn: str) -> IndexedQueue | None:
        """The queue of that ARN, if there is one."""
        _, _, _, region, account, name, *_ = (arn + ":::::").split(":")
        try:
            queues = sqs_backends[account][region].queues
        except KeyError:  # no such region, or no ARN at all
            return None
        queue: IndexedQueue | None = queues.get(name)
        return queue

    def queue_at(self, url: str, region: str) -> IndexedQueue | None:
        """The queue behind a queue URL, whose last two parts are account and name."""
        *_, account, name = url.rstrip("/").split("/")
        return self.queue(f"arn:aws:sqs:{region}:{account}:{name}")

    def send(
        self, queue_arn: str, body: str, attributes: Mapping[str, Mapping[str, Any]] | None = None
    ) -> str:
        """Put a message on a queue; why that could not be done, or "" """
        if self.queue(queue_arn) is None:
            return "there is no such queue"
        _, _, _, region, account, name = queue_arn.split(":", 5)
        try:
            sqs_backends[account][region].send_message(
                name, body, message_attributes=dict(attributes or {})
            )
        except SQSException as error:
            return str(error)
        return ""

    def publish(
        self, topic_arn: str, message: str, attributes: Mapping[str, Mapping[str, Any]]
    ) -> str:
        """Publish to a topic; why that could not be done, or "" """
        _, _, _, region, account, _ = topic_arn.split(":", 5)
        renamed = {
            name: {"Type": value["DataType"], "Value": value["StringValue"]}
            for name, value in attributes.items()
        }
        try:
            sns_backends[account][region].publish(
                message, arn=topic_arn, message_attributes=renamed
            )
        except SNSException as error:
            return str(error)
        return ""

    def assume_role(self, role_arn: str, session: str, region: str) -> dict[str, str]:
        """New credentials of the role, as the environment variables that the AWS SDKs read."""
        role = sts_backends[ACCOUNT_ID]["aws"].assume_role(
            region_name=region,
            role_session_name=session,
            role_arn=role_arn,
            policy="",
            duration=_A_WORKERS_LIFE,
            external_id="",
        )
        return {
            "AWS_ACCESS_KEY_ID": role.access_key_id,
            "AWS_SECRET_ACCESS_KEY": role.secret_access_key,
            "AWS_SESSION_TOKEN": role.session_token,
        }

    def rest_api(self, api_id: str) -> tuple[APIGatewayBackend, Any] | None:
        """The region's API Gateway and the REST API of that id, in whichever region it is."""
        for backend in _backends(apigateway_backends):
            if api_id in backend.apis:
                return backend, backend.apis[api_id]
        return None


def _backends(backend_dict: Any) -> Iterator[Any]:
    for regions in list(backend_dict.values()):
        yield from list(regions.values())


def _environ(request: Request) -> dict[str, Any]:
    environ: dict[str, Any] = {
        "REQUEST_METHOD": request.method,
        "SCRIPT_NAME": "",
        "PATH_INFO": unquote(request.path, "latin-1"),
        "RAW_URI": f"{request.path}?{request.query}" if request.query else request.path,
        "QUERY_STRING": request.query,
        "SERVER_NAME": "127.0.0.1",
        "SERVER_PORT": "80",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "REMOTE_ADDR": "127.0.0.1",
        "CONTENT_LENGTH": str(len(request.body)),
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": "http",
        "wsgi.input": io.BytesIO(request.body),
        "wsgi.errors": io.StringIO(),
        "wsgi.multithread": False,
        "wsgi.multiprocess": False,
        "wsgi.run_once": False,
    }
    for name, value in request.headers.items():
        if name.startswith("x-moto-"):  # another account, by a header that AWS does not have
            continue
        if name == "content-type":
            environ["CONTENT_TYPE"] = value
        elif name != "content-length":
            environ["HTTP_" + name.upper().replace("-", "_")] = value
    return environ
