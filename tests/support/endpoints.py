"""An HTTP endpoint on this machine, for what SNS posts."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

from lab.aws.session import Session
from lab.aws.waiting import wait_until
from tests.support import http


@dataclass
class Endpoint:
    """Its URL, the status that it answers, and what was posted to it: headers and texts."""

    url: str = ""
    status: int = 200
    posted: list[tuple[dict[str, str], str]] = field(default_factory=list)

    @property
    def messages(self) -> list[dict[str, Any]]:
        return [json.loads(text) for _, text in self.posted]

    def confirmed(self, aws: Session, topic: str, **attributes: str) -> str:
        """The ARN of a subscription of this endpoint, which it has confirmed."""
        made = aws.client("sns").subscribe(
            TopicArn=topic, Protocol="http", Endpoint=self.url, Attributes=attributes,
            ReturnSubscriptionArn=True,
        )  # fmt: skip
        wait_until(lambda: self.posted, "it is asked to confirm", timeout=90)
        question = self.messages[0]
        assert http.request("GET", question["SubscribeURL"]).status == 200, question
        self.posted.clear()
        return str(made["SubscriptionArn"])


@contextmanager
def endpoint() -> Iterator[Endpoint]:
    made = Endpoint()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            text = self.rfile.read(int(self.headers["Content-Length"])).decode()
            made.posted.append((dict(self.headers), text))
            self.send_response(made.status)
            self.end_headers()

        def log_message(self, *_: Any) -> None: ...

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        made.url = f"http://127.0.0.1:{server.server_port}/hook?token=abc123"
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield made
        finally:
            server.shutdown()
            thread.join()
