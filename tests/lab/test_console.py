"""`lab console` opens the page of the local cloud, and prints where it is.

The page is played by a server of the test's own, so that only what the command does is tested.
"""

from __future__ import annotations

import json
import threading
import webbrowser
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from click.testing import CliRunner, Result

from lab.aws.session import Session
from lab.commands import main
from lab.course.console import SCREENS, path_to
from lab.course.names import names
from lab.course.words import words
from lab.here import local
from lab.here.folders import ROOT
from tests.support.chapters import given

LINK = "/_localcloud/console/enter?token=t-1"


class Page(ThreadingHTTPServer):
    """A local cloud that has only a page; what it was asked is in `asked`."""

    def __init__(self, missing: tuple[str, ...]) -> None:
        super().__init__(("127.0.0.1", 0), PageHandler)
        self.asked: list[tuple[str, Any]] = []
        self.missing = missing

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class PageHandler(BaseHTTPRequestHandler):
    server: Page

    def do_GET(self) -> None:
        told = {"service": "localcloud", "user": "me", "speed": 1, "mailbox": None}
        self._answer(200, {**told, "services": {}})

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        action = self.path.rpartition("/")[2]
        self.server.asked.append((action, json.loads(body) if body else None))
        if action in self.server.missing:
            self._answer(404, {"message": f"The local cloud has no POST {action}."})
        else:
            self._answer(200, {"path": LINK} if action == "console-link" else {})

    def _answer(self, status: int, body: Any) -> None:
        text = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def log_message(self, *_: Any) -> None: ...


def serve(missing: tuple[str, ...], monkeypatch: pytest.MonkeyPatch) -> Iterator[Page]:
    with Page(missing) as page:
        thread = threading.Thread(target=page.serve_forever, args=(0.01,))
        thread.start()
        monkeypatch.setenv("AWS_ENDPOINT_URL", page.address)
        try:
            yield page
        finally:
            page.shutdown()
            thread.join()


@pytest.fixture
def page(monkeypatch: pytest.MonkeyPatch) -> Iterator[Page]:
    yield from serve((), monkeypatch)


