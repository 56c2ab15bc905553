"""What a page of another site can make a real browser do to the local cloud: nothing.

It needs Chromium, which Playwright drives. Debian: `apt-get install chromium`; elsewhere
`playwright install chromium`.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page

from lab.aws.session import Session
from lab.aws.waiting import wait_until
from lab.course import COURSE
from lab.here import local
from tests.support.chain import CHAPTERS_OWN
from tests.support.chapters import run_chapters
from tests.support.clouds import own_cloud
from tests.support.sessions import make_session

pytestmark = [pytest.mark.xdist_group("browser"), pytest.mark.long]

PRESIGNED = "X-Amz-Credential=x/20261125/us-east-1/sqs/aws4_request"
PATHS = [
    "/_localcloud/status",
    "/_localcloud/stop",
    "/_localcloud/reset",
    "/_localcloud/speed",
    "/_runtime/token/2018-06-01/runtime/invocation/next",
    "/restapis/{api}/prod/_user_request_/orders",
    "/?Action=CreateQueue&QueueName=intruder&Version=2012-11-05",
    "/?Action=Unsubscribe&SubscriptionArn={subscription}",
    "/?Action=ConfirmSubscription&TopicArn={topic}&Token=guess",
    f"/moto-api/recorder/start-recording?{PRESIGNED}",
    f"/x?{PRESIGNED}",
    f"/moto-api/recorder/replay-recording?{PRESIGNED}",
    f"/moto-api/recorder/reset-recording?{PRESIGNED}",
    f"/moto-api/seed?a=1&{PRESIGNED}",
    f"/moto-api/reset?{PRESIGNED}",
    f"/moto-api/data.json?{PRESIGNED}",
    "/latest/meta-data/iam/security-credentials/",
    "/favicon.ico",
    "/",
]
# Every way in which a page sends something without asking its visitor.
ATTACK = """
async ([address, paths]) => {
  const done = [], told = [];
  const frame = () => {
    const made = document.body.appendChild(document.createElement("iframe"));
    made.name = "f" + done.length;
    return made;
  };
  const loaded = (element) => new Promise((resolve) => {
    element.onload = element.onerror = resolve;
    setTimeout(resolve, 3000);
  });
  for (const path of paths) {
    const url = address + path;
    const image = new Image();
    done.push(loaded(image));
    image.src = url;
    const script = document.createElement("script");
    done.push(loaded(script));
    script.src = url;
    document.head.append(script);
    for (const method of ["GET", "POST"]) {
      const target = frame();
      done.push(loaded(target));
      const form = document.body.appendChild(document.createElement("form"));
      Object.assign(form, {action: url, method, target: target.name, enctype: "text/plain"});
      form.submit();
    }
    navigator.sendBeacon(url, "tea");
    for (const options of [
      {method: "POST", mode: "no-cors", body: "{}"},
      {method: "POST", headers: {"X-Localcloud": "1"}, body: "{}"},
      {mode: "cors", credentials: "include"},
      {method: "DELETE"},
    ]) {
      done.push(fetch(url, options).then(
        async (answer) => told.push([path, answer.type, answer.status, await answer.text()]),
        () => undefined,
      ));
    }
    done.push(new Promise((resolve) => {
      const socket = new WebSocket(url.replace("http", "ws"));
      socket.onerror = resolve;
      socket.onopen = () => { told.push([path, "websocket", 101, ""]); resolve(); };
      setTimeout(resolve, 3000);
    }));
  }
  await Promise.all(done);
  return told.filter(([path, type]) => type !== "opaque");
}
"""


class _Blank(BaseHTTPRequestHandler):
    """An empty page, whatever is asked for."""

    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.end_headers()
        self.wfile.write(b"<!doctype html><title>elsewhere</title><body></body>")

    def log_message(self, *_: Any) -> None:
        pass


@contextmanager
def site(host: str) -> Iterator[str]:
    """A site of somebody else's; `localhost` is another site than 127.0.0.1, to a browser."""
    with ThreadingHTTPServer(("127.0.0.1", 0), _Blank) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://{host}:{server.server_port}/"
        finally:
            server.shutdown()
            thread.join()


def what_is_there(aws: Session, address: str) -> dict[str, Any]:
    """All that an intruder might want to change."""
    status = local.status(address)
    assert status is not None
    listed = {
        "queues": aws.client("sqs").list_queues()["QueueUrls"],
        "subscriptions": aws.client("sns").list_subscriptions()["Subscriptions"],
        "functions": [f["name"] for f in status["services"]["lambda"]["functions"]],
        "apis": [each["id"] for each in aws.client("apigateway").get_rest_apis()["items"]],
        "orders": aws.client("dynamodb").scan(TableName="Orders")["Count"],
        "mails": len(list(Path(status["mailbox"]).glob("*/*"))),
    }
    return listed | {name: status[name] for name in ("pid", "speed")}


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1"])
def test_a_page_of_another_origin_changes_nothing_and_reads_nothing(
    page: Page, host: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with own_cloud() as (address, _), site(host) as elsewhere:
        monkeypatch.setenv("AWS_ENDPOINT_URL", address)
        run_chapters(*COURSE.set_up)
        aws = make_session(address)
        scan = aws.client("dynamodb").scan
        recorded = "the chapters' orders are recorded"
        wait_until(lambda: scan(TableName="Orders")["Count"] == CHAPTERS_OWN, recorded)
        before = what_is_there(aws, address)
        values = {
            "api": before["apis"][0],
            "subscription": before["subscriptions"][0]["SubscriptionArn"],
            "topic": before["subscriptions"][0]["TopicArn"],
        }
        page.goto(elsewhere)
        paths = [path.format_map(values) for path in PATHS]
        assert page.evaluate(ATTACK, [address, paths]) == []
        assert what_is_there(aws, address) == before
        assert not list(Path.cwd().glob("moto_recording*"))
