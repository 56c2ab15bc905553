"""The whole chain in one process, with a clock that jumps.

The handlers, the chapters that set them up and every part of the local cloud are the real
ones. Three things are not: functions run in this process, not in workers; the requests of boto3
and of the shop go straight to the cloud, not over HTTP; and whenever everybody waits, the time
passes at once. So five minutes of visibility timeouts and retries take milliseconds, and what goes
wrong at which call can be chosen.
"""

from __future__ import annotations

import asyncio
import errno
import io
import json
import os
import selectors
import tempfile
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Coroutine, Iterator, Mapping
from contextlib import closing, contextmanager, redirect_stdout
from dataclasses import dataclass, field
from json import dumps
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any, TypeVar
from urllib.parse import parse_qs, urlsplit

import boto3
import botocore.endpoint
import pytest
import urllib3
from botocore.awsrequest import AWSPreparedRequest, AWSResponse, HeadersDict
from botocore.exceptions import ConnectionClosedError
from botocore.httpsession import URLLib3Session
from moto.awslambda.models import LambdaFunction
from moto.sns.exceptions import InvalidParameterValue
from moto.sns.models import SNSBackend

from lab.course import COURSE
from lab.here.folders import ROOT
from lab.here.own_cloud import environment
from localcloud import clock
from localcloud import cloud as localcloud
from localcloud.cloud import LocalCloud, Options
from localcloud.http import Request, Response, error_response
from localcloud.iam.federation import assume_role
from localcloud.lambda_.async_invoke import AsyncInvocations
from localcloud.lambda_.runtime.report import error_payload
from localcloud.lambda_.runtime.runtime import Runtime
from localcloud.lambda_.runtime.worker_handle import Result
from localcloud.routes import Router

ADDRESS = "127.0.0.1:4510"
INIT_SECONDS = 10
# What somebody who tries things may do to a handler's source, by function and name.
EDITS = {
    ("notify_fulfillment", "no default"): [('"default"', '"lambda"')],
    ("notify_fulfillment", "no JSON"): [
        ('json.dumps({"default": json.dumps(order), "email": text})', "text")
    ],
    ("notify_fulfillment", "no text"): [('"default": json.dumps(order)', '"default": order')],
    ("notify_fulfillment", "garbage"): [('"batchItemFailures": [', '"batchItemFailures": ["x", ')],
    ("take_order", "garbage"): [
        ("def lambda_handler(", "def lambda_handler(e, c): return real(e, c) and 1\ndef real(")
    ],
    ("record_order", "garbage"): [
        ("def lambda_handler(", "def lambda_handler(e, c): return {real(e, c)}\ndef real(")
    ],
}


class Killed(BaseException):
    """The worker is gone, in the middle of its work."""


class _JumpingSelector(selectors.DefaultSelector):
    """Lets the time pass instead of waiting, once `jumps` is set."""

    def __init__(self) -> None:
        super().__init__()
        self.jumps = False
        self.passed = 0.0  # seconds

    def select(self, timeout: float | None = None) -> list[Any]:
        if not self.jumps or timeout is None:
            return super().select(timeout)
        events = super().select(0)
        if not events and timeout > 0:
            self.passed += timeout
        return events


class VirtualLoop(asyncio.SelectorEventLoop):
    """An event loop whose time jumps to the next timer as soon as there is nothing to do."""

    def __init__(self) -> None:
        self.selector = _JumpingSelector()
        super().__init__(self.selector)

    def time(self) -> float:
        return time.monotonic() + self.selector.passed

    def now_ms(self) -> float:
        return (time.time() + self.selector.passed) * 1000


@dataclass
class Faults:
    """What is to go wrong, and what went wrong: one-time faults by operation or function."""

    calls: defaultdict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    kills: defaultdict[str, list[int]] = field(default_factory=lambda: defaultdict(list))
    seconds: dict[str, float] = field(default_factory=dict)  # how long a function takes
    # Of the cloud itself: a worker that hangs as it starts, or the error of an exhausted machine.
    cloud: defaultdict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    met: list[str] = field(default_factory=list)

    def next_call(self, operation: str) -> str:
        """The fault that this call meets, if any."""
        if not self.calls[operation]:
            return ""
        fault = self.calls[operation].pop(0)
        self.met.append(f"{operation}: {fault}")
        return fault

    def next_of_cloud(self, part: str) -> str:
        """What is to go wrong in this part of the cloud, if anything."""
        if not self.cloud[part]:
            return ""
        fault = self.cloud[part].pop(0)
        self.met.append(f"{part}: {fault}")
        return fault

    def exhaust(self, part: str) -> None:
        """Raises OSError if it is the turn of one."""
        if fault := self.next_of_cloud(part):
            raise OSError(getattr(errno, fault), os.strerror(getattr(errno, fault)))

    def next_kill(self, function: str) -> int | None:
        """After how many of its calls this invocation is to be killed, or None."""
        if not self.kills[function]:
            return None
        self.met.append(f"{function}: killed")
        return self.kills[function].pop(0)

    def clear(self) -> None:
        self.calls.clear()
        self.kills.clear()
        self.cloud.clear()
        self.seconds.clear()


