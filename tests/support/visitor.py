"""Somebody who looks at the local cloud's page over HTTP, without a browser."""

from __future__ import annotations

import html
import re
from urllib.parse import urlencode

import urllib3

from lab.here import local
from localcloud.console import ROOT
from tests.support import http


class Visitor:
    """With a cookie once they have entered."""

    def __init__(self, address: str) -> None:
        self.address = address
        self.headers: dict[str, str] = {}
        self.token = ""

    def enter(self) -> urllib3.BaseHTTPResponse:
        answer = http.request("GET", self.address + local.console_link(self.address))
        self.headers["cookie"] = answer.headers["set-cookie"].partition(";")[0]
        return answer

    def get(self, page: str = "") -> tuple[int, str]:
        """Status and text of a page."""
        answer = http.request("GET", f"{self.address}{ROOT}{page}", headers=self.headers)
        return answer.status, html.unescape(answer.data.decode())

    def rows(self, page: str, word: str) -> list[str]:
        """The rows of a page's tables with this word in them, without their markup."""
        text = self.get(page)[1]
        rows = (re.sub(r"<[^>]+>", " ", row) for row in re.split("<tr>", text)[1:])
        return [row for row in (" ".join(row.split()) for row in rows) if word in row]

    def press(self, page: str, action: str, **fields: str) -> tuple[int, str]:
        """Press a button of a page, also one that was there before. The browser follows to where
        the outcome is said."""
        if token := re.search('name="form_token" value="([^"]+)"', self.get(page)[1]):
            self.token = token[1]
        assert self.token
        form = {"form_token": self.token, "action": action, **fields}
        answer = send_form(f"{self.address}{ROOT}{page}", self.headers, form)
        return answer.status, html.unescape(answer.data.decode())


def send_form(
    address: str, headers: dict[str, str], form: dict[str, str], *, redirect: bool = True
) -> urllib3.BaseHTTPResponse:
    headers = {**headers, "content-type": "application/x-www-form-urlencoded"}
    body = urlencode(form)
    return http.request("POST", address, body=body, headers=headers, redirect=redirect)
