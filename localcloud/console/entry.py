"""Who may look: the user of the local cloud, by a link that works once, then by a cookie."""

from __future__ import annotations

import hashlib
import hmac
import secrets
import time
from http.cookies import CookieError, SimpleCookie

from localcloud.http import Request

_LINK_SECONDS = 600
_MOST_LINKS = 20


class Entry:
    """The links and the cookie of one start. All of it ends with the process."""

    def __init__(self) -> None:
        self._links: dict[str, float] = {}
        self._cookie = secrets.token_urlsafe(32)
        self._secret = secrets.token_bytes(32)

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
        return f"{_name(port)}={self._cookie}; Path=/; HttpOnly; SameSite=Strict"

    def admits(self, request: Request, port: str) -> bool:
        """Whether a request carries the cookie."""
        try:
            found = SimpleCookie(request.headers.get("cookie", "")).get(_name(port))
        except CookieError:
            return False
        return found is not None and hmac.compare_digest(found.value, self._cookie)

    @property
    def form_token(self) -> str:
        """What every form carries, so that no other page can send one."""
        return hmac.new(self._secret, self._cookie.encode(), hashlib.sha256).hexdigest()

    def has_form_token(self, value: str) -> bool:
        return hmac.compare_digest(value.encode(), self.form_token.encode())


def _name(port: str) -> str:
    return f"localcloud-{port}"
