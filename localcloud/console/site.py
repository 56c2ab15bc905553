"""The pages: from a path to a screen, a form or a file; who may see it, and in which words.

Addresses are relative throughout, so that a page also works behind a proxy that puts a prefix in
front of its path, as jupyter-server-proxy does.
"""

from __future__ import annotations

import asyncio
import json
import re
import secrets
import time
from collections.abc import AsyncGenerator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote

import jinja2
from botocore.exceptions import BotoCoreError, ClientError

from localcloud.cloud import LocalCloud
from localcloud.console import ROOT, forms, text
from localcloud.console.entry import Entry
from localcloud.console.screens import PAGE, SCREENS, Asked, NotThereError
from localcloud.http import Request, Response

_HERE = Path(__file__).parent
_TYPES = {".css": "text/css; charset=utf-8", ".js": "text/javascript; charset=utf-8"}
_SHORTEST_PAUSE = 0.3  # seconds between two looks
_QUIET_PAUSES = 4  # more of them while no call is made
_SPARING = 40  # a page that takes long to make is made less often: in a fortieth of the time
_HEARTBEAT = 10  # looks without a change
_MOST_STREAMS = 40
_MOST_WORDS = 256 * 1024  # bytes
_MOST_OUTCOMES = 100
_PAGE = re.compile(r"[a-z]+(/[\w%.:~-]+)?")
_SAFE = (
    ("Cache-Control", "no-store"),
    ("Content-Security-Policy",
     "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self' data:; "
     "connect-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'"),
    ("Referrer-Policy", "no-referrer"),
    ("X-Content-Type-Options", "nosniff"),
)  # fmt: skip


@dataclass(frozen=True)
class Outcome:
    """What came of a form, for the page that the browser then asks for: so a reload sends nothing
    again, and what was typed is still there."""

    said: str
    sent: forms.Form


_NOTHING = Outcome("", {})