@pytest.fixture(autouse=True)
def opened(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What the browser was asked to open. There is none with windows unless a test says so."""
    for name in ("DISPLAY", "WAYLAND_DISPLAY", "BROWSER", "JUPYTERHUB_SERVICE_PREFIX"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.delenv("CODESPACE_NAME", raising=False)
    monkeypatch.setattr("sys.platform", "linux")
    addresses: list[str] = []

    def open_in_browser(url: str) -> bool:
        addresses.append(url)
        return True

    monkeypatch.setattr(webbrowser, "open", open_in_browser)
    return addresses


def run_lab(*arguments: str) -> Result:
    return CliRunner().invoke(main, arguments)


def test_it_opens_the_page_and_prints_its_address(
    page: Page, opened: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DISPLAY", ":0")
    result = run_lab("console")
    assert result.exit_code == 0
    assert opened == [page.address + LINK]
    assert result.stdout.splitlines() == [
        "Opened in your browser; or open this once:",
        page.address + LINK,
    ]


@pytest.mark.parametrize("arguments", [(), ("--no-browser",)])
def test_without_a_browser_it_prints_the_address(
    page: Page, opened: list[str], arguments: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    if arguments:
        monkeypatch.setenv("DISPLAY", ":0")
    result = run_lab("console", *arguments)
    assert opened == []
    assert result.stdout == f"Open this once:\n{page.address}{LINK}\n"


def test_a_browser_that_cannot_be_started_is_not_said_to_have_opened_it(
    page: Page, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DISPLAY", ":0")
    monkeypatch.setattr(webbrowser, "open", lambda _: False)
    assert run_lab("console").stdout.startswith("Open this once:\n")


def test_the_page_gets_the_words_of_the_course_and_its_events_first(page: Page) -> None:
    run_lab("console")
    (first, sent), (second, _) = page.asked
    assert (first, second) == ("words", "console-link")
    assert sent["words"] == words(names())
    assert sent["events"].keys() == {path.stem for path in (ROOT / "events").glob("*.json")}
    assert "requestContext" in sent["events"]["take_order"]


def test_a_page_without_words_is_opened_all_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    for page in serve(("words",), monkeypatch):
        result = run_lab("console")
        assert (result.exit_code, result.stderr) == (0, "")
        assert page.address + LINK in result.stdout


def test_a_cloud_without_a_page_is_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    for page in serve(("words", "console-link"), monkeypatch):
        result = run_lab("console")
        assert (result.exit_code, result.stdout) == (1, "")
        (line,) = result.stderr.splitlines()
        assert line.startswith(f"LabError: The local cloud at {page.address} has no page")


def test_the_link_leads_to_the_screen_that_was_asked_for(page: Page) -> None:
    shown = run_lab("console", "queue").stdout.splitlines()[1]
    assert shown == f"{page.address}{LINK}&to=queue%2FCustomerOrders"


def test_behind_a_proxy_it_prints_the_address_there(
    page: Page, opened: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    port = page.server_port
    monkeypatch.setenv("DISPLAY", ":0")
    monkeypatch.setenv("JUPYTERHUB_SERVICE_PREFIX", "/user/ana/")
    monkeypatch.setenv("CODESPACE_NAME", "tea-1")
    lines = run_lab("console").stdout.splitlines()
    assert lines[2].endswith(f": /user/ana/proxy/{port}{LINK}")
    assert lines[3].endswith(f": https://tea-1-{port}.app.github.dev{LINK}")
    assert opened == []  # this machine's browser is not the one in front of the reader


# -- Where there is no page --------------------------------------------------------------------


def test_on_aws_it_is_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LAB_TARGET", "aws")
    result = run_lab("console")
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr == (
        "TargetError: LAB_TARGET is aws; `lab console` is for the local cloud. Unset LAB_TARGET "
        "first.\n"
    )


def test_where_no_cloud_runs_it_says_how_to_start_one(
    free_port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", local.address(free_port))
    result = run_lab("console")
    assert (result.exit_code, result.stdout) == (1, "")
    assert f"No local cloud runs at {local.address(free_port)}." in result.stderr
    assert "`lab start`" in result.stderr


def test_a_look_alike_of_others_has_no_page(page: Page, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(PageHandler, "do_GET", lambda self: self._answer(200, {"tea": 1}))
    result = run_lab("console")
    assert result.exit_code == 1
    assert "No local cloud runs at" in result.stderr
    assert page.asked == []


# -- Which screen ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("screen", "name", "path"),
    [
        ("queue", "", "queue/CustomerOrders"),
        ("queue", "a/b?", "queue/a%2Fb%3F"),
        ("dead-letters", "", "queue/CustomerOrders-dead-letters"),
        ("dead-letters", "Orders-dead-letters", "queue/Orders-dead-letters"),
        ("topic", "", "topic/Orders"),
        ("table", "", "table/Orders"),
        ("function", "take_order", "function/take_order"),
        ("order", "mine", "order/mine"),
        ("api", "a1b2", "api/a1b2"),
        ("mailbox", "", "mailbox"),
        ("trail", "", "trail"),
    ],
)
def test_each_screen_has_its_address(aws: Session, screen: str, name: str, path: str) -> None:
    assert path_to(aws, screen, name) == path
    assert screen in SCREENS


def test_the_api_is_found_by_its_name(aws: Session) -> None:
    given("01", "02")
    (api,) = aws.client("apigateway").get_rest_apis()["items"]
    assert path_to(aws, "api", "") == f"api/{api['id']}"


def test_a_learner_with_a_prefix_gets_their_own(
    aws: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LAB_PREFIX", "ana")
    assert path_to(aws, "queue", "") == "queue/ana-CustomerOrders"
    assert path_to(aws, "function", "take_order") == "function/ana-take_order"


@pytest.mark.parametrize(
    ("arguments", "status", "said"),
    [
        (("order",), 1, "Which order? Try: lab console order ID"),
        (("function",), 1, "Which function? Try: lab console function take_order"),
        (("trail", "x"), 1, "There is one trail. Expected no name after it, found 'x'."),
        (("tea",), 2, "'tea' is not one of 'api'"),
    ],
)
def test_what_is_no_screen_is_one_error(
    cloud: str, arguments: tuple[str, ...], status: int, said: str
) -> None:
    result = run_lab("console", *arguments)
    assert (result.exit_code, result.stdout) == (status, "")
    assert said in result.stderr


def test_an_api_that_is_not_there_yet_says_which_chapter_makes_it(cloud: str) -> None:
    result = run_lab("console", "api")
    assert result.exit_code == 1
    assert "There is no REST API Orders yet. Chapter 02 makes it." in result.stderr
