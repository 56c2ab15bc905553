"""moto, called in this process as the WSGI application that it ships, and what we replace in it.

moto keeps everything that AWS remembers (roles, queues, topics, tables, functions, log groups). It
runs on the event loop and never waits, so no request sees a half-made change and nothing here needs
a lock. The price: one slow call holds up the rest.

Where moto has no hook, we replace one of its attributes. Each replacement is next to the code that
needs it, marked with `@replaces`. One list here collects them, and `install` puts them in place.
If a later moto renames an attribute, the import fails and names it.
"""

from __future__ import annotations

import inspect
import io
import logging
import string
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any, TypeVar
from urllib.parse import unquote

import moto
from flask import Flask
from moto.core import DEFAULT_ACCOUNT_ID, responses
from moto.core.base_backend import BackendDict
from moto.core.common_models import BaseModel
from moto.core.serialize import QuerySerializer
from moto.core.utils import method_names_from_class
from moto.moto_api._internal.moto_random import MotoRandom
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app

from localcloud.http import Request, Response, error_response, fit_for_xml

logger = logging.getLogger(__name__)
ACCOUNT_ID = DEFAULT_ACCOUNT_ID
# What moto serves besides AWS's API: its controls, a recorder, instance metadata, ... Nothing here
# needs them, and some write files or call moto's own server.
_NOT_OF_AWS = ("/moto-api", "/latest/", "/service_region/", "/favicon.ico", "/static/")

T = TypeVar("T")


class UnknownTargetError(ImportError):
    """moto has no such attribute (or, for an addition, already has one). Says what to try."""


@dataclass(frozen=True)
class Patch:
    """An attribute of moto, replaced by ours. `original` is None where moto has none."""

    target: Any
    attribute: str
    replacement: Any
    original: Any

    @property
    def place(self) -> str:
        """What is replaced: "SQSBackend.send_message"."""
        return f"{self.target.__name__}.{self.attribute}"

    @property
    def module(self) -> str:
        """Our module that replaces it."""
        return str(self.replacement.__module__)

    @property
    def reason(self) -> str:
        """The first sentence of the replacement's docstring, on one line."""
        text = inspect.getdoc(self.replacement) or ""
        return " ".join(text.partition("\n\n")[0].split())


_patches: dict[tuple[int, str], Patch] = {}
_originals: dict[int, Any] = {}


def replaces(target: Any, attribute: str | None = None) -> Callable[[T], T]:
    """Replace a function or class in `target`, a class or module of moto. Its name there is
    `attribute`, by default the same as ours. Raises UnknownTargetError."""
    return _patching(target, attribute, is_there=True)


def adds(target: Any, attribute: str | None = None) -> Callable[[T], T]:
    """Add what a class or module of moto lacks. Raises UnknownTargetError if moto has it by now."""
    return _patching(target, attribute, is_there=False)


def _patching(target: Any, attribute: str | None, *, is_there: bool) -> Callable[[T], T]:
    def register(replacement: T) -> T:
        ours: Any = replacement
        name = attribute or str(ours.__name__)
        if hasattr(target, name) != is_there:
            what = "no" if is_there else "its own"
            raise UnknownTargetError(
                f"moto {moto.__version__} has {what} {target.__name__}.{name}, which "
                f"{ours.__module__} {'replaces' if is_there else 'adds'}. Install the "
                "version of requirements.lock, or change that module to fit this one."
            )
        original = getattr(target, name, None)
        patch = Patch(target, name, replacement, original)
        assert _patches.setdefault((id(target), name), patch) is patch, patch.place
        _originals[id(replacement)] = original
        return replacement

    return register


def original(replacement: Any) -> Any:
    """What moto has in place of this replacement."""
    return _originals[id(replacement)]


def patches() -> list[Patch]:
    """Everything that was registered, sorted by module and place."""
    return sorted(_patches.values(), key=lambda patch: (patch.module, patch.place))


def install() -> None:
    """Put every replacement in place. Doing it twice changes nothing."""
    for patch in _patches.values():
        is_property = isinstance(
            inspect.getattr_static(patch.target, patch.attribute, None), property
        )
        made = property(patch.replacement) if is_property else patch.replacement
        setattr(patch.target, patch.attribute, made)


@replaces(BaseModel, "__new__")
def _new(cls: type[Any], *_: Any, **__: Any) -> Any:
    """moto would remember every message forever, for a dashboard that we do not serve."""
    return object.__new__(cls)