class Console:
    """The pages of one local cloud."""

    def __init__(self, cloud: LocalCloud) -> None:
        self._cloud = cloud
        self._entry = Entry()
        self._streams = 0
        self._words: dict[str, str] = {}
        self._test_events: dict[str, str] = {}
        self._outcomes: dict[str, Outcome] = {}
        self._templates = jinja2.Environment(
            loader=jinja2.FileSystemLoader(_HERE / "templates"),
            autoescape=True,
            undefined=jinja2.StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self._templates.filters.update(
            shown=text.shown,
            moment=text.moment,
            statement=text.statement,
            error=text.error,
            order_id=text.order_id,
            times=text.times,
            of_function=text.of_function,
        )

    def link(self) -> str:
        """The path of a link that opens the page once."""
        return f"{ROOT}enter?token={self._entry.new_link()}"

    def tell(self, body: bytes) -> str:
        """Take what the course says of its parts, and its test events: {"words": {"queue:NAME":
        sentence}, "events": {name: event}}. Returns what is wrong with it, or "" """
        if len(body) > _MOST_WORDS:
            return f"expected at most {_MOST_WORDS:,} bytes of words, found {len(body):,}"
        try:
            told = json.loads(body)
            words = {str(key): str(word) for key, word in told.get("words", {}).items()}
            events = {
                str(key): json.dumps(event, indent=2)
                for key, event in told.get("events", {}).items()
            }
        except (ValueError, AttributeError, RecursionError):
            return 'expected {"words": {name: sentence}, "events": {name: event}}'
        self._words, self._test_events = words, events
        return ""

    async def answer(self, request: Request) -> Response:
        """Answer a request below ROOT."""
        path = unquote(request.path.removeprefix(ROOT))
        query = parse_qs(request.query)
        if request.method == "GET" and path == "enter":
            return self._enter(query)
        if path.startswith("static/"):
            return _static(path)
        if not self._entry.admits(request, self._port):
            return self._page(401, "refused.html", path, why="")
        if request.method == "POST":
            return await self._change(request, path)
        if request.method != "GET":
            return self._page(405, "missing.html", path, why=f"{request.method} is not for pages.")
        if path == "events":
            return self._follow(query)
        came = self._outcomes.get(query.pop("said", [""])[0], _NOTHING)
        screen = await self._screen(path, query)
        return self._page(*screen, said=came.said, sent=came.sent)

    @property
    def _port(self) -> str:
        return self._cloud.address.rpartition(":")[2]

    def _enter(self, query: dict[str, list[str]]) -> Response:
        """Let a browser in. The page moves on by itself: a browser does not send a strict cookie
        after a redirect that began at another site, such as a notebook's."""
        if not self._entry.use(query.get("token", [""])[0]):
            why = "This link was used already, or is older than ten minutes."
            return self._page(401, "refused.html", "enter", why=why)
        to = query.get("to", [""])[0]
        page = self._page(200, "enter.html", "enter", to=to if _PAGE.fullmatch(to) else "")
        cookie = ("Set-Cookie", self._entry.cookie(self._port))
        return Response(page.status, page.body, (*page.headers, cookie))

    async def _screen(self, path: str, query: dict[str, list[str]]) -> tuple[Any, ...]:
        """Status, template, path and values of a screen, for `_page`."""
        kind, _, name = path.partition("/")
        asked = _asked(query)
        make = SCREENS.get(kind)
        if make is None or bool(name) != (kind in forms.NAMED):
            return 404, "missing.html", path, {"why": "There is no such page."}
        try:
            template, values = await make(self._cloud, name, asked)
        except (NotThereError, LookupError) as error:
            return 404, "missing.html", path, {"why": str(error)}
        if asked.page and asked.range.start >= values.get("total", 1):
            why = f"There is no page {asked.page} of that: {values['total']} are there."
            return 404, "missing.html", path, {"why": why}
        word = self._words.get(path.replace("/", ":", 1), "")
        return 200, template, path, {"word": word, **values, "page": asked.page, "page_size": PAGE}

    def _page(
        self,
        status: int,
        template: str,
        path: str,
        values: dict[str, Any] | None = None,
        **more: Any,
    ) -> Response:
        context = {**self._common(path), **(values or {}), **more}
        body = self._templates.get_template(template).render(context)
        headers = (("Content-Type", "text/html; charset=utf-8"), *_SAFE)
        return Response(status, body.encode("utf-8", "replace"), headers)

    def _common(self, path: str) -> dict[str, Any]:
        return {
            "root": "../" * path.count("/") or "./",
            "path": path,
            "form_token": self._entry.form_token(self._port),
            "said": "",
            "sent": {},
            "layout": "page.html",
            "words": self._words,
            "events": self._test_events,
        }

    async def _change(self, request: Request, path: str) -> Response:
        """Do what a form says, then send the browser to its page, which says what came of it."""
        form = {k: v[0] for k, v in parse_qs(request.body.decode("utf-8", "replace")).items()}
        token = form.get("form_token", "")
        if not self._entry.has_form_token(token, self._port) or not _is_own(request):
            return self._page(403, "refused.html", path, why="This form is not from this page.")
        try:
            said = await forms.send(self._cloud, path, form)
        except (ClientError, BotoCoreError, NotThereError) as error:
            said = f"That did not work: {error}"
        name = secrets.token_urlsafe(8)
        self._outcomes[name] = Outcome(said, form)
        while len(self._outcomes) > _MOST_OUTCOMES:
            self._outcomes.pop(next(iter(self._outcomes)))
        return Response(303, b"", (("Location", f"?said={name}"), *_SAFE))

    def _follow(self, query: dict[str, list[str]]) -> Response:
        """A stream of the live part of one page."""
        if self._streams >= _MOST_STREAMS:
            return Response(503, b"Too many pages are open; close some.\n")
        headers = (("Content-Type", "text/event-stream"), *_SAFE)
        return Response(200, b"", headers, stream=self._events(query))

    async def _events(self, query: dict[str, list[str]]) -> AsyncGenerator[bytes, None]:
        """What changed, as server-sent events."""
        path, last, quiet = query.pop("path", [""])[0], "", 0
        query.pop("said", None)
        self._streams += 1
        try:
            yield b"retry: 1000\n\n"
            while not self._cloud.is_closed:
                seen, started = self._cloud.trail.total, time.monotonic()
                html = await self._live(path, query)
                took = time.monotonic() - started
                if html != last:
                    last, quiet = html, 0
                    yield f"event: live\ndata: {json.dumps(html)}\n\n".encode()
                elif (quiet := quiet + 1) % _HEARTBEAT == 0:
                    yield b": still here\n\n"
                await self._until_something_happens(seen, max(_SHORTEST_PAUSE, took * _SPARING))
        finally:
            self._streams -= 1

    async def _until_something_happens(self, seen: int, pause: float) -> None:
        """Wait so long at least, and longer while no call is made: then only ages change."""
        await asyncio.sleep(pause)
        for _ in range(_QUIET_PAUSES):
            if self._cloud.trail.total != seen or self._cloud.is_closed:
                return
            await asyncio.sleep(_SHORTEST_PAUSE)

    async def _live(self, path: str, query: dict[str, list[str]]) -> str:
        """The part of a page that changes: its template in the layout that has nothing else."""
        _, template, path, values = await self._screen(path, query)
        context = {**self._common(path), **values, "layout": "live.html"}
        return self._templates.get_template(template).render(context)


def _is_own(request: Request) -> bool:
    """Whether a form comes from a page of the same origin; old browsers do not say."""
    return request.headers.get("sec-fetch-site", "same-origin") == "same-origin"


def _asked(query: dict[str, list[str]]) -> Asked:
    words = {name: values[0] for name, values in query.items()}
    number = words.pop("page", "")
    page = int(number) if number.isdecimal() and len(number) < 7 else 0
    return Asked(page, words)


def _static(path: str) -> Response:
    file = _HERE / "static" / Path(path).name
    if file.suffix not in _TYPES or not file.is_file():
        return Response(404, b"There is no such file.\n")
    headers = (("Content-Type", _TYPES[file.suffix]), *_SAFE)
    return Response(200, file.read_bytes(), headers)
