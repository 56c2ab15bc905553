"""Who may look: the user of the local cloud, by a link that works once, then by a cookie.

Cookie and form token follow from a secret in the user's private folder. So a page goes on when its
cloud was started again, and a cloud of another user, on the same port, knows neither.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
import time
from contextlib import suppress
from http.cookies import CookieError, SimpleCookie
from pathlib import Path

from localcloud.host import private
from localcloud.http import Request

_LINK_SECONDS = 600
_MOST_LINKS = 20
_SECRET_SECONDS = 7 * 24 * 60 * 60  # then a start makes another one
_FILE = "console-secret"


class Entry:
    """The links of one start, and what lets a browser in."""

    def __init__(self) -> None:
        self._links: dict[str, float] = {}
        try:
            self._secret = _kept_secret(private.folder() / _FILE)
        except OSError:  # then the pages end with this start
            self._secret = secrets.token_urlsafe(32)

    def new_link(self) -> str:
        """A token that opens the page once, within ten minutes."""
        for token in list(self._links)[: -(_MOST_LINKS - 1)]:
            del self._links[token]
        token = secrets.token_urlsafe(32)
        self._links[token] = time.monotonic() + _LINK_SECONDS
        return token

    def use(self, token: str) -> bool:
        """Whether the token was good; it is not from now on."""
        return self._links.pop(token, 0.0) > time.monotonic()

    def cookie(self, port: str) -> str:
        """The header that lets the browser in. Browsers share cookies among ports, so it has one
        in its name."""
        return f"{_name(port)}={self._made_of('cookie', port)}; Path=/; HttpOnly; SameSite=Strict"

    def admits(self, request: Request, port: str) -> bool:
        """Whether a request carries the cookie."""
        try:
            found = SimpleCookie(request.headers.get("cookie", "")).get(_name(port))
        except CookieError:
            return False
        return found is not None and _are_same(found.value, self._made_of("cookie", port))

    def form_token(self, port: str) -> str:
        """What every form carries, so that no other page can send one."""
        return self._made_of("form", port)

    def has_form_token(self, value: str, port: str) -> bool:
        return _are_same(value, self.form_token(port))

    def _made_of(self, what: str, port: str) -> str:
        return hmac.new(
            self._secret.encode(), f"{what} {port}".encode(), hashlib.sha256
        ).hexdigest()


def _kept_secret(path: Path) -> str:
    """The secret in this file, made if there is none or if it is old. Raises OSError."""
    with private.locked(path.with_suffix(".lock")):
        with suppress(FileNotFoundError):
            kept = private.read(path)
            if kept and time.time() - path.stat().st_mtime < _SECRET_SECONDS:
                return kept
        made = secrets.token_urlsafe(32)
        private.write(path, made)
        return made


def _are_same(one: str, other: str) -> bool:
    return hmac.compare_digest(one.encode("utf-8", "replace"), other.encode())


def _name(port: str) -> str:
    return f"localcloud-{port}"