@replaces(responses, "method_names_from_class")
@cache
def _method_names(of_class: type) -> list[str]:
    """moto would list a class's methods in each request, a tenth of its time."""
    return method_names_from_class(of_class)


@replaces(QuerySerializer)
def _serialize_error_metadata(
    serializer: QuerySerializer, serialized: dict[str, Any], error: Exception, shape: Any
) -> None:
    """An error in XML says what is wrong once; moto repeats it in a `message` of its own."""
    original(_serialize_error_metadata)(serializer, serialized, error, shape)
    serialized.pop("message", None)


@replaces(BackendDict, "__getitem__")
def _of_account(service: BackendDict[Any], account: str) -> Any:
    """moto would look through all services in use, a dozen times in each request, to note that this
    one is."""
    found = service.get(account)
    return original(_of_account)(service, account) if found is None else found


@replaces(MotoRandom)
def get_random_string(
    random: MotoRandom, length: int = 20, include_digits: bool = True, lower_case: bool = False
) -> str:
    """moto would draw the letters of each request's id one by one."""
    letters = string.ascii_letters + string.digits if include_digits else string.ascii_letters
    drawn = "".join(random.choices(letters, k=length))
    return drawn.lower() if lower_case else drawn


def _service(service: Any) -> Flask:
    """moto's application for one service, without what no client of ours asks for: Flask's checks
    of forms for developers, and headers that let pages of other origins in."""
    application: Flask = create_backend_app(service)
    application.debug = False
    application.config["PROPAGATE_EXCEPTIONS"] = True
    application.after_request_funcs.clear()
    return application


class _Dispatcher(DomainDispatcherApplication):
    """moto's dispatcher, without listing a directory of 190 services twice in each request."""

    def __init__(self) -> None:
        super().__init__(_service)
        self.get_backend_for_host = cache(super().get_backend_for_host)


@cache
def _application() -> _Dispatcher:
    return _Dispatcher()


def ask(request: Request) -> Response:
    """moto's answer to a request to AWS's API. Errors come back as responses, as from AWS."""
    if unquote(request.path).startswith(_NOT_OF_AWS):
        text = f"The local cloud has no {request.method} {request.path}"
        return error_response(request, 501, "NotImplemented", text)
    return _ask(request)


def _ask(request: Request) -> Response:
    started: dict[str, Any] = {}

    def start_response(
        status: str, headers: list[tuple[str, str]], _: Any = None
    ) -> Callable[[bytes], object]:
        started["status"] = int(status.split(" ", 1)[0])
        started["headers"] = tuple(headers)
        return lambda _: None

    try:
        chunks: Iterable[bytes] = _application()(_environ(request), start_response)
        body = b"".join(chunks)
        if started["status"] == 404 and body.startswith(b"<!doctype html>"):  # Flask's own
            raise NotImplementedError(f"The local cloud has no {request.method} {request.path}")
        if body.startswith(b"<") and (fit := fit_for_xml(body)) != body:
            body = fit
            started["headers"] = [h for h in started["headers"] if h[0].lower() != "content-length"]
        return Response(started["status"], body, tuple(started["headers"]))
    except NotImplementedError as error:
        return error_response(request, 501, "NotImplemented", str(error))
    except Exception as error:  # our own fault must reach the caller as a 500
        logger.exception("moto failed on %s %s", request.method, request.path)
        text = f"{type(error).__name__}: {error}"
        return error_response(request, 500, "InternalFailure", text)


def reset() -> None:
    """Make moto forget everything."""
    response = _ask(Request("POST", "/moto-api/reset", "", {}, b""))
    assert response.status == 200, response.body


def backends(of_a_service: Any) -> Iterator[Any]:
    """A service's backend in each account and region."""
    for regions in list(of_a_service.values()):
        yield from list(regions.values())


def backend(of_a_service: Any, account: str, region: str) -> Any | None:
    """A service's backend in one region; None if AWS has no such region."""
    try:
        return of_a_service[account][region] if account else None
    except KeyError:
        return None


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
        if name.startswith("x-moto-"):  # moto's header for another account; AWS has none
            continue
        if name == "content-type":
            environ["CONTENT_TYPE"] = value
        elif name != "content-length":
            environ["HTTP_" + name.upper().replace("-", "_")] = value
    return environ