class _InProcessRuntime(Runtime):
    """Runs the handlers in this process."""

    owner: VirtualCloud

    async def invoke(self, function: LambdaFunction, payload: bytes, *_: Any, **__: Any) -> Result:
        owner, name = self.owner, function.function_name
        if owner.faults.cloud[name][:1] == ["hangs"]:
            owner.faults.next_of_cloud(name)
            await asyncio.sleep(INIT_SECONDS)
            return Result(error_payload("Sandbox.Timedout", "Init timed out"), "Unhandled", "id")
        owner.faults.exhaust(name)
        await asyncio.sleep(owner.faults.seconds.get(name, 0.01))
        try:
            reply = json.dumps(owner.run_handler(function, json.loads(payload))).encode()
        except Killed:
            return Result(error_payload("Runtime.ExitError", "signal: killed"), "Unhandled", "id")
        except Exception as error:
            return Result(error_payload(type(error).__name__, str(error)), "Unhandled", "id")
        await asyncio.sleep(0)
        return Result(reply, None, "id")


class VirtualCloud:
    """A local cloud in this process. `plants` are changes to the handlers' source."""

    def __init__(self, directory: Path, plants: dict[str, list[tuple[str, str]]]) -> None:
        self.faults = Faults()
        self.loop = VirtualLoop()
        self._plants = plants
        self._thread = threading.get_ident()
        # By the function's name and by what was edited in it.
        self._handlers: dict[tuple[str, str], ModuleType] = {}
        self.edits: dict[str, str] = {}  # by function: one of EDITS
        self._in_handler = False
        self._calls_left: int | None = None
        self._refuse_one = False
        self.publish_twice = False
        _InProcessRuntime.owner = self
        options = Options(auth=False, client="python")  # which needs no fork server
        self.cloud = LocalCloud(options, directory)
        self.cloud.bind(ADDRESS)
        self.router = Router(self.cloud)

    # -- Time and calls ------------------------------------------------------------------------

    def run(self, work: Coroutine[Any, Any, Any]) -> Any:
        """Let the cloud work until `work` is done; all waiting takes no time."""
        self.loop.selector.jumps = True
        return self.loop.run_until_complete(work)

    def run_in_thread(self, work: Callable[[], Any]) -> Any:
        """Run what calls the cloud and waits for it, by the time of this machine."""
        self.loop.selector.jumps = False
        return self.loop.run_until_complete(asyncio.to_thread(work))

    def handle(self, request: Request) -> Response:
        """Answer a request, from the loop's own thread or from another one."""
        if threading.get_ident() != self._thread:
            work = self.router.answer(request)
            return asyncio.run_coroutine_threadsafe(work, self.loop).result()
        work = self.router.answer(request)
        try:
            work.send(None)
        except StopIteration as done:
            return done.value
        raise AssertionError(f"{request.path} waits, and who asked cannot")

    def send(self, prepared: AWSPreparedRequest) -> AWSResponse:
        """What botocore sends, with the fault that was chosen for it."""
        request = _request_of(prepared)
        if not self._in_handler:
            return _response_of(prepared, self.handle(request))
        if self._calls_left == 0:
            raise Killed
        fault = self.faults.next_call(_operation_of(request))
        if fault == "unreachable":
            raise ConnectionClosedError(endpoint_url=prepared.url)
        if fault in _REFUSALS:
            return _response_of(prepared, error_response(request, *_REFUSALS[fault]))
        self._refuse_one = fault == "partly refused"
        answer = self.handle(request)
        self._refuse_one = False
        if self._calls_left is not None:
            self._calls_left -= 1
        if fault == "reply lost":
            raise ConnectionClosedError(endpoint_url=prepared.url)
        return _response_of(prepared, answer)

    def shop(
        self,
        method: str,
        url: str,
        *,
        json: Any = None,
        headers: Mapping[str, str] | None = None,
        timeout: float,
    ) -> SimpleNamespace:
        """What a chapter posts to the API with urllib3, which is answered before any timeout."""
        given = {name.lower(): value for name, value in (headers or {}).items()}
        given |= {"host": ADDRESS, "content-type": "application/json"}
        answer = self.handle(Request(method, urlsplit(url).path, "", given, dumps(json).encode()))
        return SimpleNamespace(status=answer.status, data=answer.body)

    def run_handler(self, function: LambdaFunction, event: Any) -> Any:
        """Run the function's handler on the event. Raises what it raises, and Killed."""
        os.environ.update(function.environment_vars)
        name = function.function_name
        key = name, self.edits.get(name, "")
        if key not in self._handlers:
            self._handlers[key] = self._load(function, *EDITS.get(key, ()))
        self._calls_left, self._in_handler = self.faults.next_kill(name), True
        try:
            reply = self._handlers[key].lambda_handler(event, None)
            if self._calls_left is not None:
                raise Killed
            return reply
        finally:
            self._calls_left, self._in_handler = None, False

    def _load(self, function: LambdaFunction, *edits: tuple[str, str]) -> ModuleType:
        name = function.function_name
        credentials = assume_role(function.role, name, function.region)
        os.environ.update(credentials, AWS_DEFAULT_REGION=function.region)
        boto3.setup_default_session()  # forgets the credentials of the handler before
        source = (ROOT / "lambdas" / f"{name}.py").read_text("utf-8")
        for old, new in (*self._plants.get(name, []), *edits):
            assert old in source, f"lambdas/{name}.py has no {old!r} to put another in place of"
            source = source.replace(old, new)
        module = ModuleType(name)
        exec(compile(source, f"lambdas/{name}.py", "exec"), module.__dict__)
        return module

    async def stop(self) -> None:
        """Stop all work."""
        self.cloud.close()
        await asyncio.sleep(0)

    def install(self, patch: pytest.MonkeyPatch) -> None:
        """Come between boto3 and its connections, and between moto and its one publisher."""
        publish = SNSBackend.publish

        def publish_one(backend: SNSBackend, *args: Any, **options: Any) -> Any:
            if self._refuse_one:
                self._refuse_one = False
                raise InvalidParameterValue("refused, as a test asked for")
            if self.publish_twice:
                self.publish_twice = False
                publish(backend, *args, **options)
            return publish(backend, *args, **options)

        add = AsyncInvocations.add

        def add_one(events: AsyncInvocations, *args: Any) -> str:
            self.faults.exhaust("events")
            return add(events, *args)

        patch.setattr(AsyncInvocations, "add", add_one)
        patch.setattr(SNSBackend, "publish", publish_one)
        patch.setattr(URLLib3Session, "send", lambda _, request: self.send(request))
        patch.setattr(urllib3, "request", self.shop)
        patch.setattr(clock, "now_ms", self.loop.now_ms)
        # Between its attempts botocore sleeps.
        patch.setattr(botocore.endpoint, "time", SimpleNamespace(sleep=lambda _: None))


_REFUSALS = {
    "throttled": (400, "ThrottlingException", "Rate exceeded"),
    "broken": (500, "InternalError", "An internal error occurred"),
}


def _request_of(prepared: AWSPreparedRequest) -> Request:
    url = urlsplit(prepared.url)
    headers = {
        name.lower(): value.decode() if isinstance(value, bytes) else str(value)
        for name, value in prepared.headers.items()
    }
    body = prepared.body or b""
    if not isinstance(body, bytes | bytearray | str):
        body = body.read()
    content = body.encode() if isinstance(body, str) else bytes(body)
    headers |= {"host": url.netloc, "content-length": str(len(content))}
    return Request(prepared.method, url.path, url.query, headers, content)


def _operation_of(request: Request) -> str:
    """The operation in the JSON or the query protocol, which are all that the handlers speak."""
    target = request.headers.get("x-amz-target", "")
    return target.rpartition(".")[2] or parse_qs(request.body.decode()).get("Action", [""])[0]


class _Body(io.BytesIO):
    """What AWSResponse reads from."""

    def stream(self, **_: Any) -> Iterator[bytes]:
        yield self.read()


def _response_of(prepared: AWSPreparedRequest, response: Response) -> AWSResponse:
    headers: Any = HeadersDict(dict(response.headers))
    return AWSResponse(prepared.url, response.status, headers, _Body(response.body))


V = TypeVar("V", bound=VirtualCloud)


@contextmanager
def set_up(kind: type[V], plants: dict[str, list[tuple[str, str]]] | None = None) -> Iterator[V]:
    """A virtual cloud in which chapters 01 to 05 were run."""
    with (
        pytest.MonkeyPatch.context() as patch,
        tempfile.TemporaryDirectory() as directory,
        environment(AWS_ENDPOINT_URL=f"http://{ADDRESS}"),
        redirect_stdout(io.StringIO()),  # the handlers and the chapters say what they do
    ):
        patch.setattr(localcloud, "Runtime", _InProcessRuntime)
        made = kind(Path(directory), plants or {})
        with closing(made.loop):
            made.install(patch)
            made.cloud.reset()
            for number in COURSE.set_up:
                made.run_in_thread(COURSE.find(number).run)
            yield made
            made.run(made.stop())
